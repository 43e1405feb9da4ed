"""Join what all members of a model predict, part by part, to one track."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.data import Dataset
from seqcast.predict.genome_tracks.holding import HeldOut
from seqcast.predict.genome_tracks.parts import read_part
from seqcast.predict.genome_tracks.plan import Plan
from seqcast.predict.genome_tracks.tiling import Span

# Values that are averaged at once.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Block:
    """Values of neighbouring bins of a contig, (targets, bins), the first bin at base `start`."""

    contig: str
    start: int
    values: np.ndarray


class Model:
    """What all members of a model predict, joined: mean over replicates, and over folds.

    `folds` has for each fold the parts of its replicates, by name of the part. With folds, and
    where the genome is the dataset's, a bin that was held out comes from the fold that did so.
    """

    def __init__(
        self,
        plan: Plan,
        dataset: Dataset,
        folds: Sequence[Sequence[Mapping[str, Path]]],
        held_out: HeldOut | None = None,
    ) -> None:
        self.plan = plan
        self.targets = dataset.targets
        self._bin_size = dataset.bin_size
        self._held_out = held_out if len(folds) > 1 else None
        self._parts = {
            part.name: [
                [read_part(member[part.name], part, self.targets) for member in members]
                for members in folds
            ]
            for part in plan.parts
        }
        # By contig in byte order, as bigWigs want them.
        self._spans = sorted(
            (span.contig.encode(), span.first, span.end, part.name, offset)
            for part in plan.parts
            for span, offset in zip(part.spans, _compute_offsets(part.spans), strict=True)
        )

    @property
    def spans(self) -> list[Span]:
        """All stretches, in the order in which `read` yields them."""
        return [Span(contig.decode(), first, end) for contig, first, end, *_ in self._spans]

    def read(self, targets: slice) -> Iterator[Block]:
        """Yield the values of some targets span by span, in long blocks; contigs in byte order.

        Values are in the units of the dataset's coverage, NaN where nothing is predicted.
        """
        step = max(1, _BLOCK // (targets.stop - targets.start))
        for contig, first, end, name, offset in self._spans:
            for start in range(first, end, step):
                stop = min(start + step, end)
                here = (offset + start - first, offset + stop - first)
                values = self._average(name, targets, here, contig.decode(), start)
                yield Block(contig.decode(), start * self._bin_size, values)

    def _average(
        self, name: str, targets: slice, here: tuple[int, int], contig: str, first: int
    ) -> np.ndarray:
        folds = [
            np.mean([member.read(targets, *here) for member in members], axis=0, dtype=np.float64)
            for members in self._parts[name]
        ]
        values = np.mean(folds, axis=0)
        if self._held_out:
            for start, end, fold in self._held_out.find(contig, first, first + values.shape[1]):
                held_out = slice(start - first, end - first)
                values[:, held_out] = folds[fold][:, held_out]
        return values.astype(np.float32)


def open_models(
    folder: Path,
    plan: Plan,
    dataset: Dataset,
    members: Mapping[str, Mapping[str, int]],
    *,
    is_own: bool,
) -> dict[str, Model]:
    """Open what the members of models predicted, `parts/<member>/<part>.h5` in a folder.

    `members` has those of each model, with the fold that each is tested on. `is_own` says whether
    the genome is the dataset's, so that folds have held out some of it.
    """
    held_out = HeldOut(dataset) if is_own and dataset.folds > 1 else None
    found = {}
    for model, fold_of in members.items():
        folds: dict[int, list[dict[str, Path]]] = {}
        for name, fold in fold_of.items():
            parts = {p.name: folder / "parts" / name / f"{p.name}.h5" for p in plan.parts}
            folds.setdefault(fold, []).append(parts)
        found[model] = Model(plan, dataset, [folds[fold] for fold in sorted(folds)], held_out)
    return found


def _compute_offsets(spans: Sequence[Span]) -> list[int]:
    return [0, *np.cumsum([span.bins for span in spans]).tolist()][:-1]
