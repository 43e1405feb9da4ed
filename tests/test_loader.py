"""A training sees the same windows wherever the dataset lies, in memory or in its file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TARGETS, make_contigs, read_moved, write_fine, write_tiny

from seqcast.data import Dataset
from seqcast.data.targets import Targets
from seqcast.settings import TrainSettings
from seqcast.training.loader import Loader

UNITS = {
    "sum_stat": ("max", "mean_sqrt", "sum"),
    "clip_soft": (3.0, None, 2.0),
    "clip": (None, 2.5, 4.0),
    "span": (1, 16, 1),
}


def hold(loader: Loader) -> Loader:
    """Have a loader keep its dataset in its device's memory, whatever device it is."""
    loader._codes, loader._cells = loader._load()
    assert loader.is_held
    return loader


def check_same(
    dataset: Dataset, device: torch.device, share: tuple[int, int] = (0, 1), **changes: Any
) -> None:
    settings = TrainSettings(batch_size=3, **changes)
    from_file = Loader(dataset, settings, share)
    held = hold(Loader(dataset, settings, share, device))
    rows = dataset.rows_of("train")
    pairs = [
        *zip(from_file.training(rows, 2, 1), held.training(rows, 2, 1), strict=True),
        *zip(from_file.plain(rows), held.plain(rows), strict=True),
    ]
    assert len(pairs) == 5
    for batch, other in pairs:
        codes, coverage, noise = from_file.cut(batch)
        found_codes, found_coverage, found_noise = (x.cpu() for x in held.cut(other))
        assert other.size == batch.size
        assert torch.equal(found_codes, codes)
        torch.testing.assert_close(found_coverage, coverage, rtol=1e-5, atol=1e-6, equal_nan=True)
        assert torch.equal(found_noise, noise)
        assert noise.dtype == torch.int32


@pytest.mark.parametrize(
    "changes",
    [
        {"max_shift": 5},
        {"max_shift": 0, "reverse_complement": True},
        {"max_jitter": 64, "reverse_complement": True},
        {"shuffle_coverage": True, "max_jitter": 32},
    ],
)
def test_a_device_holds_what_the_file_has(
    tmp_path: Path, device: torch.device, changes: dict
) -> None:
    check_same(write_tiny(tmp_path / "tiny.h5"), device, **changes)
    check_same(write_fine(tmp_path / "fine.h5"), device, **changes)


@pytest.mark.parametrize("names", [UNITS, ["sum_stat"], ["clip"], ["clip_soft", "span"], ["span"]])
def test_coverage_is_scaled_and_clipped_as_the_table_says(
    tmp_path: Path, device: torch.device, names: Iterable[str]
) -> None:
    targets = replace(TARGETS, **{name: UNITS[name] for name in names})
    dataset = write_tiny(tmp_path / "d.h5", make_contigs(), targets=targets)
    check_same(dataset, device, reverse_complement=True)
    loader, rows = Loader(dataset, TrainSettings(batch_size=20), device=device), np.arange(12)
    (batch,) = loader.plain(rows)
    wanted = np.stack([dataset.targets.to_training(dataset.coverage_of(row)) for row in rows])
    found = loader.cut(batch)[1].cpu().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_strand_pairs_may_lie_in_groups_apart(tmp_path: Path, device: torch.device) -> None:
    rng, count = np.random.default_rng(1), 600
    contigs = {
        name: (codes, rng.poisson(3, (len(coverage), count)).astype(np.float32))
        for name, (codes, coverage) in make_contigs().items()
    }
    targets = Targets.from_names([f"t{n}" for n in range(count)], scale=rng.uniform(1, 2, count))
    targets = replace(targets, strand_pair=tuple(reversed(range(count))))
    dataset = write_tiny(tmp_path / "d.h5", contigs, targets=targets)
    assert len(dataset.cells.groups) == 3
    check_same(dataset, device, max_jitter=64, reverse_complement=True)


@pytest.mark.parametrize("rank", [0, 1])
def test_shares_are_alike(tmp_path: Path, device: torch.device, rank: int) -> None:
    check_same(write_tiny(tmp_path / "d.h5"), device, share=(rank, 2))


def test_a_window_at_the_end_of_the_file_is_whole(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "fine.h5")
    row = int(np.argmax(dataset.first_bin_of(np.arange(len(dataset.windows)))))
    assert dataset.first_bin_of(np.array([row]))[0] + dataset.output_bins == dataset.bins
    codes, coverage = read_moved(dataset, row, 0)
    assert np.array_equal(codes, dataset.codes_of(row))
    assert np.array_equal(coverage, dataset.coverage_of(row))


@pytest.mark.parametrize(("free", "is_full"), [(10**12, False), (10**12, True), (1000, False)])
def test_a_gpu_without_room_reads_from_the_file(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch, free: int, is_full: bool
) -> None:
    def load(_: Loader) -> tuple[torch.Tensor, torch.Tensor]:
        if is_full:
            raise torch.OutOfMemoryError
        return torch.zeros(1), torch.zeros(1)

    loader = Loader(tiny_dataset, TrainSettings())
    assert not loader.is_held
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 10**12))
    monkeypatch.setattr(Loader, "_load", load)
    loader.device = torch.device("cuda")
    assert (loader._hold() is not None) == (free > 1000 and not is_full)
