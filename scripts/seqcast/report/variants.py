"""What variants do: how many were scored, effects by target, the largest, and what is true."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.core.hdf5 import open_hdf5
from seqcast.core.seal import read_sealed
from seqcast.evaluate.metrics import Moments
from seqcast.report.contents import Contents
from seqcast.report.figures.effects import Effects, Truth, plot_effects, plot_truth
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import ModelResults
from seqcast.report.variant_letters import write_letters
from seqcast.report.verdict import count
from seqcast.tracks.browser.varied import REMEDY, Varied, name_variant
from seqcast.variants.seen import FORMAT_VERSION, TABLE

MOST_TARGETS, MOST_ROWS = 12, 12
_BLOCK, _DRAWS = 1 << 16, 1_000
# What counts as much, in words of the page.
_MUCH, _SURE = 1.0, 0.05
_REASONS = {
    "REF is not the genome's": "the genome has other bases there than the file's REF",
    "deleted elsewhere": "deleted by another variant (*)",
    "symbolic": "symbolic, such as <DEL>",
    "no ALT": "no ALT",
    "not in a window": "on a contig shorter than a bin",
}
_LOOK_EFFECTS = (
    "most dots at 0, as most bases matter to nothing, and a few far from it with short bars: these"
    " change a site that the model reads.",
    "a cloud without far dots: none of these variants touches what the model has learned. Bars as"
    " wide as the effect: strands or replicates disagree, so do not trust it.",
)
_LOOK_TRUTH = (
    "coloured dots along the dashed line, crosses at 0.",
    "dots lie flatter than the line where the model is too timid, which more training helps; a"
    " cross far from 0 is an effect where truly there is none.",
)


@dataclass(frozen=True)
class Variants:
    """What the section holds: sentences, pictures, a table's heads and rows, definitions."""

    sentences: tuple[str, ...]
    pictures: tuple[Picture, ...]
    heads: tuple[tuple[str, str], ...]
    rows: tuple[Mapping[str, Any], ...]
    scores: Mapping[str, str]
    radius: int
    model: str


@dataclass(frozen=True)
class _Found:
    """What is known of all alleles: of the shown targets `lfc` (A, shown), and counts."""

    shown: list[str]
    lfc: np.ndarray
    much: int
    sure: int | None
    splits: Mapping[str, int]
    names: list[tuple[str, int, str, str]]


def describe_variants(
    folder: Path, contents: Contents, ranked: Sequence[ModelResults]
) -> Variants | None:
    """Write `variants_effects.png` into `folder`, and what the page says of them.

    They are those of the best of the models, `ranked`, that scored any. Where true
    effects are known, `variants_truth.png` holds predicted ones against them, if of their radius.
    `variants_letters_<number>.png` have both alleles of the largest, above the run's tracks.
    Returns None where no variants were scored.
    """
    for old in folder.glob("variants_*.png"):
        old.unlink()
    varied, tracks, truth = contents.varied, contents.tracks, contents.effects
    if varied is None:
        return None
    known = [row["model"] for row in varied.top] or list(varied.said["members"])
    model = next((each.name for each in ranked if each.name in known), known[0])
    found, several = _read_table(varied, model), len(varied.said["members"]) > 1
    true = _read_truth(truth, int(varied.said["radius"])) if truth else {}
    pictures = [_write_effects(folder, varied, model, found)] if found.names else []
    if shown := _compare(found, true):
        pictures.append(_write_truth(folder, shown))
    if tracks:
        bin_size = contents.dataset.bin_size
        pictures += write_letters(folder, varied, model, Path(tracks), bin_size)
    has_p = bool(varied.said["null"])
    return Variants(
        tuple(_explain(varied, found)),
        tuple(pictures),
        tuple(_make_heads(varied, has_p=has_p, has_truth=bool(shown))),
        tuple(_make_rows(varied, model, true if shown else None, has_p=has_p)),
        varied.said["scores"],
        int(varied.said["radius"]),
        model if several else "",
    )


def _read_table(varied: Varied, model: str) -> _Found:
    """Read the scored alleles of a model, blocks of rows at a time."""
    largest: dict[str, float] = {each["name"]: 0.0 for each in varied.said["targets"]}
    for row in varied.top:
        if row["model"] == model:
            largest[row["target"]] = max(largest[row["target"]], abs(row["lfc"]))
    shown = sorted(largest, key=lambda name: -largest[name])[:MOST_TARGETS]
    lfc = []
    names = []
    much = 0
    sure = 0
    splits = {}
    with open_hdf5(varied.folder / "variants.h5", (TABLE, FORMAT_VERSION), REMEDY) as file:
        targets = json.loads(file.attrs["targets"])
        columns = [targets.index(name) for name in shown]
        for start in range(0, len(file["position"]), _BLOCK):
            rows = slice(start, start + _BLOCK)
            values, q = file[f"{model}/lfc"][rows], file[f"{model}/q"][rows]
            scored = np.isfinite(values).any(axis=1)
            lfc.append(values[scored][:, columns])
            much += int((np.abs(values[scored]) >= _MUCH).any(axis=1).sum())
            sure += int((q[scored] <= _SURE).any(axis=1).sum())
            texts = (file[key].asstr()[rows][scored] for key in ("contig", "ref", "alt", "split"))
            contig, ref, alt, split = texts
            position = file["position"][rows][scored].tolist()
            names += zip(contig, position, ref, alt, strict=True)
            for each, number in zip(*np.unique(split.astype(str), return_counts=True), strict=True):
                splits[str(each)] = splits.get(str(each), 0) + int(number)
    every = np.concatenate(lfc) if lfc else np.zeros((0, len(shown)))
    return _Found(shown, every, much, sure if varied.said["null"] else None, splits, names)


def _read_truth(path: str | Path, radius: int) -> dict[tuple, tuple[float, bool]]:
    """Read true effects by contig, position, alleles and target, and whether in a motif site."""
    types = dict.fromkeys(("contig", "ref", "alt", "target", "in_site"), str)
    table = pd.read_csv(
        io.StringIO(read_sealed(Path(path), "run `snakemake dataset` again")),
        sep="\t", dtype=types, keep_default_na=False,
    )  # fmt: skip
    table = table[table["radius"] == radius]
    keys = zip(*(table[key] for key in ("contig", "position", "ref", "alt", "target")), strict=True)
    return dict(zip(keys, zip(table["lfc"], table["in_site"] != "", strict=True), strict=True))


def _compare(found: _Found, true: Mapping[tuple, tuple[float, bool]]) -> list[Truth]:
    """Return predicted and true effects of each shown target with any."""
    shown = []
    for column, target in enumerate(found.shown):
        pairs = [
            (lfc, *true[*name, target])
            for name, lfc in zip(found.names, found.lfc[:, column].tolist(), strict=True)
            if (*name, target) in true
        ]
        if pairs:
            predicted, known, in_site = (np.array(each) for each in zip(*pairs, strict=True))
            moments = Moments.from_values(predicted, known, np.arange(len(known)))
            interval = moments.interval(_DRAWS)
            shown.append(
                Truth(
                    target, predicted, known, in_site.astype(bool), moments.pearson_r(), *interval
                )
            )
    return shown


def _write_effects(folder: Path, varied: Varied, model: str, found: _Found) -> Picture:
    panels = []
    for column, target in enumerate(found.shown):
        top = [row for row in varied.top if row["target"] == target and row["model"] == model]
        spread = np.array([np.nan if row["spread"] is None else row["spread"] for row in top])
        label = name_variant(top[0]) if top else ""
        lfc = np.array([row["lfc"] for row in top])
        panels.append(Effects(target, found.lfc[:, column], lfc, spread.astype(float), label))
    some = count(len(panels), "target")
    if len(panels) < len(varied.said["targets"]):
        some = f"the {some} with the largest effects"
    return write_picture(
        plot_effects(panels, "What variants do to each target"),
        folder / "variants_effects.png",
        f"Effects of variants on {some}, a dot a variant; largest for {found.shown[0]}:"
        f" {panels[0].label}.",
        f"Each grey dot is a variant, in {some}: right of 0 ALT has more coverage than REF, left of"
        " it less. In colour the largest of each target, with their spread as bars.",
        _LOOK_EFFECTS,
    )


def _write_truth(folder: Path, shown: Sequence[Truth]) -> Picture:
    number = len(shown[0].true)
    values = ", ".join(f"{each.target} {each.r:.2f}" for each in shown)
    return write_picture(
        plot_truth(shown, "Predicted against true effects"),
        folder / "variants_truth.png",
        f"Predicted against true lfc of {number:,} variants, a panel a target; r: {values}.",
        "The data are simulated, so what each variant truly does is known. r is Pearson's"
        " correlation of predicted with true lfc, below it its 95\u00a0% interval, from drawing the"
        f" {number:,} variants anew {_DRAWS:,} times.",
        _LOOK_TRUTH,
    )


def _explain(varied: Varied, found: _Found) -> Iterator[str]:
    """Say how many were scored, what was left out and why, and how many change much."""
    said = varied.said
    status: dict[str, int] = dict(said["status"])
    scored, flipped = status.pop("scored", 0), status.pop("flipped", 0)
    yield (
        f"{Path(said['vcf']).name} has {count(said['rows'], 'row')} with"
        f" {count(said['alleles'], 'ALT allele')}; {scored + flipped:,} were scored."
    )
    if status:
        reasons = (
            f"{number:,} {_REASONS.get(why, why)}"
            for why, number in sorted(status.items(), key=lambda each: -each[1])
        )
        yield f"Left out: {'; '.join(reasons)}. Each is in the table with its reason."
    if flipped:
        yield (
            f"{flipped:,} are flipped: the genome has what the file calls ALT. Scored is what the"
            " file calls REF, less what the genome has."
        )
    if said["repeated"]:
        yield f"{said['repeated']:,} are in the file more than once."
    yield from map(str, said["warnings"])
    if found.names:
        much = f"{found.much:,} change a target at least two-fold (|lfc| of 1 or more)"
        if found.sure is not None:
            much += (
                f"; {found.sure:,} have a target with q of at most {_SURE}, held against"
                f" {said['null']:,} shuffled variants"
            )
        yield f"{much}."
    seen = found.splits.get("train", 0) + found.splits.get("valid", 0)
    if seen:
        yield (
            f"{seen:,} lie where the model was trained or chosen (split train or valid), so it has"
            " seen what REF does there. Those in test windows are the fairer ones."
        )


def _make_heads(varied: Varied, *, has_p: bool, has_truth: bool) -> Iterator[tuple[str, str]]:
    """Yield the heads of the table's numbers, each with what it means."""
    scores = varied.said["scores"]
    yield "lfc", scores["lfc"]
    if has_truth:
        yield "true lfc", "the same of the simulation's rates, without noise"
    yield "spread", scores["spread"]
    yield "REF", scores["ref_sum"]
    yield "ALT", scores["alt_sum"]
    yield "quantile", scores["quantile"]
    if has_p:
        yield "q", scores["q"]


def _make_rows(
    varied: Varied, model: str, true: Mapping[tuple, tuple[float, bool]] | None, *, has_p: bool
) -> Iterator[dict[str, Any]]:
    """Yield the largest variants: name, target, split, and as `cells` what the heads say."""
    for row in varied.rank(model)[:MOST_ROWS]:
        cells = [_write(row["lfc"], "+.2f")]
        if true is not None:
            key = tuple(row[each] for each in ("contig", "position", "ref", "alt", "target"))
            cells.append(_write(true.get(key, (None, False))[0], "+.2f"))
        cells += [_write(row["spread"], ".2f")]
        cells += [_write(row[key], ",.3g") for key in ("ref_sum", "alt_sum")]
        cells.append(_write(row["quantile"], ".2f"))
        cells += [_write(row["q"], ".2g")] if has_p else []
        named = row["id"] if row["id"] not in ("", ".") else ""
        place = {"target": row["target"], "split": row["split"]}
        yield {"name": name_variant(row), "id": named, **place, "cells": cells}


def _write(value: Any, how: str) -> str:
    return "" if value is None or value != value else format(value, how)
