# From predictions to how good they are, beside simple predictors of the same windows.


rule fit_baseline:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
    output:
        predictions=f"{RUN}/baseline.{{baseline}}/predict/predictions.h5",
    log:
        f"{RUN}/logs/baseline/{{baseline}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/baseline.{{baseline}}.tsv"
    group:
        group_of("fit_baseline")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("fit_baseline"),
    params:
        predict=tracked(settings.predict, "split", "windows"),
        code=code_of("baseline"),
    script:
        "../../scripts/baseline.py"


rule evaluate:
    input:
        expand(f"{RUN}/{{scored}}/evaluate/metrics.tsv", scored=SCORED),
    localrule: True


rule evaluate_model:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        truth=ancient(TRUTH) if TRUTH else [],
        replicates=ancient(REPLICATES) if REPLICATES else [],
        predictions=f"{RUN}/{{scored}}/predict/predictions.h5",
    output:
        metrics=report(
            f"{RUN}/{{scored}}/evaluate/metrics.tsv",
            caption="../report/metrics_table.rst",
            category="Metrics",
            labels={"model": "{scored}"},
        ),
        windows=f"{RUN}/{{scored}}/evaluate/windows.tsv",
    log:
        f"{RUN}/logs/evaluate/{{scored}}.log",
    benchmark:
        f"{RUN}/logs/benchmarks/evaluate.{{scored}}.tsv"
    group:
        group_of("evaluate_model")
    conda:
        "../../envs/data.yaml"
    resources:
        **resources_of("evaluate_model"),
    params:
        evaluate=tracked(settings.evaluate, "peak_fdr", "bootstrap"),
        code=code_of("evaluate"),
    script:
        "../../scripts/evaluate.py"
