"""The windows that a training sees: read, moved, turned, in training's units.

An epoch is drawn beforehand, as a table with a row for what becomes of each window; a batch is some
of its rows, and `Loader.cut` makes tensors of it. A dataset for which a GPU has room lies in its
memory as it lies in the file, and nothing waits for the host. Else windows are read from the file,
ahead of where a training is, and finished there a group of targets at a time, while these lie in a
core's cache: passes over whole batches took as long as unpacking them. Both are the same windows.

P columns of the table: the first base, how far the sequence is rolled, whether the window is read
from the other strand, the first cell, how many bases coverage begins after it, and the noise.
M cells of a window, N bins, T targets.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqcast.core.console import log
from seqcast.core.reading_ahead import read_ahead
from seqcast.data import Dataset, sum_cells
from seqcast.data.sampling import Epoch, draw_epoch, find_shares, find_step
from seqcast.genome.codes import complement
from seqcast.settings import TrainSettings

# Of the memory that is free: the rest is for the network.
_SHARE_OF_MEMORY = 0.5
_VALUES_AT_ONCE = 1 << 24
_BATCHES_AHEAD = 2


class Batch(NamedTuple):
    """Windows before `Loader.cut`: their rows of the table (B, P).

    Of a batch that processes share, a process has its own windows, perhaps none; `size` counts all
    of them. `codes` (B, L) and `coverage` (B, T, N), cut as `cut` returns them, are there where the
    windows were read from the file, None where the dataset lies in the device's memory.
    """

    table_BP: Tensor
    size: int
    codes: Tensor | None = None
    coverage: Tensor | None = None


class Loader:
    """Load a dataset's windows, in batches of which this process has a share (number, of how many).

    The dataset is kept in a GPU's memory where that has room for all of it beside the network.
    """

    def __init__(
        self,
        dataset: Dataset,
        settings: TrainSettings,
        share: tuple[int, int] = (0, 1),
        device: torch.device | None = None,
    ) -> None:
        self.dataset, self.settings, self.share = dataset, settings, share
        self.device = device or torch.device("cpu")
        self._per_bin = dataset.bin_size // dataset.resolution
        # Where windows move by less than a cell, a bin is made of one more.
        self._is_between = find_step(dataset) < dataset.resolution
        cells = dataset.output_bins * self._per_bin + self._is_between
        # All there at once: a step that is recorded may copy nothing from the host.
        self._base_L = torch.arange(dataset.window, device=self.device)
        self._cell_M = torch.arange(cells, device=self.device)
        targets = dataset.targets
        self._scaling = targets.scaling.on(lambda x: torch.from_numpy(x).to(self.device))
        # Of each group of targets, by its first.
        self._scaling_of = {
            rows.start: targets.scaling.on(lambda x, rows=rows: x[rows])
            for rows in dataset.cells.groups
        }
        self._pairs = torch.tensor(targets.strand_pair, device=self.device)
        is_max = np.array([stat == "max" for stat in targets.sum_stat])[:, None]
        self._is_max = is_max if is_max.any() else None
        self._is_max_there = torch.from_numpy(is_max).to(self.device) if is_max.any() else None
        self._codes, self._cells = self._hold() or (None, None)
        self._readers = ThreadPoolExecutor(torch.get_num_threads(), "reader")

    @property
    def is_held(self) -> bool:
        """Say whether the dataset lies in the GPU's memory."""
        return self._codes is not None

    def training(self, rows: np.ndarray, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from the step `first` on."""
        return self._batches(draw_epoch(self.dataset, rows, self.settings, epoch), first)

    def plain(self, rows: np.ndarray) -> Iterator[Batch]:
        """Yield windows as they are."""
        return self._batches(Epoch.plain(rows))

    def cut(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes (B, L), coverage (B, N, T) as training sees it, and noise (B,) int32."""
        base, roll, is_flipped, cell, after, noise = batch.table_BP.unbind(1)
        if batch.codes is not None:
            read = batch.codes.to(self.device), batch.coverage.to(self.device).mT
            return *read, noise.int()
        # Circular, as the chapter has it; the coverage stays where it is.
        roll = (self._base_L - roll[:, None]) % len(self._base_L)
        codes = self._codes[base[:, None] + (roll if self.settings.max_shift else self._base_L)]
        # The last window may end where the file does: then nothing of the cell after it counts.
        cells = (cell[:, None] + self._cell_M).clamp(max=self._cells.shape[1] - 1)
        cells = self._cells[:, cells].transpose(0, 1)
        share = after[:, None, None] / self.dataset.resolution if self._is_between else None
        coverage = make_bins(torch, cells, share, self._per_bin, self._is_max_there)
        # Scaled before strands are swapped: the two of a pair may differ in depth.
        coverage = self._scaling.to_training(coverage.mT)
        if self.settings.reverse_complement:
            is_flipped = is_flipped.bool()[:, None]
            codes = torch.where(is_flipped, complement(codes).flip(1), codes)
            flipped = flip_coverage(coverage, self._pairs)
            coverage = torch.where(is_flipped[..., None], flipped, coverage)
        return codes, coverage, noise.int()

    def _batches(self, drawn: Epoch, first: int = 0) -> Iterator[Batch]:
        table, size = self._make_table(drawn), self.settings.batch_size
        shares = find_shares(len(table), size, first, self.share)
        if self.is_held:
            held = torch.from_numpy(table).to(self.device)
            return (Batch(held[own.start : own.stop : own.step], count) for own, count in shares)
        own_rows = ((table[own.start : own.stop : own.step], count) for own, count in shares)
        return read_ahead((self._read(rows, count) for rows, count in own_rows), _BATCHES_AHEAD)

    def _make_table(self, drawn: Epoch) -> np.ndarray:
        dataset = self.dataset
        contig = dataset.windows["contig"][drawn.rows]
        base = dataset.contigs.first_base[contig] + dataset.windows["start"][drawn.rows]
        cell = dataset.first_bin_of(drawn.coverage_rows) * self._per_bin
        cells, after = np.divmod(drawn.coverage_moves, dataset.resolution)
        columns = (base + drawn.moves, drawn.rolls, drawn.flips, cell + cells, after, drawn.noise)
        return np.stack([np.asarray(each, np.int64) for each in columns], axis=1)

    def _read(self, table: np.ndarray, size: int) -> Batch:
        """Read windows from the file, and make of them what `cut` makes of those in memory."""
        dataset = self.dataset
        codes_BL = np.empty((len(table), dataset.window), np.uint8)
        coverage_BTN = np.empty((len(table), len(dataset.targets), dataset.output_bins), np.float32)
        # Where there are more threads than windows, each reads some groups of a window's targets.
        parts = -(-torch.get_num_threads() // max(len(table), 1))

        def read_part(task: tuple[int, int]) -> None:
            """Read a part of the window of a row of the table; the first has its codes too."""
            k, part = task
            base, roll, is_flipped, cell, after, _ = table[k].tolist()
            if not part:
                codes = np.roll(np.asarray(dataset.codes[base : base + dataset.window]), roll)
                codes_BL[k] = complement(codes)[::-1] if is_flipped else codes
            # A bin that begins where a cell does is made of no part of another.
            share = np.float32(after / dataset.resolution) if after else None
            end = cell + dataset.output_bins * self._per_bin + bool(after)
            room_TM = np.empty((dataset.cells.chunk[0], end - cell), np.float32)
            # As few at a time as stay in the processor's cache.
            for rows in dataset.cells.groups[part::parts]:
                cells_TM = room_TM[: rows.stop - rows.start]
                dataset.cells.read(cell, end, rows, out=cells_TM)
                is_max = None if self._is_max is None else self._is_max[rows]
                bins_TN = make_bins(np, cells_TM, share, self._per_bin, is_max)
                seen_TN = coverage_BTN[k, rows, :: -1 if is_flipped else 1]
                self._scaling_of[rows.start].to_training(bins_TN.T, out=seen_TN.T)

        # Neither unpacking nor adding up needs Python's lock.
        list(self._readers.map(read_part, product(range(len(table)), range(parts))))
        # Now that all are scaled: the two of a pair may differ in depth, and lie in groups apart.
        flipped, pairs = np.flatnonzero(table[:, 2]), np.array(dataset.targets.strand_pair)
        paired = np.flatnonzero(pairs != np.arange(len(pairs)))
        coverage_BTN[np.ix_(flipped, paired)] = coverage_BTN[np.ix_(flipped, pairs[paired])]
        # What was read is in the batch.
        dataset.forget()
        read = torch.from_numpy(codes_BL), torch.from_numpy(coverage_BTN)
        return Batch(torch.from_numpy(table).to(self.device), size, *read)

    def _hold(self) -> tuple[Tensor, Tensor] | None:
        """Return codes and cells in the device's memory; None where they are read from the file."""
        if self.device.type != "cuda":
            return None
        free, _ = torch.cuda.mem_get_info(self.device)
        if self.dataset.codes.nbytes + self.dataset.cells.nbytes > _SHARE_OF_MEMORY * free:
            return None
        try:
            return self._load()
        except torch.OutOfMemoryError:
            log.info("another process took the GPU's memory: the dataset is read from the file")
        torch.cuda.empty_cache()
        return None

    def _load(self) -> tuple[Tensor, Tensor]:
        """Return codes and cells in the device's memory, read piece by piece: they may be large."""
        dataset = self.dataset
        codes = torch.empty(len(dataset.codes), dtype=torch.uint8, device=self.device)
        for first in range(0, len(codes), _VALUES_AT_ONCE):
            piece = np.array(dataset.codes[first : first + _VALUES_AT_ONCE])
            codes[first : first + len(piece)] = torch.from_numpy(piece)
        targets, places = dataset.cells.shape
        cells = torch.empty((targets, places), device=self.device)
        step = max(1, _VALUES_AT_ONCE // targets)
        for first in range(0, places, step):
            end = min(first + step, places)
            cells[:, first:end] = torch.from_numpy(dataset.cells.read(first, end))
        dataset.forget()
        return codes, cells


def make_bins(
    xp: ModuleType, cells: Any, share: Any, cells_a_bin: int, is_max: Any | None = None
) -> Any:
    """Return bins (..., T, N) of cells (..., T, M), numpy's or torch's as `xp` says.

    What `dataset.pool_cells` does, but that bins may begin a `share` of a cell, a number or
    (..., 1, 1), behind the start of their first cell; None where they do not, else M is one cell
    more. Between two cells a bin is the mean of the bins that begin at both, weighted by how near
    each is: what it would be if the bases within a cell were alike. `is_max` (T, 1) says of which
    targets a bin is the largest of its cells; None where it is of none.
    """
    if share is None:
        return _pool(xp, cells, cells_a_bin, is_max)
    bins = _pool(xp, cells[..., :-1], cells_a_bin, is_max)
    # The next bin has one cell less at its start and one more at its end.
    ends = cells[..., ::cells_a_bin] * share
    moved = ends[..., 1:] - ends[..., :-1]
    moved += bins
    if is_max is not None:
        next_bins = _pool(xp, cells[..., 1:], cells_a_bin, is_max)
        moved = xp.where(is_max, bins * (1 - share) + next_bins * share, moved)
    # Not where the share is 0: nothing times a cell that is not known is not known either.
    return xp.where(share > 0, moved, bins) if share.ndim else moved


def _pool(xp: ModuleType, cells: Any, cells_a_bin: int, is_max: Any | None) -> Any:
    if cells_a_bin == 1:
        return cells
    cells = cells.reshape(*cells.shape[:-1], -1, cells_a_bin)
    sums = cells.sum(-1) if xp is torch else sum_cells(cells)
    return sums if is_max is None else xp.where(is_max, xp.amax(cells, -1), sums)


def flip_coverage(coverage: Tensor, strand_pair: Tensor) -> Tensor:
    """Return coverage (..., bins, targets) as the other strand has it.

    The bins are reversed and the targets of a strand pair change places.
    """
    return coverage.flip(-2)[..., strand_pair]
