"""A tiny run whose models score the variants of a VCF, in a folder."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from test_explain import make_network
from test_explain_files import write_predictions
from tiny import CROP, LENGTHS, NETWORKS, TARGETS, write_tiny

from seqcast.data import Dataset
from seqcast.genome.codes import decode
from seqcast.nn.checkpoint import write_model
from seqcast.predict.trained import TrainedModel
from seqcast.settings import TrainSettings
from seqcast.settings.steps import ExplainSettings, PredictSettings, VariantsSettings
from seqcast.sources.genome.fasta import Fasta
from seqcast.variants.planning import plan_variants
from seqcast.variants.scoring import score_member
from seqcast.variants.top import show_member
from seqcast.variants.tracks import write_tracks
from seqcast.variants.writing import write_variants

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
SETTINGS = VariantsSettings(vcf="my.vcf", radius=20, null=12, top=2)
EXPLAIN = ExplainSettings()
TRAINING = TrainSettings(device="cpu", threads=1)
PREDICT = PredictSettings(strands="both")


def write_vcf(path: Path, rows: Iterable[Sequence[object]], header: str = HEADER) -> Path:
    """Write rows of contig, position, ID, REF and ALT; the rest may follow."""
    lines = ["\t".join(map(str, [*row, *[".", ".", "."][len(row) - 5 :]])) for row in rows]
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def draw_rows(dataset: Dataset, count: int, seed: int = 1) -> list[tuple[str, int, str, str, str]]:
    """Draw sorted variants of all kinds from a tiny dataset."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(count):
        contig = ("chr1", "chr2", "chr3")[number * 3 // count]
        start, size = int(rng.integers(60, LENGTHS[contig] - 20)), int(rng.integers(1, 5))
        ref = decode(dataset.sequence(contig, start, start + size))
        alt = decode(rng.integers(0, 4, int(rng.integers(1, 5))).astype(np.uint8))
        if number % 3:
            ref = ref[0]
            alt = "ACGT"[("ACGT".index(ref) + number) % 4]
            alt = alt if alt != ref else "ACGT"[("ACGT".index(ref) + 1) % 4]
        rows.append((contig, start + 1, f"v{number}", ref, alt))
    return sorted(rows, key=lambda row: row[:2])


class Run:
    """A dataset, models with random weights, and a VCF."""

    def __init__(self, folder: Path, members: tuple[str, ...] = ("default",), **options) -> None:
        self.folder, self.members = folder, members
        folder.mkdir(parents=True, exist_ok=True)
        self.dataset = write_tiny(folder / "dataset.h5", **options)
        self.predictions = write_predictions(folder / "p.h5", self.dataset)
        for seed, name in enumerate(members):
            network = make_network(NETWORKS["pooled"], TARGETS, crop=CROP)
            network.head.weight.data += 0.1 * seed
            write_model(folder / f"{name}.safetensors", network, {})

    @property
    def parts(self) -> Path:
        """Where the plan and all parts lie."""
        return self.folder / "variants/parts"

    def plan(
        self, vcf: Path, settings: VariantsSettings = SETTINGS, *, fasta: Fasta | None = None
    ) -> dict:
        """Plan; return what the plan says."""
        plan_variants(self.parts / "plan.json", settings, self.dataset.path, vcf, fasta, {})
        return json.loads((self.parts / "plan.json").read_text())

    def find_model(self, name: str, threads: int = 1) -> TrainedModel:
        """Return a member, whose fold its name says."""
        return TrainedModel(
            self.folder / f"{name}.safetensors", self.dataset.path, PREDICT,
            TRAINING.model_copy(update={"threads": threads}),
            int(name[-1]) - 1 if ".f" in name else 0, name,
        )  # fmt: skip

    def score(self, settings: VariantsSettings = SETTINGS, threads: int = 1) -> None:
        """Score with all members."""
        for name in self.members:
            model = self.find_model(name, threads)
            output = self.parts / name / "parts.json"
            score_member(model, settings, self.parts / "plan.json", output)

    def join(self, settings: VariantsSettings = SETTINGS) -> dict:
        """Join; return what `variants.json` says."""
        output, joined = self.folder / "variants/variants.json", self.parts / "joined.json"
        write_variants(
            joined, output.parent, self.dataset.path, self.parts / "plan.json",
            {"default": self.members}, {"default": self.predictions}, settings,
        )  # fmt: skip
        seen = [self.parts / "top" / f"{name}.h5" for name in self.members]
        for name, path in zip(self.members, seen, strict=True):
            model = self.find_model(name)
            show_member(model, settings, EXPLAIN, joined, path, model_name="default")
        write_tracks(output, joined, self.dataset.path, {"default": seen})
        return json.loads(output.read_text())

    def run(self, vcf: Path, settings: VariantsSettings = SETTINGS, **options) -> list[dict]:
        """Do all of it; return the rows of the table."""
        self.plan(vcf, settings, **options)
        self.score(settings)
        self.join(settings)
        return self.read()

    def read(self) -> list[dict[str, str]]:
        """Return the rows of the table."""
        with open(self.folder / "variants/variants.tsv", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))
