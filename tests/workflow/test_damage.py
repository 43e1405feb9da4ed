"""Damaged files of a finished run: one line says what to do, and that brings them back."""

import os
import re
from pathlib import Path

import pytest
from project import Project

# Damaged together; the report reads them all.
WITHOUT_TRAINING = [
    (
        "validate/validation.json",
        "default/predict/predictions.h5",
        "baseline.gc/evaluate/metrics.tsv",
    ),
    ("dataset/dataset.h5",),
]
MODEL = "default/train/model.safetensors"
# When and how long: not what a result is.
OF_THE_MOMENT = ("logs/", ".seals/", "run.json", "history.tsv", "report/index.html")


def read_results(project: Project) -> dict[str, bytes]:
    """Return what each file of a run holds, but for what the clock put there."""
    files = [path for path in project.results.rglob("*") if path.is_file()]
    found = {str(path.relative_to(project.results)): path.read_bytes() for path in files}
    return {
        name: content
        for name, content in found.items()
        if not any(each in name for each in OF_THE_MOMENT)
    }


def flip_a_bit(path: Path) -> None:
    """Change a file as a disk does: its date stays, so that Snakemake sees nothing."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) * 2 // 3] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def repeat_until_done(project: Project) -> list[str]:
    """Run, and do to the letter what the line says that it ends with; return the damaged files."""
    found: list[str] = []
    (project.results / "report/index.html").unlink()
    while not (project.results / "report/index.html").exists():
        _, said = project.run()
        if lines := re.findall(r"error: (\S+): is damaged, .*; (delete it.*)", said):
            assert len(set(lines)) == 1, said
            path, remedy = lines[0]
            (project.folder / path).unlink()
            for targets in re.findall(r"`snakemake ([\w ]+)`", remedy):
                project.snakemake(*targets.split())
            found.append(path.removeprefix("results/tiny/"))
        assert "Traceback" not in said, said
        assert len(found) < 9
    return found


@pytest.mark.slow
def test_what_the_line_says_brings_the_same_bytes_back(finished: Project) -> None:
    before = read_results(finished)
    trained = (finished.results / MODEL).stat().st_mtime_ns
    for damaged in WITHOUT_TRAINING:
        for name in damaged:
            flip_a_bit(finished.results / name)
        assert sorted(repeat_until_done(finished)) == sorted(damaged)
        assert read_results(finished) == before
    assert (finished.results / MODEL).stat().st_mtime_ns == trained
    flip_a_bit(finished.results / MODEL)
    assert repeat_until_done(finished) == [MODEL]
    assert read_results(finished) == before
    assert finished.jobs() == {}
