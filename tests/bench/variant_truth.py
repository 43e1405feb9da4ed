"""How well predicted effects of variants follow the simulation's own, target by target.

3,000 substitutions and 300 insertions and deletions of the test chromosome, half of each in motif
sites, none of which the demo's own file has to have; lfc within 1,024 bases.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bench.measuring import ROOT, Row, skip

from seqcast.data import Dataset, read_dataset
from seqcast.evaluate.metrics import Moments
from seqcast.genome.codes import N
from seqcast.predict.predictor import Predictor
from seqcast.sources.simulated.tracks import find_sites, make_signal
from seqcast.sources.simulated.variants import Change, TrueEffects, draw_changes
from seqcast.variants.alleles import judge
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.parts import Site

SNVS, INDELS, RADIUS, SEED, DRAWS = 3_000, 300, 1_024, 20, 1_000
# r of a first trial, plain and of fewer variants; its interval is to reach it.
WANTED = {
    "ChIP-like:CTCF": 0.89, "ChIP-like:REST": 0.95, "ChIP-like:ZNF143": 0.68,
    "DNase-like:cell A": 0.74, "CAGE-like:wt +": 0.84, "CAGE-like:wt -": 0.88,
    "CAGE-like:heat +": 0.63, "CAGE-like:heat -": 0.68, "Histone-like:broad": 0.94,
    "PolII-like:distal": 0.75,
}  # fmt: skip


@dataclass(frozen=True)
class Contig:
    """A whole chromosome of a dataset, read as a genome is."""

    name: str
    codes: np.ndarray

    @property
    def lengths(self) -> dict[str, int]:
        """Its bases, by name."""
        return {self.name: len(self.codes)}

    def read(self, contig: str, start: int, end: int) -> np.ndarray:
        """Return codes, N beyond its ends."""
        found = np.full(end - start, N, dtype=np.uint8)
        inside = slice(max(start, 0), min(end, len(self.codes)))
        found[inside.start - start : inside.stop - start] = self.codes[inside]
        return found


def measure_variant_truth(run: Path = ROOT / "results/demo", threads: int = 2) -> list[Row]:
    """Return a row a target, of all variants, with r of substitutions and of the others beside."""
    path = run / "default/train/model.safetensors"
    if not path.is_file():
        return [skip("variants, predicted against true", f"{run} has no model: make demo")]
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        dataset = read_dataset(run / "dataset/dataset.h5")
        contig, effects = _open(dataset)
        rng = np.random.default_rng(SEED)
        changes = draw_changes(contig.codes, effects.sites, SNVS, INDELS, rng)
        true = np.array([effects.find(change, [RADIUS])[0] for change in changes])
        predicted = _predict(Predictor.open(path, device="cpu"), dataset, contig, changes, threads)
    finally:
        torch.set_num_threads(before)
    is_snv = np.array([len(each.ref) == len(each.alt) for each in changes])
    return list(_make_rows(dataset.targets.identifier, predicted, true, is_snv))


def _open(dataset: Dataset) -> tuple[Contig, TrueEffects]:
    """Return the test chromosome, and what its variants truly do."""
    contigs, found = dataset.contigs, {}
    for name, first, length in zip(contigs.chrom, contigs.first_base, contigs.length, strict=True):
        codes = np.asarray(dataset.codes[first : first + length])
        found[name] = codes, find_sites(codes)
    signals = [make_signal(sites, len(codes), dataset.bin_size) for codes, sites in found.values()]
    name = contigs.chrom[dataset.windows["contig"][dataset.rows_of("test")[0]]]
    unit_T = np.concatenate(signals).mean(0)
    effects = TrueEffects(*found[name], dataset.bin_size, unit_T, dataset.targets.mean_T)
    return Contig(name, found[name][0]), effects


def _predict(
    predictor: Predictor, dataset: Dataset, contig: Contig, changes: list[Change], threads: int
) -> np.ndarray:
    """Return the lfc of each change, (changes, T), as `snakemake variants` finds it."""
    grid = Grid.from_dataset(dataset)
    effects = Effects(predictor, grid, RADIUS)
    windows: dict[int, list[tuple[int, Site]]] = {}
    for at, each in enumerate(changes):
        found = judge(contig, contig.name, each.start + 1, each.ref, each.alt, grid.longest)
        site = Site(contig.name, found.start, found.ref, found.alt, found.status, "test", -1, 0.5)
        start = grid.compute_start(site.start, len(contig.codes))
        windows.setdefault(start, []).append((at, site))

    def score(window: tuple[int, list[tuple[int, Site]]]) -> np.ndarray:
        """Return the lfc of the sites of a window."""
        start, sites = window[0], [site for _, site in window[1]]
        margin = effects.compute_margin(sites)
        codes = contig.read(contig.name, start - margin, start + grid.window + margin)
        return effects.score(
            Window(contig.name, start, codes, margin), sites, len(contig.codes)
        ).lfc

    lfc = np.zeros((len(changes), len(dataset.targets)))
    with ThreadPoolExecutor(threads) as pool:
        for (_, sites), values in zip(
            windows.items(), pool.map(score, windows.items()), strict=True
        ):
            lfc[[at for at, _ in sites]] = values
    return lfc


def _make_rows(
    names: tuple[str, ...], predicted: np.ndarray, true: np.ndarray, is_snv: np.ndarray
) -> Iterator[Row]:
    for target, name in enumerate(names):
        x, y = predicted[:, target], true[:, target]
        r, low, high = correlate(x, y)
        beside = {"from": low, "to": high}
        for what, some in (("SNVs", is_snv), ("others", ~is_snv)):
            each = correlate(x[some], y[some])
            beside |= {f"{what}:": each[0], f"{what} from": each[1], f"{what} to": each[2]}
        yield Row(
            f"variants, predicted against true lfc, {name}", f"r of {len(x):,}", [r], beside,
            f"{WANTED.get(name, '')} within the interval",
        )  # fmt: skip


def correlate(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Return Pearson's r and its 95 % interval, from drawing variants anew."""
    moments = Moments.from_values(x, y, np.arange(len(x)))
    return moments.pearson_r(), *moments.interval(DRAWS)
