"""Write the page, its figures and the record of the run."""

import json
from pathlib import Path

from seqcast.core.console import log, step
from seqcast.core.provenance import make_run_record, sha256_of, write_json
from seqcast.core.seal import read_sealed
from seqcast.data import read_dataset
from seqcast.data.card import read_card
from seqcast.data.predictions import read_predictions
from seqcast.report.contents import Contents
from seqcast.report.motifs import read_motifs
from seqcast.report.page import write_report
from seqcast.report.results import ModelFiles
from seqcast.sources.findings import REMEDY
from seqcast.tracks.browser.embedding import make_embedded
from seqcast.tracks.browser.explained import read_explained
from seqcast.tracks.browser.shown import find_shown
from seqcast.tracks.browser.varied import read_varied
from seqcast.tracks.browser.view import View

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
            training=read_card(weights[names[0]]).training.model_dump(),
            replicates={name: metrics[name] for name in params.replicates[model]},
        )
        for (model, names), windows, predictions in zip(
            params.members.items(), inputs.windows, inputs.predictions, strict=True
        )
    }
    digests = {name: sha256_of(Path(path)) for name, path in weights.items()}
    dataset, tracks = read_dataset(inputs.dataset), Path(inputs.tracks).parent
    explained = read_explained(inputs.explained) if inputs.explained else None
    varied = read_varied(inputs.varied) if inputs.varied else None
    data = {
        "dataset": dataset.digest,
        "source": dataset.source,
        "model": digests,
        # Another one where `predict.checkpoint` names it.
        "predicted_with": {
            model: read_predictions(path).checkpoint_digest
            for model, path in zip(params.members, inputs.predictions, strict=True)
        },
    }
    record = make_run_record(params.untracked.config, data)
    write_json(Path(snakemake.output.record), record)
    templates = Path(snakemake.scriptdir, "../workflow/report")
    shown = find_shown(
        tracks,
        dataset,
        models,
        own=params.browse["loci"],
        explained=explained,
        varied=varied,
    )
    view = View(
        tracks,
        shown.loci,
        targets=shown.targets,
        models=shown.models,
        assembly=params.assembly or str(dataset.source.get("assembly") or ""),
        is_stand_in=not dataset.has_coordinates,
        annotation=inputs.annotation,
        explained=explained,
        varied=varied,
        command=f"make browse RUN={params.run}",
    )
    contents = Contents(
        dataset,
        models,
        baselines={name: metrics[f"baseline.{name}"] for name in params.baselines},
        run=record,
        validation=json.loads(read_sealed(inputs.validation, REMEDY)),
        title=params.report["title"],
        tracks=tracks,
        browser=make_embedded(view, dataset.bin_size),
        explained=explained,
        varied=varied,
        effects=inputs.effects or "",
        motifs=read_motifs(Path(inputs.motifs).parent) if inputs.motifs else None,
    )
    write_report(Path(snakemake.output.page).parent, templates / "page.html.j2", contents)
    for line in Path(snakemake.output.summary).read_text().splitlines():
        log.info("%s", line)
