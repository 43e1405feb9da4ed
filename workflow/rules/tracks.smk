# From predictions to tracks for a genome browser.


rule export:
    input:
        TRACKS,
        mending,
    localrule: True


rule export_tracks:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=rules.predict.input,
    output:
        TRACKS,
    log:
        f"{RUN}/logs/export.log",
    benchmark:
        f"{RUN}/logs/benchmarks/export.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=120,
    params:
        models=MODELS,
        export=settings.export.model_dump(mode="json"),
        code=code_of("export"),
    script:
        "../../scripts/export.py"


rule mend_tracks:
    input:
        table=TRACKS,
        dataset=ancient(DATASET),
        predictions=rules.predict.input,
    output:
        temp(MENDED),
    log:
        f"{RUN}/logs/mend.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=120,
    params:
        models=MODELS,
        export=settings.export.model_dump(mode="json"),
    script:
        "../../scripts/mend.py"
