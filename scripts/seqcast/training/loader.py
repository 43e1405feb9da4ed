"""The windows that a training sees: read, moved, turned, in training's units.

An epoch is drawn beforehand, as a table with a row for what becomes of each window; a batch is some
of its rows. There is one way from a row to tensors, `Loader.cut`, on CPUs and GPUs alike. Only
where the bases and the cells of coverage come from differs. A dataset for which a GPU has room lies
in its memory as it lies in the file, and nothing waits for the host. Else they are read from the
file, ahead of where a training is.

P columns of the table: the first base, how far the sequence is rolled, whether the window is read
from the other strand, the first cell, how many bases coverage begins after it, and the noise.
M cells of a window, N bins, T targets.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqcast.core.console import log
from seqcast.core.reading_ahead import read_ahead
from seqcast.data import Dataset
from seqcast.data.sampling import Epoch, draw_epoch, find_shares, find_step
from seqcast.genome.codes import complement
from seqcast.settings import TrainSettings

# Of the memory that is free: the rest is for the network.
_SHARE_OF_MEMORY = 0.5
_VALUES_AT_ONCE = 1 << 24
_BATCHES_AHEAD = 2


class Batch(NamedTuple):
    """Windows before they are cut: their rows of the table (B, P).

    Of a batch that processes share, a process has its own windows, perhaps none; `size` counts all
    of them. `codes` (B, L) and `cells` (B, T, M) are what was read of the file for them, None where
    the dataset lies in the device's memory.
    """

    table_BP: Tensor
    size: int
    codes: Tensor | None = None
    cells: Tensor | None = None


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
        self._scaling = targets.scaling.on(torch, lambda x: torch.from_numpy(x).to(self.device))
        self._pairs = torch.tensor(targets.strand_pair, device=self.device)
        self._is_max = torch.tensor([s == "max" for s in targets.sum_stat], device=self.device)
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
        zero = np.zeros(len(rows), np.int64)
        return self._batches(Epoch(rows, zero, zero, rows, zero, zero, zero.astype(np.int32)))

    def cut(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes (B, L), coverage (B, N, T) as training sees it, and noise (B,) int32."""
        base, roll, is_flipped, cell, after, noise = batch.table_BP.unbind(1)
        if batch.codes is None:
            codes = self._codes[base[:, None] + self._base_L]
            # The last window may end where the file does: then nothing of the cell after it counts.
            cells = (cell[:, None] + self._cell_M).clamp(max=self._cells.shape[1] - 1)
            cells = self._cells[:, cells].transpose(0, 1)
        else:
            codes, cells = batch.codes.to(self.device), batch.cells.to(self.device)
        if self.settings.max_shift:
            # Circular, as the chapter has it; the coverage stays where it is.
            codes = codes.gather(1, (self._base_L - roll[:, None]) % len(self._base_L))
        coverage = self._make_bins(cells, after)
        # Scaled before strands are swapped: the two of a pair may differ in depth.
        coverage = self._scaling.to_training(coverage)
        if self.settings.reverse_complement:
            is_flipped = is_flipped.bool()[:, None]
            codes = torch.where(is_flipped, complement(codes).flip(1), codes)
            flipped = flip_coverage(coverage, self._pairs)
            coverage = torch.where(is_flipped[..., None], flipped, coverage)
        return codes, coverage, noise.int()

    def _make_bins(self, cells_BTM: Tensor, after_B: Tensor) -> Tensor:
        """Return bins (B, N, T) that begin some bases behind the start of their first cell.

        Between two cells it is the mean of the bins that begin at both, weighted by how near each
        is: what it would be if the bases within a cell were alike.
        """
        if not self._is_between:
            return self._pool(cells_BTM)
        coverage = self._pool(cells_BTM[..., :-1])
        next_coverage = self._pool(cells_BTM[..., 1:])
        share = (after_B.float() / self.dataset.resolution)[:, None, None]
        # Not where the share is 0: nothing times a cell that is not known is not known either.
        mixed = coverage * (1 - share) + next_coverage * share
        return torch.where(share > 0, mixed, coverage)

    def _pool(self, cells_BTM: Tensor) -> Tensor:
        """Make bins (B, N, T) of their cells; what `dataset.pool_cells` does."""
        cells = cells_BTM.mT
        if self._per_bin == 1:
            return cells
        cells = cells.unflatten(1, (-1, self._per_bin))
        return torch.where(self._is_max, cells.amax(2), cells.sum(2))

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
        """Read what windows are made of from the file."""
        dataset, count = self.dataset, len(self._cell_M)
        codes_BL = np.empty((len(table), dataset.window), np.uint8)
        cells_BTM = np.empty((len(table), len(dataset.targets), count), np.float32)

        def read_window(k: int) -> None:
            base, _, _, cell, *_ = table[k]
            codes_BL[k] = dataset.codes[base : base + dataset.window]
            known = min(count, dataset.cells.shape[1] - cell)
            dataset.cells.read(cell, cell + known, out=cells_BTM[k, :, :known])
            # The last window may end where the file does; see `cut`.
            cells_BTM[k, :, known:] = cells_BTM[k, :, known - 1 : known]

        # Unpacking needs no lock of Python's.
        list(self._readers.map(read_window, range(len(table))))
        # What was read is in the batch.
        dataset.forget()
        table_BP = torch.from_numpy(table).to(self.device)
        return Batch(table_BP, size, torch.from_numpy(codes_BL), torch.from_numpy(cells_BTM))

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


def flip_coverage(coverage: Tensor, strand_pair: Tensor) -> Tensor:
    """Return coverage (..., bins, targets) as the other strand has it.

    The bins are reversed and the targets of a strand pair change places.
    """
    return coverage.flip(-2)[..., strand_pair]
