"""Join what all members of a model found to one score an allele and target, part by part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset
from seqcast.data.predictions import Predictions
from seqcast.variants.null import OTHERS, SUBSTITUTIONS
from seqcast.variants.parts import Member, Part, Plan, Site, read_sites
from seqcast.variants.scores import FOUND, Scores, average
from seqcast.variants.significance import Null, Quantiles, compute_q, compute_spread

# What a table has of an allele, model and target.
SCORES = (*FOUND, "quantile", "spread", "p", "q")


@dataclass(frozen=True)
class Joined:
    """The alleles of a part, and for each model its scores, (alleles, T); NaN (0) where none."""

    sites: list[Site]
    scores: dict[str, dict[str, np.ndarray]]


class Model:
    """What the members of a model found, of some targets (their indices)."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        members: Mapping[str, Member],
        predictions: Predictions,
        dataset: Dataset,
        targets: Sequence[int],
    ) -> None:
        self.members = members
        self._plan = plan
        self._folder = folder
        self._targets = list(targets)
        self._quantiles = Quantiles(predictions, dataset, self._targets)
        self._null = {kind: self._read_null(kind) for kind in (SUBSTITUTIONS, OTHERS)}
        self._q = self._compute_q()

    def read_sites(self, part: Part) -> list[Site]:
        """Return the alleles of a part."""
        return read_sites(self._folder / "alleles" / f"{part.name}.tsv")

    def join(self, part: Part, sites: Sequence[Site]) -> dict[str, np.ndarray]:
        """Return the scores of a part's alleles, (alleles, T) each."""
        shape = (len(sites), len(self._targets))
        found = {key: np.full(shape, np.nan) for key in SCORES}
        found["change_at"] = np.zeros(shape, dtype=np.int64)
        rows, scores = self._average(part, sites)
        for key in FOUND:
            found[key][rows] = getattr(scores, key)
        found["spread"][rows] = compute_spread(scores.each)
        largest = np.maximum(scores.ref_sum, scores.alt_sum)
        found["quantile"][rows] = self._quantiles.find(largest, scores.bins)
        for kind, here, count in self._count(sites, rows, scores):
            found["p"][rows[here]] = self._null[kind].to_p(count)
            found["q"][rows[here]] = np.take_along_axis(self._q[kind], count, 0)
        return found

    def _average(self, part: Part, sites: Sequence[Site]) -> tuple[np.ndarray, Scores]:
        """Return which alleles have scores, ascending, and the mean over who scored each."""
        found = [member.read(part) for member in self.members.values()]
        wanted = np.array([row for row, site in enumerate(sites) if site.is_scored], dtype=np.int64)
        # Alleles of one fold after the other: those have the same members.
        folds = np.array([sites[row].fold for row in wanted], dtype=np.int64)
        rows, parts = [], []
        for fold in np.unique(folds):
            own = wanted[folds == fold]
            scores = [
                _take(each.scores, np.searchsorted(each.rows, own), self._targets)
                for each in found
                if np.isin(own, each.rows).all()
            ]
            if not scores:
                raise SeqcastError(f"{self._folder}: no member scored part {part.name}; {AGAIN}")
            rows.append(own)
            parts.append(average(scores))
        return _sort(rows, parts, len(self._targets))

    def _read_null(self, kind: str) -> Null | None:
        parts = self._plan.of_kind(kind)
        if not parts:
            return None
        sites = [self.read_sites(part) for part in parts]
        lfc = [self._average(part, some)[1].lfc for part, some in zip(parts, sites, strict=True)]
        return Null(np.concatenate(lfc), np.array([site.gc for some in sites for site in some]))

    def _count(
        self, sites: Sequence[Site], rows: np.ndarray, scores: Scores
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Yield each kind, which of the rows are of it, and how many null ones are as large."""
        is_substitution = np.array([sites[row].is_substitution for row in rows], dtype=bool)
        gc = np.array([sites[row].gc for row in rows])
        for kind, here in ((SUBSTITUTIONS, is_substitution), (OTHERS, ~is_substitution)):
            if self._null[kind] is not None and here.any():
                yield kind, here, self._null[kind].count(scores.lfc[here], gc[here])

    def _compute_q(self) -> dict[str, np.ndarray]:
        """Return the q value of each count, (counts, T), by kind.

        All variants of a target are tested together, whatever their kind.
        """
        kinds = [kind for kind, null in self._null.items() if null is not None]
        tests = {
            kind: np.zeros((self._null[kind].half + 1, len(self._targets)), dtype=np.int64)
            for kind in kinds
        }
        for part in self._plan.of_kind("variants") if kinds else ():
            sites = self.read_sites(part)
            for kind, _, count in self._count(sites, *self._average(part, sites)):
                for target, column in enumerate(count.T):
                    tests[kind][:, target] += np.bincount(column, minlength=len(tests[kind]))
        if not kinds:
            return {}
        p = [self._null[kind].to_p(np.arange(len(tests[kind]))) for kind in kinds]
        together = np.concatenate([tests[kind] for kind in kinds])
        q = np.stack([compute_q(np.concatenate(p), column) for column in together.T], axis=1)
        edges = np.cumsum([len(tests[kind]) for kind in kinds])[:-1]
        return dict(zip(kinds, np.split(q, edges), strict=True))


def _take(scores: Scores, rows: np.ndarray, targets: Sequence[int]) -> Scores:
    """Return scores of some rows and targets."""
    return Scores(
        *(each[rows][:, targets] if each.ndim > 1 else each[rows] for each in vars(scores).values())
    )


def _sort(
    rows: Sequence[np.ndarray], parts: Sequence[Scores], targets: int
) -> tuple[np.ndarray, Scores]:
    """Put scores of different alleles in the order of their rows.

    Where they have different numbers of readings, the spread is of each one's own.
    """
    if not parts:
        none = np.zeros((0, targets))
        return np.zeros(0, dtype=np.int64), Scores(
            *[none] * 7, np.zeros(0, dtype=np.int64), np.zeros((0, targets, 1))
        )
    most = max(part.each.shape[-1] for part in parts)
    # Readings that are not there are NaN.
    padded = [
        np.pad(part.each, ((0, 0), (0, 0), (0, most - part.each.shape[-1])), constant_values=np.nan)
        for part in parts
    ]
    order = np.argsort(np.concatenate(rows))
    joined = {key: np.concatenate([getattr(p, key) for p in parts]) for key in (*FOUND, "bins")}
    joined["each"] = np.concatenate(padded)
    return np.concatenate(rows)[order], Scores(**{k: v[order] for k, v in joined.items()})


def join_models(plan: Plan, models: Mapping[str, Model]) -> Iterator[Joined]:
    """Yield the file's alleles part by part, with the scores of all models."""
    for part in plan.of_kind("variants"):
        sites = next(iter(models.values())).read_sites(part)
        yield Joined(sites, {name: model.join(part, sites) for name, model in models.items()})
