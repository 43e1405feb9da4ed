# From motifs to what they do: put into shuffled sequence, member by member, joined.


rule motifs_effects_member:
    input:
        dataset=ancient(DATASET),
        model=rules.train_model.output.model,
        motifs=rules.motifs_hits.output.meme,
    output:
        # The parts lie beside it and are not declared: Snakemake would delete them with a job that
        # was killed.
        f"{MOTIFS_FOLDER}/parts/effects/{{member}}/parts.json",
    log:
        f"{RUN}/logs/motifs/{{member}}.effects.log",
    benchmark:
        f"{RUN}/logs/benchmarks/motifs.{{member}}.effects.tsv"
    retries: RETRIES
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: training_of(wildcards).threads or workflow.cores or 1
    resources:
        gpu=gpu_of,
        mem_mb=8_000,
        runtime=1_440,
    params:
        motifs=tracked(settings.motifs, "backgrounds", "pairs", "seed"),
        explain=tracked(settings.explain, "radius"),
        predict=tracked(settings.predict, "checkpoint", "strands"),
        untracked=runtime_of,
        files=contents_of(FILES.checkpoint),
        snapshots=rules.train_model.params.snapshots,
        code=code_of("motifs_effects_member"),
    script:
        "../../scripts/motifs_effects_member.py"


rule motifs_effects:
    input:
        dataset=ancient(DATASET),
        motifs=rules.motifs_hits.output.meme,
        parts=expand(rules.motifs_effects_member.output, member=MEMBERS),
    output:
        effects=f"{MOTIFS_FOLDER}/effects.json",
        table=f"{MOTIFS_FOLDER}/effects.tsv",
        pairs=f"{MOTIFS_FOLDER}/pairs.tsv",
    log:
        f"{RUN}/logs/motifs/effects.log",
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        members=MEMBERS_OF,
        code=code_of("motifs_effects"),
    script:
        "../../scripts/motifs_effects.py"
