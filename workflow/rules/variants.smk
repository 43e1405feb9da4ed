# From trained models to what variants do: alleles in parts, scored member by member, joined.

VARIANTS = f"{RUN}/variants"
# What alleles are held against: the genome that was trained on, not one that is predicted besides.
HAS_OWN_GENOME = bool(FILES.own_genome) or SOURCE.IS_SIMULATED


rule variants:
    input:
        # What Snakemake then says is missing.
        VARIED or "a VCF or BCF file, named in variants.vcf",
    localrule: True


if FILES.variants:

    rule variants_plan:
        input:
            # Without a genome the job says so, at once.
            dataset=ancient(DATASET) if HAS_OWN_GENOME else [],
            manifest=MANIFEST if HAS_OWN_GENOME else [],
            vcf=as_input(FILES.variants),
            fasta=as_input(FILES.own_genome),
            aliases=as_input(FILES.aliases),
        output:
            # The alleles lie beside it and are not declared, as the members' parts.
            plan=VARIANTS_PLAN,
            genome=f"{VARIANTS}/genome.fa",
            index=f"{VARIANTS}/genome.fa.fai",
            sizes=f"{VARIANTS}/genome.chrom.sizes",
        log:
            f"{RUN}/logs/variants/plan.log",
        group:
            group_of("variants_plan")
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("variants_plan"),
        params:
            variants=tracked(settings.variants, "null", "seed"),
            untracked=FOLDERS,
            files=contents_of(FILES.variants, FILES.own_genome, FILES.aliases),
            code=code_of("variants_plan"),
        script:
            "../../scripts/variants_plan.py"

    rule variants_member:
        input:
            dataset=ancient(DATASET),
            model=rules.train_model.output.model,
            plan=VARIANTS_PLAN,
            genome=ancient(f"{VARIANTS}/genome.fa"),
            index=ancient(f"{VARIANTS}/genome.fa.fai"),
        output:
            # The parts lie beside it and are not declared: Snakemake would delete them with a job
            # that was killed.
            f"{VARIANTS}/parts/{{member}}/parts.json",
        log:
            f"{RUN}/logs/variants/{{member}}.log",
        benchmark:
            f"{RUN}/logs/benchmarks/variants.{{member}}.tsv"
        retries: RETRIES
        group:
            group_of("variants_member")
        conda:
            "../../envs/torch.yaml"
        threads: threads_of("variants_member")
        resources:
            **resources_of("variants_member"),
            gpu=gpu_of,
        params:
            variants=tracked(settings.variants, "radius", "shifts"),
            predict=tracked(settings.predict, "checkpoint", "strands"),
            fold=lambda wildcards: MEMBERS[wildcards.member].fold,
            untracked=runtime_of,
            files=contents_of(FILES.checkpoint),
            snapshots=rules.train_model.params.snapshots,
            code=code_of("variants_member"),
        script:
            "../../scripts/variants_member.py"

    rule variants_join:
        input:
            dataset=ancient(DATASET),
            plan=VARIANTS_PLAN,
            # Its rows are read once more.
            vcf=as_input(FILES.variants),
            parts=expand(f"{VARIANTS}/parts/{{member}}/parts.json", member=MEMBERS),
            predictions=rules.predict.input,
        output:
            joined=f"{VARIANTS}/parts/joined.json",
            table=f"{VARIANTS}/variants.tsv",
            vcf=f"{VARIANTS}/variants.vcf.gz",
            arrays=f"{VARIANTS}/variants.h5",
        log:
            f"{RUN}/logs/variants/join.log",
        benchmark:
            f"{RUN}/logs/benchmarks/variants.join.tsv"
        group:
            group_of("variants_join")
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("variants_join"),
        params:
            members=MEMBERS_OF,
            variants=tracked(
                settings.variants, "targets", "radius", "null", "shifts", "seed", "top"
            ),
            code=code_of("variants_join"),
        script:
            "../../scripts/variants_join.py"

    rule variants_top:
        input:
            dataset=ancient(DATASET),
            model=rules.train_model.output.model,
            joined=f"{VARIANTS}/parts/joined.json",
            genome=ancient(f"{VARIANTS}/genome.fa"),
            index=ancient(f"{VARIANTS}/genome.fa.fai"),
        output:
            f"{VARIANTS}/parts/top/{{member}}.h5",
        log:
            f"{RUN}/logs/variants/{{member}}.top.log",
        group:
            group_of("variants_top")
        conda:
            "../../envs/torch.yaml"
        threads: threads_of("variants_top")
        resources:
            **resources_of("variants_top"),
            gpu=gpu_of,
        params:
            variants=tracked(settings.variants, "radius"),
            explain=tracked(settings.explain, "method", "references", "seed"),
            predict=tracked(settings.predict, "checkpoint", "strands"),
            model=lambda wildcards: MEMBERS[wildcards.member].model,
            fold=lambda wildcards: MEMBERS[wildcards.member].fold,
            untracked=runtime_of,
            files=contents_of(FILES.checkpoint),
            snapshots=rules.train_model.params.snapshots,
            code=code_of("variants_top"),
        script:
            "../../scripts/variants_top.py"

    rule variants_tracks:
        input:
            dataset=ancient(DATASET),
            joined=f"{VARIANTS}/parts/joined.json",
            genome=ancient(f"{VARIANTS}/genome.fa"),
            index=ancient(f"{VARIANTS}/genome.fa.fai"),
            seen=expand(f"{VARIANTS}/parts/top/{{member}}.h5", member=MEMBERS),
        output:
            VARIED,
        log:
            f"{RUN}/logs/variants/tracks.log",
        group:
            group_of("variants_tracks")
        conda:
            "../../envs/data.yaml"
        resources:
            **resources_of("variants_tracks"),
        params:
            members=MEMBERS_OF,
            code=code_of("variants_tracks"),
        script:
            "../../scripts/variants_tracks.py"
