"""Make a chromosome: AT-rich background, repeats, runs of N, planted motifs."""

import numpy as np

from seqcast.genome.codes import N, encode, reverse_complement
from seqcast.sources.simulated.tracks import MOTIFS

# Transition probabilities, from row to column in the order A, C, G, T: 39 % GC, CpG at a fifth of
# what its bases would give, TpA at three quarters, as in mammals (Karlin & Burge 1995).
_TRANSITIONS = np.array(
    [
        [0.330, 0.175, 0.235, 0.260],
        [0.350, 0.255, 0.045, 0.350],
        [0.290, 0.215, 0.255, 0.240],
        [0.215, 0.205, 0.250, 0.330],
    ]
)
_REPEAT_FAMILIES = (300, 320, 900, 1_400, 2_600)
_IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT",
    "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


def make_chromosome(length: int, rng: np.random.Generator) -> np.ndarray:
    """Make a chromosome of uint8 codes, (length,)."""
    codes = _make_background(length, rng)
    _insert_repeats(codes, rng)
    _plant_motifs(codes, rng)
    _insert_gaps(codes, rng)
    return codes


def _make_background(length: int, rng: np.random.Generator) -> np.ndarray:
    """Run many short Markov chains side by side and join them."""
    steps = 512
    chains = -(-length // steps)
    cumulative = _TRANSITIONS.cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    codes = np.empty((steps, chains), dtype=np.uint8)
    codes[0] = rng.integers(0, 4, chains)
    for step in range(1, steps):
        draw = rng.random(chains)[:, None]
        codes[step] = (draw > cumulative[codes[step - 1], :3]).sum(axis=1)
    return codes.T.reshape(-1)[:length]


def _insert_repeats(codes: np.ndarray, rng: np.random.Generator) -> None:
    """Scatter diverged copies of a few families, the same everywhere, and tandems."""
    family_rng = np.random.default_rng(2018)
    for size in _REPEAT_FAMILIES:
        consensus = _make_background(size, family_rng)
        for start in rng.integers(0, max(1, codes.size - size), codes.size // 60_000):
            copy = consensus[: codes.size - start].copy()
            mutated = rng.random(copy.size) < rng.uniform(0.03, 0.2)
            copy[mutated] = rng.integers(0, 4, int(mutated.sum()))
            codes[start : start + copy.size] = (
                reverse_complement(copy) if rng.random() < 0.5 else copy
            )
    for start in rng.integers(0, codes.size, codes.size // 40_000):
        unit = rng.integers(0, 4, rng.integers(1, 6)).astype(np.uint8)
        tandem = np.tile(unit, 12)[: codes.size - start]
        codes[start : start + tandem.size] = tandem


def _insert_gaps(codes: np.ndarray, rng: np.random.Generator) -> None:
    """Put runs of N at both ends and at a few places between, as assemblies have them."""
    end = min(1_000, codes.size // 50)
    codes[:end] = codes[codes.size - end :] = N
    for start in rng.integers(0, codes.size, codes.size // 400_000):
        codes[start : start + rng.integers(50, 5_000)] = N


def _plant_motifs(codes: np.ndarray, rng: np.random.Generator) -> None:
    """Write motifs on either strand, some with mismatches, some in the company they need."""
    for motif in MOTIFS.values():
        if motif.every:
            for start in rng.integers(0, codes.size, codes.size // motif.every):
                _plant(codes, int(start), motif.name, rng.random() < 0.5, rng)
    # Half of the promoters have a heat-shock element just upstream.
    for start in rng.integers(0, codes.size, codes.size // 2_500):
        reverse = bool(rng.random() < 0.5)
        _plant(codes, int(start), "TATA", reverse, rng)
        away = int(rng.integers(40, 100))
        _plant(codes, int(start) + (away if reverse else -away), "HSF1", rng.random() < 0.5, rng)
    # An enhancer is a cluster of sites. It serves the YY1 promoters that happen to stand 3 to
    # 10 kb from it, about half of them all.
    for start in rng.integers(0, codes.size, codes.size // 30_000):
        for number in range(12):
            _plant(codes, int(start) + 270 * number, "ZNF143", rng.random() < 0.5, rng)


def _plant(
    codes: np.ndarray, start: int, name: str, reverse: bool, rng: np.random.Generator
) -> None:
    motif = MOTIFS[name]
    if not 0 <= start <= codes.size - len(motif.consensus):
        return
    site = encode("".join(rng.choice(list(_IUPAC[letter])) for letter in motif.consensus))
    fixed = [position for position, letter in enumerate(motif.consensus) if letter in "ACGT"]
    for position in rng.permutation(fixed)[: rng.integers(0, motif.mismatches + 1)]:
        site[position] = (site[position] + rng.integers(1, 4)) % 4
    codes[start : start + site.size] = reverse_complement(site) if reverse else site
