"""The page itself: everything that is known, put into the template."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqcast.core.disk import write_text
from seqcast.core.templates import render
from seqcast.data import Dataset
from seqcast.data.predictions import Stitch
from seqcast.evaluate.metrics import DEFINITIONS
from seqcast.report.bases import describe_bases
from seqcast.report.clipping import compute_clipped, make_clip_warnings
from seqcast.report.columns import make_columns
from seqcast.report.comparison import find_reference, make_models_table
from seqcast.report.contents import Contents
from seqcast.report.diagnostics import Diagnostics, write_diagnostics
from seqcast.report.motifs import describe_motifs
from seqcast.report.pictures import write_shared_pictures
from seqcast.report.ranking import make_metrics_table, make_targets_table
from seqcast.report.results import ModelResults, Scores, read_results, read_scores
from seqcast.report.sentences import make_sentences
from seqcast.report.tables import (
    format_yaml,
    make_data_table,
    make_targets_list,
    make_training_table,
)
from seqcast.report.variants import describe_variants
from seqcast.report.verdict import YEAST, make_headline, make_summary, rank
from seqcast.report.window_pictures import write_window_pictures
from seqcast.settings import find_source


def write_report(folder: Path, template: Path, contents: Contents) -> None:
    """Write `index.html`, `summary.txt` and `figures/` into `folder`.

    The page holds its figures and needs nothing beside it; it only links to the tables. `figures/`
    gets `comparison.svg`, `metrics.svg`, `calibration.svg`, `errors.svg`, `correlations.svg`,
    `learning_curves.svg`, `window_{best,median,worst}.png` and, a model, `<model>.scatter.png`;
    where peaks were explained, `bases_<number>.png`; where variants were scored,
    `variants_effects.png` and, where their true effects are known, `variants_truth.png`; of motifs
    `motifs_effects.png` and, where two help each other, `motifs_pairs.png`. Beside `template` lie
    `page.*`, `embedded.*` and scripts. Raises SeqcastError where tables do not fit.
    """
    dataset = contents.dataset
    run = contents.run
    validation = contents.validation
    results = [read_results(name, files, dataset) for name, files in contents.models.items()]
    baselines = contents.baselines.items()
    scored = rank([read_scores(name, path, dataset) for name, path in baselines])
    ranked, reference = rank(results), find_reference(scored)
    best = ranked[0]
    clipped = compute_clipped(dataset, Stitch(best.predictions, dataset).bins)
    warnings = [*map(str, validation.get("warnings") or ()), *make_clip_warnings(dataset, clipped)]
    figures, name = folder / "figures", str(run.get("run") or "")
    diagnostics = write_diagnostics(figures, dataset, results, ranked)
    context = {
        "title": contents.title or name,
        "headline": make_headline(best, dataset, reference, len(results)),
        "sentences": make_sentences(ranked, scored, dataset, warnings),
        "compared": make_models_table(ranked, scored),
        "targets": make_targets_table(ranked, scored, dataset.targets),
        "columns": make_columns(),
        "links": _list_links(folder, [*ranked, *scored]),
        "shared": write_shared_pictures(figures, results, scored),
        "windows": write_window_pictures(figures, dataset, results, ranked),
        "diagnostics": diagnostics,
        "models": _describe_models(diagnostics, dataset, ranked),
        "training": make_training_table(ranked),
        "loss": DEFINITIONS["poisson_loss"],
        "embedded": contents.browser,
        "bases": describe_bases(figures, contents, ranked),
        "motifs": describe_motifs(figures, contents.motifs, ranked),
        "variants": describe_variants(figures, contents, ranked),
        "tracks": _describe_tracks(folder, contents.tracks, best, dataset, name),
        "checked": _describe_check(validation, warnings),
        "data": make_data_table(dataset, validation),
        "read": make_targets_list(dataset, clipped),
        "run": _describe_run(run),
        "next": YEAST if find_source(dataset.source.get("kind")).IS_SIMULATED else "",
    }
    write_text(folder / "index.html", render(template, context))
    page, tracks = str(folder / "index.html"), str(contents.tracks)
    summary = make_summary(best, dataset, page, tracks, reference, len(results), name)
    write_text(folder / "summary.txt", summary)


def _describe_models(
    diagnostics: Diagnostics, dataset: Dataset, ranked: Sequence[ModelResults]
) -> list[dict[str, Any]]:
    """Return what each model has of its own."""
    return [
        {
            "name": result.name,
            "scatter": diagnostics.scatter[result.name],
            "table": make_metrics_table(result, dataset.targets),
            "checkpoint": result.predictions.checkpoint_digest,
        }
        for result in ranked
    ]


def _list_links(folder: Path, scored: Sequence[Scores]) -> list[tuple[str, str]]:
    """Return names and relative addresses of all tables of metrics."""
    every = [each for scores in scored for each in (scores, *getattr(scores, "replicates", ()))]
    return [(each.label, Path(os.path.relpath(each.path, folder)).as_posix()) for each in every]


def _describe_tracks(
    folder: Path, tracks: str | Path, best: ModelResults, dataset: Dataset, run: str
) -> dict[str, Any]:
    """Say where the tracks lie, which genome they belong to and where to look first."""
    index = best.find_windows()["best"]
    start, end = int(best.predictions.start[index]), int(best.predictions.end[index])
    source = find_source(dataset.source.get("kind"))
    return {
        "folder": str(tracks),
        "link": Path(os.path.relpath(tracks, folder)).as_posix() if str(tracks) else "",
        "run": run,
        "own_genome": source.IS_SIMULATED or not dataset.has_coordinates,
        "is_simulated": source.IS_SIMULATED,
        "units": source.UNITS,
        "first": f"{best.predictions.contig[index]}:{start + 1:,}-{end:,}",
    }


def _describe_check(validation: Mapping[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    """Return what the check of the data said; whether there was one."""
    notices = [str(notice) for notice in validation.get("notices") or ()]
    return {"warnings": warnings, "notices": notices, "done": bool(validation)}


def _describe_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of `run.json` as text; what is not there is empty."""
    commit = str(run.get("commit") or "")
    if commit and run.get("dirty"):
        commit += " with uncommitted changes"
    facts = [
        ("run", run.get("run")),
        ("made", run.get("created")),
        ("command", run.get("command")),
        ("commit", commit),
    ]
    return {
        "facts": [(word, _as_text(value)) for word, value in facts if value],
        "versions": _pairs(run.get("versions")),
        "digests": _pairs(run.get("data")),
        "config": format_yaml(run["config"]) if run.get("config") else "",
    }


def _pairs(value: Any) -> list[tuple[str, str]]:
    """Flatten what may be a mapping, nested or not, to rows of words and text."""
    rows: list[tuple[str, str]] = []
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, Mapping):
            rows += [(f"{key} {word}", text) for word, text in _pairs(inner)]
        elif inner is not None:
            rows.append((str(key), _as_text(inner)))
    return rows


def _as_text(value: Any) -> str:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return " ".join(map(str, value)) if is_list else str(value)
