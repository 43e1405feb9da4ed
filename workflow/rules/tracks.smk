# From predictions to tracks for a genome browser.
TRACKS = f"{RUN}/export/tracks.tsv"
MENDED = f"{RUN}/export/.mended"


def mending(wildcards):
    """Ask for `mend_tracks` when a track that the table lists is gone or damaged.

    The tracks cannot be declared outputs: how many targets a downloaded file has is not known
    when the DAG is built.
    """
    if not Path(TRACKS).exists() or not provenance.find_damaged_files(TRACKS):
        return []
    Path(MENDED).unlink(missing_ok=True)
    return MENDED


rule export:
    localrule: True
    input:
        TRACKS,
        mending,


rule export_tracks:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=expand(rules.predict_model.output.predictions, model=MODELS),
    output:
        TRACKS,
    params:
        models=MODELS,
        code=code_of("export"),
    log:
        f"{RUN}/logs/export.log",
    benchmark:
        f"{RUN}/logs/benchmarks/export.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=120,
    script:
        "../../scripts/export.py"


rule mend_tracks:
    input:
        table=TRACKS,
        dataset=ancient(DATASET),
        predictions=expand(rules.predict_model.output.predictions, model=MODELS),
    output:
        temp(MENDED),
    params:
        models=MODELS,
    log:
        f"{RUN}/logs/mend.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=120,
    script:
        "../../scripts/mend.py"
