"""A genome, a plan of it and what a network predicts there, for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tiny import CROP, NETWORK, TARGETS, write_tiny

from seqcast.data import Dataset, read_dataset
from seqcast.genome.fasta import write_fasta
from seqcast.nn import Network
from seqcast.nn.checkpoint import write_model
from seqcast.predict.genome_tracks.joining import Model
from seqcast.predict.genome_tracks.parts import read_part
from seqcast.predict.genome_tracks.plan import Plan
from seqcast.predict.genome_tracks.planning import Genome, plan_genome, plan_regions
from seqcast.predict.genome_tracks.predicting import predict_part
from seqcast.predict.genome_tracks.tiling import Tiling
from seqcast.predict.genome_tracks.writing import join_tracks, write_table
from seqcast.predict.trained import TrainedModel
from seqcast.settings import TrainSettings
from seqcast.settings.steps import GenomeTracksSettings, PredictSettings

TRAINING = TrainSettings(device="cpu", precision="float32", threads=1)
# The tiny network sees less than four bins to either side: two of crop, and these.
EDGE = 2


def make_genome(lengths: Mapping[str, int], seed: int = 1) -> dict[str, np.ndarray]:
    """Make random DNA without N."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 4, length).astype(np.uint8) for name, length in lengths.items()}


@dataclass(frozen=True)
class Lab:
    """A folder with a dataset, a network trained on nothing, and a genome."""

    folder: Path
    dataset: Dataset
    network: Network
    genome: Mapping[str, np.ndarray]

    @property
    def lengths(self) -> dict[str, int]:
        return {name: codes.size for name, codes in self.genome.items()}

    def plan(self, *, part: int = 10**9, bed: Path | None = None, **changes) -> Plan:
        """Plan all contigs, or the regions of a BED file."""
        settings = GenomeTracksSettings.model_validate({"edge_bins": EDGE, **changes})
        size = self.dataset.bin_size
        genome = Genome.from_lengths(self.lengths, "stamp", settings, size)
        tiling = Tiling.from_window(
            self.dataset.window, size, self.dataset.crop, settings.edge_bins
        )
        if bed:
            return plan_regions(bed, genome, tiling, part)
        return plan_genome(genome, tiling, part)

    def predict(
        self, plan: Plan | None = None, *, member: str = "a", predict: dict | None = None, **changes
    ) -> dict[str, Path]:
        """Predict all parts of a plan and return their files by name."""
        plan = plan or self.plan()
        tracks = GenomeTracksSettings.model_validate({"edge_bins": EDGE, **changes})
        folder = self.folder / "parts" / member
        folder.mkdir(parents=True, exist_ok=True)
        path, settings = self.folder / f"{member}.safetensors", predict or {}
        write_model(path, self.network)
        model = TrainedModel(
            path, self.dataset.path, PredictSettings.model_validate(settings), TRAINING
        )
        paths = {part.name: folder / f"{part.name}.h5" for part in plan.parts}
        for part in plan.parts:
            genome = self.folder / "genome.fa"
            predict_part(model, tracks, part, genome, paths[part.name])
        return paths

    def read(self, plan: Plan, paths: Mapping[str, Path]) -> dict[str, np.ndarray]:
        """Return what was predicted of each contig, (bins, targets)."""
        model = Model(plan, self.dataset, [[paths]])
        return {block.contig: block.values.T for block in model.read(slice(0, len(TARGETS)))}

    def predicted(self, **changes) -> dict[str, np.ndarray]:
        """Plan, predict and read all contigs."""
        plan = self.plan()
        return self.read(plan, self.predict(plan, **changes))


def make_lab(
    folder: Path, genome: Mapping[str, np.ndarray], crop: int = CROP, seed: int = 1
) -> Lab:
    """Write genome and dataset to a folder, and make a network with weights of a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    write_fasta(folder / "genome.fa", genome.items(), 60)
    dataset = folder / "dataset.h5"
    if not dataset.exists():
        write_tiny(dataset, crop=crop)
    torch.manual_seed(seed)
    return Lab(folder, read_dataset(dataset), Network(NETWORK, TARGETS, crop).eval(), genome)


def write_all(
    table: Path, dataset: Dataset, models: Mapping[str, Model], *, is_own: bool, observed: bool
) -> None:
    """Join the tracks of two groups of targets, and list them in a table."""
    joined = [table.parent / f"tracks/{group}.tsv" for group in range(2)]
    joined[0].parent.mkdir(exist_ok=True)
    for path, targets in zip(joined, (slice(0, 2), slice(2, 3)), strict=True):
        join_tracks(path, table.parent, dataset, models, targets, observed=observed)
    write_table(table, dataset, joined, is_own=is_own)


def read_raw(plan: Plan, paths: Mapping[str, Path], targets: Sequence[int] = (0, 1, 2)) -> list:
    """Return (targets, bins) of each part."""
    return [
        read_part(paths[part.name], part, TARGETS).read(slice(None), 0, part.bins)[list(targets)]
        for part in plan.parts
    ]
