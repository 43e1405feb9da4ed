# From dataset.h5 to a trained model, its predictions and how good they are.


rule train:
    input:
        expand(f"{RUN}/{{model}}/train/model.safetensors", model=MODELS),
    localrule: True


rule train_model:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        # Ancient: what validation finds reaches a model through the dataset, its words do not.
        validation=ancient(VALIDATION),
    output:
        model=f"{RUN}/{{model}}/train/model.safetensors",
        history=f"{RUN}/{{model}}/train/history.tsv",
    log:
        f"{RUN}/logs/train/{{model}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/train.{{model}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: settings.training(wildcards.model).threads or workflow.cores or 1
    resources:
        gpu=1,
        mem_mb=8_000,
        runtime=1_440,
    params:
        training=training_of,
        # Snakemake deletes declared outputs before and after a failed attempt, so the weights of
        # single epochs are none.
        snapshots=f"{RUN}/{{model}}/train/snapshots",
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
        predictions=f"{RUN}/{{model}}/predict/predictions.h5",
    log:
        f"{RUN}/logs/predict/{{model}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/predict.{{model}}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: settings.training(wildcards.model).threads or workflow.cores or 1
    resources:
        gpu=1,
        mem_mb=8_000,
        runtime=240,
    params:
        predict=settings.predict.model_dump(mode="json"),
        snapshots=rules.train_model.params.snapshots,
        code=code_of("predict"),
    script:
        "../../scripts/predict.py"


rule evaluate:
    input:
        expand(f"{RUN}/{{model}}/evaluate/metrics.tsv", model=MODELS),
    localrule: True


rule evaluate_model:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        truth=ancient(TRUTH) if TRUTH else [],
        predictions=rules.predict_model.output.predictions,
    output:
        metrics=report(
            f"{RUN}/{{model}}/evaluate/metrics.tsv",
            caption="../report/metrics_table.rst",
            category="Metrics",
            labels={"model": "{model}"},
        ),
        windows=f"{RUN}/{{model}}/evaluate/windows.tsv",
    log:
        f"{RUN}/logs/evaluate/{{model}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/evaluate.{{model}}.tsv"
    conda:
        "../../envs/data.yaml"
    resources:
        mem_mb=4_000,
        runtime=60,
    params:
        code=code_of("evaluate"),
    script:
        "../../scripts/evaluate.py"
