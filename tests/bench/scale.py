"""What the stages of a run cost for each base and track, at sizes one after the other.

A genome made from a seed and tracks of three kinds (reads all over it, normalised signal, starts of
transcripts by strand) go through the workflow as a user's would. Where a cost is flat, a larger run
costs what its size says. `python -m bench.scale --megabases 1000 --tracks 4` measures other sizes.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
from bench.flows import make_project
from bench.measuring import Row, run_snakemake

from seqcast.data import Dataset, read_dataset
from seqcast.settings import TrainSettings
from seqcast.training.loader import Loader

# A fiftieth of a human genome, and about its longest contig.
MEGABASES = 62
_LONGEST = 250_000_000
TRACKS = (3, 30, 300)
WINDOW = 131_072
_LINE = 100


def write_genome(folder: Path, megabases: int) -> dict[str, int]:
    """Write a FASTA of random bases, a twentieth of them N; return the lengths of its contigs."""
    # Two of them are for validation and test, short ones, as a model is not what is measured.
    lengths = {"valid": 4_000_000, "test": 4_000_000}
    rest = megabases * 1_000_000 - sum(lengths.values())
    for number, first in enumerate(range(0, rest, _LONGEST), 1):
        lengths[f"chr{number}"] = min(_LONGEST, rest - first)
    letters = np.frombuffer(b"ACGTacgt", np.uint8)
    with open(folder / "genome.fa", "wb") as file:
        for number, (name, length) in enumerate(lengths.items()):
            bases = letters[np.random.default_rng([1, number]).integers(0, 8, length)]
            bases[: length // 20] = ord("N")
            file.write(f">{name}\n".encode())
            whole = length // _LINE * _LINE
            lines = np.full((whole // _LINE, _LINE + 1), ord("\n"), np.uint8)
            lines[:, :_LINE] = bases[:whole].reshape(-1, _LINE)
            file.write(lines.tobytes() + bases[whole:].tobytes() + b"\n")
    return lengths


def write_kinds(folder: Path, lengths: dict[str, int]) -> list[Path]:
    """Write a bigWig of each kind."""
    paths = []
    for kind, draw in enumerate((draw_reads, draw_signal, draw_starts)):
        path = folder / f"{draw.__name__.removeprefix('draw_')}.bw"
        with pyBigWig.open(str(path), "w") as file:
            file.addHeader(list(lengths.items()))
            for number, (name, length) in enumerate(lengths.items()):
                starts, ends, values = draw(np.random.default_rng([2, kind, number]), length)
                # Not all at once: a genome has tens of millions.
                for first in range(0, len(starts), 1 << 20):
                    here = slice(first, first + (1 << 20))
                    names = np.full(len(starts[here]), name)
                    file.addEntries(names, starts[here], ends=ends[here], values=values[here])
        paths.append(path)
    return paths


def draw_reads(rng: np.random.Generator, length: int) -> tuple[np.ndarray, ...]:
    """Draw what is piled up of reads of 200 bases, one each 1,200 bases, in units of a control."""
    steps = np.sort(rng.integers(0, length - 200, length // 1200))
    edges = np.sort(np.concatenate([steps, steps + 200]))
    depth = np.searchsorted(steps, edges, "right") - np.searchsorted(steps + 200, edges, "right")
    return _make_entries(edges, depth * 0.173)


def draw_signal(rng: np.random.Generator, length: int) -> tuple[np.ndarray, ...]:
    """Draw a normalised signal that has another value every 60 bases or so."""
    edges = np.sort(rng.choice(length // 4, length // 240, replace=False)) * 4
    return _make_entries(edges, rng.gamma(0.5, 1.0, len(edges)))


def draw_starts(rng: np.random.Generator, length: int) -> tuple[np.ndarray, ...]:
    """Draw starts of transcripts: counts of single bases, ten of them every 2,000 bases."""
    places = np.unique(
        rng.integers(0, length // 2000, length // 200) * 2000 + rng.geometric(0.05, length // 200)
    )
    places = places[places < length - 1]
    return places, places + 1, rng.geometric(0.3, len(places)).astype(float)


def _make_entries(edges: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the entries between edges, without those of 0."""
    starts, ends, values = edges[:-1], edges[1:], values[:-1]
    kept = (ends > starts) & (values > 0)
    return starts[kept], ends[kept], values[kept]


def write_table(folder: Path, kinds: Sequence[Path], count: int) -> None:
    """Write the targets table of so many tracks, each a file by a name of its own."""
    rows = ["identifier\tfile"]
    for number in range(count):
        kind = kinds[number % len(kinds)]
        path = folder / f"{kind.stem}_{number}.bw"
        # No second copy on the disk.
        os.link(kind, path)
        rows.append(f"{kind.stem} {number}\t{path}")
    (folder / "tracks.tsv").write_text("\n".join(rows) + "\n")


def run_stages(folder: Path, megabases: int, tracks: int, cores: int) -> dict[str, pd.Series]:
    """Run the workflow over so many tracks; return what each stage took, by its name."""
    folder.mkdir()
    write_table(folder, write_kinds(folder, write_genome(folder, megabases)), tracks)
    project, config = make_project(
        folder,
        "project",
        {
            "dataset": {
                "source": "genome",
                "fasta": str(folder / "genome.fa"),
                "targets": str(folder / "tracks.tsv"),
                "window": WINDOW,
                "max_n": 0.5,
                "split": {"valid": ["valid"], "test": ["test"]},
            },
            "train": {"epochs": 1, "windows_per_epoch": 8, "device": "cpu"},
            "predict": {"strands": "one"},
        },
    )
    run_snakemake(project, config, "--cores", str(cores), "export", "evaluate")
    run = project / "results" / "bench"
    found = {}
    for path in sorted(run.glob("logs/benchmarks/*.tsv")):
        found[path.stem] = pd.read_csv(path, sep="\t").iloc[0]
    dataset = read_dataset(run / "dataset" / "dataset.h5")
    found["dataset.h5"] = pd.Series(
        {
            "bytes": int(dataset.cells.table[..., 1].sum()) / (dataset.cells.nbytes / 4),
            "windows": measure_feed(dataset),
        }
    )
    return found


def measure_feed(dataset: Dataset) -> float:
    """Return the windows a second of a core that a training is given, bins made and scaled."""
    # As the preset `default` has it: they begin at any base, on either strand.
    settings = TrainSettings(max_shift=0, max_jitter=4096, reverse_complement=True)
    loader = Loader(dataset, settings)
    rows = dataset.rows_of("train")[:64]
    start = time.process_time()
    for batch in loader.training(rows, epoch=0):
        loader.cut(batch)
    return len(rows) / (time.process_time() - start)


def measure_scale(
    folder: Path, megabases: int = MEGABASES, tracks: Sequence[int] = TRACKS, cores: int = 2
) -> list[Row]:
    """Return rows of each stage: processor time, memory, bytes, each at all numbers of tracks."""
    found = {}
    for count in tracks:
        found[count] = run_stages(folder / str(count), megabases, count, cores)
        shutil.rmtree(folder / str(count))
    rows = []
    for stage in found[tracks[0]].keys() - {"dataset.h5"}:
        for what, column, unit, size in (
            ("processor time", "cpu_time", "ns a base and track", 1e9 / (megabases * 1e6)),
            ("memory", "max_rss", "MB", 1.0),
        ):
            values = {n: float(found[n][stage][column]) for n in tracks}
            if column == "cpu_time":
                values = {n: value * size / n for n, value in values.items()}
            beside = {f"{n} tracks:": value for n, value in values.items()}
            rows.append(Row(f"{stage} of {megabases} Mb, {what}", unit, [*values.values()], beside))
    # More tracks are the same ones again, which compress better than others would.
    bytes_a_cell = [float(found[tracks[0]]["dataset.h5"]["bytes"])]
    rows.append(Row("dataset.h5, cells of 16 bases", "bytes a cell", bytes_a_cell, {}, "0.5"))
    values = {n: float(found[n]["dataset.h5"]["windows"]) for n in tracks}
    beside = {f"{n} tracks:": value for n, value in values.items()}
    what = "windows of 131 kb for training"
    rows.append(Row(what, "windows/s of a core", [*values.values()], beside))
    return sorted(rows, key=lambda row: row.what)


def main() -> None:
    """Measure the sizes that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabases", type=int, default=MEGABASES)
    parser.add_argument("--tracks", type=int, nargs="+", default=list(TRACKS))
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for row in measure_scale(Path(name), given.megabases, given.tracks, given.cores):
            print(" | ".join(row.cells()), flush=True)


if __name__ == "__main__":
    main()
