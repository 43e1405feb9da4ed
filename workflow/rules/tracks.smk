# From predictions to tracks for a genome browser.


rule export:
    input:
        TRACKS,
        lambda _: find_repair(),
    localrule: True


rule export_tracks:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=rules.predict.input,
        # Pieces of chromosomes are all that the dataset has of them.
        genome=as_input(FILES.genome),
    output:
        TRACKS,
    log:
        f"{RUN}/logs/export.log",
    benchmark:
        f"{RUN}/logs/benchmarks/export.tsv"
    group:
        group_of("export_tracks")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("export_tracks"),
    params:
        models=MODELS,
        export=tracked(settings.export),
        untracked=FOLDERS,
        files=contents_of(FILES.genome),
        code=code_of("export"),
    script:
        "../../scripts/export.py"


rule repair_tracks:
    input:
        table=TRACKS,
        dataset=ancient(DATASET),
        predictions=rules.predict.input,
        genome=as_input(FILES.genome),
    output:
        temp(REPAIRED),
    log:
        f"{RUN}/logs/repair.{{when}}.log",
    group:
        group_of("repair_tracks")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("repair_tracks"),
    params:
        models=MODELS,
        export=tracked(settings.export),
        untracked=FOLDERS,
    script:
        "../../scripts/export.py"


rule browse:
    input:
        expand(f"{RUN}/export/{{file}}", file=PAGES),
    localrule: True


# Of the held-out windows, of whole chromosomes, of regions: wherever a folder has tracks.
rule browse_tracks:
    input:
        tracks=f"{RUN}/{{folder}}/tracks.tsv",
        # Of tracks of test windows it comes with them.
        genome=lambda wildcards: (
            []
            if wildcards.folder == "export"
            else expand(f"{RUN}/{wildcards.folder}/{{file}}", file=GENOME[:3])
        ),
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=lambda wildcards: of_models(wildcards.folder, "predict/predictions.h5"),
        metrics=lambda wildcards: of_models(wildcards.folder, "evaluate/metrics.tsv"),
        windows=lambda wildcards: of_models(wildcards.folder, "evaluate/windows.tsv"),
        annotation=as_input(FILES.annotation),
        explained=EXPLAINED,
        beside=BESIDE,
        varied=VARIED,
        motifs=MOTIF_HITS,
        regions=lambda wildcards: REGIONS_TABLE if wildcards.folder == "regions" else [],
    output:
        expand(f"{RUN}/{{{{folder}}}}/{{file}}", file=PAGES),
    log:
        f"{RUN}/logs/browse/{{folder}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/browse.{{folder}}.tsv"
    wildcard_constraints:
        folder="export|genome_tracks|regions",
    group:
        group_of("browse_tracks")
    conda:
        "../../envs/plot.yaml"
    resources:
        **resources_of("browse_tracks"),
    params:
        models=lambda wildcards: models_of(wildcards.folder),
        run=settings.run,
        title=settings.report.title or settings.run,
        browse=tracked(settings.browse),
        assembly=lambda wildcards: (
            settings.genome_tracks.assembly
            if other_genome_of(wildcards.folder)
            else settings.assembly
        ),
        other_genome=lambda wildcards: other_genome_of(wildcards.folder),
        files=contents_of(FILES.annotation),
        template=digest_templates("browser.*", "page.colours.css", "letters.js", "names.js"),
        code=code_of("browse"),
    script:
        "../../scripts/browse.py"
