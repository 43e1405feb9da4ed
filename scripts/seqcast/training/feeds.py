"""Where a training's windows come from: read from the file batch by batch, or cut on the GPU.

A dataset that a GPU holds lies in its memory as it lies in the file: a byte a base, coverage in
cells. An epoch is then a table of what becomes of each window, drawn beforehand; a batch is a few
rows of it, and nothing waits for the host.

P columns of that table: the first base, the roll, whether it is read from the other strand, the
first cell, by how many bases coverage lies beyond it, and the noise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqcast.console import log
from seqcast.dataset import Dataset
from seqcast.genome import N
from seqcast.reading_ahead import read_ahead
from seqcast.sampling import Batch, Epoch, draw_epoch, find_shares, plain_batches, training_batches
from seqcast.settings import TrainSettings
from seqcast.targets import Targets

# Of the memory that is free: the rest is for the network.
_SHARE_OF_MEMORY = 0.5
_PIECE = 1 << 22
_BATCHES_AHEAD = 2


@dataclass(frozen=True)
class Cut:
    """A batch still to be cut: this process's rows of the table (B, P), and all windows' count."""

    table_BP: Tensor
    size: int


class HostFeed:
    """Read windows from the file, batch by batch, ahead of where a training is."""

    def __init__(self, dataset: Dataset, settings: TrainSettings, share: tuple[int, int]) -> None:
        self.dataset, self.settings, self.share = dataset, settings, share

    def training(self, rows: np.ndarray, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield this process's share of the batches of an epoch, from the step `first` on."""
        return self._read(
            training_batches(
                self.dataset, rows, self.settings, epoch, first=first, share=self.share
            )
        )

    def plain(self, rows: np.ndarray) -> Iterator[Batch]:
        """Yield this process's share of windows as they are."""
        size = self.settings.batch_size
        return self._read(plain_batches(self.dataset, rows, batch_size=size, share=self.share))

    def _read(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        def read() -> Iterator[Batch]:
            """Let go of each batch's pages of the file: what was in them is in the batch."""
            for batch in batches:
                self.dataset.forget()
                yield batch

        return read_ahead(read(), _BATCHES_AHEAD)


class DeviceFeed:
    """Cut windows out of a dataset that lies in a device's memory; the same as `HostFeed` reads."""

    def __init__(
        self,
        dataset: Dataset,
        settings: TrainSettings,
        share: tuple[int, int],
        device: torch.device,
    ) -> None:
        self.dataset, self.settings, self.share, self.device = dataset, settings, share, device
        targets, self.per_bin = dataset.targets, dataset.bin_size // dataset.resolution
        self.sequence = self._load(dataset.sequence)
        self.coverage = self._load(dataset.coverage)
        self.units = _TrainingUnits(targets, device)
        self.pairs = torch.tensor(targets.strand_pair, device=device)
        self.base_L = torch.arange(dataset.window, device=device)
        self.cell_M = torch.arange(dataset.output_bins * self.per_bin, device=device)

    def training(self, rows: np.ndarray, epoch: int, first: int = 0) -> Iterator[Cut]:
        """Yield this process's share of the batches of an epoch, from the step `first` on."""
        return self._batches(draw_epoch(self.dataset, rows, self.settings, epoch), first)

    def plain(self, rows: np.ndarray) -> Iterator[Cut]:
        """Yield this process's share of windows as they are."""
        nothing = np.zeros(len(rows), np.int64)
        return self._batches(
            Epoch(rows, nothing, nothing, rows, nothing, nothing, nothing.astype(np.int32)), 0
        )

    def cut(self, table_BP: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return sequence (B, L), coverage (B, N, T) as training sees it, and noise (B,)."""
        base, roll, flip, cell, beyond, noise = table_BP.unbind(1)
        place_BL = self.base_L
        if self.settings.max_shift:
            place_BL = (place_BL - roll[:, None]) % len(place_BL)
        codes = self.sequence[base[:, None] + place_BL]
        coverage = self._pool(cell)
        if self.per_bin > 1:
            # Between two cells it is made of both; see `Dataset.coverage_of`.
            share = (beyond.float() / self.dataset.resolution)[:, None, None]
            # A window that lies on a cell may be the last of all: what follows it is not there.
            after = self._pool(cell + (beyond > 0))
            coverage = torch.where(share > 0, coverage * (1 - share) + after * share, coverage)
        coverage = self.units.make(coverage)
        if self.settings.reverse_complement:
            is_flipped = flip.bool()[:, None]
            codes = torch.where(is_flipped, complement(codes).flip(1), codes)
            flipped = coverage.flip(1)[..., self.pairs]
            coverage = torch.where(is_flipped[..., None], flipped, coverage)
        return codes, coverage, noise.int()

    def _load(self, array: np.ndarray) -> Tensor:
        """Return an array in the device's memory, read piece by piece: it may be large."""
        dtype = torch.from_numpy(np.empty(0, array.dtype)).dtype
        loaded = torch.empty(array.shape, dtype=dtype, device=self.device)
        for first in range(0, len(array), _PIECE):
            piece = np.array(array[first : first + _PIECE])
            loaded[first : first + _PIECE] = torch.from_numpy(piece)
            self.dataset.forget()
        return loaded

    def _pool(self, cell_B: Tensor) -> Tensor:
        """Return the bins from cells on, (B, N, T); see `dataset.pool_cells`."""
        cells = self.coverage[cell_B[:, None] + self.cell_M]
        if self.per_bin == 1:
            return cells
        cells = cells.unflatten(1, (-1, self.per_bin))
        return torch.where(self.units.is_largest, cells.amax(2), cells.sum(2))

    def _batches(self, drawn: Epoch, first: int) -> Iterator[Cut]:
        table = torch.from_numpy(self._make_table(drawn)).to(self.device)
        shares = find_shares(len(table), self.settings.batch_size, first, self.share)
        for places, size in shares:
            yield Cut(table[places.start : places.stop : places.step], size)

    def _make_table(self, drawn: Epoch) -> np.ndarray:
        dataset = self.dataset
        contig = dataset.windows["contig"][drawn.rows]
        base = dataset.contigs.first_base[contig] + dataset.windows["start"][drawn.rows]
        cell = dataset.first_bin_of(drawn.coverage_rows) * self.per_bin
        cells, beyond = np.divmod(drawn.coverage_moves, dataset.resolution)
        columns = (base + drawn.moves, drawn.rolls, drawn.flips, cell + cells, beyond, drawn.noise)
        return np.stack([np.asarray(each, np.int64) for each in columns], axis=1)


class _TrainingUnits:
    """`Targets.to_training` on a device."""

    def __init__(self, targets: Targets, device: torch.device) -> None:
        def put(values: Iterable[float | None]) -> Tensor:
            """Return a number a target, infinity where there is none."""
            numbers = [float("inf") if value is None else value for value in values]
            return torch.tensor(numbers, dtype=torch.float32, device=device)

        self.factor = torch.from_numpy(targets.factor_T).to(device)
        self.unit = torch.from_numpy(targets.unit_T).to(device)
        stats = targets.sum_stat
        self.is_rooted = put([stat.endswith("_sqrt") for stat in stats]).bool()
        self.is_largest = put([stat == "max" for stat in stats]).bool()
        self.soft, self.hard = put(targets.clip_soft), put(targets.clip)
        # Most datasets have neither: a dozen small pieces of work a batch less.
        self.has_roots = bool(self.is_rooted.any())
        self.has_limits = not bool(torch.stack([self.soft, self.hard]).isinf().all())

    def make(self, v: Tensor) -> Tensor:
        """Turn coverage (..., T) into what training sees."""
        v = v * self.factor
        if self.has_roots:
            v = torch.where(self.is_rooted, (1 + v).sqrt() - 1, v)
        if self.has_limits:
            # Where there is no limit this is infinity less infinity, and not taken.
            soft = self.soft - 1 + ((v - self.soft) + 1).clamp(min=0).sqrt()
            v = torch.where(v > self.soft, soft, v)
            v = torch.where(v > self.hard, self.hard, v)
        return v / self.unit


def complement(codes: Tensor) -> Tensor:
    """Return the codes of the pairing bases; N pairs with N."""
    return torch.where(codes < N, 3 - codes, codes)


def make_feed(
    dataset: Dataset, settings: TrainSettings, share: tuple[int, int], device: torch.device
) -> HostFeed | DeviceFeed:
    """Feed from a GPU's memory where that has room for a whole dataset beside the network.

    Else from the file: also where another training took the room after it was looked at.
    """
    host = HostFeed(dataset, settings, share)
    if device.type != "cuda":
        return host
    free, _ = torch.cuda.mem_get_info(device)
    if dataset.sequence.nbytes + dataset.coverage.nbytes > _SHARE_OF_MEMORY * free:
        return host
    try:
        return DeviceFeed(dataset, settings, share, device)
    except torch.OutOfMemoryError:
        log.info("another process took the GPU's memory: the dataset is read from the file")
    torch.cuda.empty_cache()
    return host
