"""What the model reads: its motifs, where they stand, what they do alone and in pairs."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import list_some
from seqcast.core.seal import read_sealed
from seqcast.genome.meme import Motif
from seqcast.motifs.effects_writing import ANY
from seqcast.motifs.patterns import MATRICES, read_matrices
from seqcast.motifs.placing import read_found
from seqcast.report.figures.correlations import order_targets
from seqcast.report.figures.motifs import Course, HeatMap, plot_courses, plot_heat_map
from seqcast.report.motif_logos import compute_bits, draw_logo, draw_range
from seqcast.report.motif_words import format_fold
from seqcast.report.picture import Picture, write_picture
from seqcast.report.results import ModelResults
from seqcast.report.verdict import count

REMEDY = "run `snakemake motifs` again"
MOST_MOTIFS = 30
MOST_TARGETS = 40
MOST_TABLES = 12
MOST_ROWS = 12
MOST_COURSES = 4
_OPEN = 2
# What is worth a word: a quarter more or less, and, of what two do, twice as much coverage.
_MUCH, _TWICE = float(np.log(1.25)), float(np.log(2))
# Less than a tenth more is no help, however narrow the interval.
_HELP = float(np.log(1.1))
_LOOK_MAP = (
    "few dark cells a row: a motif does much to the tracks of its own factor, and to those that"
    " follow from it, such as open chromatin. Hold names and signs against what is known.",
    "a row that is dark throughout: the motif stands for something general, such as being rich in"
    " G and C. No dark cell at all: the model reads its peaks from more than single motifs, or has"
    " learnt too little; see Training.",
)
_LOOK_PAIRS = (
    "a line above 1 over some distances and on it beyond: there the two help each other. On the"
    " dashed line each adds its own coverage and knows nothing of the other.",
    "below the dashed line one stands in for the other, or covers it. Wide bands: take more"
    " backgrounds (motifs.backgrounds).",
)


@dataclass(frozen=True)
class Motifs:
    """A folder of `motifs`, as far as it is there; tables are empty where it is not.

    `found` is what `motifs.json` says, `made` what `effects.json` says.
    """

    folder: Path
    motifs: list[Motif]
    found: Mapping[str, Any]
    made: Mapping[str, Any]
    patterns: pd.DataFrame
    effects: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def names(self) -> dict[str, str]:
        """What each motif is called, by id: names that two share have their ids with them."""
        every = [motif.name for motif in self.motifs]
        return {
            motif.id: f"{motif.name} ({motif.id})" if every.count(motif.name) > 1 else motif.name
            for motif in self.motifs
        }


@dataclass(frozen=True)
class Drawing:
    """A small drawing in a table."""

    data: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class PatternTable:
    """The patterns of a target, a row each; or why there is none."""

    target: str
    rows: tuple[Mapping[str, Any], ...]
    more: int
    why: str


@dataclass(frozen=True)
class Reads:
    """What the section holds: sentences, pictures, tables of the first targets and of others."""

    headline: str
    sentences: tuple[str, ...]
    heat_map: Picture | None
    courses: Picture | None
    first: tuple[PatternTable, ...]
    others: tuple[PatternTable, ...]
    more: int
    radius: int
    backgrounds: int


def read_motifs(folder: Path) -> Motifs | None:
    """Read what is there of a folder of `motifs`; None where there are no motifs.

    Raises `SeqcastError` where a file is not what was written.
    """
    meme = folder / "motifs.meme"
    if not meme.is_file():
        return None
    return Motifs(
        folder,
        read_found(meme),
        _read_json(folder / "motifs.json"),
        _read_json(folder / "effects.json"),
        _read_table(folder / "patterns.tsv"),
        _read_table(folder / "effects.tsv"),
        _read_table(folder / "pairs.tsv"),
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    with refuse_damage(path, "is not what `motifs` writes", REMEDY):
        return dict(json.loads(read_sealed(path, REMEDY)))


_SIGNS = {"pos": "", "neg": ", lowers"}
_TEXT = (
    "id", "target", "model", "sign", "motif", "name", "match", "match_name", "consensus", "first",
    "second", "arrangement",
)  # fmt: skip


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame()
    with refuse_damage(path, "is not what `motifs` writes", REMEDY):
        text, types = io.StringIO(read_sealed(path, REMEDY)), dict.fromkeys(_TEXT, str)
        return pd.read_csv(text, sep="\t", dtype=types, keep_default_na=False, na_values={
            key: [""] for key in ("p", "q", "effect", "low", "high", "synergy")
        })  # fmt: skip


def describe_motifs(
    folder: Path, motifs: Motifs | None, ranked: Sequence[ModelResults]
) -> Reads | None:
    """Write `motifs_effects.png` and `motifs_pairs.png` into `folder`, and what the page says.

    They are of the best of the models, `ranked`. Returns None where no motifs are known.
    """
    for old in folder.glob("motifs_*.png"):
        old.unlink()
    if motifs is None:
        return None
    targets = _find_names(motifs)
    effects = _keep_model(motifs.effects, ranked)
    pairs = _keep_model(motifs.pairs, ranked)
    heat_map = _write_heat_map(folder, motifs, effects, targets) if len(effects) else None
    courses = _find_courses(motifs, pairs, targets)
    tables, more = _make_tables(motifs, ranked, effects, targets)
    return Reads(
        _make_headline(motifs, effects, targets),
        tuple(_explain(motifs, effects, courses, targets)),
        heat_map,
        _write_courses(folder, courses) if courses else None,
        tuple(tables[:_OPEN]),
        tuple(tables[_OPEN:]),
        more,
        int(motifs.made.get("radius", 0)),
        int(motifs.made.get("backgrounds", 0)),
    )


def _find_names(motifs: Motifs) -> dict[str, str]:
    """Return the name of each target's slug."""
    every = [*motifs.found.get("targets", ()), *motifs.made.get("targets", ())]
    return {each["target"]: each["name"] for each in every}


def _keep_model(table: pd.DataFrame, ranked: Sequence[ModelResults]) -> pd.DataFrame:
    """Return the rows of the best model that has any."""
    if not len(table):
        return table
    known = set(table["model"])
    model = next((each.name for each in ranked if each.name in known), table["model"].iloc[0])
    return table[table["model"] == model]


def _is_sure(table: pd.DataFrame) -> pd.Series:
    """Say of which rows the interval excludes 0; without an interval none does."""
    return (table["low"] > 0) | (table["high"] < 0)


def _make_headline(motifs: Motifs, effects: pd.DataFrame, targets: Mapping[str, str]) -> str:
    """Say in one sentence how many motifs there are, and what the strongest does."""
    total = len(motifs.motifs)
    if motifs.found.get("discover", True):
        said = f"The model reads {count(total, 'motif')}"
    else:
        said = f"{count(total, 'known motif')} {'was' if total == 1 else 'were'} looked at"
    sure = effects[_is_sure(effects)] if len(effects) else effects
    if not len(sure):
        return f"{said}."
    top = sure.loc[sure["effect"].abs().idxmax()]
    fold = format_fold(top["effect"])[1:]
    verb = "raises" if top["effect"] > 0 else "lowers"
    return f"{said}; {motifs.names[top['motif']]} {verb} {targets[top['target']]} {fold}-fold."


def _explain(
    motifs: Motifs, effects: pd.DataFrame, courses: Sequence[Course], targets: Mapping[str, str]
) -> Iterator[str]:
    """Say what else is worth a word."""
    names = motifs.names
    if len(effects):
        sizes = effects["effect"].abs().where(_is_sure(effects), 0)
        largest = sizes.groupby(effects["motif"], sort=False).max()
        idle = [names[motif] for motif, size in largest.items() if size < _MUCH]
        if idle:
            yield (
                f"By {'itself' if len(idle) == 1 else 'themselves'} {list_some(idle, 6)}"
                f" {'does' if len(idle) == 1 else 'do'} nothing (no target changes by a quarter)."
            )
        lowers = effects[(effects["effect"] < -_MUCH) & _is_sure(effects)]
        if len(lowers):
            least = lowers.loc[lowers["effect"].idxmin()]
            yield (
                f"{names[least['motif']]} lowers {targets[least['target']]} the most, to"
                f" {100 * np.exp(least['effect']):.0f}\u00a0%."
            )
    for each in courses:
        best = int(np.nanargmax(each.low - np.maximum(np.nan_to_num(each.additive), 0)))
        yield (
            f"{each.second}, {each.distance[best]:,} bases from {each.first}, makes"
            f" {each.target} {np.exp(each.synergy[best]):.1f} times what the two do apart."
        )
    if missed := motifs.found.get("missed"):
        yield f"Known, but not found: {list_some([each['name'] for each in missed], 6)}."


def _choose(size: np.ndarray, most: int) -> np.ndarray:
    """Return the places of the largest, in their order."""
    return np.sort(np.argsort(-size, kind="stable")[:most])


def _write_heat_map(
    folder: Path, motifs: Motifs, effects: pd.DataFrame, targets: Mapping[str, str]
) -> Picture:
    rows = [motif.id for motif in motifs.motifs]
    columns = list(dict.fromkeys(effects["target"]))
    wide = effects.assign(sure=_is_sure(effects)).pivot(index="motif", columns="target")
    wide = wide.reindex(index=rows)
    effect = wide["effect"][columns].to_numpy(float)
    sure = wide["sure"][columns].to_numpy(dtype=bool, na_value=False)
    size = np.nan_to_num(np.abs(effect))
    m, t = _choose(size.max(1), MOST_MOTIFS), _choose(size.max(0), MOST_TARGETS)
    effect, sure = effect[np.ix_(m, t)], sure[np.ix_(m, t)]
    if len(t) > 12:
        order = order_targets(_correlate(effect.T))
        t, effect, sure = t[order], effect[:, order], sure[:, order]
    # A motif stands where its strongest column does: dark cells run down to the right. What does
    # nothing comes last.
    size = np.nan_to_num(np.abs(effect))
    is_idle = size.max(1) < _MUCH
    order = np.lexsort((-size.max(1), size.argmax(1), is_idle))
    m, effect, sure = m[order], effect[order], sure[order]
    shown = HeatMap(
        [motifs.names[rows[each]] for each in m],
        [targets[columns[each]] for each in t],
        [compute_bits(motifs.motifs[each].probabilities) for each in m],
        effect,
        sure & (np.abs(effect) >= _MUCH),
    )
    left = [
        count(len(every) - some, word)
        for every, some, word in ((rows, len(m), "motif"), (columns, len(t), "target"))
        if len(every) > some
    ]
    more = f" {' and '.join(left)} of smaller effects are in effects.tsv." if left else ""
    a, b = np.unravel_index(np.nanargmax(np.abs(effect)), effect.shape)
    radius, marks = int(motifs.made["radius"]), "Numbers" if len(t) <= 12 else "Dots"
    sequences = count(int(motifs.made["backgrounds"]), "shuffled sequence")
    return write_picture(
        plot_heat_map(shown, "What each motif does to each target"),
        folder / "motifs_effects.png",
        f"Map of {count(len(m), 'motif')} by {count(len(t), 'target')}; the strongest is"
        f" {shown.motifs[a]} on {shown.targets[b]}, {format_fold(effect[a, b])}.",
        f"Fold change of the coverage predicted within {radius:,} bases, when the best letters of a"
        f" motif are put into {sequences}: orange more, blue less. {marks} mark what changes by a"
        " quarter or more and not by chance (the 95\u00a0% interval excludes 1). Motifs lie on the"
        f" plus strand.{more}",
        _LOOK_MAP,
    )


def _correlate(rows: np.ndarray) -> np.ndarray:
    """Return how alike rows are, (rows, rows): the cosine, for 0 means something."""
    rows = np.nan_to_num(rows)
    length = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return (rows / length) @ (rows / length).T


def _find_courses(motifs: Motifs, pairs: pd.DataFrame, targets: Mapping[str, str]) -> list[Course]:
    """Return the pairs that help each other most surely, each with the target where they do.

    Only those that make a target at least twice as high, and higher than either alone: where two
    lower a target, or hardly anything is predicted, large ratios say little. Help is what the
    interval leaves above both the product of the two and their sum, a tenth at least.
    """
    if not len(pairs):
        return []
    here = pairs[pairs["arrangement"] == ANY].copy()
    here["additive"] = _add(here)
    alone = here[["first_alone", "second_alone"]].max(axis=1)
    here["help"] = here["low"] - here["additive"].clip(lower=0)
    good = here[(here["together"] > alone) & (here["together"] > _TWICE) & (here["help"] > _HELP)]
    chosen: dict[frozenset, tuple[str, str, str]] = {}
    for row in good.sort_values("help", ascending=False, kind="stable").itertuples():
        # Each pair once, with the first motif and the target where they help each other most.
        chosen.setdefault(frozenset((row.first, row.second)), (row.first, row.second, row.target))
        if len(chosen) == MOST_COURSES:
            break
    names, found = motifs.names, []
    for first, second, target in chosen.values():
        is_it = (here["first"] == first) & (here["second"] == second) & (here["target"] == target)
        rows = here[is_it].sort_values("distance")
        columns = ("distance", "synergy", "low", "high", "additive")
        values = (rows[key].to_numpy() for key in columns)
        found.append(Course(names[first], names[second], targets[target], *values))
    return found


def _add(pairs: pd.DataFrame) -> pd.Series:
    """Return the synergy that there would be if each motif only added its own coverage."""
    one, other = pairs["first_alone"], pairs["second_alone"]
    added = np.exp(one) + np.exp(other) - 1
    return np.log(added.where(added > 0)) - one - other


def _write_courses(folder: Path, courses: Sequence[Course]) -> Picture:
    words = "; ".join(f"{each.first} with {each.second} on {each.target}" for each in courses)
    return write_picture(
        plot_courses(courses, "Which motifs help each other, and how far apart"),
        folder / "motifs_pairs.png",
        f"Synergy of pairs of motifs by distance: {words}.",
        "Two motifs in one shuffled sequence, on either strand and side: how many times as high"
        " coverage is at the first as the product of what each does alone (1: they do not know of"
        " each other), with the 95\u00a0% interval. Shown are the pairs that help each other most"
        " surely; all are in pairs.tsv.",
        _LOOK_PAIRS,
    )


def _make_tables(
    motifs: Motifs,
    ranked: Sequence[ModelResults],
    effects: pd.DataFrame,
    targets: Mapping[str, str],
) -> tuple[list[PatternTable], int]:
    """Return the patterns of the first targets, and how many more have any.

    Of the best model, the target of most seqlets first, those without patterns last.
    """
    patterns = _keep_model(motifs.patterns, ranked)
    said: dict[str, Mapping[str, Any]] = {}
    for each in motifs.found.get("targets", ()):
        said.setdefault(each["target"], each)
    groups = dict(list(patterns.groupby("target", sort=False))) if len(patterns) else {}
    order = sorted(groups, key=lambda target: -groups[target]["seqlets"].sum())
    folds = {}
    if len(effects):
        folds = effects.set_index(["motif", "target"])["effect"].to_dict()
    tables = [
        _make_table(motifs, groups[target], target, targets, said.get(target, {}), folds)
        for target in order[:MOST_TABLES]
    ]
    for target, each in said.items():
        if target not in groups and each.get("why") and len(tables) < MOST_TABLES:
            tables.append(PatternTable(targets[target], (), 0, str(each["why"])))
    return tables, max(len(order) - MOST_TABLES, 0)


def _make_table(
    motifs: Motifs,
    rows: pd.DataFrame,
    target: str,
    targets: Mapping[str, str],
    said: Mapping[str, Any],
    folds: Mapping[tuple[str, str], float],
) -> PatternTable:
    names, total = motifs.names, said.get("regions")
    reach = float(said.get("width") or 2 * rows[["offset_q25", "offset_q75"]].abs().max().max()) / 2
    cells = []
    shown = rows.head(MOST_ROWS)
    matrices = read_matrices(motifs.folder / MATRICES, shown["id"], REMEDY)
    for row in shown.itertuples():
        _, cwm = matrices[row.id]
        alone = folds.get((row.motif, target))
        quartiles = (row.offset_q25, row.offset_median, row.offset_q75)
        low, middle, high = map(float, quartiles)
        cells.append(
            {
                "logo": Drawing(*draw_logo(cwm), f"logo of {row.consensus}"),
                # One of a few letters is no motif.
                "name": names.get(row.motif, row.consensus),
                "note": (row.motif or "no motif") + _SIGNS[row.sign],
                "match": row.match_name if row.match_name != row.name else "",
                "q": "" if np.isnan(row.q) else f"{row.q:.1g}",
                "peaks": f"{row.regions:,}" + (f" of {total:,}" if total else ""),
                "contribution": f"{row.contribution:+.2f}",
                "place": Drawing(
                    *draw_range(low, middle, high, reach),
                    f"median {middle:+.0f}, middle half {low:+.0f} to {high:+.0f}",
                ),
                "median": f"{middle:+,.0f}",
                "fold": "" if alone is None else format_fold(alone),
            }
        )
    return PatternTable(targets[target], tuple(cells), len(rows) - len(cells), "")
