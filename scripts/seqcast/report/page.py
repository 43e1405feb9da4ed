"""The page itself: everything that is known, put into the template."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seqcast.dataset import Dataset
from seqcast.disk import write_text
from seqcast.report.pictures import (
    MOST_SCATTERED,
    make_more_scatters,
    write_model_pictures,
    write_shared_pictures,
)
from seqcast.report.results import ModelFiles, ModelResults, read_results
from seqcast.report.tables import (
    MOST_ROWS,
    format_yaml,
    make_data_table,
    make_metrics_table,
    make_models_table,
    make_training_table,
)
from seqcast.report.verdict import (
    COURSE,
    find_best,
    make_headline,
    make_sentences,
    make_summary,
)


def write_report(
    folder: str | Path,
    dataset: Dataset,
    models: Mapping[str, ModelFiles],
    *,
    template: str | Path,
    run: Mapping[str, Any] | None = None,
    validation: Mapping[str, Any] | None = None,
    title: str = "",
    tracks: str | Path = "",
) -> None:
    """Write `index.html`, `summary.txt` and `figures/*.png` into `folder`.

    The page holds its figures and needs nothing beside it. `figures/` gets `learning_curves.png`,
    `metrics.png` and, a model, `<model>.scatter.png` and `<model>.window_{best,median,worst}.png`.
    `run` is the content of `run.json` and `validation` of `validation.json`, any key of which may
    be missing; `tracks` is the folder of the exported tracks, named as given. Raises SeqcastError
    where a model's tables do not fit the dataset.
    """
    folder = Path(folder)
    run, warnings = dict(run or {}), _find_warnings(validation)
    results = [read_results(name, files, dataset) for name, files in models.items()]
    best = find_best(results)
    ordered = [best, *(result for result in results if result is not best)]
    context = {
        "title": title or str(run.get("run") or ""),
        "headline": make_headline(best, dataset),
        "sentences": make_sentences(best, dataset, warnings, len(results)),
        "shared": write_shared_pictures(folder / "figures", results),
        "models": [_describe_model(folder / "figures", dataset, result) for result in ordered],
        "compared": make_models_table(ordered) if len(ordered) > 1 else [],
        "more": make_more_scatters(dataset, best, folder / "figures"),
        "most_rows": MOST_ROWS,
        "most_scattered": MOST_SCATTERED,
        "tracks": _describe_tracks(folder, tracks, best, dataset),
        "data": make_data_table(dataset),
        "warnings": warnings,
        "validated": validation is not None,
        "run": _describe_run(run),
        "course": COURSE if dataset.source.get("kind") == "simulated" else "",
    }
    page = _environment(Path(template)).get_template(Path(template).name).render(context)
    write_text(folder / "index.html", page)
    summary = make_summary(best, dataset, str(folder / "index.html"), str(tracks))
    write_text(folder / "summary.txt", summary)


def _find_warnings(validation: Mapping[str, Any] | None) -> list[str]:
    return [str(warning) for warning in (validation or {}).get("warnings") or []]


def _describe_model(folder: Path, dataset: Dataset, result: ModelResults) -> dict[str, Any]:
    return {
        "name": result.name,
        "pictures": write_model_pictures(folder, dataset, result),
        "table": make_metrics_table(result),
        "training": make_training_table(result),
        "checkpoint": result.predictions.checkpoint_digest,
    }


def _describe_tracks(
    folder: Path, tracks: str | Path, best: ModelResults, dataset: Dataset
) -> dict[str, Any]:
    """Say where the tracks lie, which genome they belong to and where to look first."""
    place = best.find_windows()["best"]
    start, end = int(best.predictions.start[place]), int(best.predictions.end[place])
    own_genome = not dataset.has_coordinates or dataset.source.get("kind") == "simulated"
    return {
        "folder": str(tracks),
        "link": Path(os.path.relpath(tracks, folder)).as_posix() if str(tracks) else "",
        "own_genome": own_genome,
        "assembly": str(dataset.source.get("assembly") or ""),
        "first": f"{best.predictions.contig[place]}:{start + 1:,}-{end:,}",
    }


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


def _environment(template: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
