"""Rows of data and of whole runs, by Snakemake as a user has them, or beside a plain version."""

import os
import shutil
import sys
import sysconfig
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pyBigWig
import torch
import yaml
from bench.measuring import ROOT, Job, Row, compare, interleave, run_quietly, run_snakemake, skip
from bench.networks import BINS, LENGTH, TARGETS, give_memory

from seqcast.core.memory import keep_memory
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji import write_dataset
from seqcast.sources.findings import read_validation
from seqcast.tracks.exporting import export_tracks

PARTS = ("Snakefile", "workflow", "config", "envs", "scripts", "profiles")
PLAIN_TRAINING = """
import sys, pathlib, torch
sys.path.insert(0, "../scripts")
from bench.plain import train
from seqcast.settings import PRESETS, read_network
torch.set_num_threads(int(sys.argv[2]))
train(pathlib.Path(sys.argv[1]), read_network(PRESETS["course"]["network"]))
"""


def make_project(folder: Path, name: str, config: dict) -> tuple[Path, Path]:
    """Return a folder with a copy of the project, and the path of its config."""
    project = folder / name
    project.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, project / part)
    path = project / "config" / "bench.yaml"
    path.write_text(yaml.safe_dump({"run": "bench", **config}))
    return project, path


def measure_dry_run(folder: Path, rounds: int) -> list[Row]:
    """Return the row of a dry run of the default config, beside that of a workflow of one rule."""
    project, _ = make_project(folder, "dry", {})
    (folder / "one").mkdir()
    (folder / "one" / "Snakefile").write_text("rule all:\n    output: 'a'\n    shell: 'touch a'\n")
    environment = leave_out("snakemake_executor_plugin", folder)

    def start(place: Path) -> None:
        """Start a dry run in a folder."""
        run_quietly([sys.executable, "-S", "-m", "snakemake", "-n", "--quiet"], place, environment)

    seconds = interleave(
        {"ours": lambda: start(project), "Snakemake": lambda: start(folder / "one")}, rounds
    )
    beside = {"times a workflow of one rule:": compare(seconds, "Snakemake", "ours")}
    what = "dry run of the default config, no executor plugins"
    return [Row(what, "s", seconds["ours"], beside, "about 1 s")]


def leave_out(prefix: str, folder: Path) -> dict[str, str]:
    """Return the environment in which `python -S` has all packages but some.

    Snakemake imports each executor plugin that is there; what only submits jobs has them.
    """
    packages = folder / "packages"
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(prefix):
            (packages / path.name).symlink_to(path)
    return {**os.environ, "PYTHONPATH": str(packages)}


def write_course_file(path: Path, windows: int) -> None:
    """Write a file of the course's schema: gzip, a window a chunk, nine tenths of them train."""
    twentieth = windows // 20
    splits = {"train": windows - 2 * twentieth, "valid": twentieth, "test": twentieth}
    with h5py.File(path, "w") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        file["target_labels"] = np.array([f"track {k}".encode() for k in range(10)], "S29")
        for place, (split, count) in enumerate(splits.items()):
            arrays = [
                file.create_dataset(
                    f"{split}_{end}", (count, *shape), dtype, chunks=(1, *shape), compression="gzip"
                )
                for end, shape, dtype in (("in", (LENGTH, 4), bool), ("out", (BINS, TARGETS), "f2"))
            ]
            seeds = np.random.SeedSequence([1, place]).spawn(count)
            for row, chunks in enumerate(pool.map(_make_chunks, seeds)):
                for array, chunk in zip(arrays, chunks, strict=True):
                    array.id.write_direct_chunk((row, 0, 0), chunk)


def _make_chunks(seed: np.random.SeedSequence) -> tuple[bytes, bytes]:
    """Return sequence and targets of a window, compressed as HDF5 has them."""
    rng = np.random.default_rng(seed)
    one_hot = np.eye(4, dtype=bool)[rng.choice(4, LENGTH, p=[0.3, 0.2, 0.2, 0.3])]
    coverage = rng.poisson(2, (BINS, TARGETS)).astype("f2")
    return zlib.compress(one_hot, 4), zlib.compress(coverage, 4)


def read_all(path: Path) -> None:
    """Read all windows of a file, and do nothing with them."""
    with h5py.File(path) as file:
        for name in file:
            if name.endswith(("_in", "_out")):
                for row in range(len(file[name])):
                    file[name][row]


def measure_dataset(folder: Path, windows: int, rounds: int) -> list[Row]:
    """Return the row of `dataset` from a large gzip HDF5, beside a bare read of it."""
    source = folder / "large.h5"
    write_course_file(source, windows)
    data = {"source": "basenji_h5", "file": str(source), "alphabet": "ACGT"}
    project, config = make_project(folder, "large", {"dataset": data})
    _, jobs = run_snakemake(project, config, "dataset", "--cores", "2")
    validation = read_validation(project / "results" / "bench" / "validate" / "validation.json")
    settings = BasenjiSettings.model_validate(data)
    seconds = interleave(
        {
            "ours": lambda: write_dataset(settings, source, validation, folder / "large_out.h5"),
            "bare": lambda: read_all(source),
        },
        rounds,
        {"ours": keep_memory, "bare": give_memory},
        warm_up=False,
    )
    job, size = jobs["dataset"], source.stat().st_size / 1e6
    beside = {
        "times a bare read:": compare(seconds, "bare", "ours"),
        "s as a job:": job.seconds,
        "MB of memory:": job.memory,
    }
    what = f"dataset of {windows:,} windows, {size:.0f} MB of gzip HDF5"
    return [Row(what, "s", seconds["ours"], beside, "1.3x a bare read, under 1,000 MB")]


def measure_genome(folder: Path, data: Path) -> list[Row]:
    """Return the row of `dataset` from yeast's FASTA and eight tracks, beside four of them."""
    what = "dataset from FASTA and 8 bigWigs, yeast"
    yeast = data / "yeast"
    if not yeast.is_dir():
        return [skip(what, f"no {yeast}")]
    paths = sorted(path for path in (yeast / "tracks").glob("*.bw") if "rep1" not in path.name)
    few, all_of_them = (_run_genome(folder, yeast, paths[:count]) for count in (4, 8))
    beside = {"s with 4 of them:": few.seconds, "MB of memory:": all_of_them.memory}
    return [Row(what, "s", [all_of_them.seconds], beside, "20 s")]


def _run_genome(folder: Path, yeast: Path, paths: list[Path]) -> Job:
    """Run `dataset` with some tracks of yeast."""
    name = f"genome_{len(paths)}"
    table = folder / f"{name}.tsv"
    lines = [f"{path.stem}\t{path}" for path in paths]
    table.write_text("\n".join(["identifier\tfile", *lines]) + "\n")
    dataset = {
        "source": "genome", "fasta": str(yeast / "sacCer3.fa.gz"), "assembly": "sacCer3",
        "targets": str(table), "window": 16_384, "stride": 8192,
        "split": {"valid": ["chrII"], "test": ["chrXVI"]},
    }  # fmt: skip
    project, config = make_project(folder, name, {"dataset": dataset})
    return run_snakemake(project, config, "dataset", "--cores", "2")[1]["dataset"]


def measure_course(folder: Path, data: Path, rounds: int) -> list[Row]:
    """Return the rows of a whole run on the course's geometry: one epoch, then the tracks."""
    source = data / "yeast_course" / "seq.h5"
    if not source.is_file():
        return [skip("first rule to trained model, one epoch", f"no {source}")]
    model = {"preset": "course", "train": {"epochs": 1, "threads": torch.get_num_threads()}}
    settings = {
        "dataset": {"source": "basenji_h5", "file": str(source)},
        "models": {"default": model},
    }
    project, config = make_project(folder, "course", settings)
    run = project / "results" / "bench"
    jobs: dict[str, Job] = {}

    def train() -> None:
        """Run all rules to the model, from nothing."""
        shutil.rmtree(run, ignore_errors=True)
        jobs.update(run_snakemake(project, config, "train", "--cores", "2")[1])

    def train_plain() -> None:
        """Do the same as the chapter does."""
        words = [str(source), str(torch.get_num_threads())]
        run_quietly([sys.executable, "-c", PLAIN_TRAINING, *words], ROOT / "tests")

    flows = interleave({"ours": train, "plain": train_plain}, min(rounds, 2), warm_up=False)
    jobs.update(run_snakemake(project, config, "--cores", "2")[1])
    largest, *others = sorted(jobs, key=lambda name: -jobs[name].memory)
    return [
        Row(
            "first rule to trained model, one epoch, yeast_course",
            "s",
            flows["ours"],
            {"times faster than the plain flow:": compare(flows, "ours", "plain")},
            "2.5x",
        ),
        _measure_export(run, folder, rounds, jobs["export"]),
        Row(
            f"largest memory of a job, yeast_course ({largest})",
            "MB",
            [jobs[largest].memory],
            {f"{name}:": jobs[name].memory for name in others},
            "2,000 MB beyond the data",
        ),
    ]


def _measure_export(run: Path, folder: Path, rounds: int, job: Job) -> Row:
    """Return the row of `export`, beside pyBigWig's bare write of the same values."""
    tracks = [_read_track(path) for path in sorted((run / "export").rglob("*.bw"))]
    predictions = {"default": run / "default" / "predict" / "predictions.h5"}
    seconds = interleave(
        {
            "ours": lambda: export_tracks(
                run / "dataset" / "dataset.h5", predictions, folder / "export" / "tracks.tsv"
            ),
            "bare": lambda: [_write_bare(*track, folder / "bare.bw") for track in tracks],
        },
        rounds,
    )
    values = sum(len(piece[1]) for _, pieces in tracks for piece in pieces)
    beside = {"times pyBigWig's bare write:": compare(seconds, "bare", "ours")}
    what = f"export of {len(tracks)} tracks, {values:,} values"
    return Row(what, "s", seconds["ours"], {**beside, "s as a job:": job.seconds}, "2x")


Piece = tuple[str, list[int], list[int], list[float]]


def _read_track(path: Path) -> tuple[list[tuple[str, int]], list[Piece]]:
    """Return the chromosomes of a track and their names, starts, ends and values."""
    with pyBigWig.open(str(path)) as file:
        header = list(file.chroms().items())
        found = [(name, file.intervals(name)) for name, _ in header]
    return header, [(name, *map(list, zip(*each, strict=True))) for name, each in found if each]


def _write_bare(header: list[tuple[str, int]], pieces: list[Piece], path: Path) -> None:
    """Write a track with pyBigWig alone."""
    with pyBigWig.open(str(path), "w") as out:
        out.addHeader(header)
        for name, starts, ends, values in pieces:
            out.addEntries([name] * len(starts), starts, ends=ends, values=values)
