"""One pass over a Basenji-style HDF5 file, window by window, in little memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import h5py
import numpy as np

from seqcast.core.console import progress
from seqcast.core.reading_ahead import read_ahead
from seqcast.data import SPLITS
from seqcast.genome.codes import N
from seqcast.sources.base_order import BaseOrder, count_steps, find_base_order
from seqcast.sources.basenji.hdf5 import codes_from_one_hot, mark_odd, read_rows
from seqcast.sources.basenji.overlaps import Sketches

# Millions of bases in human windows, a second of reading.
_ORDER_WINDOWS = 64
_EXAMPLES = 3


@dataclass
class Bases:
    """What the inputs of a file hold; rows that are not one-hot are counted, a few are named."""

    table: np.ndarray
    sketches: Sketches
    rows: list[tuple[str, int]] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    bases: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    blank: dict[str, list[int]] = field(default_factory=lambda: {s: [] for s in SPLITS})
    odd: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    odd_examples: list[str] = field(default_factory=list)

    def add(self, split: str, row: int, rows_L4: np.ndarray) -> None:
        """Take in the one-hot sequence of a window."""
        codes, odd_L = codes_from_one_hot(rows_L4, self.table), mark_odd(rows_L4)
        unknown = int(np.count_nonzero(codes == N))
        self.unknown[split] += unknown
        self.bases[split] += codes.size
        if unknown == codes.size:
            self.blank[split].append(row)
        if odd_L.any():
            self.odd[split] += int(odd_L.sum())
            if len(self.odd_examples) < _EXAMPLES:
                base = int(odd_L.argmax())
                values = [float(value) for value in rows_L4[base]]
                self.odd_examples.append(f"/{split}_in window {row}, base {base:,}: {values}")
        self.rows.append((split, row))
        self.sketches.add(SPLITS.index(split), codes)


@dataclass
class Coverage:
    """What the targets of a file hold; arrays are (targets,) and `train` ones count good bins."""

    targets: int
    bad: dict[str, dict[int, int]] = field(default_factory=lambda: {s: {} for s in SPLITS})

    def __post_init__(self) -> None:
        self.train_sum, self.train_log = np.zeros(self.targets), np.zeros(self.targets)
        self.train_bins, self.train_zeros = (np.zeros(self.targets, np.int64) for _ in range(2))
        self.max = np.zeros(self.targets)
        self.nan, self.inf, self.negative = (np.zeros(self.targets, np.int64) for _ in range(3))

    def add(self, split: str, row: int, values_BT: np.ndarray) -> None:
        """Take in the targets of a window, (bins, targets)."""
        values = values_BT.astype(np.float64)
        good = is_good(values)
        if not good.all():
            self.bad[split][row] = int(np.count_nonzero(~good))
            self.nan += np.isnan(values).sum(axis=0)
            self.inf += np.isinf(values).sum(axis=0)
            self.negative += ((values < 0) & np.isfinite(values)).sum(axis=0)
            values = np.where(good, values, 0.0)
        self.max = np.maximum(self.max, values.max(axis=0))
        if split == "train":
            self.train_bins += good.sum(axis=0)
            self.train_zeros += ((values == 0) & good).sum(axis=0)
            self.train_sum += values.sum(axis=0)
            self.train_log += (values * np.log(np.maximum(values, 1e-12))).sum(axis=0)

    @property
    def train_mean(self) -> np.ndarray:
        """Mean over the good bins of the train windows, (targets,)."""
        return self.train_sum / np.maximum(self.train_bins, 1)

    @property
    def first_loss(self) -> float:
        """The chapter's loss of a network that answers 1 everywhere: 1 - mean(t - t log t)."""
        bins = max(int(self.train_bins.sum()), 1)
        return 1 - float(self.train_sum.sum() - self.train_log.sum()) / bins


def is_good(values: np.ndarray) -> np.ndarray:
    """Say which coverage values can be learnt from: finite, not negative."""
    return np.isfinite(values) & (values >= 0)


def read_base_order(file: h5py.File, windows: Mapping[str, int], declared: str) -> BaseOrder:
    """Find the order of the bases from up to 64 windows at the head of each split."""
    steps = np.zeros((5, 5), dtype=np.int64)
    for split in SPLITS:
        for _, rows_L4 in read_rows(file[f"{split}_in"], min(windows[split], _ORDER_WINDOWS)):
            steps += count_steps(codes_from_one_hot(rows_L4))
    return find_base_order(steps, declared)


def read_windows(
    file: h5py.File, windows: Mapping[str, int], order: BaseOrder
) -> tuple[Bases, Coverage]:
    """Read the first so many windows of each split and gather what they hold."""
    _, length, _ = file["train_in"].shape
    total = sum(windows.values())
    bases = Bases(order.table, Sketches(total * length))
    coverage = Coverage(file["train_out"].shape[2])
    with progress(total, "validate", "window") as bar:
        for split in SPLITS:
            for row, rows_L4 in read_ahead(read_rows(file[f"{split}_in"], windows[split])):
                bases.add(split, row, rows_L4)
                bar.update(1)
            for row, values_BT in read_rows(file[f"{split}_out"], windows[split]):
                coverage.add(split, row, values_BT)
    return bases, coverage
