# From wherever the data lies to dataset.h5.


rule download:
    # Nothing to download where the data is simulated or the files are the user's own.
    input:
        FILES.source,
        FILES.genome or [],
        FILES.tracks_genome or [],
        FILES.annotation,
        FILES.variants if FILES.variants in FILES.downloads else [],
    localrule: True


if FILES.downloads:

    rule download_file:
        output:
            f"{DOWNLOADS}/{{file}}",
        log:
            f"{RUN}/logs/download/{{file}}.log",
        benchmark:
            f"{RUN}/logs/benchmarks/download.{{file}}.tsv"
        wildcard_constraints:
            file="|".join(re.escape(path.removeprefix(f"{DOWNLOADS}/")) for path in FILES.downloads),
        retries: 2
        # Nodes of a cluster often see no internet.
        localrule: True
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("download_file"),
        params:
            url=lambda wildcards: FILES.downloads[f"{DOWNLOADS}/{wildcards.file}"].location,
            # Untracked: a digest that is added later must not fetch the file again. `validate`
            # holds files against theirs as well.
            file=lambda wildcards: untracked(
                **vars(FILES.downloads[f"{DOWNLOADS}/{wildcards.file}"])
            ),
        script:
            "../../scripts/download.py"


rule validate:
    input:
        VALIDATION,
        # Where the first look is at a dataset still to be made, validation takes seconds without it.
        FIRST_LOOK if SOURCE.HAS_WINDOWS or not FILES.source else [],
    localrule: True


rule validate_source:
    input:
        # Simulated data is made, then checked like any other before a model sees it.
        source=as_input(FILES.source) or [DATASET],
        table=as_input(FILES.table),
    output:
        validation=VALIDATION,
        verdict=f"{RUN}/validate/verdict.txt",
    log:
        f"{RUN}/logs/validate.log",
    benchmark:
        f"{RUN}/logs/benchmarks/validate.tsv"
    group:
        group_of("validate_source")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("validate_source"),
    params:
        dataset=DATASET_SETTINGS,
        untracked=FOLDERS,
        files=contents_of(FILES.source, FILES.table),
        code=code_of(f"validate_{SOURCE.source}"),
    script:
        f"../../scripts/validate_{SOURCE.source}.py"


# A job of its own: a change to a figure must not reach what models are trained on.
rule first_look:
    # Before the training, which takes all the cores: it is to be looked at before.
    input:
        source=as_input(FILES.source) if SOURCE.HAS_WINDOWS else [DATASET],
        validation=VALIDATION,
    output:
        report(FIRST_LOOK, caption="../report/first_look.rst", category="Data"),
    log:
        f"{RUN}/logs/first_look.log",
    benchmark:
        f"{RUN}/logs/benchmarks/first_look.tsv"
    priority: 50
    group:
        group_of("first_look")
    conda:
        "../../envs/plot.yaml"
    resources:
        **resources_of("first_look"),
    params:
        has_windows=SOURCE.HAS_WINDOWS,
        bin_size=settings.dataset.bin_size,
        files=contents_of(FILES.source if SOURCE.HAS_WINDOWS else []),
        code=code_of("first_look"),
    script:
        "../../scripts/first_look.py"


rule locate:
    # Nothing to do where the data have coordinates, or no genome is given.
    input:
        PLACEMENTS,
    localrule: True


if FILES.genome:

    rule locate_windows:
        input:
            source=as_input(FILES.source),
            genome=as_input(FILES.genome),
            validation=VALIDATION,
        output:
            PLACEMENTS,
        log:
            f"{RUN}/logs/locate.log",
        benchmark:
            f"{RUN}/logs/benchmarks/locate.tsv"
        group:
            group_of("locate_windows")
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("locate_windows"),
        params:
            dataset=DATASET_SETTINGS,
            untracked=FOLDERS,
            files=contents_of(FILES.source, FILES.genome),
            code=code_of("locate"),
        script:
            "../../scripts/locate.py"


rule dataset:
    input:
        source=as_input(FILES.source),
        table=as_input(FILES.table),
        validation=VALIDATION if FILES.source else [],
        placements=PLACEMENTS,
    output:
        dataset=DATASET,
        # Small, so that Snakemake compares its content and not its time.
        manifest=MANIFEST,
        truth=TRUTH,
        replicates=REPLICATES,
        motifs=f"{RUN}/dataset/motifs.bed" if SOURCE.IS_SIMULATED else [],
        variants=KNOWN_VARIANTS,
        effects=KNOWN_EFFECTS,
        known_motifs=KNOWN_MOTIFS,
    log:
        f"{RUN}/logs/dataset.log",
    benchmark:
        f"{RUN}/logs/benchmarks/dataset.tsv"
    group:
        group_of("dataset")
    conda:
        "../../envs/data.yaml"
    # The tracks of a table are read side by side.
    threads: cores_of("dataset") if FILES.table else 1
    resources:
        **resources_of("dataset"),
    params:
        dataset=DATASET_SETTINGS,
        untracked=FOLDERS,
        files=contents_of(FILES.source, FILES.table),
        code=code_of(f"dataset_{SOURCE.source}"),
    script:
        f"../../scripts/dataset_{SOURCE.source}.py"


if FILES.table:

    rule suggest:
        input:
            source=as_input(FILES.source),
            table=as_input(FILES.table),
        output:
            f"{RUN}/suggest/targets.tsv",
        log:
            f"{RUN}/logs/suggest.log",
        conda:
            "../../envs/data.yaml"
        threads: cores_of("suggest")
        resources:
            **resources_of("suggest"),
        params:
            dataset=DATASET_SETTINGS,
            untracked=FOLDERS,
            files=contents_of(FILES.source, FILES.table),
            code=code_of("suggest"),
        script:
            "../../scripts/suggest.py"
