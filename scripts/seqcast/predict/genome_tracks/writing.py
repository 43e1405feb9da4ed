"""Write tracks of a genome as bigWig, group by group of targets, and the table of all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset
from seqcast.data.by_target import cut_groups, read_observed
from seqcast.data.splits import write_splits
from seqcast.genome.bigwig import Run, split_runs, write_bigwig
from seqcast.genome.fasta import read_sizes
from seqcast.predict.genome_tracks.joining import Block, Model
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.tracks.files import name_track, remove_strays
from seqcast.tracks.table import (
    OBSERVED,
    PREDICTED,
    check_tracks,
    make_row,
    read_tracks,
    write_tracks,
)

# Bins that are read at once.
_BLOCK = 1 << 20


def join_tracks(
    table: Path,
    folder: Path,
    dataset: Dataset,
    models: Mapping[str, Model],
    targets: slice,
    *,
    observed: bool = False,
) -> None:
    """Write the tracks of some targets, of all models, into a folder; then a table of them.

    The genome lies in the folder. `observed` asks for all that the dataset knows as well. Values
    are divided by the targets' `span`: in the units of the track that was read.
    """
    tracks = _Folder(folder, dataset, read_sizes(folder / NAME, AGAIN))
    readers: dict[tuple[str, str], Callable[[slice], Iterator[Block]]] = {}
    if observed:
        readers["", OBSERVED] = partial(read_known, dataset)
    for name, model in models.items():
        readers[name, PREDICTED] = model.read
    bins = [dataset.bins * observed, *(model.plan.bins for model in models.values())]
    rows = {}
    with progress(len(readers) * (targets.stop - targets.start), "join", "tracks") as bar:
        for some in cut_groups([targets], 4 * max(bins)):
            for (name, kind), read in readers.items():
                for target, row in tracks.write([*read(some)], some, name, kind):
                    rows[target, name, kind] = row
                    bar.update(1)
    ordered = [
        rows[target, *key] for target in range(targets.start, targets.stop) for key in readers
    ]
    write_tracks(table, [row for row in ordered if row])


def write_table(table: Path, dataset: Dataset, joined: Sequence[Path], *, is_own: bool) -> None:
    """Put the tables of groups of targets together, once all of their tracks are there.

    `is_own` says whether the genome is the dataset's: then its splits are written. Tracks of an
    earlier run of other targets or models are removed.
    """
    rows = []
    for path in joined:
        here = read_tracks(path)
        files = [table.parent / row["file"] for row in here]
        check_tracks(path, files, f"delete {path}, then run the same command again")
        rows += here
    if is_own:
        sizes = read_sizes(table.parent / NAME, AGAIN)
        write_splits(table.with_name("splits.bed"), dataset, sizes)
    remove_strays(table.parent, {row["file"] for row in rows})
    write_tracks(table, rows)
    log.info("%s: wrote %d tracks", table.parent, len(rows))


def read_known(dataset: Dataset, targets: slice) -> Iterator[Block]:
    """Yield all that a dataset knows of some targets, NaN where it does not.

    By chromosome (in byte order) and start; where pieces overlap, the first stays.
    """
    contigs, size = dataset.contigs, dataset.bin_size
    bins = -(-contigs.length // size)
    end = dict.fromkeys(contigs.chrom, 0)
    listed = zip(contigs.chrom, contigs.offset.tolist(), range(len(contigs)), strict=True)
    for name, offset, index in sorted((c.encode(), o, i) for c, o, i in listed if c):
        chrom, first_bin = name.decode(), int(contigs.first_bin[index])
        # Bins that begin before an earlier piece ends are that piece's.
        taken = max(-(-(end[chrom] - offset) // size), 0)
        for first in range(taken, int(bins[index]), _BLOCK):
            last = min(first + _BLOCK, int(bins[index]))
            here = np.arange(first_bin + first, first_bin + last)
            values = read_observed(dataset, here, targets)
            yield Block(chrom, offset + first * size, values)
        end[chrom] = max(end[chrom], offset + int(bins[index]) * size)


@dataclass(frozen=True)
class _Folder:
    """Where tracks are written: the folder, the dataset, lengths of the genome's contigs."""

    path: Path
    dataset: Dataset
    sizes: Mapping[str, int]

    def write(
        self, blocks: Sequence[Block], targets: slice, model: str, kind: str
    ) -> Iterator[tuple[int, dict[str, str] | None]]:
        """Write the tracks of the blocks' targets; yield each target and its row of the table.

        The row is None where no value is known.
        """
        for row, target in enumerate(range(targets.start, targets.stop)):
            file = name_track(self.dataset.targets.slugs[target], model, kind)
            runs = self._make_runs(blocks, row, self.dataset.targets.span[target])
            first = next(runs, None)
            if first is None:
                log.warning("%s: left out, no value of it is known", file)
                yield target, None
                continue
            path = self.path / file
            write_bigwig(path, self.sizes, chain([first], runs), self.dataset.bin_size)
            yield target, make_row(path, self.dataset.targets, target, model, kind)

    def _make_runs(self, blocks: Sequence[Block], row: int, span: int) -> Iterator[Run]:
        """Yield the bins with a value of one target, in the units of its track."""
        size = self.dataset.bin_size
        for block in blocks:
            starts = block.start + np.arange(block.values.shape[1]) * size
            yield from split_runs(block.contig, starts, block.values[row] / span, size)
