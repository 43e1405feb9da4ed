# From which bases matter to motifs: looked for by TF-MoDISco, named, found again.

MOTIFS_FOLDER = f"{RUN}/motifs"
# TF-MoDISco has an interpreter of its own, as what it needs is GPL. Where conda brings it, that is
# taken. What numba compiles for it serves all runs.
MOTIFS_TOOLS = untracked(
    python=str(Path(workflow.basedir, ".venv-motifs/bin/python")), cache=f"{SHARED}/numba"
)


rule motifs:
    input:
        f"{MOTIFS_FOLDER}/motifs.json",
        f"{MOTIFS_FOLDER}/effects.json",
    localrule: True


if settings.motifs.discover:

    rule motifs_tools:
        output:
            f"{MOTIFS_FOLDER}/parts/tools.json",
        log:
            f"{RUN}/logs/motifs/tools.log",
        # What is not there is said at once, and not after hours of what comes before.
        priority: 100
        localrule: True
        conda:
            "../../envs/motifs.yaml"
        resources:
            **resources_of("motifs_tools"),
        params:
            untracked=MOTIFS_TOOLS,
            code=code_of("motifs_tools"),
        script:
            "../../scripts/motifs_tools.py"

    rule motifs_discover:
        input:
            tools=ancient(f"{MOTIFS_FOLDER}/parts/tools.json"),
            explained=f"{EXPLAIN}/explain.json",
            regions=f"{EXPLAIN}/summary.tsv",
        output:
            # What it found of each target lies beside it and is not declared: Snakemake would
            # delete it with a job that was killed.
            f"{MOTIFS_FOLDER}/parts/discovered.json",
        log:
            f"{RUN}/logs/motifs/discover.log",
        benchmark:
            f"{RUN}/logs/benchmarks/motifs.discover.tsv"
        retries: RETRIES
        group:
            group_of("motifs_discover")
        conda:
            "../../envs/motifs.yaml"
        threads: min(cores_of("motifs_discover"), 8)
        resources:
            **resources_of("motifs_discover"),
        params:
            motifs=tracked(settings.motifs, "seqlets", "seed"),
            untracked=MOTIFS_TOOLS,
            code=code_of("motifs_discover"),
        script:
            "../../scripts/motifs_discover.py"

    rule motifs_names:
        input:
            explained=f"{EXPLAIN}/explain.json",
            regions=f"{EXPLAIN}/summary.tsv",
            discovered=f"{MOTIFS_FOLDER}/parts/discovered.json",
            database=as_input(FILES.motifs),
        output:
            table=f"{MOTIFS_FOLDER}/patterns.tsv",
            matrices=f"{MOTIFS_FOLDER}/patterns.h5",
            motifs=f"{MOTIFS_FOLDER}/parts/motifs.meme",
        log:
            f"{RUN}/logs/motifs/names.log",
        group:
            group_of("motifs_names")
        conda:
            "../../envs/motifs.yaml"
        threads: min(cores_of("motifs_names"), 8)
        resources:
            **resources_of("motifs_names"),
        params:
            untracked=MOTIFS_TOOLS,
            files=contents_of(FILES.motifs),
            code=code_of("motifs_names"),
        script:
            "../../scripts/motifs_names.py"


rule motifs_hits:
    input:
        explained=f"{EXPLAIN}/explain.json",
        regions=f"{EXPLAIN}/summary.tsv",
        motifs=(
            rules.motifs_names.output.motifs
            if settings.motifs.discover
            else as_input(FILES.motifs)
        ),
        discovered=f"{MOTIFS_FOLDER}/parts/discovered.json" if settings.motifs.discover else [],
        patterns=rules.motifs_names.output.table if settings.motifs.discover else [],
        database=as_input(FILES.motifs),
    output:
        motifs=f"{MOTIFS_FOLDER}/motifs.json",
        meme=f"{MOTIFS_FOLDER}/motifs.meme",
        hits=f"{MOTIFS_FOLDER}/hits.tsv",
        bed=f"{MOTIFS_FOLDER}/hits.bed",
        counts=f"{MOTIFS_FOLDER}/counts.tsv",
    log:
        f"{RUN}/logs/motifs/hits.log",
    group:
        group_of("motifs_hits")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("motifs_hits"),
    params:
        motifs=tracked(settings.motifs, "database", "discover", "p", "contribution"),
        files=contents_of(FILES.motifs),
        code=code_of("motifs_hits"),
    script:
        "../../scripts/motifs_hits.py"
