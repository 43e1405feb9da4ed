# One page that says what came out, its figures as files, and the record of the run.


rule report:
    input:
        dataset=ancient(DATASET),
        manifest=MANIFEST,
        validation=VALIDATION,
        tracks=TRACKS,
        annotation=as_input(FILES.annotation),
        explained=EXPLAINED,
        beside=BESIDE,
        varied=VARIED,
        motifs=MOTIFS,
        motif_effects=MOTIF_EFFECTS,
        effects=ancient(KNOWN_EFFECTS) if KNOWN_EFFECTS and VARIED else [],
        models=expand(f"{RUN}/{{member}}/train/model.safetensors", member=MEMBERS),
        history=expand(f"{RUN}/{{member}}/train/history.tsv", member=MEMBERS),
        predictions=rules.predict.input,
        metrics=expand(f"{RUN}/{{scored}}/evaluate/metrics.tsv", scored=SCORED),
        windows=expand(f"{RUN}/{{scored}}/evaluate/windows.tsv", scored=MODELS),
    output:
        page=report(f"{RUN}/report/index.html", caption="../report/page.rst", category="Report"),
        summary=f"{RUN}/report/summary.txt",
        record=f"{RUN}/run.json",
        learning_curves=report(
            f"{FIGURES}/learning_curves.svg",
            caption="../report/learning_curves.rst",
            category="Training",
        ),
        comparison=report(
            f"{FIGURES}/comparison.svg", caption="../report/comparison.rst", category="Metrics"
        ),
        metrics=report(
            f"{FIGURES}/metrics.svg", caption="../report/metrics.rst", category="Metrics"
        ),
        calibration=report(
            f"{FIGURES}/calibration.svg",
            caption="../report/calibration.rst",
            category="Predicted against observed",
        ),
        errors=report(
            f"{FIGURES}/errors.svg",
            caption="../report/errors.rst",
            category="Predicted against observed",
        ),
        correlations=report(
            f"{FIGURES}/correlations.svg",
            caption="../report/correlations.rst",
            category="Predicted against observed",
        ),
        scatter=report(
            expand(f"{FIGURES}/{{model}}.scatter.png", model=MODELS),
            caption="../report/scatter.rst",
            category="Predicted against observed",
        ),
        windows=report(
            expand(f"{FIGURES}/window_{{which}}.png", which=("best", "median", "worst")),
            caption="../report/window.rst",
            category="Windows",
        ),
    log:
        f"{RUN}/logs/report.log",
    benchmark:
        f"{RUN}/logs/benchmarks/report.tsv"
    group:
        group_of("report")
    conda:
        "../../envs/plot.yaml"
    resources:
        **resources_of("report"),
    params:
        run=settings.run,
        members=MEMBERS_OF,
        replicates=REPLICATES_OF,
        scored=SCORED,
        baselines=settings.evaluate.baselines,
        report=tracked(settings.report),
        browse=tracked(settings.browse),
        assembly=settings.assembly,
        untracked=untracked(config=dict(config)),
        files=contents_of(FILES.annotation),
        template=digest_templates("page.*", "embedded.*", "letters.js", "names.js"),
        code=code_of("report"),
    script:
        "../../scripts/report.py"
