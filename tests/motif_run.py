"""A folder of `explain`, with planted motifs that matter, and a stand-in for TF-MoDISco."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from seqcast.core.provenance import sha256_of
from seqcast.explain.npz import write_npz
from seqcast.genome.codes import N, encode, reverse_complement
from seqcast.genome.meme import from_consensus

WIDTH = 400


@dataclass(frozen=True)
class Site:
    """A motif in a region: its consensus from a base on, on a strand, and what a base adds."""

    row: int
    start: int
    consensus: str
    forward: bool = True
    value: float = 1.0


@dataclass(frozen=True)
class Planted:
    """Regions of one target; row by row contig and start, and the sites in them."""

    target: str
    places: Sequence[tuple[str, int]]
    sites: Sequence[Site]
    noise: float = 0.01
    seed: int = 1
    model: str = "default"
    codes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        codes = rng.integers(0, 4, (len(self.places), WIDTH)).astype(np.uint8)
        for site in self.sites:
            shares = from_consensus(site.consensus)
            drawn = np.array([rng.choice(4, p=row) for row in shares], dtype=np.uint8)
            placed = drawn if site.forward else reverse_complement(drawn)
            codes[site.row, site.start : site.start + len(drawn)] = placed
        object.__setattr__(self, "codes", codes)

    def contribute(self) -> np.ndarray:
        """Return hypothetical contributions, (regions, 4, width)."""
        rng = np.random.default_rng([self.seed, 1])
        values = rng.normal(0, self.noise, (len(self.places), 4, WIDTH))
        for site in self.sites:
            shares = from_consensus(site.consensus).T
            effect = site.value * (shares - 0.25)
            effect = effect if site.forward else effect[::-1, ::-1]
            values[site.row, :, site.start : site.start + len(site.consensus)] += effect
        return values.astype(np.float32)


def write_explain(folder: Path, planted: Sequence[Planted]) -> Path:
    """Write the arrays of targets, the table of regions and `explain.json`; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    files, rows = [], ["target\tmodel\tcontig\tstart\tend\tsummit\tname\tsplit"]
    for each in planted:
        stem, shape = f"{each.target}.{each.model}", (len(each.places), 4, WIDTH)
        one_hot = (each.codes[:, None] == np.arange(4)[:, None]).astype(np.int8)
        arrays = {"ohe": one_hot, "attr": each.contribute()}
        for kind, array in arrays.items():
            path = folder / f"{stem}.{kind}.npz"
            write_npz(path, shape, array.dtype, array)
            said = {"target": each.target, "model": each.model, "kind": kind}
            files.append({"file": path.name, **said, "sha256": sha256_of(path)})
        for number, (contig, start) in enumerate(each.places):
            bounds = f"{start}\t{start + WIDTH}\t{start + WIDTH // 2}"
            rows.append(f"{each.target}\t{each.model}\t{contig}\t{bounds}\tr{number}\ttest")
    (folder / "summary.tsv").write_text("\n".join(rows) + "\n")
    targets = dict.fromkeys(each.target for each in planted)
    content = {
        "format": "seqcast-explain", "format_version": 1, "files": files,
        "targets": [{"target": target, "name": target.upper()} for target in targets],
    }  # fmt: skip
    (folder / "explain.json").write_text(json.dumps(content))
    return folder / "explain.json"


def write_modisco(
    path: Path, patterns: Sequence[tuple[str, str, Sequence[tuple[int, int, bool]]]]
) -> None:
    """Write a file as TF-MoDISco does: of each pattern sign, consensus and seqlets.

    A seqlet is row, start and whether it is reversed. N are flanks that add nothing.
    """
    with h5py.File(path, "w") as file:
        for sign, consensus, seqlets in patterns:
            group = file.require_group(f"{sign}_patterns")
            group = group.create_group(f"pattern_{len(group)}")
            shares = from_consensus(consensus)
            group["sequence"] = shares
            group["hypothetical_contribs"] = (shares - 0.25) * (1 if sign == "pos" else -1)
            group["contrib_scores"] = shares * group["hypothetical_contribs"][()]
            row, start, is_reversed = (np.array(each) for each in zip(*seqlets, strict=True))
            group["seqlets/example_idx"], group["seqlets/start"] = row, start
            group["seqlets/end"] = start + len(consensus)
            group["seqlets/is_revcomp"] = is_reversed


class StandIn:
    """Answers like `Tools`; finds what it is told to, counts how often it is asked.

    Motifs are compared letter by letter, without shifts: p falls with each that is the same.
    """

    threads = 1

    def __init__(self, patterns: Sequence[tuple] = (), **facts: object) -> None:
        self.patterns, self.facts, self.asked = patterns, facts, 0

    def read_versions(self) -> dict[str, str]:
        return {"modisco-lite": "0"}

    def discover(self, arrays: Sequence[Path], output: Path, seqlets: int, seed: int) -> dict:
        assert all(path.is_file() for path in arrays)
        self.asked += 1
        if self.patterns:
            write_modisco(output, self.patterns)
        return {"positive": 0, "negative": 0, **self.facts}

    def compare(
        self, queries: Sequence[np.ndarray], targets: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        ahead, back = (
            np.array(
                [[_compare(one, other[::step, ::step]) for other in targets] for one in queries]
            )
            for step in (1, -1)
        )
        return {"p": np.minimum(ahead, back), "reverse": (back < ahead).astype(float)}


def _compare(one: np.ndarray, other: np.ndarray) -> float:
    width = min(len(one), len(other))
    same = (one[:width] * other[:width]).sum()
    return float(10.0 ** -(2 * same - width) if len(one) == len(other) else 1.0)


def make_codes(text: str) -> np.ndarray:
    """Return a sequence as codes; a dot is N."""
    return np.where(np.array(list(text)) == ".", N, encode(text.replace(".", "A"))).astype(np.uint8)
