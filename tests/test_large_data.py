"""A dataset need not fit into memory."""

import re
from pathlib import Path

import numpy as np
import pytest
from attempts import Attempt, make_long_task
from tiny import BIN, CROP, SOURCE, TARGETS, WINDOW, load_epoch

from seqcast.data import Contigs, Dataset, DatasetWriter, make_windows, read_dataset
from seqcast.settings import TrainSettings

MEGABYTE = 1 << 20


def write_large(path: Path, megabases: int) -> Dataset:
    """Write a dataset of one long contig with windows all over it."""
    length = megabases * 1_000_000 // BIN * BIN
    contigs = Contigs.from_lengths({"chr1": length}, BIN)
    with DatasetWriter(path, contigs=contigs, targets=TARGETS, bin_size=BIN, crop=CROP) as writer:
        rng = np.random.default_rng(1)
        coverage = np.ones((length // BIN, len(TARGETS)), np.float32)
        writer.add_contig(rng.integers(0, 4, length, dtype=np.uint8), coverage)
        # Far apart, so that hardly two of them lie in pages that the system reads together.
        starts = np.arange(0, length - WINDOW, 32_768) // BIN * BIN
        windows = [
            make_windows([0] * len(part), part, WINDOW, split)
            for part, split in ((starts[4:], "train"), (starts[:2], "valid"), (starts[2:4], "test"))
        ]
        writer.finish(np.concatenate(windows), SOURCE)
    return read_dataset(path)


def find_peak(folder: Path, dataset: Dataset) -> int:
    """Return the largest memory of a training, in bytes."""
    task = make_long_task(folder, dataset, epochs=1, batch_size=8, checkpoint_minutes=10)
    code, said = Attempt(task).end()
    assert code == 0, said
    return 1024 * int(re.search(r"peak memory: (\d+) kB", said)[1])


@pytest.mark.slow
def test_memory_stays_at_a_fifth_of_the_data(tmp_path: Path, tiny_dataset: Dataset) -> None:
    large = write_large(tmp_path / "large.h5", 200)
    size = large.codes.nbytes + large.cells.nbytes
    assert size > 300 * MEGABYTE
    grown = find_peak(tmp_path / "large", large) - find_peak(tmp_path / "tiny", tiny_dataset)
    assert grown < size / 5


def test_what_is_forgotten_is_read_again(tmp_path: Path) -> None:
    dataset = write_large(tmp_path / "d.h5", 1)
    before = dataset.codes_of(3), dataset.coverage_of(3)
    dataset.forget()
    assert np.array_equal(dataset.codes_of(3), before[0])
    assert np.array_equal(dataset.coverage_of(3), before[1])


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_each_epoch_shows_each_window_once_whatever_the_processes(
    tmp_path: Path, processes: int
) -> None:
    dataset, settings = write_large(tmp_path / "d.h5", 1), TrainSettings(batch_size=4)
    rows = dataset.rows_of("train")
    orders = []
    for epoch in (0, 1):
        shares = [
            load_epoch(dataset, settings, epoch, share=(rank, processes))
            for rank in range(processes)
        ]
        steps = [
            np.concatenate([batch.rows for batch in step]) for step in zip(*shares, strict=True)
        ]
        assert sorted(np.concatenate(steps)) == list(rows)
        alone = load_epoch(dataset, settings, epoch)
        for step, batch in zip(steps, alone, strict=True):
            assert sorted(step) == sorted(batch.rows)
        orders.append(np.concatenate([np.sort(step) for step in steps]))
    assert not np.array_equal(*orders)


def test_an_epoch_is_entered_at_any_step(tiny_dataset: Dataset) -> None:
    settings = TrainSettings(batch_size=2)
    whole = load_epoch(tiny_dataset, settings, 3)
    for first in range(len(whole) + 1):
        rest = load_epoch(tiny_dataset, settings, 3, first=first)
        assert len(rest) == len(whole) - first
        for batch, wanted in zip(rest, whole[first:], strict=True):
            assert np.array_equal(batch.codes, wanted.codes)
            assert np.array_equal(batch.noise, wanted.noise)
            assert np.array_equal(batch.coverage, wanted.coverage, equal_nan=True)
