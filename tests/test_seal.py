"""Files that steps write for later ones: a bit that changed, an end that is gone, are refused."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 (h5py reads compressed chunks with it)
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import NETWORK, TARGETS, read_whole, write_replicates, write_tiny

from seqcast.core import disk, seal
from seqcast.core.errors import SeqcastError
from seqcast.data import read_dataset
from seqcast.data.card import read_card
from seqcast.data.predictions import PredictionWriter, read_predictions
from seqcast.data.reference import read_reference, write_truth
from seqcast.data.splits import write_splits
from seqcast.evaluate.tables import make_window_table, write_table
from seqcast.genome.fasta import write_fasta
from seqcast.nn import Network
from seqcast.nn.checkpoint import read_model, write_model
from seqcast.predict.genome_tracks.parts import PartWriter, read_part
from seqcast.predict.genome_tracks.plan import Part, Plan, read_plan, write_plan
from seqcast.predict.genome_tracks.tiling import Span
from seqcast.sources.findings import Validation, read_validation, write_validation
from seqcast.sources.genome.fasta import open_indexed
from seqcast.sources.locating import Placements, read_placements, write_placements
from seqcast.sources.locating.placements import COLUMNS
from seqcast.tracks.browser.bigbed import write_bigbed
from seqcast.tracks.browser.loci import find_loci
from seqcast.tracks.browser.page import read_scores, read_sizes
from seqcast.tracks.table import read_tracks, write_tracks
from seqcast.training.resume import Progress, State, read_state, write_state

AGAIN = "delete it and run the same command again"
DATASET = "delete it, run `snakemake dataset validate_source`, then the same command again"
PART = Part("one", (Span("chr1", 0, 8),), "0123")
# Of each file that is read again: its name, and what its line says to do.
REMEDIES = {
    "dataset.h5": DATASET,
    "truth.h5": DATASET,
    "replicates.h5": DATASET,
    "predictions.h5": AGAIN,
    "part.h5": AGAIN,
    "model.safetensors": f"{AGAIN}, which trains it anew",
    "metrics.tsv": AGAIN,
    "windows.tsv": AGAIN,
    "tracks.tsv": AGAIN,
    "plan.json": AGAIN,
    "placements.tsv": "delete it, run `snakemake locate`, then the same command again",
    "validation.json": "delete it, run `snakemake validate_source`, then the same command again",
    "genome.fa": AGAIN,
    "genome.fa.fai": AGAIN,
    "genome.chrom.sizes": "delete it, run `snakemake export`, then the same command again",
    "splits.bed": "delete it, run `snakemake export`, then the same command again",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run that has a file of each kind, in the folder of a project."""
    folder = tmp_path_factory.mktemp("project") / "results" / "tiny"
    folder.mkdir(parents=True)
    dataset = write_tiny(folder / "dataset.h5")
    values = np.random.default_rng(1).random((dataset.bins, 3), np.float32)
    write_truth(folder / "truth.h5", values, TARGETS)
    write_replicates(folder / "replicates.h5", values, (True, False, True), TARGETS)
    rows = dataset.rows_of("test")
    with PredictionWriter(
        folder / "predictions.h5", dataset, rows, model="m", checkpoint_digest="0"
    ) as predictions:
        predictions.add(np.ones((len(rows), dataset.output_bins, 3), np.float32))
        predictions.finish()
    with PartWriter(folder / "part.h5", PART, TARGETS, {"model": "m"}) as part:
        part.add(values[: PART.bins])
        part.finish()
    torch.manual_seed(1)
    write_model(folder / "model.safetensors", Network(NETWORK, TARGETS, crop=2), {"epoch": 3})
    scores = pd.DataFrame({"target": TARGETS.identifier, "pearson_r_log1p": [0.5, 0.25, 0.125]})
    write_table(scores, folder / "metrics.tsv")
    windows = make_window_table(read_predictions(folder / "predictions.h5"), dataset)
    write_table(windows, folder / "windows.tsv")
    write_tracks(folder / "tracks.tsv", [dict.fromkeys(("file", "target", "sha256"), "none.bw")])
    write_plan(folder / "plan.json", Plan((PART,)))
    places = pd.DataFrame([("train", 0, "placed", "chr1", 0, 9, "+", 1, 0, 1.0)], columns=COLUMNS)
    found = Placements("small", "ACGT", "ACGT", 9, {"chr1": 100}, places.astype(COLUMNS))
    write_placements(folder / "placements.tsv", found)
    write_validation(folder / "validation.json", Validation("simulated", "dataset.h5"))
    write_fasta(folder / "genome.fa", [("chr1", dataset.codes[:1000])])
    write_splits(folder / "splits.bed", dataset, ("chr1", "chr2"))
    return folder


@pytest.fixture
def _in_project(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parents[1])


def read(path: Path) -> object:
    """Read a file as the steps do, by the name that it had in the run."""
    name = path.name
    if name == "windows.tsv":
        dataset = read_dataset(path.with_name("dataset.h5"))
        return find_loci(path, read_predictions(path.with_name("predictions.h5")), dataset)
    readers: dict[str, Callable[[Path], object]] = {
        "dataset.h5": read_dataset,
        "truth.h5": read_reference,
        "replicates.h5": read_reference,
        "predictions.h5": read_predictions,
        "part.h5": lambda part: read_part(part, PART, TARGETS),
        "model.safetensors": read_model,
        "metrics.tsv": read_scores,
        "tracks.tsv": read_tracks,
        "plan.json": read_plan,
        "placements.tsv": read_placements,
        "validation.json": read_validation,
        "genome.fa": open_indexed,
        "genome.fa.fai": lambda _: open_indexed(path.with_name("genome.fa")),
        "splits.bed": lambda bed: write_bigbed(
            bed.with_suffix(".bb"), bed, {"chr1": 1024, "chr2": 777}
        ),
        "genome.chrom.sizes": lambda sizes: read_sizes(sizes.parent),
    }
    return readers[name](path)


def flip(path: Path, byte: int, bit: int) -> None:
    """Change one bit of a file where it lies."""
    with open(path, "r+b") as file:
        file.seek(byte)
        (value,) = file.read(1)
        file.seek(byte)
        file.write(bytes([value ^ 1 << bit]))


def check_refused(path: Path, remedy: str) -> None:
    with pytest.raises(SeqcastError) as refused:
        read(path)
    said = str(refused.value)
    assert said.startswith(f"results/tiny/{path.name}: ")
    assert said.endswith(f"; {remedy}")
    assert "\n" not in said


@pytest.mark.usefixtures("_in_project")
@pytest.mark.parametrize("name", REMEDIES)
@settings(max_examples=25)
@given(data=st.data())
def test_any_bit_that_changed_is_refused_with_what_to_do(name: str, data: st.DataObject) -> None:
    path = Path("results/tiny", name)
    size = path.stat().st_size
    # The seal and what is near it half of the time.
    byte = data.draw(st.integers(0, min(size, 600) - 1) | st.integers(0, size - 1))
    bit = data.draw(st.integers(0, 7))
    flip(path, byte, bit)
    try:
        check_refused(path, REMEDIES[name])
    finally:
        flip(path, byte, bit)
    read(path)


@pytest.mark.usefixtures("_in_project")
@pytest.mark.parametrize("name", REMEDIES)
@settings(max_examples=10)
@given(data=st.data())
def test_any_end_that_is_gone_is_refused_with_what_to_do(name: str, data: st.DataObject) -> None:
    path = Path("results/tiny", name)
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        check_refused(path, REMEDIES[name])
    finally:
        path.write_bytes(content)
    read(path)


@pytest.mark.usefixtures("_in_project")
def test_a_large_file_of_a_run_is_read_once_until_it_is_touched(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "REMEMBERED_FROM", 0)
    path = Path("results/tiny/model.safetensors")
    digest, reads = seal._digest, []
    monkeypatch.setattr(seal, "_digest", lambda *each: reads.append(1) or digest(*each))
    for _ in range(2):
        read_card(path)
        assert len(reads) == 1
    # Its size and its date as before, the content is another.
    stat = path.stat()
    flip(path, stat.st_size - 1, 3)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    check_refused(path, REMEDIES[path.name])
    flip(path, stat.st_size - 1, 3)
    read_card(path)
    # What was just written is known to be right.
    reads.clear()
    write_tiny(path.with_name("again.h5"))
    assert len(reads) == 1
    assert sorted(each.name for each in (run / ".seals").rglob("*")) == [
        "again.h5", "model.safetensors",
    ]  # fmt: skip


def test_a_file_that_lies_elsewhere_is_always_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "REMEMBERED_FROM", 0)
    for folder in (tmp_path, tmp_path / "results"):
        folder.mkdir(exist_ok=True)
        path = folder / "model.safetensors"
        shutil.copy(run / "model.safetensors", path)
        monkeypatch.chdir(tmp_path)
        read_card(path)
        flip(path, 700, 0)
        with pytest.raises(SeqcastError, match="make it anew, or copy it again from where"):
            read_card(path)
    assert sorted(each.name for each in tmp_path.rglob("*")) == [
        "model.safetensors", "model.safetensors", "results",
    ]  # fmt: skip


@pytest.mark.usefixtures("_in_project")
def test_a_run_that_may_not_be_written_to_is_read(run: Path, monkeypatch) -> None:
    monkeypatch.setattr(seal, "REMEMBERED_FROM", 0)
    shutil.rmtree(run / ".seals", ignore_errors=True)
    # As if the folder could not be made.
    (run / ".seals").write_text("")
    read_card(Path("results/tiny/model.safetensors"))
    (run / ".seals").unlink()


def test_tables_are_as_plain_as_they_were(run: Path) -> None:
    """A table of the user's own has no seal and is taken as it is; b2sum knows the others'."""
    assert pd.read_csv(run / "metrics.tsv", sep="\t").shape == (3, 2)
    shutil.copy(run / "metrics.tsv", run / "mine.tsv")
    assert read_scores(run / "mine.tsv") == read_scores(run / "metrics.tsv")
    (run / "mine.tsv").unlink()
    if b2sum := shutil.which("b2sum"):
        said = subprocess.run([b2sum, "-c", ".metrics.tsv.b2"], cwd=run, check=True, text=True)
        assert said.returncode == 0


def test_every_reader_of_hdf5_reads_past_the_seal(run: Path) -> None:
    with h5py.File(run / "dataset.h5") as file:
        assert file.userblock_size == seal.ROOM
        found = file["coverage"][()].T
    assert np.array_equal(read_whole(read_dataset(run / "dataset.h5").cells), found, equal_nan=True)


def test_a_name_comes_after_the_content_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    flush = os.fsync

    def note(handle: int) -> None:
        """Note what is flushed, and whether the file has its name by then."""
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        seen.append((name, (tmp_path / "a.txt").exists()))
        flush(handle)

    monkeypatch.setattr(os, "fsync", note)
    disk.write_text(tmp_path / "a.txt", "content")
    assert seen == [("a.txt.partial", False), (tmp_path.name, True)]
    with contextlib.suppress(KeyError), disk.written_whole(tmp_path / "a.txt") as partial:
        partial.write_text("other")
        raise KeyError
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "content"


def test_only_one_module_gives_files_their_names() -> None:
    library = Path(disk.__file__).parents[1]
    renaming = re.compile(r"os\.(replace|rename)\(|\.rename\(\w*path|shutil\.move\(")
    found = {path.name for path in library.rglob("*.py") if renaming.search(path.read_text())}
    assert found == {"disk.py"}


def test_a_saved_training_of_another_shape_is_passed_over(tmp_path: Path, caplog) -> None:
    """The one before it is used, and the log says so."""
    for step in (1, 2):
        tensors = {"weights/a": torch.arange(6.0).reshape(2, 3)}
        write_state(tmp_path, {"data": "x"}, State(Progress(step=step), tensors))
    last = tmp_path / "state.safetensors"
    content = last.read_bytes()
    assert content.count(b"[2,3]") == 1
    last.write_bytes(content.replace(b"[2,3]", b"[3,2]"))
    found = read_state(tmp_path, {"data": "x"})
    assert found is not None
    assert found.progress.step == 1
    assert "passed over" in caplog.text
    assert "state.safetensors: is damaged" in caplog.text
