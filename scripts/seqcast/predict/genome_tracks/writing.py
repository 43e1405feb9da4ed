"""Write tracks of a genome as bigWig, and the table that lists them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset
from seqcast.data.splits import write_splits
from seqcast.genome.bigwig import Run, split_runs, write_bigwig
from seqcast.genome.fasta import read_sizes
from seqcast.predict.genome_tracks.joining import Model
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.tracks.table import (
    OBSERVED,
    PREDICTED,
    make_row,
    name_track,
    remove_strays,
    write_tracks,
)

# Bins that are read at once.
_BLOCK = 1 << 20


def write_genome_tracks(
    table: Path,
    dataset: Dataset,
    models: Mapping[str, Model],
    *,
    is_own: bool = False,
    observed: bool = False,
) -> None:
    """Write the tracks of all targets and models, and the table when all are there.

    The genome lies beside the table. `is_own` says whether it is the dataset's: then its splits
    are written, and where `observed` is asked for also all that the dataset knows. Values are
    divided by the targets' `span`: in the units of the track that was read. Tracks of an earlier
    run of other targets or models are removed.
    """
    folder = _Folder(table.parent, dataset, read_sizes(table.parent / NAME, AGAIN))
    if is_own:
        write_splits(table.with_name("splits.bed"), dataset, folder.sizes)
    rows = []
    kinds = len(models) + (is_own and observed)
    with progress(len(dataset.targets) * kinds, "join", "tracks") as bar:
        for target in range(len(dataset.targets)):
            if is_own and observed:
                rows.append(folder.write_observed(target))
                bar.update(1)
            for name, model in models.items():
                rows.append(folder.write_predicted(name, model, target))
                bar.update(1)
    written = [row for row in rows if row]
    remove_strays(table.parent, {row["file"] for row in written})
    write_tracks(table, written)
    log.info("%s: wrote %d tracks", table.parent, len(written))


def read_observed(dataset: Dataset, target: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield chromosome, starts in bases and one target's values of all that a dataset knows.

    By chromosome (in byte order) and start; where pieces overlap, the first stays.
    """
    contigs, size = dataset.contigs, dataset.bin_size
    bins = -(-contigs.length // size)
    end = dict.fromkeys(contigs.chrom, 0)
    places = zip(contigs.chrom, contigs.offset.tolist(), range(len(contigs)), strict=True)
    for chrom, offset, index in sorted((c.encode(), o, i) for c, o, i in places if c):
        for first in range(0, int(bins[index]), _BLOCK):
            here = np.arange(first, min(first + _BLOCK, int(bins[index])))
            starts = offset + here * size
            values = dataset.read_bins(contigs.first_bin[index] + here, target)
            free = starts >= end[chrom.decode()]
            yield chrom.decode(), starts[free], values[free]
        end[chrom.decode()] = max(end[chrom.decode()], offset + int(bins[index]) * size)


@dataclass(frozen=True)
class _Folder:
    """Where tracks are written: the folder, the dataset, lengths of the genome's contigs."""

    path: Path
    dataset: Dataset
    sizes: Mapping[str, int]

    def write_predicted(self, name: str, model: Model, target: int) -> dict[str, str] | None:
        """Write a model's track of a target; return its row of the table."""
        size, span = self.dataset.bin_size, self.dataset.targets.span[target]

        def runs() -> Iterator[Run]:
            """Yield the bins with a value, in the units of the track."""
            for block in model.read(target):
                starts = (block.first + np.arange(len(block.values))) * size
                yield from split_runs(block.contig, starts, block.values / span, size)

        return self._write(runs(), target, name, PREDICTED)

    def write_observed(self, target: int) -> dict[str, str] | None:
        """Write all that is known of a target; return its row of the table."""
        size, span = self.dataset.bin_size, self.dataset.targets.span[target]

        def runs() -> Iterator[Run]:
            """Yield the bins with a value, in the units of the track."""
            for chrom, starts, values in read_observed(self.dataset, target):
                yield from split_runs(chrom, starts, values / span, size)

        return self._write(runs(), target, "", OBSERVED)

    def _write(
        self, runs: Iterator[Run], target: int, model: str, kind: str
    ) -> dict[str, str] | None:
        file = name_track(self.dataset.targets.slugs[target], model, kind)
        first = next(runs, None)
        if first is None:
            log.warning("%s: left out, no value of it is known", file)
            return None
        path = self.path / file
        write_bigwig(path, self.sizes, chain([first], runs), self.dataset.bin_size)
        return make_row(path, self.dataset.targets, target, model, kind)
