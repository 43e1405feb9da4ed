"""A file of a finished run that was damaged: one line says what to do, and that brings it back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project

# Of each damaged file: a file that is made of it, in the order of the run.
MADE_OF = {
    "dataset/dataset.h5": "baseline.gc/predict/predictions.h5",
    "validate/validation.json": "report/index.html",
    "default/train/model.safetensors": "default/predict/predictions.h5",
    "default/predict/predictions.h5": "default/evaluate/metrics.tsv",
    "default/evaluate/metrics.tsv": "report/index.html",
}
# When, how long, and where in a log: not what a result is.
OF_THE_MOMENT = ("logs", ".seals", "run.json", "history.tsv", "report/index.html")


def read_results(project: Project) -> dict[str, bytes]:
    """Return what each file of a run holds, but for what the clock put there."""
    return {
        str(path.relative_to(project.results)): path.read_bytes()
        for path in sorted(project.results.rglob("*"))
        if path.is_file()
        and not any(part in str(path.relative_to(project.results)) for part in OF_THE_MOMENT)
    }


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    path.write_bytes(content)


def follow(project: Project, line: str) -> None:
    """Do what a line says, to the letter; the same command is for the reader to repeat."""
    path, said = re.search(r"error: (\S+): .*; (delete it.*)$", line).groups()
    (project.folder / path).unlink()
    for targets in re.findall(r"`snakemake ([\w ]+)`", said):
        project.snakemake(*targets.split(), "--cores", "2")


@pytest.mark.parametrize("damaged", MADE_OF)
def test_what_the_line_says_brings_the_same_bytes_back(finished: Project, damaged: str) -> None:
    before = read_results(finished)
    flip_a_bit(finished.results / damaged)
    (finished.results / MADE_OF[damaged]).unlink()
    said = finished.snakemake(check=False)
    assert "Traceback" not in said
    lines = {line for line in said.splitlines() if "is damaged" in line}
    assert len(lines) == 1
    follow(finished, lines.pop())
    trained = (finished.results / "default/train/model.safetensors").stat().st_mtime_ns
    finished.snakemake()
    assert finished.jobs() == {}
    assert read_results(finished) == before
