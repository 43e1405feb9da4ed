"""A folder of `motifs` as docs/formats.md specifies it, from nothing but numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcast.core.seal import write_table
from seqcast.data.targets import Targets
from seqcast.genome.codes import decode, encode
from seqcast.genome.meme import Motif, write_meme
from seqcast.motifs.effects_writing import EFFECTS, PAIRS
from seqcast.motifs.patterns import COLUMNS, Pattern, write_matrices

NAMES = ("CTCF", "REST", "TATA")
WORDS = ("CCACCAGAGGGCAC", "TTCAGCACCATGGACAG", "CGCCTATAAAAG")
DISTANCES = (20, 80, 320, 1280)


def make_motif(number: int, name: str, word: str) -> Motif:
    """Make a motif of a word, with a little of other bases."""
    p = np.full((len(word), 4), 0.02)
    p[np.arange(len(word)), encode(word)] = 0.94
    return Motif(f"M{number}", name, p)


def make_motifs(count: int) -> list[Motif]:
    """Make motifs, those with names first, others of random words."""
    rng, found = np.random.default_rng(3), []
    for number in range(count):
        known = number < len(NAMES)
        word = WORDS[number] if known else decode(rng.integers(0, 4, 12).astype(np.uint8))
        found.append(make_motif(number + 1, NAMES[number] if known else word, word))
    return found


def write_motifs(
    folder: Path,
    targets: Targets,
    effect_MT: np.ndarray,
    *,
    patterns: int = 2,
    without: Sequence[str] = (),
    discover: bool = True,
    models: Sequence[str] = ("default",),
    helps: tuple[float, float] = (0.6, 0.8),
) -> Path:
    """Write motifs with these effects, as sure as they are large; return the folder.

    The first motif `helps` the second so much on the first target, 80 bases away. Each target has
    patterns of the first motifs, and the last target none. Files in `without` are left out.
    """
    folder.mkdir(parents=True)
    motifs, slugs = make_motifs(len(effect_MT)), targets.slugs
    write_meme(folder / "motifs.meme", motifs)
    rows = [
        (motif.id, slug, model, effect, effect - 0.05, effect + 0.05, 100)
        for model in models
        for motif, effects in zip(motifs, effect_MT.tolist(), strict=True)
        for slug, effect in zip(slugs, effects, strict=True)
    ]
    write_lines(folder / "effects.tsv", EFFECTS, rows)
    pairs = []
    for first in motifs[:3]:
        for second in motifs[:3]:
            is_helped = {first.id, second.id} == {"M1", "M2"}
            for distance in DISTANCES:
                low, high = helps if is_helped and distance == 80 else (-0.1, 0.1)
                synergy = (low + high) / 2
                pairs.append(
                    (first.id, second.id, distance, "any", slugs[0], models[0], 1.0, 0.2,
                     1.2 + synergy, synergy, low, high, 20)
                )  # fmt: skip
    write_lines(folder / "pairs.tsv", PAIRS, pairs)
    names = [
        {"target": slug, "name": name} for slug, name in zip(slugs, targets.identifier, strict=True)
    ]
    made = {"radius": 250, "backgrounds": 100, "targets": names}
    (folder / "effects.json").write_text(json.dumps(made))
    found = [{**each, "regions": 300, "width": 1024, "why": ""} for each in names]
    found[-1]["why"] = "12 stretches stand out, which is too few"
    said = {"discover": discover, "targets": found}
    said["missed"] = [{"id": "X", "name": "GATA1", "why": "it has 2 hits"}] if discover else []
    (folder / "motifs.json").write_text(json.dumps(said))
    if discover:
        _write_patterns(folder, motifs[:patterns], slugs[: max(len(slugs) - 1, 1)], models[0])
    for name in without:
        (folder / name).unlink()
    return folder


def _write_patterns(
    folder: Path, motifs: Sequence[Motif], slugs: Sequence[str], model: str
) -> None:
    made, rows = [], []
    for slug in slugs:
        for number, motif in enumerate(motifs):
            sign = "neg" if number else "pos"
            id_ = f"{slug}.{model}.{sign}.{number}"
            p = motif.probabilities
            cwm = np.where(p > 0.5, 0.3, 0.01) * (-1) ** number
            made.append(Pattern(id_, slug, model, sign, 120, 90, np.zeros(3), p, cwm))
            rows.append({
                "id": id_, "target": slug, "model": model, "sign": sign, "motif": motif.id,
                "name": motif.name, "seqlets": 120, "regions": 90, "contribution": cwm.sum(),
                "offset_q25": -20, "offset_median": 1, "offset_q75": 30,
                "match": "MA1" if number else "", "match_name": "OTHER" if number else "",
                "p": 1e-7 if number else "", "q": 3e-6 if number else "", "width": len(p),
                "consensus": "N" * len(p),
            })  # fmt: skip
    write_matrices(folder / "patterns.h5", made)
    write_table(folder / "patterns.tsv", COLUMNS, rows)


def write_lines(path: Path, columns: Sequence[str], rows: Sequence[tuple]) -> None:
    """Write rows as TSV."""
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
