# From dataset.h5 to trained models and their predictions.


rule train:
    input:
        expand(f"{RUN}/{{member}}/train/model.safetensors", member=MEMBERS),
    localrule: True


rule train_model:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        # Not ancient: Snakemake would forget a changed training that waits for a validation.
        validation=VALIDATION,
    output:
        model=f"{RUN}/{{member}}/train/model.safetensors",
        history=f"{RUN}/{{member}}/train/history.tsv",
    log:
        f"{RUN}/logs/train/{{member}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/train.{{member}}.tsv"
    retries: RETRIES
    conda:
        "../../envs/torch.yaml"
    threads: threads_of("train_model")
    resources:
        **resources_of("train_model"),
        gpu=gpus_of,
    params:
        network=lambda wildcards: tracked(settings.network(MEMBERS[wildcards.member].model)),
        training=lambda wildcards: tracked(training_of(wildcards)),
        fold=lambda wildcards: MEMBERS[wildcards.member].fold,
        untracked=lambda wildcards: untracked(training_of(wildcards)),
        # Snakemake deletes declared outputs before and after a failed attempt, so what a training
        # is resumed from is none, nor are the weights of single epochs.
        checkpoints=f"{RUN}/{{member}}/train/checkpoints",
        snapshots=f"{RUN}/{{member}}/train/snapshots",
        code=code_of("train"),
    script:
        "../../scripts/train.py"


rule predict:
    input:
        expand(f"{RUN}/{{model}}/predict/predictions.h5", model=MODELS),
    localrule: True


rule predict_model:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        model=rules.train_model.output.model,
    output:
        predictions=f"{RUN}/{{member}}/predict/predictions.h5",
    log:
        f"{RUN}/logs/predict/{{member}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/predict.{{member}}.tsv"
    group:
        group_of("predict_model")
    conda:
        "../../envs/torch.yaml"
    threads: threads_of("predict_model")
    resources:
        **resources_of("predict_model"),
        gpu=gpu_of,
    params:
        predict=tracked(settings.predict, "split", "windows", "checkpoint", "strands"),
        fold=lambda wildcards: MEMBERS[wildcards.member].fold,
        untracked=runtime_of,
        files=contents_of(FILES.checkpoint),
        snapshots=rules.train_model.params.snapshots,
        code=code_of("predict"),
    script:
        "../../scripts/predict.py"


# Mean and spread of replicates, union of folds.
rule combine_members:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        predictions=lambda wildcards: expand(
            f"{RUN}/{{member}}/predict/predictions.h5", member=MEMBERS_OF[wildcards.ensemble]
        ),
    output:
        predictions=f"{RUN}/{{ensemble}}/predict/predictions.h5",
    log:
        f"{RUN}/logs/combine/{{ensemble}}.log",
    group:
        group_of("combine_members")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("combine_members"),
    params:
        # Fold and replicate of each.
        members=lambda wildcards: [
            (MEMBERS[name].fold, MEMBERS[name].replicate)
            for name in MEMBERS_OF[wildcards.ensemble]
        ],
        code=code_of("combine"),
    script:
        "../../scripts/combine.py"
