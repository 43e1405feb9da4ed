"""A small genome as files, for tests: FASTA, bigWigs, BED and a targets table."""

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig

from seqcast.genome.codes import decode
from seqcast.settings import GenomeSettings
from seqcast.settings.table import read_targets_table
from seqcast.sources.genome.layout import Inputs

# chr2 and chr3 end within a bin of 16; chrM is shorter than a window of 256.
LENGTHS = {"chr1": 4096, "chr2": 2100, "chr3": 1777, "chrM": 200}
SPLIT = {"valid": ["chr2"], "test": ["chr3"]}

Coverage = Mapping[str, np.ndarray]
"""Values per base of each contig, float; NaN where a track says nothing."""


@dataclass(frozen=True)
class GenomeFiles:
    """Where the files lie, and what was written to them."""

    folder: Path
    fasta: Path
    table: Path
    mask: tuple[Path, ...]
    codes: dict[str, np.ndarray]
    tracks: dict[str, Coverage]

    def settings(self, **changes: Any) -> GenomeSettings:
        """Return settings for bins of 16 and windows of 256 bases."""
        values = {
            "fasta": str(self.fasta),
            "targets": str(self.table),
            "window": 256,
            "bin_size": 16,
            "resolution": 4,
            "split": SPLIT,
            "mask": [str(path) for path in self.mask],
        }
        return GenomeSettings.model_validate({**values, **changes})

    def inputs(self, work: Path | None = None, **changes: Any) -> Inputs:
        """Return the files as a source takes them; `work` is a new folder beside theirs."""
        work = work or self.folder.with_name(self.folder.name + "_work")
        work.mkdir(parents=True, exist_ok=True)
        values = {"mask": self.mask, "rows": read_targets_table(self.table), **changes}
        return Inputs(fasta=self.fasta, work=work, **values)


def make_codes(lengths: Mapping[str, int], seed: int = 1) -> dict[str, np.ndarray]:
    """Make random DNA, ten N in each contig."""
    rng = np.random.default_rng(seed)
    codes = {name: rng.integers(0, 4, size).astype(np.uint8) for name, size in lengths.items()}
    for each in codes.values():
        each[40:50] = 4
    return codes


def make_coverage(codes: Mapping[str, np.ndarray], seed: int = 1) -> dict[str, np.ndarray]:
    """Make whole counts, the same over four bases, more where there is G or C."""
    rng = np.random.default_rng(seed)
    coverage = {}
    for name, each in codes.items():
        strong = ((each == 1) | (each == 2)).astype(float)
        rate = np.convolve(strong, np.ones(9) / 9, "same")[::4]
        coverage[name] = np.repeat(rng.poisson(4 * rate**2), 4)[: each.size].astype(float)
    return coverage


def write_fasta(
    path: Path, contigs: Mapping[str, str | np.ndarray], width: int = 60, end: str = "\n"
) -> Path:
    """Write contigs, letters or codes, in lines of `width`; gzip where the name ends in `.gz`."""
    lines = []
    for name, sequence in contigs.items():
        letters = sequence if isinstance(sequence, str) else decode(sequence)
        lines.append(f">{name}")
        lines += [letters[at : at + width] for at in range(0, len(letters), width)]
    text = "".join(line + end for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def write_track(
    path: Path, coverage: Coverage, lengths: Mapping[str, int] | None = None, zooms: int = 4
) -> Path:
    """Write values per base as a bigWig, one interval for each run of the same value.

    `lengths` names more contigs than have values, or other lengths.
    """
    sizes = {name: len(values) for name, values in coverage.items()} | dict(lengths or {})
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()), maxZooms=zooms)
        for name in sizes:
            if name in coverage:
                _add_runs(file, name, np.asarray(coverage[name], dtype=float))
    return path


def _add_runs(file: Any, name: str, values: np.ndarray) -> None:
    same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
    edges = np.concatenate([[0], np.flatnonzero(~same) + 1, [len(values)]]).tolist()
    runs = [(s, e, float(values[s])) for s, e in pairwise(edges)]
    runs = [run for run in runs if not np.isnan(run[2])]
    if runs:
        starts, ends, heights = (list(column) for column in zip(*runs, strict=True))
        file.addEntries([name] * len(runs), starts, ends=ends, values=heights)


def write_bed(path: Path, intervals: Sequence[tuple[str, int, int]]) -> Path:
    """Write intervals as BED of three columns."""
    path.write_text("".join(f"{name}\t{start}\t{end}\n" for name, start, end in intervals))
    return path


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a targets table with the columns that any of the rows has."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, columns, delimiter="\t", restval="")
        table.writeheader()
        table.writerows(rows)
    return path


def write_genome(
    folder: Path,
    lengths: Mapping[str, int] = LENGTHS,
    tracks: Mapping[str, Coverage] | None = None,
    *,
    mask: Sequence[tuple[str, int, int]] = (),
    columns: Mapping[str, Mapping[str, Any]] | None = None,
) -> GenomeFiles:
    """Write `genome.fa`, `<identifier>.bw`, `targets.tsv` and, with intervals, `mask.bed`.

    `tracks` maps identifiers to coverage, two made-up tracks by default; `columns` maps
    identifiers to further cells of their row of the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    codes = make_codes(lengths)
    if tracks is None:
        tracks = {name: make_coverage(codes, seed) for seed, name in enumerate(("one", "two"))}
    rows = [
        {"identifier": name, "file": f"{name}.bw", **(columns or {}).get(name, {})}
        for name in tracks
    ]
    for name, coverage in tracks.items():
        write_track(folder / f"{name}.bw", coverage)
    return GenomeFiles(
        folder,
        write_fasta(folder / "genome.fa", codes),
        write_table(folder / "targets.tsv", rows),
        (write_bed(folder / "mask.bed", mask),) if mask else (),
        codes,
        dict(tracks),
    )
