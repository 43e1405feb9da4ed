"""Write what motifs do, of all members of all models, as tables.

The files are specified in docs/formats.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import AGAIN, write_json, write_sealed
from seqcast.data import read_dataset
from seqcast.data.targets import Targets
from seqcast.motifs.effect_parts import Found, Member
from seqcast.motifs.placing import ARRANGEMENTS, read_found

FORMAT, FORMAT_VERSION = "seqcast-motif-effects", 1
EFFECTS = ("motif", "target", "model", "effect", "low", "high", "backgrounds")
PAIRS = (
    "first", "second", "distance", "arrangement", "target", "model", "first_alone",
    "second_alone", "together", "synergy", "low", "high", "backgrounds",
)  # fmt: skip
# The arrangement that is the mean of all.
ANY = "any"
# Of more targets the table of pairs has those on which pairs work most surely.
MOST_TARGETS = 40
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """Means over backgrounds, and their 95 % intervals; NaN where there are too few."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def compute_mean(values: np.ndarray) -> Mean:
    """Return the mean over the first axis, with Student's interval."""
    count, value = len(values), values.mean(0)
    half = np.full(value.shape, np.nan)
    if count > 1:
        reach = stdtrit(count - 1, (1 + _CONFIDENCE) / 2)
        half = reach * values.std(0, ddof=1) / np.sqrt(count)
    return Mean(value, value - half, value + half)


def write_effects(
    output: Path,
    dataset_path: Path,
    meme: Path,
    members: Mapping[str, Mapping[str, Path]],
) -> None:
    """Write `effects.tsv` and `pairs.tsv` beside `output`, the JSON that says how they were made.

    `members` has the lists of parts of each model's members, by name: effects of a model are the
    mean of theirs, background by background.
    """
    targets = read_dataset(dataset_path).targets
    opened = {
        model: {name: Member(path) for name, path in those.items()}
        for model, those in members.items()
    }
    facts = _find_facts(opened)
    found = {model: _average(those) for model, those in opened.items() if facts["motifs"]}
    ids, paired = facts["motifs"], [facts["motifs"][each] for each in facts["paired"]]
    folder = output.parent
    rows = [
        row for model, each in found.items() for row in _list_effects(model, each, ids, targets)
    ]
    _write_table(folder / "effects.tsv", EFFECTS, rows)
    rows = [
        row
        for model, each in found.items()
        for row in _list_pairs(model, each, paired, facts["distances"], targets)
    ]
    _write_table(folder / "pairs.tsv", PAIRS, rows)
    names = {motif.id: motif.name for motif in read_found(meme)}
    content = {
        **{key: facts[key] for key in ("radius", "backgrounds", "seed", "distances")},
        "strands": {
            name: 1 + each.facts["both_strands"]
            for of in opened.values()
            for name, each in of.items()
        },
        "members": {model: list(those) for model, those in opened.items()},
        "motifs": [
            {"motif": each, "name": names[each], "letters": letters}
            for each, letters in zip(ids, facts["letters"], strict=True)
        ],
        "paired": paired,
        "targets": [
            {"target": slug, "name": name}
            for slug, name in zip(targets.slugs, targets.identifier, strict=True)
        ],
    }
    write_json(output, (FORMAT, FORMAT_VERSION), content)
    log.info("%s: what %d motifs do to %d targets", folder, len(ids), len(targets))


def _find_facts(opened: Mapping[str, Mapping[str, Member]]) -> dict:
    """Return what all members were asked; refuse where it is not the same."""
    every = [each.facts for those in opened.values() for each in those.values()]
    keys = ("radius", "backgrounds", "seed", "motifs", "letters", "paired", "distances")
    if any(each[key] != every[0][key] for each in every for key in keys):
        raise SeqcastError(f"motifs: members were asked for different motifs; {AGAIN}")
    return every[0]


def _average(members: Mapping[str, Member]) -> Found:
    """Return the mean of what members found, background by background."""
    found = [each.read() for each in members.values()]
    means = (
        np.mean([getattr(each, key) for each in found], axis=0, dtype=np.float64)
        for key in ("alone", "first", "second", "together")
    )
    alone, *pairs = means
    return Found(alone, found[0].arrangement, *pairs)


def _list_effects(
    model: str, found: Found, motifs: Sequence[str], targets: Targets
) -> Iterator[tuple]:
    mean = compute_mean(found.alone)
    for (m, motif), (t, slug) in product(enumerate(motifs), enumerate(targets.slugs)):
        numbers = (each[m, t] for each in (mean.value, mean.low, mean.high))
        yield motif, slug, model, *numbers, len(found.alone)


def _list_pairs(
    model: str, found: Found, motifs: Sequence[str], distances: Sequence[int], targets: Targets
) -> Iterator[tuple]:
    """Yield rows of all pairs at all distances, of all arrangements together and of each."""
    if not len(found.arrangement):
        return
    synergy = found.together - found.first[:, :, None, None] - found.second[:, None]
    shown = _find_targets(compute_mean(synergy))
    for name, here in (
        (ANY, np.ones(len(synergy), dtype=bool)),
        *((each.name, found.arrangement == at) for at, each in enumerate(ARRANGEMENTS)),
    ):
        if not here.any():
            continue
        mean = compute_mean(synergy[here])
        first, second, both = (
            each[here].mean(0) for each in (found.first, found.second, found.together)
        )
        for (a, one), (b, other), (d, distance), t in product(
            enumerate(motifs), enumerate(motifs), enumerate(distances), shown
        ):
            at = (a, b, d, t)
            # Motifs that would overlap.
            if np.isnan(both[at]):
                continue
            yield (
                one, other, distance, name, targets.slugs[t], model, first[a, t], second[b, d, t],
                both[at], mean.value[at], mean.low[at], mean.high[at], int(here.sum()),
            )  # fmt: skip


def _find_targets(mean: Mean) -> list[int]:
    """Return the targets that are shown of pairs: those with the synergies farthest from 0."""
    nearest = np.maximum(mean.low, -mean.high)
    surest = np.nan_to_num(np.where(np.isnan(nearest), np.abs(mean.value), nearest), nan=-np.inf)
    order = np.argsort(-surest.max(axis=(0, 1, 2)), kind="stable")
    return sorted(order[:MOST_TARGETS].tolist())


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[tuple]) -> None:
    lines = ["\t".join(columns), *("\t".join(map(_write, row)) for row in rows)]
    write_sealed(path, "\n".join(lines) + "\n")


def _write(value: object) -> str:
    """Write a number with four digits, what is none as nothing."""
    if not isinstance(value, float):
        return str(value)
    return "" if value != value else f"{value:.4g}"
