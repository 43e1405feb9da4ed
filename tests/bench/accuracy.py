"""How well contributions find the sites that drive a simulated target, beside what is possible.

Average precision of the signed, projected contributions over all bases of the explained peaks;
positives are the bases of the sites of the factors that drive the target (`dataset/motifs.bed`).
The ceiling is the same of exact substitutions in the simulation's own noiseless rates.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqcast.data import read_dataset
from seqcast.data.predictions import read_predictions
from seqcast.evaluate.metrics import auprc
from seqcast.explain.explaining import Explainer
from seqcast.explain.regions import Region, find_explained, find_peaks
from seqcast.genome.codes import N
from seqcast.predict.predictor import Predictor
from seqcast.settings.steps import ExplainSettings
from seqcast.sources.simulated.tracks import (
    MOTIFS,
    TRACKS,
    Sites,
    SitesOfMotif,
    find_sites,
    make_signal,
)
from seqcast.sources.simulated.variants import FLOOR

# Its enhancers are ZNF143 sites 3 to 10 kb away.
DISTAL, ENHANCERS, FAR = "PolII-like:distal", ("ZNF143",), 20_000
ALL = ("CTCF", "REST", "NRF1", "JUN", "TATA", "YY1", "ZNF143")
DRIVERS = {
    "ChIP-like:CTCF": ("CTCF",),
    "ChIP-like:REST": ("REST",),
    "ChIP-like:ZNF143": ("ZNF143",),
    "DNase-like:cell A": ALL,
    "CAGE-like:wt +": ("TATA+",),
    "CAGE-like:wt -": ("TATA-",),
    "CAGE-like:heat +": ("TATA+", "HSF1"),
    "CAGE-like:heat -": ("TATA-", "HSF1"),
    "Histone-like:broad": ("NRF1", "ZNF143"),
    DISTAL: ("YY1",),
}
WIDTH, RADIUS = 1024, 250


# Of a pair of strands one; neither the target that is driven from far away, nor heat shock, whose
# elements count in company only: most that lie in a region have no effect at all.
MEASURED = (
    "ChIP-like:CTCF", "ChIP-like:REST", "ChIP-like:ZNF143", "DNase-like:cell A", "CAGE-like:wt +",
    "Histone-like:broad",
)  # fmt: skip
METHODS = ("gradient", "deeplift", "ism")


class Simulation:
    """A simulated run: its dataset, its sites, and what its rates say of a region."""

    def __init__(self, run: Path) -> None:
        self.dataset = read_dataset(run / "dataset/dataset.h5")
        self.predictions = read_predictions(run / "default/predict/predictions.h5", self.dataset)
        self.predictor = Predictor.open(run / "default/train/model.safetensors", device="cpu")
        self.sites = self._read_sites(run / "dataset/motifs.bed")
        self._mean = self._find_means()

    def _read_sites(self, path: Path) -> dict[str, list[tuple[int, int, str, str]]]:
        found: dict[str, list[tuple[int, int, str, str]]] = {}
        for line in path.read_text().splitlines():
            contig, start, end, name, _, strand = line.split("\t")[:6]
            found.setdefault(contig, []).append((int(start), int(end), name, strand))
        return found

    def _find_means(self) -> np.ndarray:
        contigs, signals = self.dataset.contigs, []
        for first, length in zip(contigs.first_base, contigs.length, strict=True):
            codes = np.asarray(self.dataset.codes[first : first + length])
            signals.append(make_signal(find_sites(codes), len(codes), self.dataset.bin_size))
        return np.concatenate(signals).mean(axis=0)

    def find_regions(self, most: int) -> dict[int, list[Region]]:
        """Return the strongest peaks of each target, by its place."""
        explained = find_explained(self.dataset.targets, "all")
        peaks = find_peaks(
            self.dataset, [self.predictions], explained, most=most, width=WIDTH, radius=RADIUS
        )
        return {
            each.targets[0]: [peak for peak in peaks if peak.target == each.slug]
            for each in explained
        }

    def measure(self, most: int) -> dict[str, tuple[dict[str, float], dict[str, float]]]:
        """Return the average precision and the seconds a region of each method, by target."""
        found = {}
        for target, regions in self.find_regions(most).items():
            if (name := TRACKS[target].name) not in MEASURED:
                continue
            marked = np.concatenate([self.mark(region, target) for region in regions])
            scores, seconds = {}, {}
            for method in (*METHODS, "ceiling"):
                start = time.process_time()
                values = [self.explain(method, region, target) for region in regions]
                seconds[method] = (time.process_time() - start) / len(regions)
                scores[method] = auprc(np.concatenate(values), marked)
            print(name, {key: round(each, 3) for key, each in scores.items()}, flush=True)
            found[name] = scores, seconds
        return found

    def measure_enhancers(self, most: int, method: str = "deeplift") -> tuple[float, float]:
        """Return the average precision of enhancers' bases far from promoters, and chance.

        Of the strongest peaks of the target that needs an enhancer 3 to 10 kb away, explained over
        `FAR` bases; what lies nearer than 2 kb does not count.
        """
        (target,) = [place for place, track in enumerate(TRACKS) if track.name == DISTAL]
        values, marked = [], []
        for peak in self.find_regions(most)[target]:
            start = max(peak.summit - FAR // 2, 0)
            region = replace(peak, start=start, end=start + FAR)
            if (
                region.end
                > self.dataset.contigs.length[self.dataset.contigs.name.index(peak.contig)]
            ):
                continue
            far = np.abs(np.arange(region.start, region.end) - peak.summit) > 2_000
            values.append(self.explain(method, region, target, FAR)[far])
            marked.append(self.mark(region, target, ENHANCERS)[far])
        found = np.concatenate(marked)
        return auprc(np.concatenate(values), found), float(found.mean())

    def explain(self, method: str, region: Region, target: int, width: int = WIDTH) -> np.ndarray:
        """Return the projected contributions of a region, (width,)."""
        if method == "ceiling":
            return self.explain_truth(region, target)
        settings = ExplainSettings(method=method, width=width, radius=RADIUS)
        found, _ = Explainer(self.predictor, self.dataset, settings).explain(region, [target])
        codes = self.dataset.sequence(region.contig, region.start, region.end)
        return (found.values * (codes[:, None] == np.arange(4))).sum(axis=1)

    def mark(self, region: Region, target: int, drivers: tuple[str, ...] = ()) -> np.ndarray:
        """Say of each base whether it is in a site that drives the target, (width,) bool."""
        marked = np.zeros(region.end - region.start, dtype=bool)
        drivers = drivers or DRIVERS[TRACKS[target].name]
        for start, end, name, strand in self.sites[region.contig]:
            if name in drivers or f"{name}{strand}" in drivers:
                marked[max(start - region.start, 0) : max(end - region.start, 0)] = True
        return marked

    def explain_truth(self, region: Region, target: int, margin: int = 12_000) -> np.ndarray:
        """Return the projected contributions of the rates themselves, by every substitution."""
        size = self.dataset.bin_size
        start = (region.start - margin) // size * size
        codes = self.dataset.sequence(region.contig, start, region.end + margin)
        bins = find_bins(region.summit - start, size)
        sites = find_sites(codes)

        def explain(sites: Sites) -> float:
            """Return the log of the rates' sum about the summit."""
            signal = make_signal(sites, len(codes), size)[bins, target]
            return float(np.log((signal / self._mean[target] + FLOOR).sum()))

        own, reach, found = explain(sites), max(len(m.consensus) for m in MOTIFS.values()), []
        for place in range(region.start - start, region.end - start):
            here, effects = codes[place - reach : place + reach + 1].copy(), np.zeros(4)
            before = find_sites(here)
            for base in range(4):
                here[reach] = base
                after = find_sites(here)
                if any(is_other(before[name], after[name]) for name in MOTIFS):
                    changed = swap(sites, before, after, place - reach)
                    effects[base] = explain(changed) - own
            found.append(effects[codes[place]] - effects.mean() if codes[place] < N else 0.0)
        return np.array(found)


def is_other(one: SitesOfMotif, other: SitesOfMotif) -> bool:
    """Say whether sites of a motif differ."""
    keys = ("centre", "strength", "forward")
    return any(not np.array_equal(getattr(one, key), getattr(other, key)) for key in keys)


def swap(sites: Sites, before: Sites, after: Sites, moved: int) -> Sites:
    """Return sites with some in a stretch replaced."""
    found = {}
    for name, whole in sites.items():
        kept = ~np.isin(whole.centre, before[name].centre + moved)
        joined = {
            key: np.concatenate([getattr(whole, key)[kept], getattr(after[name], key) + by])
            for key, by in (("centre", moved), ("strength", 0), ("forward", 0))
        }
        order = np.argsort(joined["centre"], kind="stable")
        arrays = {key: each[order] for key, each in joined.items()}
        arrays["forward"] = arrays["forward"].astype(bool)
        found[name] = replace(whole, **arrays)
    return found


def find_bins(summit: int, size: int, radius: int = RADIUS) -> list[int]:
    """Return the bins about a summit."""
    return list(range((summit - radius) // size, (summit + radius) // size + 1))
