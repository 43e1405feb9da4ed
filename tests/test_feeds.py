"""What a GPU cuts out of its memory is what the host reads from the file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TARGETS, make_contigs, write_fine, write_tiny

from seqcast.dataset import Dataset
from seqcast.settings import TrainSettings
from seqcast.training import feeds
from seqcast.training.feeds import DeviceFeed, HostFeed, complement

UNITS = {
    "sum_stat": ("max", "mean_sqrt", "sum"),
    "clip_soft": (3.0, None, 2.0),
    "clip": (None, 2.5, 4.0),
    "span": (1, 16, 1),
}


def check_same(
    dataset: Dataset, device: torch.device, share: tuple[int, int] = (0, 1), **changes: Any
) -> None:
    settings = TrainSettings(batch_size=3, **changes)
    host = HostFeed(dataset, settings, share)
    held = DeviceFeed(dataset, settings, share, device)
    rows = dataset.rows_of("train")
    pairs = [
        *zip(host.training(rows, 2, 1), held.training(rows, 2, 1), strict=True),
        *zip(host.plain(rows), held.plain(rows), strict=True),
    ]
    assert len(pairs) == 5
    for batch, cut in pairs:
        codes, coverage, noise = (each.cpu().numpy() for each in held.cut(cut.table_BP))
        assert cut.size == batch.size
        assert np.array_equal(codes, batch.codes)
        assert coverage == pytest.approx(batch.coverage, rel=1e-5, abs=1e-6, nan_ok=True)
        assert noise.dtype == np.int32
        if batch.noise is not None:
            assert np.array_equal(noise, batch.noise)


@pytest.mark.parametrize(
    "changes",
    [
        {"max_shift": 5},
        {"max_shift": 0, "reverse_complement": True},
        {"max_jitter": 64, "reverse_complement": True},
        {"shuffle_coverage": True, "max_jitter": 32},
    ],
)
def test_a_device_cuts_what_the_host_reads(
    tmp_path: Path, device: torch.device, changes: dict
) -> None:
    check_same(write_tiny(tmp_path / "tiny.h5"), device, **changes)
    check_same(write_fine(tmp_path / "fine.h5"), device, **changes)


@pytest.mark.parametrize("names", [UNITS, ["sum_stat"], ["clip"], ["clip_soft", "span"], ["span"]])
def test_coverage_is_scaled_and_clipped_alike(
    tmp_path: Path, device: torch.device, names: Iterable[str]
) -> None:
    targets = replace(TARGETS, **{name: UNITS[name] for name in names})
    dataset = write_tiny(tmp_path / "d.h5", make_contigs(), targets=targets)
    check_same(dataset, device, reverse_complement=True)


@pytest.mark.parametrize("rank", [0, 1])
def test_shares_are_alike(tmp_path: Path, device: torch.device, rank: int) -> None:
    check_same(write_tiny(tmp_path / "d.h5"), device, share=(rank, 2))


def test_complements_pair() -> None:
    codes = torch.tensor([0, 1, 2, 3, 4], dtype=torch.uint8)
    assert complement(codes).tolist() == [3, 2, 1, 0, 4]


@pytest.mark.parametrize(("free", "is_full"), [(10**12, False), (10**12, True), (1000, False)])
def test_a_gpu_without_room_is_fed_from_the_file(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch, free: int, is_full: bool
) -> None:
    def load(*_: object) -> object:
        if is_full:
            raise torch.OutOfMemoryError
        return "held"

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 10**12))
    monkeypatch.setattr(feeds, "DeviceFeed", load)
    feed = feeds.make_feed(tiny_dataset, TrainSettings(), (0, 1), torch.device("cuda"))
    assert (feed == "held") == (free > 1000 and not is_full)
    assert feed == "held" or isinstance(feed, feeds.HostFeed)
