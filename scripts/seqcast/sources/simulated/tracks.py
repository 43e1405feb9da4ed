"""Say what a sequence's tracks look like: find motifs, turn them into rates of coverage.

A rate is a function of the sequence alone, chance matches included, so that all of it could in
principle be learned.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from seqcast.genome.codes import encode, reverse_complement
from seqcast.genome.meme import IUPAC

# Letters that each IUPAC code allows, as a table of (letters, codes 0..4); N allows no real N.
_ALLOWED = {letter: np.isin(np.arange(5), encode(bases)) for letter, bases in IUPAC.items()}
# How open each factor makes chromatin.
_OPEN = {
    "CTCF": 1.0, "REST": 1.0, "NRF1": 3.0, "JUN": 0.5, "TATA": 0.5, "YY1": 0.5,
    "ZNF143": 1.0,
}  # fmt: skip
# A site with m mismatches is bound this strongly.
_STRENGTH = np.array([1.0, 0.5, 0.25])


@dataclass(frozen=True)
class Motif:
    """A factor's published consensus; `every` so many bases one is planted (0: only in company)."""

    name: str
    consensus: str
    mismatches: int
    every: int
    source: str


MOTIFS = {
    motif.name: motif
    for motif in (
        Motif("CTCF", "CCASYAGRKGGCRS", 1, 1_500, "JASPAR MA0139, Kim et al. 2007"),
        Motif("REST", "TTCAGCACCATGGACAG", 2, 1_200, "JASPAR MA0138, Johnson et al. 2007"),
        Motif("NRF1", "TGCGCATGCGCA", 1, 3_000, "JASPAR MA0506"),
        Motif("JUN", "ATGACTCAT", 0, 3_000, "JASPAR MA0099, the AP-1 site"),
        Motif("TATA", "SSRCGCCTATAWAAG", 1, 2_500, "BREu and TATA box, Lagrange et al. 1998"),
        Motif("HSF1", "TTCNNGAANNTTC", 0, 5_000, "heat-shock element, JASPAR MA0486"),
        Motif("YY1", "CAAGATGGCGGC", 0, 2_000, "JASPAR MA0095"),
        Motif("ZNF143", "ACTACAATTCCCAGCATGC", 2, 0, "SBS2, Ngondo-Mbongo et al. 2013"),
    )
}


@dataclass(frozen=True)
class Track:
    """A simulated target.

    `depth` is its mean count a bin, as libraries differ in size; `pair` names the same track on the
    other strand.
    """

    name: str
    description: str
    depth: float
    pair: str = ""


TRACKS = (
    Track("ChIP-like:CTCF", "sharp peaks at CTCF sites", 1.0),
    Track("ChIP-like:REST", "sharp peaks at REST sites", 1.0),
    Track("ChIP-like:ZNF143", "sharp peaks at ZNF143 sites, which make enhancers", 1.5),
    Track("DNase-like:cell A", "open chromatin at factors and promoters", 2.0),
    Track("CAGE-like:wt +", "transcription starts, plus strand", 0.5, "CAGE-like:wt -"),
    Track("CAGE-like:wt -", "transcription starts, minus strand", 0.5, "CAGE-like:wt +"),
    Track("CAGE-like:heat +", "starts after heat shock, plus strand", 0.5, "CAGE-like:heat -"),
    Track("CAGE-like:heat -", "starts after heat shock, minus strand", 0.5, "CAGE-like:heat +"),
    Track("Histone-like:broad", "a broad mark, kilobases around ZNF143 and NRF1 sites", 2.0),
    Track("PolII-like:distal", "YY1 promoters that need an enhancer 3 to 10 kb away", 1.5),
)


@dataclass(frozen=True)
class SitesOfMotif:
    """Where a motif stands; (sites,) each, sorted by centre. `forward` is its strand."""

    centre: np.ndarray
    strength: np.ndarray
    forward: np.ndarray
    size: int

    def rows(self) -> Iterator[tuple[int, int, float, str]]:
        """Yield start, end, strength and strand of each site."""
        for centre, strength, forward in zip(
            self.centre.tolist(), self.strength.tolist(), self.forward.tolist(), strict=True
        ):
            start = centre - self.size // 2
            yield start, start + self.size, strength, "+" if forward else "-"


Sites = dict[str, SitesOfMotif]


def find_sites(codes: np.ndarray) -> Sites:
    """Find every site of every motif on both strands of codes (length,)."""
    return {name: _find_motif(codes, motif) for name, motif in MOTIFS.items()}


def _find_motif(codes: np.ndarray, motif: Motif) -> SitesOfMotif:
    size = len(motif.consensus)
    forward = _count_mismatches(codes, motif.consensus)
    # The reverse strand is scanned in its own direction and its starts are turned round.
    backward = _count_mismatches(reverse_complement(codes), motif.consensus)[::-1]
    best = np.minimum(forward, backward)
    start = np.flatnonzero(best <= motif.mismatches)
    return SitesOfMotif(
        centre=start + size // 2,
        strength=_STRENGTH[best[start]],
        forward=forward[start] <= backward[start],
        size=size,
    )


def _count_mismatches(codes: np.ndarray, consensus: str) -> np.ndarray:
    starts = max(0, codes.size - len(consensus) + 1)
    mismatches = np.zeros(starts, dtype=np.uint8)
    for offset, letter in enumerate(consensus):
        mismatches += ~_ALLOWED[letter][codes[offset : offset + starts]]
    return mismatches


def make_signal(sites: Sites, length: int, bin_size: int) -> np.ndarray:
    """Return what the motifs give each bin, in units of their own, (bins, tracks) float64."""
    bins = -(-length // bin_size)

    def peaks(name: str, width: float, weight: np.ndarray | float = 1.0) -> np.ndarray:
        """Return the peaks at a motif's sites, (bins,)."""
        here = sites[name]
        return _spread(here.centre, here.strength * weight, width, bins, bin_size)

    tata = sites["TATA"]
    starts = tata.centre + np.where(tata.forward, 35, -35)
    heated = 0.4 + 1.6 * _has_near(sites["HSF1"], tata.centre, 0, 150)
    enhanced = 0.05 + _has_near(sites["ZNF143"], sites["YY1"].centre, 3_000, 10_000)

    def cage(forward: bool, weight: np.ndarray | float) -> np.ndarray:
        """Return the peaks of one strand's starts, (bins,)."""
        strength = tata.strength * weight * (tata.forward == forward)
        return _spread(starts, strength, 25.0, bins, bin_size)

    dnase = sum(weight * peaks(name, 90.0) for name, weight in _OPEN.items())
    return np.stack(
        [
            peaks("CTCF", 70.0),
            peaks("REST", 70.0),
            peaks("ZNF143", 70.0),
            dnase,
            cage(True, 1.0),
            cage(False, 1.0),
            cage(True, heated),
            cage(False, heated),
            0.4 * peaks("NRF1", 500.0) + peaks("ZNF143", 800.0),
            peaks("YY1", 70.0, enhanced),
        ],
        axis=1,
    )


def _has_near(sites: SitesOfMotif, centres: np.ndarray, nearest: int, farthest: int) -> np.ndarray:
    """Return the strength of the strongest site within a range of distances, 0 without one."""
    strongest = np.zeros(len(centres))
    for low, high in ((-farthest, -nearest), (nearest, farthest)):
        first = np.searchsorted(sites.centre, centres + low)
        last = np.searchsorted(sites.centre, centres + high, side="right")
        for index in np.flatnonzero(last > first):
            best = sites.strength[first[index] : last[index]].max()
            strongest[index] = max(strongest[index], best)
    return strongest


def _spread(
    centres: np.ndarray, weights: np.ndarray, width: float, bins: int, bin_size: int
) -> np.ndarray:
    """Sum Gaussians of a standard deviation in bases over bins; each has the area of its weight."""
    reach = int(np.ceil(4 * width / bin_size))
    total = np.zeros(bins)
    first = centres // bin_size
    for offset in range(-reach, reach + 1):
        left = (first + offset) * bin_size
        share = ndtr((left + bin_size - centres) / width) - ndtr((left - centres) / width)
        inside = (first + offset >= 0) & (first + offset < bins)
        np.add.at(total, (first + offset)[inside], (weights * share)[inside])
    return total
