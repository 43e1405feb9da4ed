"""Tables of a report as rows of text, ready for the page."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqcast.core.console import format_seconds
from seqcast.core.errors import list_some
from seqcast.data import SPLITS, Dataset
from seqcast.report.columns import MISSING
from seqcast.report.results import ModelResults

MOST_LISTED = 100
_MOST_NAMED = 5
_MOST_CONTIGS = 20
# What the dataset says of itself, and the check of a genome in better words.
_SAID = ("has_coordinates", "contigs_left_out", "dropped_windows")
# Text that YAML reads as text without quotes.
_PLAIN = re.compile(r"(?i)(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_./-]*")


_TRAINING_WORDS = {
    "seconds": "time",
    "parameters": "parameters",
    "receptive_field": "receptive field",
    "best_epoch": "epoch kept",
}


_ELSEWHERE = ("epoch", "valid_loss", "fold")


def make_training_table(results: Sequence[ModelResults]) -> list[tuple[str, list[str]]]:
    """Return what is known of the models' trainings: a word, and its value for each model."""
    facts = [_describe_training(result) for result in results]
    words = dict.fromkeys(word for each in facts for word in each)
    return [(word, [each.get(word, MISSING) for each in facts]) for word in words]


def _describe_training(result: ModelResults) -> dict[str, str]:
    facts, members = {}, len(result.histories)
    if members > 1:
        facts["trainings"] = f"{members}; the first:"
    for key, value in result.training.items():
        # The best epoch and its loss stand in the last row, from the history itself.
        if value is None or isinstance(value, (dict, list, tuple)) or key in _ELSEWHERE:
            continue
        facts[_TRAINING_WORDS.get(key, key.replace("_", " "))] = _format_value(key, value)
    kept = []
    for history in result.histories.values():
        valid = history.dropna(subset=["valid_loss"])
        if len(valid):
            best = valid.loc[valid["valid_loss"].idxmin()]
            kept.append(f"{best['valid_loss']:.4f} (epoch {best['epoch']:g})")
    if kept:
        facts["lowest validation loss" + (", each" if members > 1 else "")] = ", ".join(kept)
    return facts


def _format_value(key: str, value: Any) -> str:
    if key == "seconds" and isinstance(value, (int, float)):
        return format_seconds(float(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" + (" bases" if key == "receptive_field" else "")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def make_data_table(dataset: Dataset, validation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the data are, and what the check of a genome found, as words and values."""
    windows = f"{len(dataset.windows):,}"
    if dataset.folds > 1:
        windows += f", each held out once in {dataset.folds} folds"
    else:
        splits = ", ".join(f"{split} {len(dataset.rows_of(split)):,}" for split in SPLITS)
        windows += f" ({splits})"
    kind = "places in a genome" if dataset.has_coordinates else "each window its own contig"
    units = list(dict.fromkeys(unit for unit in dataset.targets.units if unit))
    rows = [
        ("windows", windows),
        (
            "window",
            f"{dataset.window:,} bases, {dataset.output_bins:,} predicted bins of"
            f" {dataset.bin_size:,}",
        ),
        ("targets", f"{len(dataset.targets):,}"),
        ("units", list_some(units, _MOST_NAMED) if units else "not given"),
        (
            "contigs",
            f"{len(dataset.contigs):,}, {int(dataset.contigs.length.sum()):,} bases ({kind})",
        ),
    ]
    rows += _describe_validation(validation)
    rows += [
        (f"source: {key.replace('_', ' ')}", _describe(value))
        for key, value in sorted(dataset.source.items())
        if value not in (None, [], {})
        and key not in _SAID[: None if validation.get("contigs") else 1]
    ]
    return [*rows, ("digest", dataset.digest)]


def _describe(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _describe_validation(validation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say which contigs are used and left out, what is masked, which windows are lost."""
    rows = []
    if used := validation.get("contigs"):
        rows.append(("contigs used", _name_some(list(used))))
    reasons: dict[str, list[str]] = {}
    for contig, reason in (validation.get("left_out") or {}).items():
        reasons.setdefault(str(reason), []).append(contig)
    rows += [("contigs left out", f"{_name_some(names)}: {why}") for why, names in reasons.items()]
    bases = validation.get("split_bases") or {}
    rows += [
        (
            "trained on" if split == "train" else f"held out for {split}",
            _name_some(list(names)) + (f", {bases[split]:,} bases" if split in bases else ""),
        )
        for split, names in (validation.get("splits") or {}).items()
        if names
    ]
    if validation.get("masked") is not None:
        rows.append(("masked", f"{100 * validation['masked']:.2g}\u00a0% of the bases"))
    lost = validation.get("dropped_for") or {}
    rows += [("windows dropped", f"{number:,}: {reason}") for reason, number in lost.items()]
    return rows


def _name_some(names: Sequence[str]) -> str:
    """Write how many names there are, and the first of them."""
    more = " …" if len(names) > _MOST_CONTIGS else ""
    return f"{len(names):,} ({', '.join(names[:_MOST_CONTIGS])}{more})"


def make_targets_list(dataset: Dataset, clipped: np.ndarray) -> list[dict[str, str]]:
    """Return how targets are read, a row each: statistic, scale, clips, share above the clip.

    Of many targets these are the first hundred.
    """
    targets = dataset.targets
    return [
        {
            "target": targets.identifier[index],
            "description": targets.description[index],
            "units": targets.units[index] or MISSING,
            "statistic": targets.sum_stat[index],
            "scale": _number(targets.scale[index]),
            "clip_soft": _number(targets.clip_soft[index]),
            "clip": _number(targets.clip[index]),
            "clipped": _number(100 * clipped[index], ".2f", "\u00a0%"),
        }
        for index in range(min(len(targets), MOST_LISTED))
    ]


def _number(value: float | None, form: str = ".4g", unit: str = "") -> str:
    return MISSING if value is None or np.isnan(value) else f"{value:{form}}{unit}"


def format_yaml(value: Any, indent: int = 0) -> str:
    """Write nested mappings as YAML, everything below them as JSON, which is YAML too."""
    if isinstance(value, str) and indent == 0:
        return value
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    if not isinstance(value, Mapping) or not value:
        return json.dumps(value, default=str, ensure_ascii=False)
    lines = []
    for key, inner in value.items():
        nested = isinstance(inner, Mapping) and inner
        text = format_yaml(inner, indent + 1)
        lines.append(f"{'  ' * indent}{key}:" + (f"\n{text}" if nested else f" {text}"))
    return "\n".join(lines)
