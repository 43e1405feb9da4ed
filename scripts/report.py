"""Write the page, its figures and the record of the run."""

import json
from pathlib import Path

from seqcast.card import read_card
from seqcast.console import log, step
from seqcast.dataset import read_dataset
from seqcast.provenance import make_run_record, sha256_of, write_json
from seqcast.report import ModelFiles, write_report

with step("report", snakemake.log[0]):
    inputs, params = snakemake.input, snakemake.params
    members = [name for names in params.members.values() for name in names]
    weights = dict(zip(members, inputs.models, strict=True))
    histories = dict(zip(members, inputs.history, strict=True))
    metrics = dict(zip(params.scored, inputs.metrics, strict=True))
    models = {
        model: ModelFiles(
            histories={name: histories[name] for name in names},
            metrics=metrics[model],
            windows=windows,
            predictions=predictions,
            training=read_card(weights[names[0]])["training"],
            replicates={name: metrics[name] for name in params.replicates[model]},
        )
        for (model, names), windows, predictions in zip(
            params.members.items(), inputs.windows, inputs.predictions, strict=True
        )
    }
    manifest = json.loads(Path(inputs.manifest).read_text())
    digests = {name: sha256_of(Path(path)) for name, path in weights.items()}
    record = make_run_record(
        snakemake.config,
        {"dataset": manifest["digest"], "source": manifest["source"], "model": digests},
    )
    write_json(Path(snakemake.output.record), record)
    write_report(
        Path(snakemake.output.page).parent,
        read_dataset(inputs.dataset),
        models,
        baselines={
            name.removeprefix("baseline."): path
            for name, path in metrics.items()
            if name.startswith("baseline.")
        },
        template=Path(snakemake.scriptdir, "../workflow/report/page.html.j2"),
        run=record,
        validation=json.loads(Path(inputs.validation).read_text()),
        title=params.report["title"],
        tracks=Path(inputs.tracks).parent,
    )
    for line in Path(snakemake.output.summary).read_text().splitlines():
        log.info("%s", line)
