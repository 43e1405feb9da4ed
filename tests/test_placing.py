"""Windows of known places, put together to pieces of chromosomes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyBigWig
import pytest
from broken_files import write_file
from hypothesis import given
from hypothesis import strategies as st
from tiny import read_moved

from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, Dataset, check_dataset, read_dataset
from seqcast.data.predictions import PredictionWriter
from seqcast.data.splits import find_stretches
from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.genome.codes import N, reverse_complement
from seqcast.genome.fasta import write_fasta
from seqcast.settings import BasenjiSettings
from seqcast.sources.basenji import write_dataset
from seqcast.sources.basenji.placing import Place, Places, join_windows
from seqcast.sources.genome.fasta import open_fasta
from seqcast.sources.validation import validate
from seqcast.tracks.browser.cutting import make_cut
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.exporting import export_tracks

BIN, WINDOW, PAIRS = 128, 1024, (0, 2, 1)
SIZES = {"chr1": 40_000, "chr10": 9_000, "chr2": 30_000}
# Overlapping, touching and apart; chr1:37 begins in mid-bin; the other strand; no place at all.
FOUND = {
    ("train", 0): Place("chr2", 1024, "+"),
    ("train", 1): Place("chr1", 5 * 128 + 512 + 128, "-"),
    ("train", 2): Place("chr1", 5 * 128, "+"),
    ("train", 3): Place("chr1", 20_037, "-"),
    ("train", 4): Place("chr2", 2048, "+"),
    ("valid", 0): Place("chr10", 9_000 - 1024, "-"),
    ("test", 0): Place("chr2", 10_000, "+"),
    ("test", 1): Place("chr2", 10_000 + 512, "-"),
    ("test", 2): Place("chr1", 30_100, "+"),
}
COUNTS = {"train": 6, "valid": 1, "test": 3}


@pytest.fixture(scope="module")
def genome() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    codes = {name: rng.integers(0, 4, size).astype(np.uint8) for name, size in SIZES.items()}
    codes["chr2"][1500:1600] = N
    return codes


def coverage_at(chrom: str, start: int) -> np.ndarray:
    """Return the coverage of the bins of a window on the plus strand, by their places."""
    places = start + BIN * np.arange(WINDOW // BIN)
    return np.stack([(places // 7 + 13 * t + len(chrom)) % 97 for t in range(3)], axis=1)


def write_source(folder: Path, genome: Mapping[str, np.ndarray], order: str = "ACGT") -> Path:
    rng = np.random.default_rng(8)
    arrays: dict[str, Any] = {}
    for split, count in COUNTS.items():
        codes = rng.integers(0, 4, (count, WINDOW)).astype(np.uint8)
        values = rng.integers(0, 50, (count, WINDOW // BIN, 3)).astype(np.float64)
        for row in range(count):
            if place := FOUND.get((split, row)):
                window = genome[place.chrom][place.start : place.start + WINDOW]
                cover = coverage_at(place.chrom, place.start)
                if place.strand == "-":
                    window, cover = reverse_complement(window), cover[::-1, list(PAIRS)]
                codes[row], values[row] = window, cover
        table = np.zeros((5, 4), dtype=bool)
        for channel, base in enumerate(order):
            table["ACGT".index(base), channel] = True
        arrays[f"{split}_in"], arrays[f"{split}_out"] = table[codes], values.astype(np.float16)
    arrays["target_labels"] = np.array([b"one", b"two +", b"two -"])
    return write_file(folder / "seq.h5", arrays)


def make_places(order: str = "ACGT", **changes: Place) -> Places:
    return Places("tiny.fa", order, SIZES, {**FOUND, **changes})


def convert(path: Path, places: Places | None, **values: Any) -> Dataset:
    given = {"alphabet": "ACGT", "strand_pair": PAIRS, **values}
    settings = BasenjiSettings(file=str(path), **given)
    output = path.with_name("dataset.h5")
    write_dataset(settings, path, validate(settings, path), output, places)
    return read_dataset(output)


@pytest.mark.parametrize("order", ["ACGT", "TGCA"])
def test_windows_lie_where_they_are_in_the_genome(
    tmp_path: Path, genome: Mapping[str, np.ndarray], order: str
) -> None:
    # The file was taken for ACGT; the order that matches the genome is the one that counts.
    dataset = convert(write_source(tmp_path, genome, order), make_places(order))
    assert check_dataset(dataset) == []
    assert dataset.has_coordinates
    assert dataset.source["alphabet"] == order
    assert dataset.source["unplaced_windows"] == 1
    rows = np.arange(len(dataset.windows))
    seen = set()
    for row, chrom, start, end in zip(rows, *dataset.intervals_of(rows), strict=True):
        split = SPLITS[dataset.windows["split"][row]]
        if chrom not in SIZES:
            assert (chrom, start, split) == ("train_0005", 0, "train")
            continue
        seen.add((split, chrom, int(start)))
        known = genome[chrom][start:end]
        np.testing.assert_array_equal(dataset.codes_of(row), known)
        np.testing.assert_array_equal(dataset.coverage_of(row), coverage_at(chrom, start))
    assert seen == {(split, place.chrom, place.start) for (split, _), place in FOUND.items()}


def test_windows_that_overlap_or_touch_are_one_piece(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    dataset = convert(write_source(tmp_path, genome), make_places())
    assert dataset.contigs.name == (
        "chr1:641-2304", "chr1:20038-21061", "chr1:30101-31124", "chr10:7977-9000",
        "chr2:1025-3072", "chr2:10001-11536", "train_0005",
    )  # fmt: skip
    assert dataset.contigs.chrom_sizes == SIZES
    # A window in a longer piece can move within it, its coverage with it.
    left, right = dataset.room_of(dataset.rows_of("train"))
    assert (left + right).max() == 1024
    row = int(dataset.rows_of("train")[np.argmax(right)])
    (chrom,), (start,), _ = dataset.intervals_of(np.array([row]))
    moved = read_moved(dataset, row, 5 * BIN)[1]
    np.testing.assert_array_equal(moved, coverage_at(chrom, int(start) + 5 * BIN))


def test_shorter_windows_keep_their_places(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    dataset = convert(write_source(tmp_path, genome), make_places(), window=384)
    assert check_dataset(dataset) == []
    assert len(np.unique(dataset.windows)) == len(dataset.windows)
    rows = np.arange(len(dataset.windows))
    for row, chrom, start, end in zip(rows, *dataset.intervals_of(rows), strict=True):
        if chrom in SIZES:
            np.testing.assert_array_equal(dataset.codes_of(row), genome[chrom][start:end])
            wanted = coverage_at(chrom, int(start))[:3]
            np.testing.assert_array_equal(dataset.coverage_of(row), wanted)


def test_a_shorter_window_of_two_that_overlap_is_there_once(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    dataset = convert(write_source(tmp_path, genome), make_places(), window=128)
    # Of chr1:640-1664 and chr1:1280-2304, of chr2:10,000-11,024 and chr2:10,512-11,536.
    assert len(dataset.rows_of("train")) == 6 * 8 - 3
    assert len(dataset.rows_of("test")) == 3 * 8 - 4
    assert len(np.unique(dataset.windows)) == len(dataset.windows)


def test_tracks_lie_in_true_coordinates(tmp_path: Path, genome: Mapping[str, np.ndarray]) -> None:
    dataset = convert(write_source(tmp_path, genome), make_places())
    write_fasta(tmp_path / "tiny.fa", genome.items())
    rows = np.concatenate([dataset.rows_of("test"), dataset.rows_of("train")])
    path = tmp_path / "predictions.h5"
    with PredictionWriter(path, dataset, rows, model="m", checkpoint_digest="0") as writer:
        for row in rows:
            writer.add(dataset.coverage_of(int(row))[None] + 1)
        writer.finish()
    table = tmp_path / "export" / "tracks.tsv"
    fasta = open_fasta(tmp_path / "tiny.fa", tmp_path / "work")
    export_tracks(dataset.path, {"m": path}, table, genome=fasta)
    with pyBigWig.open(str(table.with_name("two-plus.m.bw"))) as file:
        assert file.chroms() == {"chr1": 40_000, "chr2": 30_000}
        for (split, _), place in FOUND.items():
            if split != "valid":
                wanted = coverage_at(place.chrom, place.start)[:, 1] + 1
                found = file.values(place.chrom, place.start, place.start + WINDOW, numpy=True)
                np.testing.assert_array_equal(found.reshape(-1, BIN).mean(axis=1), wanted)
    sizes = table.with_name("genome.chrom.sizes").read_text()
    assert sizes == "chr1\t40000\nchr2\t30000\n"
    with open(table.with_name("genome.fa")) as file:
        assert len(file.read().replace("\n", "")) == 70_000 + len(">chr1>chr2")
    lines = table.with_name("splits.bed").read_text().splitlines()
    assert [line.split("\t")[:4] for line in lines[:2]] == [
        ["chr1", "640", "2304", "train"], ["chr1", "20037", "21061", "train"]
    ]  # fmt: skip
    assert {stretch.split for stretch in find_stretches(dataset)} == set(SPLITS)
    # Nothing was predicted on chr10, where the valid window lies: it has no track there.


def test_a_split_without_places_is_refused(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    found = {window: place for window, place in FOUND.items() if window[0] != "test"}
    with pytest.raises(SeqcastError, match="none of 3 test windows has one place in tiny"):
        convert(write_source(tmp_path, genome), Places("tiny.fa", "ACGT", SIZES, found))


def test_turned_windows_want_to_know_the_strands(
    tmp_path: Path, genome: Mapping[str, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    path = write_source(tmp_path, genome)
    words = "4 windows are of the minus strand .*2 targets seem to have one: two [+]"
    with pytest.raises(SeqcastError, match=words):
        convert(path, make_places(), strand_pair=None)
    with h5py.File(path, "r+") as file:
        file["target_labels"][...] = [b"one", b"two", b"three"]
    convert(path, make_places(), strand_pair=None)
    assert "set dataset.strand_pair" in caplog.text


def test_a_place_at_the_start_of_a_chromosome_can_be_shown(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    # Bins of located windows begin anywhere, here in the middle of a first bin.
    write_bigwig(tmp_path / "x.bw", SIZES, [Run("chr1", 37, np.arange(1.0, 41.0))], BIN)
    rows = {"x": [{"file": "x.bw"}]}
    cut = make_cut(tmp_path, [Locus("start", "chr1", 0, 1_000)], rows, BIN, 1_000)
    values = cut.values_of("x.bw", Locus("start", "chr1", 0, 1_000))
    assert len(values) == len(cut.edges_of(Locus("start", "chr1", 0, 1_000))) - 1 == 8
    assert np.all(np.diff(values) > 0)


def test_overlaps_between_splits_are_refused_or_dropped(
    tmp_path: Path, genome: Mapping[str, np.ndarray]
) -> None:
    path = write_source(tmp_path, genome)
    places = Places("tiny.fa", "ACGT", SIZES, {**FOUND, ("train", 5): Place("chr2", 10_896, "+")})
    with pytest.raises(SeqcastError, match=r"1 windows overlap .* train 5 at chr2:10,897-11,920"):
        convert(path, places)
    dataset = convert(path, places, on_duplicate="drop")
    assert len(dataset.rows_of("train")) == 5
    assert check_dataset(dataset) == []


def test_overlapping_windows_that_disagree_are_counted(
    tmp_path: Path, genome: Mapping[str, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    # Placed where it is not, the last window's coverage fits no other.
    places = Places("tiny.fa", "ACGT", SIZES, {**FOUND, ("train", 5): Place("chr2", 1024, "+")})
    convert(write_source(tmp_path, genome), places)
    assert "values of coverage differ between windows that overlap" in caplog.text


@given(st.data())
def test_every_window_has_a_spot_in_a_piece(data: st.DataObject) -> None:
    sizes = {"a": 5_000, "b": 3_000}
    length, bin_size = 256, 64
    windows = [(split, row) for split in SPLITS for row in range(data.draw(st.integers(1, 6)))]
    found = {}
    for window in windows:
        if data.draw(st.booleans()):
            chrom = data.draw(st.sampled_from(list(sizes)))
            start = data.draw(st.integers(0, sizes[chrom] - length))
            found[window] = Place(chrom, start, data.draw(st.sampled_from("+-")))
    pieces, positions = join_windows(windows, Places("x", "ACGT", sizes, found), length, bin_size)
    assert set(positions) == set(windows)
    assert len({piece.name for piece in pieces if not piece.chrom}) == len(windows) - len(found)
    for window, position in positions.items():
        piece = pieces[position.contig]
        assert 0 <= position.start <= piece.length - length
        if place := found.get(window):
            assert (piece.chrom, piece.offset + position.start) == (place.chrom, place.start)
            assert position.start % bin_size == 0
            assert position.is_turned == (place.strand == "-")
        splits = {
            split for (split, _), other in positions.items() if other.contig == position.contig
        }
        assert splits == {window[0]}
