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
        # Pieces of chromosomes are all that the dataset has of them.
        genome=as_input(PLACED_ON),
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
        work=WORK,
        files=contents_of(PLACED_ON),
        code=code_of("export"),
    script:
        "../../scripts/export.py"


rule mend_tracks:
    input:
        table=TRACKS,
        dataset=ancient(DATASET),
        predictions=rules.predict.input,
        genome=ancient(PLACED_ON),
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
        work=WORK,
    script:
        "../../scripts/mend.py"


rule browse:
    input:
        expand(f"{RUN}/export/{{file}}", file=PAGES),
    localrule: True


# Of the held-out windows, of whole chromosomes, of regions: wherever a folder has tracks.
rule browse_tracks:
    input:
        tracks=f"{RUN}/{{folder}}/tracks.tsv",
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=lambda wildcards: of_models(wildcards.folder, "predict/predictions.h5"),
        metrics=lambda wildcards: of_models(wildcards.folder, "evaluate/metrics.tsv"),
        windows=lambda wildcards: of_models(wildcards.folder, "evaluate/windows.tsv"),
        annotation=as_input(ANNOTATION),
        explained=EXPLAINED,
        regions=lambda wildcards: REGIONS_TABLE if wildcards.folder == "regions" else [],
    output:
        expand(f"{RUN}/{{{{folder}}}}/{{file}}", file=PAGES),
    log:
        f"{RUN}/logs/browse/{{folder}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/browse.{{folder}}.tsv"
    wildcard_constraints:
        folder="export|genome_tracks|regions",
    conda:
        "../../envs/plot.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        models=lambda wildcards: models_of(wildcards.folder),
        run=settings.run,
        title=settings.report.title or settings.run,
        browse=settings.browse.model_dump(mode="json"),
        assembly=settings.assembly,
        other_genome=lambda wildcards: other_genome_of(wildcards.folder),
        files=contents_of(ANNOTATION),
        template=digest_templates("browser.*", "letters.js", "names.js"),
        code=code_of("browse"),
    script:
        "../../scripts/browse.py"
