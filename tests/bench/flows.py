"""Rows of data and of whole steps, each run as a user runs it: by Snakemake."""

import shutil
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pyBigWig
import yaml
from bench.measuring import ROOT, Row, run_python, run_snakemake, skip

PARTS = ("Snakefile", "workflow", "config", "envs", "scripts", "profiles")
READ = """
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    for name in file:
        if name.endswith(("_in", "_out")):
            for row in range(len(file[name])):
                file[name][row]
"""
PLAIN_TRAINING = """
import sys, pathlib, torch
sys.path.insert(0, "../scripts")
from bench.plain import train
from seqcast.settings import PRESETS, ModelSettings
torch.set_num_threads(2)
train(pathlib.Path(sys.argv[1]), ModelSettings.model_validate(PRESETS["course"]["model"]))
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
    """Return the row of a dry run of the default config."""
    project, _ = make_project(folder, "dry", {})
    config = project / "config" / "config.yaml"
    seconds = [run_snakemake(project, config, "-n", "--quiet")[0] for _ in range(rounds)]
    return [Row("dry run of the default config", "s", seconds, wanted="about 1 s")]


def write_course_file(path: Path, windows: int) -> None:
    """Write a file of the course's schema: gzip, a window a chunk, nine tenths of them train."""
    rng = np.random.default_rng(1)
    splits = {"train": windows - 2 * (windows // 20), "valid": windows // 20}
    with h5py.File(path, "w") as file:
        file["target_labels"] = np.array([f"track {k}".encode() for k in range(10)], "S29")
        for split, count in {**splits, "test": windows // 20}.items():
            shapes = (131_072, 4), (1024, 10)
            options = {"compression": "gzip", "compression_opts": 4}
            x, y = (
                file.create_dataset(f"{split}_{end}", (count, *shape), dtype, chunks=(1, *shape),
                                    **options)
                for end, shape, dtype in zip(("in", "out"), shapes, (bool, "f2"), strict=True)
            )  # fmt: skip
            for row in range(count):
                x[row] = np.eye(4, dtype=bool)[rng.choice(4, 131_072, p=[0.3, 0.2, 0.2, 0.3])]
                y[row] = rng.poisson(2, (1024, 10))


def measure_dataset(folder: Path, windows: int) -> list[Row]:
    """Return the row of `dataset` from a large gzip HDF5, beside a bare read of it."""
    source = folder / "large.h5"
    write_course_file(source, windows)
    data = {"source": "basenji_h5", "file": str(source), "alphabet": "ACGT"}
    project, config = make_project(folder, "large", {"dataset": data})
    _, jobs = run_snakemake(project, config, "dataset", "--cores", "2")
    bare, _ = run_python(READ, str(source))
    job, size = jobs["dataset"], source.stat().st_size / 1e6
    return [
        Row(
            f"dataset of {windows} windows, {size:.0f} MB of gzip HDF5",
            "s",
            [job.seconds],
            {"times a bare read:": job.seconds / bare, "MB of memory:": job.memory},
            "1.3x a bare read, under 1,000 MB",
        )
    ]


def measure_genome(folder: Path, data: Path) -> list[Row]:
    """Return the row of `dataset` from yeast's FASTA and eight tracks."""
    what = "dataset from FASTA and 8 bigWigs, yeast"
    yeast = data / "yeast"
    if not yeast.is_dir():
        return [skip(what, f"no {yeast}")]
    paths = sorted(path for path in (yeast / "tracks").glob("*.bw") if "rep1" not in path.name)
    table = folder / "targets.tsv"
    lines = [f"{path.stem}\t{path}" for path in paths]
    table.write_text("\n".join(["identifier\tfile", *lines]) + "\n")
    dataset = {
        "source": "genome", "fasta": str(yeast / "sacCer3.fa.gz"), "assembly": "sacCer3",
        "targets": str(table), "window": 16_384, "stride": 8192,
        "split": {"valid": ["chrII"], "test": ["chrXVI"]},
    }  # fmt: skip
    project, config = make_project(folder, "genome", {"dataset": dataset})
    _, jobs = run_snakemake(project, config, "dataset", "--cores", "2")
    job = jobs["dataset"]
    memory = {"MB of memory:": job.memory}
    return [Row(f"{what} ({len(paths)} tracks)", "s", [job.seconds], memory, "20 s")]


def measure_course(folder: Path, data: Path) -> list[Row]:
    """Return the rows of a whole run on the course's geometry: one epoch, then the tracks."""
    source = data / "yeast_course" / "seq.h5"
    if not source.is_file():
        return [skip("first rule to trained model, one epoch", f"no {source}")]
    model = {"preset": "course", "train": {"epochs": 1, "threads": 2}}
    settings = {
        "dataset": {"source": "basenji_h5", "file": str(source)},
        "models": {"default": model},
    }
    project, config = make_project(folder, "course", settings)
    ours, jobs = run_snakemake(project, config, "train", "--cores", "2")
    plain, _ = run_python(PLAIN_TRAINING, str(source))
    _, later = run_snakemake(project, config, "export", "--cores", "2")
    jobs |= {name: job for name, job in later.items() if name not in jobs}
    bare = _write_bare(project / "results" / "bench" / "export", folder)
    seconds = jobs["export"].seconds
    largest = max(jobs, key=lambda name: jobs[name].memory)
    return [
        Row(
            "first rule to trained model, one epoch, yeast_course",
            "s",
            [ours],
            {"times faster than the plain flow:": plain / ours},
            "2.5x",
        ),
        Row(
            "export, with its imports",
            "s",
            [seconds],
            {"pyBigWig's bare write (s):": bare, "times:": seconds / bare},
            "2x",
        ),
        Row(
            f"largest memory of a job, yeast_course ({largest})",
            "MB",
            [jobs[largest].memory],
            {f"{name}:": job.memory for name, job in jobs.items()},
            "2,000 MB beyond the data",
        ),
    ]


def _write_bare(tracks: Path, folder: Path) -> float:
    """Write the values of all tracks with pyBigWig alone; return the seconds."""
    seconds = 0.0
    for path in sorted(tracks.rglob("*.bw")):
        with pyBigWig.open(str(path)) as file:
            header = list(file.chroms().items())
            entries = {name: file.intervals(name) or () for name, _ in header}
        start = time.perf_counter()
        with pyBigWig.open(str(folder / "bare.bw"), "w") as out:
            out.addHeader(header)
            for name, intervals in entries.items():
                if intervals:
                    starts, ends, values = map(list, zip(*intervals, strict=True))
                    out.addEntries([name] * len(starts), starts, ends=ends, values=values)
        seconds += time.perf_counter() - start
    if not seconds:
        sys.exit(f"{tracks} holds no tracks")
    return seconds
