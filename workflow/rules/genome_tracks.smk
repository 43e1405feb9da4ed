# From trained models to tracks over whole chromosomes, and over regions of one's own.
#
# Both are planned, predicted part by part, and joined in the same way; `scope` says which it is.


rule genome_tracks:
    input:
        f"{RUN}/genome_tracks/tracks.tsv",
        expand(f"{RUN}/genome_tracks/{{file}}", file=PAGES),
    localrule: True


rule regions:
    input:
        # What Snakemake then says is missing.
        REGIONS or "a BED file of regions, named in predict.regions",
    localrule: True


checkpoint genome_tracks_plan:
    input:
        # Without a genome the job says so, at once.
        dataset=ancient(DATASET) if HAS_GENOME else [],
        manifest=MANIFEST if HAS_GENOME else [],
        # When a checkpoint is done, Snakemake decides anew what has to run, and forgets a training
        # that waits for a validation: so that one has to be done before.
        validation=VALIDATION if HAS_GENOME else [],
        fasta=as_input(FILES.tracks_genome),
        regions=lambda wildcards: as_input(FILES.regions) if wildcards.scope == "regions" else [],
    output:
        plan=f"{SCOPED}/plan.json",
        genome=f"{SCOPED}/genome.fa",
        index=f"{SCOPED}/genome.fa.fai",
        sizes=f"{SCOPED}/genome.chrom.sizes",
    log:
        f"{RUN}/logs/{{scope}}/plan.log",
    wildcard_constraints:
        scope=SCOPE,
    # Before the training: what is wrong with a genome or with regions is said at once.
    priority: 50
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("genome_tracks_plan"),
    params:
        tracks=tracked(settings.genome_tracks, "contigs", "exclude", "edge_bins", "part"),
        untracked=FOLDERS,
        models=len(TRACK_MODELS),
        members=len(TRACK_MEMBERS),
        fasta=contents_of(FILES.tracks_genome),
        regions=lambda wildcards: (
            contents_of(FILES.regions)(wildcards) if wildcards.scope == "regions" else {}
        ),
        code=code_of("genome_tracks_plan"),
    script:
        "../../scripts/genome_tracks_plan.py"


rule genome_tracks_part:
    input:
        dataset=ancient(DATASET),
        model=rules.train_model.output.model,
        # Ancient: what changes a part's predictions is in its digest.
        plan=ancient(f"{SCOPED}/plan.json"),
        genome=ancient(f"{SCOPED}/genome.fa"),
        index=ancient(f"{SCOPED}/genome.fa.fai"),
    output:
        f"{SCOPED}/parts/{{member}}/{{part}}.h5",
    log:
        f"{RUN}/logs/{{scope}}/{{member}}/{{part}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/{{scope}}.{{member}}.{{part}}.tsv"
    wildcard_constraints:
        scope=SCOPE,
        part="[A-Za-z0-9_-]+",
    conda:
        "../../envs/torch.yaml"
    threads: threads_of_part
    resources:
        **resources_of("genome_tracks_part"),
        gpu=gpu_of_part,
    params:
        digest=lambda wildcards: read_parts(wildcards.scope).get(wildcards.part, ""),
        tracks=tracked(settings.genome_tracks, "edge_bins", "shifts"),
        predict=tracked(settings.predict, "checkpoint", "strands"),
        untracked=runtime_of,
        files=contents_of(FILES.checkpoint),
        snapshots=rules.train_model.params.snapshots,
        code=code_of("genome_tracks_part"),
    script:
        "../../scripts/genome_tracks_part.py"


# A group of targets that lie together in the parts.
rule genome_tracks_join:
    input:
        dataset=ancient(DATASET),
        plan=f"{SCOPED}/plan.json",
        sizes=f"{SCOPED}/genome.chrom.sizes",
        parts=lambda wildcards: find_parts(wildcards.scope),
    output:
        f"{SCOPED}/tracks/{{group}}.tsv",
    log:
        f"{RUN}/logs/{{scope}}/join.{{group}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/{{scope}}.join.{{group}}.tsv"
    wildcard_constraints:
        scope=SCOPE,
        group="[0-9]+",
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("genome_tracks_join"),
    params:
        members={model: FOLDS_OF[model] for model in TRACK_MODELS},
        is_own=IS_OWN,
        code=code_of("genome_tracks_join"),
    script:
        "../../scripts/genome_tracks_join.py"


rule genome_tracks_table:
    input:
        dataset=ancient(DATASET),
        # Named here as well, so that Snakemake knows of all work before it knows of the parts.
        models=TRACK_WEIGHTS,
        sizes=f"{SCOPED}/genome.chrom.sizes",
        joined=lambda wildcards: find_joined(wildcards.scope),
    output:
        f"{SCOPED}/tracks.tsv",
    log:
        f"{RUN}/logs/{{scope}}/tracks.log",
    wildcard_constraints:
        scope=SCOPE,
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("genome_tracks_table"),
    params:
        is_own=IS_OWN,
        code=code_of("genome_tracks_table"),
    script:
        "../../scripts/genome_tracks_table.py"


if FILES.regions:

    rule regions_table:
        input:
            dataset=ancient(DATASET),
            plan=f"{RUN}/regions/plan.json",
            bed=as_input(FILES.regions),
            models=TRACK_WEIGHTS,
            parts=lambda _: find_parts("regions"),
        output:
            REGIONS_TABLE,
        log:
            f"{RUN}/logs/regions/table.log",
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("regions_table"),
        params:
            members={model: FOLDS_OF[model] for model in TRACK_MODELS},
            is_own=IS_OWN,
            files=contents_of(FILES.regions),
            code=code_of("regions_table"),
        script:
            "../../scripts/regions_table.py"
