"""Write the page, its figures and the record of the run."""

import json
from pathlib import Path

from seqcast.card import read_card
from seqcast.console import log, step
from seqcast.dataset import read_dataset
from seqcast.provenance import make_run_record, sha256_of, write_json
from seqcast.report import ModelFiles, write_report

with step("report", snakemake.log[0]):
    inputs, models = snakemake.input, snakemake.params.models
    manifest = json.loads(Path(inputs.manifest).read_text())
    weights = {
        name: sha256_of(Path(path)) for name, path in zip(models, inputs.models, strict=True)
    }
    record = make_run_record(
        snakemake.config,
        {"dataset": manifest["digest"], "source": manifest["source"], "model": weights},
    )
    write_json(Path(snakemake.output.record), record)
    files = zip(
        inputs.history,
        inputs.metrics,
        inputs.windows,
        inputs.predictions,
        (read_card(path)["training"] for path in inputs.models),
        strict=True,
    )
    write_report(
        Path(snakemake.output.page).parent,
        read_dataset(inputs.dataset),
        {name: ModelFiles(*each) for name, each in zip(models, files, strict=True)},
        template=Path(snakemake.scriptdir, "../workflow/report/page.html.j2"),
        run=record,
        validation=json.loads(Path(inputs.validation).read_text()),
        title=snakemake.params.report["title"],
        tracks=Path(inputs.tracks).parent,
    )
    for line in Path(snakemake.output.summary).read_text().splitlines():
        log.info("%s", line)
