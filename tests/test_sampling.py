"""What a step sees depends on seed, epoch and index alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import load_epoch, write_fine

from seqcast.data import Dataset
from seqcast.data.sampling import (
    draw_epoch,
    find_step,
    make_flips,
    make_jitter,
    make_noise,
    make_order,
    make_shifts,
)
from seqcast.genome.codes import reverse_complement
from seqcast.settings import TrainSettings
from seqcast.training.loader import Loader, flip_coverage

small = st.integers(0, 10_000)


def batches(
    dataset: Dataset, *, seed: int = 1, epoch: int = 0, max_shift: int = 5, **changes: Any
) -> list:
    settings = TrainSettings(seed=seed, batch_size=3, max_shift=max_shift, **changes)
    return load_epoch(dataset, settings, epoch)


@given(small, small, st.integers(1, 200))
def test_an_order_goes_through_all_windows_once(seed: int, epoch: int, windows: int) -> None:
    order = make_order(seed, epoch, windows)
    assert sorted(order) == list(range(windows))
    assert np.array_equal(make_order(seed, epoch, windows), order)


@given(small, st.integers(1, 50), st.integers(1, 50))
def test_epochs_of_some_windows_are_those_of_all_cut_elsewhere(
    seed: int, windows: int, size: int
) -> None:
    size = min(size, windows)
    short = [make_order(seed, epoch, windows, size) for epoch in range(3 * windows)]
    assert {len(each) for each in short} == {size}
    whole = [make_order(seed, epoch, windows) for epoch in range(3 * size)]
    assert np.array_equal(np.concatenate(short), np.concatenate(whole))


@given(small, small, st.integers(0, 20))
def test_shifts_stay_within_bounds(seed: int, epoch: int, max_shift: int) -> None:
    shifts = make_shifts(seed, epoch, 50, max_shift)
    assert np.abs(shifts).max() <= max_shift
    assert np.array_equal(make_shifts(seed, epoch, 50, max_shift), shifts)


def test_shifts_reach_both_bounds() -> None:
    assert set(make_shifts(1, 0, 1000, 5).tolist()) == set(range(-5, 6))


@pytest.mark.parametrize("asked", [4, 1_000])
def test_an_epoch_sees_as_many_windows_as_asked(tmp_path: Path, asked: int) -> None:
    dataset = write_fine(tmp_path / "dataset.h5")
    rows = dataset.rows_of("train")
    settings, count = TrainSettings(windows_per_epoch=asked), min(asked, len(rows))
    drawn = [draw_epoch(dataset, rows, settings, epoch) for epoch in range(-(-len(rows) // count))]
    assert {len(each.rows) for each in drawn} == {count}
    assert {len(each.noise) for each in drawn} == {count}
    assert set(np.concatenate([each.rows for each in drawn])) == set(rows.tolist())


def test_seed_and_epoch_both_count() -> None:
    places = [(1, 0), (1, 1), (2, 0)]
    assert len({tuple(make_order(*place, 50)) for place in places}) == 3
    assert len({tuple(make_shifts(*place, 50, 5)) for place in places}) == 3
    noise = [make_noise(seed, epoch, 9) for seed in range(3) for epoch in range(3)]
    assert len(set(np.concatenate(noise).tolist())) == 81
    assert noise[0].dtype == np.int32


def test_an_epoch_shows_each_window_once(tiny_dataset: Dataset) -> None:
    found = batches(tiny_dataset)
    assert [len(batch.rows) for batch in found] == [3, 3, 1]
    assert sorted(np.concatenate([batch.rows for batch in found])) == list(range(7))


def test_batches_are_a_pure_function(tiny_dataset: Dataset) -> None:
    np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
    first = batches(tiny_dataset, seed=3, epoch=2)
    np.random.seed(6)  # noqa: NPY002
    for a, b in zip(first, batches(tiny_dataset, seed=3, epoch=2), strict=True):
        assert np.array_equal(a.codes, b.codes)
        assert np.array_equal(a.coverage, b.coverage, equal_nan=True)


def test_sequence_rolls_and_coverage_stays(tiny_dataset: Dataset) -> None:
    rolled = 0
    for batch in batches(tiny_dataset):
        for row, codes, coverage in zip(batch.rows, batch.codes, batch.coverage, strict=True):
            plain = tiny_dataset.codes_of(row)
            (shift,) = [s for s in range(-5, 6) if np.array_equal(np.roll(plain, s), codes)]
            rolled += shift != 0
            scaled = tiny_dataset.coverage_of(row) * np.array([1, 2, 0.5], np.float32)
            wanted = scaled / tiny_dataset.targets.scaling.unit
            assert np.array_equal(coverage, wanted, equal_nan=True)
            assert coverage.dtype == np.float32
    assert rolled > 3


def test_plain_batches_are_in_order_and_unmoved(tiny_dataset: Dataset) -> None:
    rows = tiny_dataset.rows_of("valid")
    loader = Loader(tiny_dataset, TrainSettings(batch_size=2))
    codes = torch.cat([loader.cut(batch)[0] for batch in loader.plain(rows)])
    assert np.array_equal(codes, np.stack([tiny_dataset.codes_of(row) for row in rows]))


@given(small, small, st.integers(0, 500), st.sampled_from([1, 4, 16]))
def test_jitter_keeps_to_its_room(seed: int, epoch: int, most: int, step: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, 400, (2, 50))
    jitter = make_jitter(seed, epoch, left, right, most, step)
    assert np.all(jitter % step == 0)
    assert np.all((-left <= jitter) & (jitter <= right) & (np.abs(jitter) <= most))
    assert np.array_equal(make_jitter(seed, epoch, left, right, most, step), jitter)


def test_coarse_cells_are_not_cut(tiny_dataset: Dataset, tmp_path: Path) -> None:
    assert find_step(tiny_dataset) == tiny_dataset.resolution == tiny_dataset.bin_size
    assert find_step(write_fine(tmp_path / "fine.h5")) == 1


def test_jitter_reaches_every_base() -> None:
    room = np.full(2000, 99)
    assert set(make_jitter(1, 0, room, room, 7).tolist()) == set(range(-7, 8))


def test_half_of_the_windows_are_flipped() -> None:
    assert abs(make_flips(1, 0, 10_000).mean() - 0.5) < 0.02
    assert not np.array_equal(make_flips(1, 0, 50), make_flips(1, 1, 50))


@given(small)
def test_flipping_twice_is_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coverage, pairs = torch.from_numpy(rng.random((4, 7, 5))), torch.tensor([0, 2, 1, 4, 3])
    flipped = flip_coverage(coverage, pairs)
    assert torch.equal(flip_coverage(flipped, pairs), coverage)
    assert torch.equal(flipped[:, 0, 1], coverage[:, -1, 2])


def test_sequence_and_coverage_turn_together(tiny_dataset: Dataset) -> None:
    turned = 0
    for batch in batches(tiny_dataset, max_shift=0, reverse_complement=True):
        for row, codes, coverage in zip(batch.rows, batch.codes, batch.coverage, strict=True):
            values = tiny_dataset.targets.to_training(tiny_dataset.coverage_of(row))
            plain = tiny_dataset.codes_of(row)
            if not np.array_equal(codes, plain):
                turned += 1
                plain, values = reverse_complement(plain), values[::-1, [0, 2, 1]]
            assert np.array_equal(codes, plain)
            assert np.array_equal(coverage, values, equal_nan=True)
    assert 0 < turned < 7


def test_sequence_and_coverage_move_together(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "fine.h5")
    moved = 0
    for batch in batches(dataset, max_shift=0, max_jitter=64):
        for row, codes, coverage in zip(batch.rows, batch.codes, batch.coverage, strict=True):
            start = dataset.windows["start"][row]
            # In this dataset a base's coverage is its place: the mean of a bin is its middle.
            middle = coverage[0, 0] * dataset.targets.scaling.unit[0] / dataset.bin_size
            shift = round(middle - (dataset.bin_size - 1) / 2 - start)
            moved += shift % dataset.resolution != 0
            assert abs(shift) <= 64
            first = dataset.contigs.first_base[0] + start + shift
            assert np.array_equal(codes, dataset.codes[first : first + dataset.window])
    assert moved > 3


def test_shuffled_coverage_is_anothers(tiny_dataset: Dataset) -> None:
    rows = tiny_dataset.rows_of("train")
    found = batches(tiny_dataset, max_shift=0, shuffle_coverage=True)
    own = 0
    for batch in found:
        for row, codes, coverage in zip(batch.rows, batch.codes, batch.coverage, strict=True):
            assert np.array_equal(codes, tiny_dataset.codes_of(row))
            wanted = tiny_dataset.targets.to_training(tiny_dataset.coverage_of(row))
            own += np.array_equal(coverage, wanted, equal_nan=True)
    assert own < len(rows) / 2
    again = batches(tiny_dataset, epoch=0, max_shift=0, shuffle_coverage=True)
    assert np.array_equal(again[0].coverage, found[0].coverage, equal_nan=True)


def test_jitter_is_even_where_room_is_short() -> None:
    moves = make_jitter(1, 0, np.zeros(8000, int), np.full(8000, 3), 4096)
    counts = np.bincount(moves, minlength=4)
    assert len(counts) == 4
    # Five standard deviations.
    assert np.all(np.abs(counts - 2000) < 5 * np.sqrt(8000 * 0.25 * 0.75))
