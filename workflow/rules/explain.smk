# From trained models to which bases matter: regions, explained member by member, joined.

EXPLAIN = f"{RUN}/explain"


rule explain:
    input:
        f"{EXPLAIN}/explain.json",
    localrule: True


rule explain_regions:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=rules.predict.input if not FILES.explained else [],
        bed=as_input(FILES.explained),
    output:
        f"{EXPLAIN}/parts/regions.tsv",
    log:
        f"{RUN}/logs/explain/regions.log",
    group:
        group_of("explain_regions")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("explain_regions"),
    params:
        explain=tracked(settings.explain, "targets", "regions", "most", "width", "radius"),
        files=contents_of(FILES.explained),
        code=code_of("explain_regions"),
    script:
        "../../scripts/explain_regions.py"


rule explain_member:
    input:
        dataset=ancient(DATASET),
        model=rules.train_model.output.model,
        regions=f"{EXPLAIN}/parts/regions.tsv",
    output:
        # The parts lie beside it and are not declared: Snakemake would delete them with a job that
        # was killed.
        f"{EXPLAIN}/parts/{{member}}/parts.json",
    log:
        f"{RUN}/logs/explain/{{member}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/explain.{{member}}.tsv"
    retries: RETRIES
    group:
        group_of("explain_member")
    conda:
        "../../envs/torch.yaml"
    threads: threads_of("explain_member")
    resources:
        **resources_of("explain_member"),
        gpu=gpu_of,
    params:
        explain=tracked(settings.explain),
        predict=tracked(settings.predict, "checkpoint", "strands"),
        fold=lambda wildcards: MEMBERS[wildcards.member].fold,
        untracked=runtime_of,
        files=contents_of(FILES.checkpoint),
        snapshots=rules.train_model.params.snapshots,
        code=code_of("explain_member"),
    script:
        "../../scripts/explain_member.py"


rule explain_join:
    input:
        dataset=ancient(DATASET),
        regions=f"{EXPLAIN}/parts/regions.tsv",
        parts=expand(f"{EXPLAIN}/parts/{{member}}/parts.json", member=MEMBERS),
    output:
        explain=f"{EXPLAIN}/explain.json",
        summary=f"{EXPLAIN}/summary.tsv",
        regions=f"{EXPLAIN}/regions.bed",
    log:
        f"{RUN}/logs/explain/join.log",
    group:
        group_of("explain_join")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("explain_join"),
    params:
        members=MEMBERS_OF,
        is_folded=settings.folds > 1,
        explain=tracked(settings.explain),
        code=code_of("explain_join"),
    script:
        "../../scripts/explain_join.py"
