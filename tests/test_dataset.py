"""`dataset.h5` is read as it was written, or refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 (h5py reads compressed chunks with it)
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import (
    BIN,
    CROP,
    LENGTHS,
    SOURCE,
    TARGETS,
    WINDOW,
    make_all_windows,
    make_contigs,
    read_moved,
    read_whole,
    write_fine,
    write_tiny,
)

from seqcast.core.errors import SeqcastError
from seqcast.core.seal import seal
from seqcast.data import (
    SPLITS,
    WINDOW_DTYPE,
    Contigs,
    Dataset,
    DatasetWriter,
    check_dataset,
    find_split_overlaps,
    make_folds,
    make_windows,
    read_dataset,
    sum_cells,
    write_manifest,
)
from seqcast.data.layout import WHOLE_BINS, Piece
from seqcast.data.targets import Targets


def test_everything_is_read_as_it_was_written(tiny_dataset: Dataset) -> None:
    contigs = make_contigs()
    assert (tiny_dataset.bin_size, tiny_dataset.crop) == (BIN, CROP)
    assert (tiny_dataset.window, tiny_dataset.output_bins) == (WINDOW, WINDOW // BIN - 2 * CROP)
    assert replace(tiny_dataset.targets, mean=(), training_unit=()) == TARGETS
    assert tiny_dataset.has_coordinates
    assert tiny_dataset.contigs.name == tuple(LENGTHS)
    assert np.array_equal(tiny_dataset.windows, make_all_windows())
    for row, (contig, start, end, _) in enumerate(tiny_dataset.windows):
        codes, coverage = contigs[tiny_dataset.contigs.name[contig]]
        assert np.array_equal(tiny_dataset.codes_of(row), codes[start:end])
        inner = coverage[start // BIN + CROP : end // BIN - CROP]
        assert np.array_equal(tiny_dataset.coverage_of(row), inner, equal_nan=True)
    assert check_dataset(tiny_dataset) == []


def test_what_is_read_is_what_hdf5_reads(tiny_dataset: Dataset) -> None:
    with h5py.File(tiny_dataset.path) as file:
        assert np.array_equal(tiny_dataset.codes, file["sequence"][()])
        coverage = file["coverage"][()].T
    assert np.array_equal(read_whole(tiny_dataset.cells), coverage, equal_nan=True)
    with pytest.raises(ValueError, match="read-only"):
        tiny_dataset.codes[0] = 1


def test_splits_share_out_the_windows(tiny_dataset: Dataset) -> None:
    rows = [tiny_dataset.rows_of(split) for split in SPLITS]
    assert [len(each) for each in rows] == [7, 5, 3]
    assert np.array_equal(np.concatenate(rows), tiny_dataset.rows_of("all"))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 20))
def test_contigs_lie_one_after_the_other(lengths: list[int], bin_size: int) -> None:
    contigs = Contigs.from_lengths({str(place): n for place, n in enumerate(lengths)}, bin_size)
    base = bin_ = 0
    for place, length in enumerate(lengths):
        assert (contigs.first_base[place], contigs.first_bin[place]) == (base, bin_)
        base, bin_ = base + length, bin_ + (length + bin_size - 1) // bin_size


def test_digest_tells_every_content_apart(tmp_path: Path, tiny_dataset: Dataset) -> None:
    digests = {tiny_dataset.digest}

    def add(**changes) -> None:
        digests.add(write_tiny(tmp_path / "d.h5", **changes).digest)

    add()
    assert len(digests) == 1
    codes, coverage = make_contigs()["chr2"]
    changed = codes.copy()
    changed[700] ^= 1
    add(contigs=make_contigs() | {"chr2": (changed, coverage)})
    known = coverage.copy()
    known[8, 2] = 0
    add(contigs=make_contigs() | {"chr2": (codes, known)})
    add(contigs={name.upper(): each for name, each in make_contigs().items()})
    windows = make_all_windows()
    windows["split"][0] = 1
    add(windows=windows)
    add(windows=make_all_windows()[1:])
    add(targets=replace(TARGETS, scale=(1.0, 2.0, 0.6)))
    add(crop=1)
    assert len(digests) == 8


def test_a_broken_off_dataset_has_no_name(tmp_path: Path) -> None:
    contigs = Contigs.from_lengths(LENGTHS, BIN)
    options = {"contigs": contigs, "targets": TARGETS, "bin_size": BIN}

    def write_one() -> None:
        with DatasetWriter(tmp_path / "d.h5", **options) as writer:
            writer.add_contig(*make_contigs()["chr1"])
            assert len(list(tmp_path.iterdir())) == 1
            writer.finish(make_all_windows(), {})

    with pytest.raises(ValueError, match="bases were added of"):
        write_one()
    assert list(tmp_path.iterdir()) == []


def test_contigs_have_the_length_they_said(tmp_path: Path) -> None:
    codes, coverage = make_contigs()["chr1"]
    for wrong in ((codes[:-1], coverage), (codes, coverage[1:]), (codes, coverage[:, :2])):
        with pytest.raises(ValueError, match="chr1: found"):
            _add_first_contig(tmp_path / "d.h5", wrong)
    assert list(tmp_path.iterdir()) == []


def _add_first_contig(path: Path, contig: tuple[np.ndarray, np.ndarray]) -> None:
    contigs = Contigs.from_lengths(LENGTHS, BIN)
    with DatasetWriter(path, contigs=contigs, targets=TARGETS, bin_size=BIN) as writer:
        writer.add_contig(*contig)


def test_files_that_are_no_dataset_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    path = tmp_path / "d.h5"
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_dataset(path)
    path.write_text("no HDF5")
    with pytest.raises(SeqcastError, match="cannot be read as HDF5"):
        read_dataset(path)
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 1
    seal(path)
    with pytest.raises(SeqcastError, match="version 1, wanted 'seqcast-dataset' version 5; delete"):
        read_dataset(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(SeqcastError, match="found format None version None"):
        read_dataset(path)


@pytest.mark.parametrize("part", ["windows", "coverage", "contigs/name"])
def test_datasets_that_lack_a_part_are_refused(
    tmp_path: Path, tiny_dataset: Dataset, part: str
) -> None:
    path = tmp_path / "d.h5"
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file[part]
    seal(path)
    with pytest.raises(
        SeqcastError, match=r"cannot be read as HDF5, or is not whole .*doesn't exist.*; delete"
    ):
        read_dataset(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("bin_size", 0, "bin_size: found 0, wanted greater than 0"),
        ("bin_size", "16", "bin_size: found '16', wanted a valid integer"),
        ("bin_size", 32, r"/coverage has shape \(3, 145\), wanted"),
        ("resolution", 5, "resolution is 5, which does not divide bins of 16"),
        ("crop", -1, "crop: found -1, wanted greater than or equal to 0"),
        ("crop", 8, "crop is 8 bins, which leaves none of a window"),
        ("alphabet", "TGCAN", "alphabet: found 'TGCAN', wanted 'ACGTN'"),
        ("targets", '{"identifier": ["a"', "targets: found .*; invalid JSON"),
        ("targets", Targets.from_names(["a"]).to_json(), "/coverage has shape"),
        ("targets", TARGETS.to_json().replace("0.5", "NaN"), "targets.scale.2: found nan, wanted"),
        ("source", "[1]", "source: found .*, wanted"),
        ("source", "{}", "source does not say whether it has_coordinates"),
        ("digest", None, "digest: is needed and not given"),
    ],
)
def test_attributes_are_not_believed(
    tmp_path: Path, tiny_dataset: Dataset, name: str, value: object, message: str
) -> None:
    path = tmp_path / "d.h5"
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value
    seal(path)
    with pytest.raises(SeqcastError, match=f"^{path}: {message}.*; delete it") as caught:
        read_dataset(path)
    assert "\n" not in str(caught.value)


def test_folds_that_are_not_there_are_refused(tiny_dataset: Dataset) -> None:
    with pytest.raises(SeqcastError, match="has folds 0 to 0, but fold 3 is asked for"):
        read_dataset(tiny_dataset.path, 3)


def test_repacked_datasets_are_refused(tmp_path: Path, tiny_dataset: Dataset) -> None:
    path = tmp_path / "d.h5"
    path.write_bytes(tiny_dataset.path.read_bytes())
    with h5py.File(path, "a") as file:
        codes = file["sequence"][()]
        del file["sequence"]
        file.create_dataset("sequence", data=codes, chunks=(100,), compression="gzip")
    seal(path)
    with pytest.raises(SeqcastError, match="/sequence is empty or lies in chunks"):
        read_dataset(path)


# A limit at once, and one that the chunks come to.
@pytest.mark.parametrize("limit", [4096, 1 << 20])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    code = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from tiny import write_tiny
try:
    write_tiny({str(tmp_path / "d.h5")!r})
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "bytes are needed" in done.stdout
    assert list(tmp_path.iterdir()) == []


window = st.tuples(st.integers(0, 1), st.integers(0, 20), st.integers(1, 9), st.integers(0, 2))


@given(st.lists(window, max_size=12))
def test_split_overlaps_are_those_of_all_pairs(rows: list[tuple[int, int, int, int]]) -> None:
    windows = np.array([(c, s, s + n, p) for c, s, n, p in rows], dtype=WINDOW_DTYPE)
    wanted = {
        (a, b)
        for b in range(len(rows))
        for a in range(b)
        if windows["contig"][a] == windows["contig"][b]
        and windows["split"][a] != windows["split"][b]
        and windows["start"][a] < windows["end"][b]
        and windows["start"][b] < windows["end"][a]
    }
    found = find_split_overlaps(windows)
    assert len(found) == len(wanted)
    assert {(min(pair), max(pair)) for pair in found} == wanted


def test_faults_are_named(tmp_path: Path) -> None:
    def faults(windows: np.ndarray, **contigs) -> str:
        path = tmp_path / "d.h5"
        return "\n".join(check_dataset(write_tiny(path, make_contigs() | contigs, windows=windows)))

    whole = make_all_windows()
    assert "/windows is empty" in faults(whole[:0])
    assert "/windows has none of the split test" in faults(whole[:12])
    longer = whole.copy()
    longer["end"][0] += BIN
    assert "lengths [256, 272]" in faults(longer)
    moved = whole.copy()
    moved["start"] += 1
    moved["end"] += 1
    assert "do not lie on bins of 16" in faults(moved)
    assert "past the end of their contig" in faults(moved)
    leak = np.append(whole, make_windows([0], [64], WINDOW, "test"))
    assert "/windows has 3 pairs of different splits that overlap" in faults(leak)
    codes, coverage = make_contigs()["chr1"]
    assert "codes above 4" in faults(whole, chr1=(codes + 1, coverage))
    for value in (-1, np.inf):
        bad = coverage.copy()
        bad[0, 0] = value
        assert "infinite or negative" in faults(whole, chr1=(codes, bad))


def test_manifest_holds_the_digest(tmp_path: Path, tiny_dataset: Dataset) -> None:
    write_manifest(tiny_dataset.path, tmp_path / "manifest.json")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["digest"] == tiny_dataset.digest
    assert manifest["windows"] == {"train": 7, "valid": 5, "test": 3}
    assert manifest["targets"] == 3


def test_bins_are_made_of_cells(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "fine.h5")
    assert dataset.resolution * 4 == dataset.bin_size
    assert dataset.bins == 128
    found = dataset.read_bins(np.array([0, 5, 64]))
    size = dataset.bin_size
    wanted = [sum(range(first, first + size)) for first in (0, 5 * size, 0)]
    assert found[:, 0].tolist() == wanted
    assert found[:, 1].tolist() == [size - 1, 6 * size - 1, size - 1]
    for target in (0, 1):
        assert np.array_equal(dataset.read_bins(np.array([0, 5, 64]), target), found[:, target])


def test_windows_start_between_bins(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "fine.h5")
    plain = dataset.coverage_of(2)
    for moved in (dataset.resolution, -3 * dataset.resolution, 1, -7):
        found = read_moved(dataset, 2, moved)[1]
        # A base's coverage is its place: a bin grows by its size with each base moved.
        assert np.array_equal(found[:, 0], plain[:, 0] + moved * dataset.bin_size)
        assert np.array_equal(found[:, 1], plain[:, 1] + moved)
    assert np.array_equal(read_moved(dataset, 2, 5)[0][:-5], dataset.codes_of(2)[5:])
    left, right = dataset.room_of(dataset.rows_of("valid"))
    assert left.tolist() == [0, 128, 256]
    assert right.tolist() == [256, 128, 0]


def test_a_bin_is_known_where_all_of_it_is(tmp_path: Path) -> None:
    contigs = {"chr1": (np.zeros(64, np.uint8), np.array([1, 2, np.nan, 4], np.float32)[:, None])}
    windows = make_windows([0], [0], 32, "train")
    targets = Targets.from_names(["a"])
    dataset = write_tiny(
        tmp_path / "d.h5", contigs, windows=windows, targets=targets,
        bin_size=32, crop=0, resolution=16,
    )  # fmt: skip
    assert dataset.read_bins(np.array([0]), 0).tolist() == [3]
    assert np.isnan(dataset.read_bins(np.array([1]), 0)).all()


@given(st.integers(3, 9))
def test_folds_test_every_part_once(count: int) -> None:
    table = make_folds(count)
    assert np.all((table == 2).sum(axis=0) == 1)
    assert np.all((table == 1).sum(axis=0) == 1)
    assert np.all((table == 1).sum(axis=1) == 1)


def test_a_fold_says_which_part_is_what(tmp_path: Path) -> None:
    path = tmp_path / "d.h5"
    windows = make_windows([0, 1, 2], [0, 0, 0], WINDOW, 0)
    windows["split"] = [0, 1, 2]
    codes = {name: (np.zeros(WINDOW, np.uint8), np.ones((WINDOW // 16, 3))) for name in "abc"}
    lengths = dict.fromkeys(codes, WINDOW)
    with DatasetWriter(
        path, contigs=Contigs.from_lengths(lengths, 16), targets=TARGETS, bin_size=16
    ) as writer:
        for each in codes.values():
            writer.add_contig(*each)
        writer.finish(windows, SOURCE, folds=make_folds(3))
    for fold in range(3):
        dataset = read_dataset(path, fold)
        assert (dataset.fold, dataset.folds) == (fold, 3)
        assert dataset.rows_of("test").tolist() == [fold]
        assert dataset.rows_of("valid").tolist() == [(fold + 1) % 3]
        assert check_dataset(dataset) == []


def test_a_place_of_the_genome_is_read_by_its_name(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "fine.h5")
    first = dataset.contigs.first_base[1]
    assert np.array_equal(
        dataset.sequence("chr2", 100, 300), dataset.codes[first + 100 : first + 300]
    )
    bins = np.arange(2, 10) + dataset.contigs.first_bin[1]
    found = dataset.coverage("chr2", 2 * BIN, 10 * BIN)
    assert np.array_equal(found, dataset.read_bins(bins))
    # Nothing is known beyond the ends of a chromosome.
    assert dataset.sequence("chr2", -2, 2).tolist()[:2] == [4, 4]
    beyond = dataset.coverage("chr2", 512 - BIN, 512 + BIN)
    assert np.isnan(beyond).all(axis=1).tolist() == [False, True]


def test_a_place_on_a_piece_is_counted_on_its_chromosome(tmp_path: Path) -> None:
    pieces = [
        Piece("chr1:513-1024", 512, "chr1", 512, 2048),
        Piece("chr1:1-256", 256, "chr1", 0, 2048),
    ]
    path, rng = tmp_path / "d.h5", np.random.default_rng(1)
    targets = Targets.from_names(["a"])
    with DatasetWriter(
        path, contigs=Contigs.from_pieces(pieces, BIN), targets=targets, bin_size=BIN
    ) as writer:
        for piece in pieces:
            values = rng.random((piece.length // BIN, 1), dtype=np.float32)
            writer.add_contig(rng.integers(0, 4, piece.length).astype(np.uint8), values)
        writer.finish(make_windows([0], [0], 256, "train"), SOURCE)
    dataset = read_dataset(path)
    codes = dataset.sequence("chr1", 0, 1024)
    assert np.array_equal(codes[:256], dataset.codes[512:])
    assert np.array_equal(codes[512:], dataset.codes[:512])
    assert (codes[256:512] == 4).all()
    coverage = dataset.coverage("chr1", 0, 1024)
    assert np.array_equal(coverage[:16], read_whole(dataset.cells)[32:])
    assert np.array_equal(coverage[32:], read_whole(dataset.cells)[:32])
    assert np.isnan(coverage[16:32]).all()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (("chr9", 0, 16), "has no chr9; it has chr1, chr2, chr3"),
        (("chr1", 4, 20), r"chr1:4-20 does not begin and end on bins of 16 bases"),
        (("chr1", 0, 20), r"chr1:0-20 does not begin and end on bins of 16 bases"),
    ],
)
def test_a_place_that_is_none_is_refused(
    tiny_dataset: Dataset, place: tuple[str, int, int], message: str
) -> None:
    with pytest.raises(SeqcastError, match=message):
        tiny_dataset.coverage(*place)


@given(
    targets=st.integers(1, 5),
    bins=st.integers(0, 3000),
    per_bin=st.sampled_from([1, 2, 3, 8, 16, 100]),
    first=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_sums_of_cells_are_those_of_each_bin(
    targets: int, bins: int, per_bin: int, first: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # As windows have them: some neighbouring places of longer rows.
    rows = rng.poisson(3, (targets, first + bins * per_bin + 2)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.001] = np.nan
    cells_TBk = rows[:, first : first + bins * per_bin].reshape(targets, bins, per_bin)
    np.testing.assert_array_equal(sum_cells(cells_TBk), cells_TBk.sum(axis=2))


@pytest.mark.parametrize(
    ("per_bin", "count", "chunk"),
    [
        (1, 300, (150, 256)),
        (2, 100, (100, 512)),
        (8, 100, (50, 1024)),
        (8, 20, (20, 2048)),
        (8, 3, (3, 4096)),
        (2, 3, (3, 1024)),
        (6, 3, (3, 2048)),
        (5, 3, (3, 1024)),
    ],
)
def test_a_chunk_has_fewer_cells_where_they_are_coarse_and_more_of_few_targets(
    tmp_path: Path, per_bin: int, count: int, chunk: tuple[int, int]
) -> None:
    bin_size = 16 * per_bin
    with DatasetWriter(
        tmp_path / "d.h5",
        contigs=Contigs.from_lengths({"chr1": 2000 * bin_size}, bin_size),
        targets=Targets.from_names([f"t{n}" for n in range(count)]),
        bin_size=bin_size,
        resolution=16,
    ) as writer:
        cells = np.arange(2000 * per_bin * count, dtype=np.float32).reshape(-1, count)
        writer.add_contig(np.zeros(2000 * bin_size, np.uint8), cells)
        windows = make_windows([0], [0], 4 * bin_size, "train")
        writer.finish(windows, {"has_coordinates": True})
    dataset = read_dataset(tmp_path / "d.h5")
    assert dataset.cells.chunk == chunk
    # Pieces of a dataset are packed by themselves.
    assert WHOLE_BINS * per_bin % chunk[1] == 0
    np.testing.assert_array_equal(read_whole(dataset.cells), cells)
