"""Digests of code change with the code a step reaches, and with no other."""

import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest
import tqdm
from edits import edit_messages, edit_numbers

from seqcast.core import provenance
from seqcast.core.provenance import (
    PACKAGES,
    digest_samples,
    find_damaged_files,
    make_run_record,
    read_code,
    sha256_of,
)

SCRIPTS = Path(provenance.__file__).parents[2]
Digest = Callable[[str], str]


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a copy of the scripts and the library."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts", ignore=ignored))


@pytest.fixture
def digest(scripts: Path) -> Digest:
    """Return a function that digests a step of the copy, as a new process would."""

    def digest(step: str) -> str:
        module = load(scripts)
        return module.digest_sources(scripts / f"{step}.py")

    return digest


def load(scripts: Path):
    spec = importlib.util.spec_from_file_location("copy", scripts / "seqcast/core/provenance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(path: Path) -> None:
    path.write_text(path.read_text() + "\nchanged = True\n")


@pytest.mark.parametrize(
    ("step", "module", "reached"),
    [
        ("train", "training/loop.py", True),
        ("train", "nn/pooled.py", True),
        ("train", "genome/codes.py", True),
        ("train", "genome/fasta.py", False),
        ("train", "data/reading.py", True),
        # What settings do stands in the parameters of the rules.
        ("train", "settings/section.py", False),
        ("train", "core/console.py", False),
        ("train", "tracks/style.py", False),
        ("train", "report/page.py", False),
        ("train", "genome/bigwig/writing.py", False),
        ("train", "sources/simulated/tracks.py", False),
        ("report", "tracks/style.py", True),
        ("report", "nn/pooled.py", False),
        ("report", "report/page.py", True),
        ("dataset_simulated", "sources/simulated/tracks.py", True),
        ("dataset_simulated", "sources/basenji/writing.py", False),
        ("dataset_simulated", "sources/genome/tracks.py", False),
        ("dataset_simulated", "training/loop.py", False),
        ("dataset_basenji_h5", "sources/basenji/writing.py", True),
        ("dataset_basenji_h5", "sources/locating/placements.py", True),
        ("dataset_basenji_h5", "sources/simulated/tracks.py", False),
        ("dataset_genome", "sources/genome/tracks.py", True),
        ("dataset_genome", "sources/basenji/writing.py", False),
        ("dataset_genome", "sources/locating/placements.py", False),
        ("export", "genome/bigwig/writing.py", True),
        ("export", "nn/pooled.py", False),
        ("predict", "nn/pooled.py", True),
        ("evaluate", "evaluate/metrics/target.py", True),
        ("validate_basenji_h5", "sources/validation/judgement.py", True),
        ("validate_basenji_h5", "sources/genome/bigwig.py", False),
        ("validate_genome", "sources/genome/bigwig.py", True),
        ("validate_genome", "sources/validation/judgement.py", False),
        ("validate_simulated", "sources/validation/simulated.py", True),
        ("validate_simulated", "sources/validation/verdict.py", False),
        ("validate_simulated", "training/loop.py", False),
    ],
)
def test_digests_change_with_what_a_step_reaches(
    scripts: Path, digest: Digest, step: str, module: str, reached: bool
) -> None:
    before = digest(step)
    change(scripts / "seqcast" / module)
    assert (digest(step) != before) == reached


def test_digests_change_with_the_script_and_no_other(scripts: Path, digest: Digest) -> None:
    train, predict = digest("train"), digest("predict")
    change(scripts / "train.py")
    assert digest("train") != train
    assert digest("predict") == predict


def find_steps() -> list[str]:
    return sorted(path.stem for path in SCRIPTS.glob("*.py"))


def test_edited_words_change_no_digest(scripts: Path, digest: Digest) -> None:
    before = {step: digest(step) for step in find_steps()}
    rooms = set()
    for path in scripts.glob("seqcast/**/*.py"):
        source = path.read_text()
        edited = edit_messages(source)
        path.write_text(edited)
        if edited != source:
            rooms.add(path.relative_to(scripts).parts[1])
    assert {"training", "nn", "data", "sources", "evaluate", "report"} <= rooms
    assert {step: digest(step) for step in find_steps()} == before


def test_edited_numbers_change_the_digests(scripts: Path, digest: Digest) -> None:
    before = {step: digest(step) for step in find_steps()}
    # Not of what digests are made by.
    for path in {*scripts.glob("seqcast/**/*.py")} - {scripts / "seqcast/core/provenance.py"}:
        source = path.read_text()
        edited = edit_numbers(source)
        path.write_text(edited)
        assert (read_code(edited) != read_code(source)) == (edited != source), path
    assert [step for step in find_steps() if digest(step) == before[step]] == []


def test_tokens_are_those_of_python() -> None:
    for path in SCRIPTS.rglob("*.py"):
        source = path.read_text()
        lines = source.splitlines()
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                line, start = token.start
                lines[line - 1] = lines[line - 1][:start]
        found = "".join(provenance._TOKEN.findall(source))
        assert "".join(found.split()) == "".join("".join(lines).split()), path


SAID = """
from seqcast.console import log, progress

_MOST = 3
_REMEDY = "run it again"
_UNITS = {"bases": ["b"]}


def read(path: str, number: int = 1) -> dict[str, int]:
    if not path.endswith(".h5"):
        raise SeqcastError(f"{path}: no {', '.join(_UNITS)} ({_say(number)}); {_REMEDY}") from None
    with progress(number, "read", unit="b") as bar:
        log.info("read %s of %d", path, _MOST)
        bar.update(1)
    return {
        "name": [f"{path}#{_MOST}", number],
    }


def _say(number: int) -> str:
    return _count(number) + "!"


def _count(number: int) -> str:
    return f"{number} things"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n\n\n", "\n\n# why\n\n"),
        ("number: int = 1)", "number: int = 1\n)"),
        ("update(1)", "update(1)  # one"),
        ("    if not", '    """Read a (file."""\n    if not'),
        ("    if not", "    r'''Read\n\n    a (file.'''\n    if not"),
        ('path.endswith(".h5")', 'path.endswith(\n        ".h5"  # why\n    )'),
        ("if not path", "if not \\\n        path"),
        ("no {", "there are no ({"),
        ("_say(number)", "number"),
        ("run it again", "make it anew"),
        ('"!"', '"?"'),
        (" things", " files"),
        ('"read"', "'look (at'"),
        ("read %s of", "looked at %s of"),
        ("log.info", "log.warning"),
        ("        bar.update", '        log.info("%s", number)\n        bar.update'),
    ],
)
def test_what_is_only_said_does_not_count(old: str, new: str) -> None:
    assert old in SAID
    assert read_code(SAID.replace(old, new)) == read_code(SAID)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("update(1)", "update(2)"),
        ("    return {", "        return {"),
        (".h5", ".hdf5"),
        ("SeqcastError", "Stopped"),
        (" from None", ""),
        ("_MOST = 3", "_MOST = 4"),
        ('"name"', '"names"'),
        ("#{", "/{"),
        (", number]", "], number"),
        ("number: int", "number: float"),
        ("as bar", "as line"),
        ("if not path", "if path"),
        ("def _say", "@known\ndef _say"),
        ("def _count", "_count = known(_count)\n\n\ndef _count"),
    ],
)
def test_what_is_done_counts(old: str, new: str) -> None:
    assert old in SAID
    assert read_code(SAID.replace(old, new)) != read_code(SAID)


# As it was when this was written: whatever changes it reruns all results of everybody.
GOLDEN = "8b3c664d9ca9c68e57ecf971cc02b1d2ad13bcd7da3b8790d82e9bcf2bf1b920"


def test_a_digest_is_the_same_for_ever() -> None:
    assert hashlib.sha256(read_code(SAID).encode()).hexdigest() == GOLDEN


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13"])
def test_every_python_has_the_same_digests(python: str) -> None:
    script = """if True:
        import sys
        from pathlib import Path
        from seqcast.core.provenance import digest_sources
        for path in sys.argv[1:]:
            print(digest_sources(Path(path)))
    """
    steps = sorted(SCRIPTS.glob("*.py"))
    try:
        done = subprocess.run(
            [python, "-c", script, *steps],
            env={**os.environ, "PYTHONPATH": f"{SCRIPTS}:{Path(tqdm.__file__).parents[1]}"},
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        pytest.skip(f"there is no {python}")
    if done.returncode == 127:
        pytest.skip(f"there is no {python}")
    assert done.stdout.split() == list(map(provenance.digest_sources, steps)), done.stderr


def test_digests_change_with_new_imports(scripts: Path, digest: Digest) -> None:
    model = scripts / "seqcast/nn/pooled.py"
    model.write_text("from seqcast.genome import (\n    bigwig,\n)\n" + model.read_text())
    before = digest("train")
    change(scripts / "seqcast/genome/bigwig/writing.py")
    assert digest("train") != before


def test_digests_do_not_depend_on_the_folder(digest: Digest) -> None:
    for step in ("train", "report"):
        assert digest(step) == provenance.digest_sources(SCRIPTS / f"{step}.py")


@pytest.mark.parametrize("way", ["a/b", "a/../scripts", "z/../scripts"])
def test_digests_do_not_depend_on_the_way_to_the_folder(scripts: Path, way: str) -> None:
    """Through a symbolic link, as homes on clusters are, or `--snakefile ../Snakefile`."""
    for name in ("a", "z"):
        (scripts.parent / name).mkdir()
    (scripts.parent / "a/b").symlink_to(scripts)
    there = scripts.parent / way
    module = load(there)
    for step in ("train", "report"):
        assert module.digest_sources(there / f"{step}.py") == provenance.digest_sources(
            SCRIPTS / f"{step}.py"
        )


@pytest.mark.parametrize("part", ["nn", "nn/loss", "data/sampling", "training", "nn/checkpoint"])
def test_a_training_hangs_on_each_file_that_it_learns_by(part: str) -> None:
    library = SCRIPTS / "seqcast"
    files = {*library.glob(f"{part}.py"), *library.glob(f"{part}/**/*.py")}
    assert files
    assert files <= provenance.find_sources(SCRIPTS / "train.py")


def test_sha256_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize("size", [0, 1, 5000, 300_000, 2_000_003])
def test_samples_tell_files_apart_by_size_and_ends(tmp_path: Path, size: int) -> None:
    content = bytearray(os.urandom(size))
    path, copy = tmp_path / "a", tmp_path / "b"
    path.write_bytes(content)
    copy.write_bytes(content)
    os.utime(copy, (1, 1))
    wanted = digest_samples(path)
    assert digest_samples(copy) == wanted
    copy.write_bytes(content + b"x")
    assert digest_samples(copy) != wanted
    for place in (0, size // 2, size - 1) if size else ():
        changed = bytearray(content)
        changed[place] ^= 1
        copy.write_bytes(changed)
        # Of a large file a byte in the middle may lie between samples; `validate` reads all.
        assert digest_samples(copy) != wanted or 0 < place < size - 1


def test_a_large_file_is_read_in_few_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(10**12)
    reads, pread = [], os.pread

    def watch(file: int, size: int, place: int) -> bytes:
        reads.append(size)
        return pread(file, size, place)

    monkeypatch.setattr(os, "pread", watch)
    digest_samples(path)
    assert len(reads) <= 8
    assert sum(reads) <= 1 << 18


def test_the_record_tells_how_to_repeat_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQCAST_COMMAND", "snakemake --cores 2")
    record = make_run_record({"run": "demo", "train": {"epochs": 2}}, {"dataset": "d" * 64})
    assert record["run"] == "demo"
    assert record["command"] == "snakemake --cores 2"
    assert record["config"] == {"run": "demo", "train": {"epochs": 2}}
    assert record["data"] == {"dataset": "d" * 64}
    assert set(record["versions"]) == {"python", *PACKAGES}
    assert json.loads(json.dumps(record)) == record


def test_packages_that_are_not_there_have_no_version() -> None:
    record = make_run_record({}, {}, ["no-such-package", "numpy"])
    assert record["versions"]["no-such-package"] is None
    assert record["versions"]["numpy"]


def test_outside_git_there_is_no_commit(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(scripts.parent.parent))
    record = load(scripts).make_run_record({}, {})
    assert (record["commit"], record["dirty"]) == (None, None)


def test_without_git_there_is_no_commit(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    record = load(scripts).make_run_record({}, {})
    assert (record["commit"], record["dirty"]) == (None, None)


def test_files_older_than_their_table_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.bw").write_text("a")
    table = tmp_path / "tracks.tsv"
    table.write_text(f"file\tsha256\na.bw\t{'0' * 64}\nb.bw\t{'0' * 64}\n")
    os.utime(tmp_path / "a.bw", (1, 1))
    assert find_damaged_files(table) == ["b.bw"]
    os.utime(table, (0, 0))
    assert find_damaged_files(table) == ["a.bw", "b.bw"]
