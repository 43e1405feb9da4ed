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
        predictions=expand(rules.predict_model.output.predictions, model=MODELS),
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
        code=code_of("export"),
    script:
        "../../scripts/export.py"


rule mend_tracks:
    input:
        table=TRACKS,
        dataset=ancient(DATASET),
        predictions=expand(rules.predict_model.output.predictions, model=MODELS),
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
    script:
        "../../scripts/mend.py"
