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
    group:
        group_of("motifs_effects_member")
    conda:
        "../../envs/torch.yaml"
    threads: threads_of("motifs_effects_member")
    resources:
        **resources_of("motifs_effects_member"),
        gpu=gpu_of,
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
        parts=expand(f"{MOTIFS_FOLDER}/parts/effects/{{member}}/parts.json", member=MEMBERS),
    output:
        effects=f"{MOTIFS_FOLDER}/effects.json",
        table=f"{MOTIFS_FOLDER}/effects.tsv",
        pairs=f"{MOTIFS_FOLDER}/pairs.tsv",
    log:
        f"{RUN}/logs/motifs/effects.log",
    group:
        group_of("motifs_effects")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("motifs_effects"),
    params:
        members=MEMBERS_OF,
        code=code_of("motifs_effects"),
    script:
        "../../scripts/motifs_effects.py"
