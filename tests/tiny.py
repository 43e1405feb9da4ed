"""A dataset and a network so small that a training takes a second."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from seqcast.core.chunks import ChunkedArray, ChunkWriter, open_chunked
from seqcast.data import Contigs, Dataset, DatasetWriter, make_windows, read_dataset
from seqcast.data.reference import ReferenceWriter
from seqcast.data.sampling import Epoch, draw_epoch, find_shares
from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.predict.predictor import Predictor
from seqcast.settings import NetworkSettings, TrainSettings, read_network
from seqcast.training import Task
from seqcast.training.loader import Loader

BIN, WINDOW, CROP = 16, 256, 2
# chr2 ends within a bin.
LENGTHS = {"chr1": 1024, "chr2": 777, "chr3": 512}
TARGETS = Targets(
    identifier=("peaks", "starts +", "starts -"),
    description=("where G and C are", "plus strand", "minus strand"),
    strand_pair=(0, 2, 1),
    scale=(1.0, 2.0, 0.5),
    units=("reads",) * 3,
)
SOURCE = {"kind": "simulated", "assembly": "tiny", "has_coordinates": True}
BLOCKS = {
    "downsample": [[6, 5, 4, 0.1], [8, 3, 4, 0.1]],
    "dilated": [[4, 3, 1, 0.1], [4, 3, 2, 0.1]],
}
NETWORKS = {
    "gated": read_network({"kind": "gated", **BLOCKS}),
    "pooled": read_network({"kind": "pooled", **BLOCKS, "head_dropout": 0.1}),
}
NETWORK = NETWORKS["gated"]


def make_contigs(seed: int = 1) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Make codes and coverage that follows from them, a few bins of it unknown."""
    contigs = {}
    rng = np.random.default_rng(seed)
    for name, length in LENGTHS.items():
        codes = rng.choice(4, length, p=[0.3, 0.2, 0.2, 0.3]).astype(np.uint8)
        codes[40:50] = 4
        bins = -(-length // BIN)
        strong = np.zeros(bins * BIN)
        strong[:length] = (codes == 1) | (codes == 2)
        rate = np.exp(strong.reshape(bins, BIN).sum(axis=1) / 3)[:, None] * [0.5, 0.2, 1.0]
        coverage = rng.poisson(rate).astype(np.float32)
        coverage[7:9] = np.nan
        coverage[20, 1] = np.nan
        contigs[name] = (codes, coverage)
    return contigs


def make_all_windows() -> np.ndarray:
    """Make windows that overlap by half within their split: 7 train, 5 valid, 3 test."""
    return np.concatenate(
        [
            make_windows([place] * len(starts), starts, WINDOW, ("train", "valid", "test")[place])
            for place, starts in enumerate(
                np.arange(0, length - WINDOW + 1, WINDOW // 2) for length in LENGTHS.values()
            )
        ]
    )


def write_tiny(
    path: Path,
    contigs: dict[str, tuple[np.ndarray, np.ndarray]] | None = None,
    *,
    windows: np.ndarray | None = None,
    targets: Targets = TARGETS,
    **changes: Any,
) -> Dataset:
    """Write the tiny dataset, or one like it."""
    contigs = contigs or make_contigs()
    lengths = {name: codes.size for name, (codes, _) in contigs.items()}
    options = {"bin_size": BIN, "crop": CROP, **changes}
    layout = Contigs.from_lengths(lengths, options["bin_size"])
    with DatasetWriter(path, contigs=layout, targets=targets, **options) as writer:
        for codes, coverage in contigs.values():
            writer.add_contig(codes, coverage)
        writer.finish(make_all_windows() if windows is None else windows, SOURCE)
    return read_dataset(path)


def write_many(path: Path, count: int = 130) -> Dataset:
    """Write a dataset with more targets than lie together in a file."""
    rng = np.random.default_rng(1)
    contigs = {
        name: (codes, rng.poisson(3, (len(coverage), count)).astype(np.float32))
        for name, (codes, coverage) in make_contigs().items()
    }
    return write_tiny(path, contigs, targets=Targets.from_names([f"t{n}" for n in range(count)]))


def count_unpacked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, int]]:
    """Count from now on how often each chunk, by its file and place there, is unpacked."""
    counts: Counter[tuple[str, int]] = Counter()
    unpack = ChunkedArray._unpack

    def count(self: ChunkedArray, group: int, number: int, chunk: np.ndarray) -> None:
        name = Path(self.file.filename).name
        counts[name, int(self.table[group, number, 0])] += 1
        unpack(self, group, number, chunk)

    monkeypatch.setattr(ChunkedArray, "_unpack", count)
    return counts


def write_fine(path: Path) -> Dataset:
    """Write a dataset with four cells a bin in which a base's coverage is its place."""
    targets = Targets.from_names(["place", "largest"])
    targets = replace(targets, sum_stat=("sum", "max"))
    lengths = {"chr1": 1024, "chr2": 512, "chr3": 512}
    rng = np.random.default_rng(1)
    with DatasetWriter(
        path,
        contigs=Contigs.from_lengths(lengths, BIN),
        targets=targets,
        bin_size=BIN,
        resolution=BIN // 4,
    ) as writer:
        for length in lengths.values():
            place = np.arange(length, dtype=np.float64).reshape(-1, BIN // 4)
            cells = np.stack([place.sum(axis=1), place.max(axis=1)], axis=1)
            writer.add_contig(rng.integers(0, 4, length).astype(np.uint8), cells)
        rows = [
            make_windows([place] * len(starts), starts, WINDOW, ("train", "valid", "test")[place])
            for place, starts in enumerate(
                np.arange(0, length - WINDOW + 1, WINDOW // 2) for length in lengths.values()
            )
        ]
        writer.finish(np.concatenate(rows), SOURCE)
    return read_dataset(path)


def read_whole(array: ChunkedArray) -> np.ndarray:
    """Read an array of a file as a whole, (places, targets)."""
    return array.read(0, array.shape[1]).T


def replace_coverage(dataset: Dataset, path: Path, coverage_CT: np.ndarray) -> Dataset:
    """Give a dataset other coverage, (cells, targets), which lies in a file of its own."""
    with h5py.File(path, "w") as file:
        writer = ChunkWriter(file, "coverage", *coverage_CT.T.shape)
        writer.add(coverage_CT.T)
        writer.finish()
    with h5py.File(path) as file:
        return replace(dataset, cells=open_chunked(path, file["coverage"]))


def write_replicates(
    path: str | Path, coverage_BT: np.ndarray, included: Sequence[bool], targets: Targets
) -> None:
    """Write coverage of replicates, (bins, targets), row by row the dataset's bins."""
    with ReferenceWriter(path, len(coverage_BT), targets, included) as writer:
        writer.coverage.add(coverage_BT.T)
        writer.finish()


def make_task(folder: Path, dataset: Dataset, network: NetworkSettings = NETWORK, **training: Any):
    """Make the task of a training whose files lie in a folder."""
    return Task(
        network=network,
        training=TrainSettings.model_validate(training),
        dataset=dataset.path,
        model=folder / "model.safetensors",
        history=folder / "history.tsv",
        checkpoints=folder / "checkpoints",
        snapshots=folder / "snapshots",
        fold=dataset.fold,
    )


def predict(network: Network, codes: np.ndarray, **options: Any) -> np.ndarray:
    """Predict windows with a network."""
    return Predictor(network, **options).predict(codes)


@dataclass
class Loaded:
    """A batch that is cut, and which rows of the windows table it shows."""

    rows: np.ndarray
    codes: np.ndarray
    coverage: np.ndarray
    noise: np.ndarray


def load_epoch(
    dataset: Dataset,
    settings: TrainSettings,
    epoch: int,
    *,
    first: int = 0,
    share: tuple[int, int] = (0, 1),
) -> list[Loaded]:
    """Load an epoch's training windows as a training sees them."""
    loader, rows = Loader(dataset, settings, share), dataset.rows_of("train")
    shown = draw_epoch(dataset, rows, settings, epoch).rows
    shares = find_shares(len(rows), settings.batch_size, first, share)
    return [
        Loaded(shown[own.start : own.stop : own.step], *(x.numpy() for x in loader.cut(batch)))
        for (own, _), batch in zip(shares, loader.training(rows, epoch, first), strict=True)
    ]


def read_moved(dataset: Dataset, row: int, moved: int) -> tuple[np.ndarray, np.ndarray]:
    """Return codes and coverage, neither scaled nor clipped, of a window moved by some bases."""
    stats = tuple("max" if stat == "max" else "sum" for stat in dataset.targets.sum_stat)
    plain = replace(Targets.from_names(dataset.targets.identifier), sum_stat=stats)
    loader = Loader(replace(dataset, targets=plain), TrainSettings(max_shift=0))
    moves = np.array([moved])
    drawn = replace(Epoch.plain(np.array([row])), moves=moves, coverage_moves=moves)
    (batch,) = loader._batches(drawn)
    codes, coverage, _ = loader.cut(batch)
    return codes[0].numpy(), coverage[0].numpy()
