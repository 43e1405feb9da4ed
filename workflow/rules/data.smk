# From wherever the data lies to dataset.h5.
IS_SIMULATED = settings.dataset.source == "simulated"
IS_DOWNLOADED = not IS_SIMULATED and settings.dataset.is_url
DATASET = f"{RUN}/dataset/dataset.h5"
MANIFEST = f"{RUN}/dataset/manifest.json"
VALIDATION = f"{RUN}/validate/validation.json"
TRUTH = f"{RUN}/dataset/truth.h5" if IS_SIMULATED else []

if IS_SIMULATED:
    SOURCE = []
elif IS_DOWNLOADED:
    SOURCE = f"{RUN}/download/{settings.dataset.file_name}"
else:
    SOURCE = settings.dataset.file

if IS_DOWNLOADED:

    rule download:
        output:
            SOURCE,
        params:
            url=settings.dataset.file,
            sha256=settings.dataset.sha256,
            bytes=settings.dataset.bytes,
        log:
            f"{RUN}/logs/download.log",
        benchmark:
            f"{RUN}/logs/benchmarks/download.tsv"
        conda:
            "../../envs/data.yaml"
        resources:
            mem_mb=1_000,
            runtime=240,
        retries: 2
        script:
            "../../scripts/download.py"

else:

    # Nothing to download: the data is simulated, or a file of the user's own.
    rule download:
        localrule: True
        input:
            SOURCE,


rule validate:
    input:
        # Simulated data is made, then checked like any other before a model sees it.
        source=[DATASET, MANIFEST] if IS_SIMULATED else SOURCE,
    output:
        validation=VALIDATION,
        verdict=f"{RUN}/validate/verdict.txt",
        first_look=report(
            f"{RUN}/validate/first_look.png",
            caption="../report/first_look.rst",
            category="Data",
        ),
    params:
        dataset=settings.dataset.model_dump(mode="json"),
        code=code_of("validate"),
    log:
        f"{RUN}/logs/validate.log",
    benchmark:
        f"{RUN}/logs/benchmarks/validate.tsv"
    conda:
        "../../envs/plot.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    script:
        "../../scripts/validate.py"


rule dataset:
    input:
        source=SOURCE,
        validation=[] if IS_SIMULATED else VALIDATION,
    output:
        dataset=DATASET,
        # Small, so that Snakemake compares its content: data that is made anew and comes out the
        # same retrains nothing.
        manifest=MANIFEST,
        truth=TRUTH,
        motifs=f"{RUN}/dataset/motifs.bed" if IS_SIMULATED else [],
    params:
        dataset=settings.dataset.model_dump(mode="json"),
        code=code_of("dataset"),
    log:
        f"{RUN}/logs/dataset.log",
    benchmark:
        f"{RUN}/logs/benchmarks/dataset.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    script:
        "../../scripts/dataset.py"
