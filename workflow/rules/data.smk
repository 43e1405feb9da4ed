# From wherever the data lies to dataset.h5.

if IS_DOWNLOADED:

    rule download:
        output:
            SOURCE,
        log:
            f"{RUN}/logs/download.log",
        benchmark:
            f"{RUN}/logs/benchmarks/download.tsv"
        retries: 2
        conda:
            "../../envs/data.yaml"
        resources:
            mem_mb=1_000,
            runtime=240,
        params:
            url=settings.dataset.file,
        script:
            "../../scripts/download.py"

else:

    # Nothing to download: the data is simulated, or a file of the user's own.
    rule download:
        input:
            SOURCE,
        localrule: True


rule validate:
    input:
        VALIDATION,
        FIRST_LOOK,
    localrule: True


rule validate_source:
    input:
        # Simulated data is made, then checked like any other before a model sees it.
        source=DATASET if IS_SIMULATED else SOURCE,
    output:
        validation=VALIDATION,
        verdict=f"{RUN}/validate/verdict.txt",
    log:
        f"{RUN}/logs/validate.log",
    benchmark:
        f"{RUN}/logs/benchmarks/validate.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        dataset=settings.dataset.model_dump(mode="json"),
        code=code_of("validate"),
    script:
        "../../scripts/validate.py"


# A job of its own: a change to a figure must not reach what models are trained on.
rule first_look:
    # Before the training, which takes all the cores: it is to be looked at before.
    input:
        source=DATASET if IS_SIMULATED else SOURCE,
        validation=VALIDATION,
    output:
        report(FIRST_LOOK, caption="../report/first_look.rst", category="Data"),
    log:
        f"{RUN}/logs/first_look.log",
    benchmark:
        f"{RUN}/logs/benchmarks/first_look.tsv"
    priority: 50
    conda:
        "../../envs/plot.yaml"
    resources:
        mem_mb=2_000,
        runtime=30,
    params:
        code=code_of("first_look"),
    script:
        "../../scripts/first_look.py"


rule dataset:
    input:
        source=SOURCE,
        validation=[] if IS_SIMULATED else VALIDATION,
    output:
        dataset=DATASET,
        # Small, so that Snakemake compares its content and not its time.
        manifest=MANIFEST,
        truth=TRUTH,
        motifs=f"{RUN}/dataset/motifs.bed" if IS_SIMULATED else [],
    log:
        f"{RUN}/logs/dataset.log",
    benchmark:
        f"{RUN}/logs/benchmarks/dataset.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        dataset=settings.dataset.model_dump(mode="json"),
        code=code_of("dataset"),
    script:
        "../../scripts/dataset.py"
