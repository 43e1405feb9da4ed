"""bigWigs as cells, against values read base by base."""

import dataclasses
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from broken_files import DATA
from genomes import write_track
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome import stored, tracks
from seqcast.sources.genome.bigwig import BigWig
from seqcast.sources.genome.layout import Track
from seqcast.sources.genome.stored import StoredTrack, Wanted, store_tracks
from seqcast.sources.genome.tracks import Reading, read_cells

ODD = DATA / "odd_files" / "bigwig"
POOLS: dict[str, Callable[..., np.ndarray]] = {"sum": np.sum, "max": np.max, "median": np.median}


def want(path: Path, lengths: Mapping[str, int]) -> Wanted:
    """Ask for the sums of cells of 4 bases in bins of 8."""
    return Wanted(Track(path, {name: name for name in lengths}), lengths, 4, 8, "sum", "zero")


def read_stored(track: StoredTrack, contig: str, count: int) -> np.ndarray:
    first = track.first[contig]
    return track.open().read(first, first + count)[0]


def pool(values: np.ndarray, cell: int, bin_size: int, stat: str = "sum") -> np.ndarray:
    """Make cells of values per base the plain way: padded, NaN as 0."""
    padded = np.zeros(-(-values.size // bin_size) * bin_size)
    padded[: values.size] = np.nan_to_num(values)
    return POOLS[stat](padded.reshape(-1, cell), axis=1).astype(np.float32)


@st.composite
def tracks_of_runs(draw: st.DrawFn) -> np.ndarray:
    """Draw values per base: a few runs of one value each, gaps of NaN between."""
    runs = draw(
        st.lists(
            st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.25, 1.0, 7.0, 1e6, np.nan])),
            min_size=1,
            max_size=12,
        )
    )
    return np.concatenate([np.full(size, value) for size, value in runs])


@given(tracks_of_runs(), st.sampled_from([1, 4, 8, 16]), st.sampled_from(list(POOLS)))
def test_cells_are_pooled_bases(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, cell: int, stat: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "track.bw"
    # pyBigWig cannot close a file without an entry.
    values[0] = 3.0
    write_track(path, {"c": values})
    found = read_cells(Reading(path, "c", 0, values.size, cell, 16, stat))
    np.testing.assert_array_equal(found.values, pool(values, cell, 16, stat))
    assert found.values.dtype == np.float32
    # Sums are made of entries or of bases, whichever are fewer, and are the same.
    with BigWig(path) as track:
        entries = track.entries_between("c", 0, values.size)
    kept = np.isfinite(entries[2])
    sums = tracks._add_up(tuple(x[kept] for x in entries), 0, -(-values.size // cell), cell)
    wanted = pool(values, cell, 16)
    np.testing.assert_array_equal(sums.astype(np.float32), wanted[: len(sums)])


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).poisson(2.0, 5000).astype(float)
    reading = Reading(write_track(tmp_path / "t.bw", {"c": values}), "c", 0, 5000, 8, 32)
    whole = read_cells(reading)
    monkeypatch.setattr(tracks, "_BLOCK", 100)
    np.testing.assert_array_equal(read_cells(reading).values, whole.values)


def test_a_contig_without_entries_is_zero(tmp_path: Path) -> None:
    path = write_track(tmp_path / "t.bw", {"full": np.ones(100)}, {"empty": 100})
    found = read_cells(Reading(path, "empty", 0, 100, 4, 16))
    assert found.values.tolist() == [0] * 28


def test_sums_are_exact_where_float32_is_not(tmp_path: Path) -> None:
    values = np.full(2048, 0.1)
    values[0] = 1e7
    path = write_track(tmp_path / "t.bw", {"c": values})
    stored = values.astype(np.float32).astype(float).sum()
    assert read_cells(Reading(path, "c", 0, 2048, 2048, 2048)).values[0] == np.float32(stored)


def write_raw(path: Path, values: list[float], zooms: int = 0) -> Path:
    """Write ten bases for each value, NaN and infinity too."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("c", 10 * len(values))], maxZooms=zooms)
        starts = [10 * place for place in range(len(values))]
        file.addEntries(
            ["c"] * len(values),
            starts,
            ends=[each + 10 for each in starts],
            values=list(map(float, values)),
        )
    return path


def test_stored_nan_is_no_value(tmp_path: Path) -> None:
    found = read_cells(Reading(write_raw(tmp_path / "t.bw", [1, np.nan, 2]), "c", 0, 30, 10, 10))
    assert found.values.tolist() == [10, 0, 20]
    found = read_cells(Reading(tmp_path / "t.bw", "c", 0, 30, 10, 10, missing="unknown"))
    np.testing.assert_array_equal(found.values, [10, np.nan, 20])


@pytest.mark.parametrize("sign", [1, -1])
def test_infinite_values_are_refused_with_their_place(tmp_path: Path, sign: int) -> None:
    path = write_raw(tmp_path / "t.bw", [1, 2, sign * np.inf])
    with pytest.raises(SeqcastError, match=r"t\.bw: c has 10 infinite values from base 20 on"):
        read_cells(Reading(path, "c", 0, 30, 10, 10))


@pytest.mark.parametrize("stat", list(POOLS))
def test_negative_tracks_are_turned(tmp_path: Path, stat: str) -> None:
    values = np.arange(64.0) % 7
    path = write_track(tmp_path / "t.bw", {"c": -values})
    found = read_cells(Reading(path, "c", 0, 64, 16, 16, stat))
    np.testing.assert_array_equal(found.values, pool(values, 16, 16, stat))
    assert (found.lowest, found.highest) == (-6, 0)
    assert not np.signbit(found.values).any()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(200_000)
    path = write_track(tmp_path / "t.bw", {"c": values})
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 3000] = bytes(3000)
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match="damaged or cut short"):
        read_cells(Reading(path, "c", 0, values.size, 8, 8))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.bw"
    path.write_text("track type=bigWig\n")
    with pytest.raises(SeqcastError, match="is not a bigWig \\(begins with 'track type=b'"):
        read_cells(Reading(path, "c", 0, 10, 8, 8))


def test_processes_read_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    lengths = {f"c{n}": 100 + n for n in range(5)}
    wanted = []
    for name in ("one", "two", "three"):
        coverage = {n: rng.poisson(1.0, length).astype(float) for n, length in lengths.items()}
        wanted.append(want(write_track(tmp_path / f"{name}.bw", coverage), lengths))
    alone = store_tracks(wanted, tmp_path / "alone")
    monkeypatch.setattr(stored, "_WORTH_PROCESSES", 0)
    together = store_tracks([*wanted, None], tmp_path / "together", 2)
    assert together.pop() is None
    for each, one, two in zip(wanted, alone, together, strict=True):
        for name, length in lengths.items():
            cells = read_cells(each.make_reading(name, 0, length)).values
            np.testing.assert_array_equal(read_stored(one, name, len(cells)), cells)
            np.testing.assert_array_equal(read_stored(two, name, len(cells)), cells)


def test_a_track_is_read_once_for_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lengths = {"c": 1000}
    rng = np.random.default_rng(1)
    paths = [
        write_track(tmp_path / f"{n}.bw", {"c": rng.poisson(1.0, 1000).astype(float)})
        for n in range(3)
    ]
    wanted = [want(path, lengths) for path in paths]
    store_tracks(wanted[:1], tmp_path / "work")
    (path,) = (tmp_path / "work").iterdir()
    # Of two jobs that read the same track one was killed.
    path.unlink()
    for pid, age in ((1, 0), (2, 7200)):
        partial = path.with_name(f"{path.name}.{pid}.partial")
        partial.touch()
        os.utime(partial, (time.time() - age,) * 2)
    store_tracks(wanted[:2], tmp_path / "work")
    (left,) = (tmp_path / "work").glob("*.partial")
    assert left.name.endswith(".1.partial")
    left.unlink()
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").iterdir()}
    assert len(first) == 2
    with caplog.at_level("INFO", "seqcast"):
        store_tracks(wanted, tmp_path / "work")
    assert "2 of 3 tracks were read before" in caplog.text
    # Other cells, or another file by the same name, are another matter.
    store_tracks([dataclasses.replace(wanted[0], cell=8)], tmp_path / "work")
    write_track(paths[0], {"c": np.ones(1000)})
    (found,) = store_tracks(wanted[:1], tmp_path / "work")
    np.testing.assert_array_equal(read_stored(found, "c", 5), np.full(5, 4))
    assert len(list((tmp_path / "work").iterdir())) == 5
    assert all(path.stat().st_mtime_ns == time for path, time in first.items())


def test_fewer_contigs_are_not_read_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lengths = {"a": 1000, "b": 130, "[c]": 510}
    values = {name: rng.poisson(1.0, length).astype(float) for name, length in lengths.items()}
    # Read without fault, but no coverage.
    values["b"][7] = -9
    path = write_track(tmp_path / "[x].bw", values)
    store_tracks([want(path, lengths)], tmp_path / "work")
    (file,) = (tmp_path / "work").iterdir()
    fewer = want(path, {"[c]": 510, "a": 1000})
    (found,) = store_tracks([fewer], tmp_path / "work")
    assert [*(tmp_path / "work").iterdir()] == [found.path] == [file]
    assert found.lowest == 0
    for name in ("a", "[c]"):
        cells = read_cells(fewer.make_reading(name, 0, lengths[name])).values
        np.testing.assert_array_equal(read_stored(found, name, len(cells)), cells)
    # Contigs that it does not have, or of other lengths, are.
    store_tracks([want(path, {"a": 990})], tmp_path / "work")
    assert len([*(tmp_path / "work").iterdir()]) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_errors_of_processes_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr(stored, "_WORTH_PROCESSES", 0)
    good = write_raw(tmp_path / "good.bw", [1.0])
    bad = write_raw(tmp_path / "bad.bw", [np.inf])
    with pytest.raises(SeqcastError, match=r"bad\.bw: c has 1.* infinite"):
        store_tracks([want(path, {"c": 10}) for path in (good, bad)], tmp_path / "work", threads)
    # What was read is kept, and nothing half-written.
    assert [path.name[:5] for path in (tmp_path / "work").iterdir()] == ["good."]


def test_processes_do_not_run_the_script_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_raw(tmp_path / f"{name}.bw", [1, 2])
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from seqcast.sources.genome import stored\n"
        "from seqcast.sources.genome.layout import Track\n"
        "print('once')\n"
        "stored._WORTH_PROCESSES = 0\n"
        "wanted = [\n"
        "    stored.Wanted(Track(Path(n), {'c': 'c'}), {'c': 20}, 10, 10, 'sum', 'zero')\n"
        "    for n in ('one.bw', 'two.bw')\n"
        "]\n"
        "found = stored.store_tracks(wanted, Path('work'), 2)\n"
        "print([each.open().read(0, 2)[0].tolist() for each in found])\n"
    )
    library = Path(tracks.__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env={"PYTHONPATH": str(library)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = "once\n[[10.0, 20.0], [10.0, 20.0]]\n"
    assert (ran.stdout, ran.returncode) == (said, 0), ran.stderr


def test_of_entries_that_overlap_the_later_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_track(tmp_path / "t.bw", {"c": np.ones(10)})
    found = np.array([[0, 6, 1], [4, 8, 2], [2, 3, 3]])
    monkeypatch.setattr(BigWig, "_read_block", lambda *_: (*found.T[:2], found.T[2].astype("<f4")))
    with BigWig(path) as track:
        np.testing.assert_array_equal(track.values("c", 1, 9), [1, 3, 1, 2, 2, 2, 2, np.nan])


@pytest.mark.parametrize("change", ["chrom", "start", "circle"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, change: str) -> None:
    path = write_track(tmp_path / "t.bw", {"c": np.ones(10), "d": np.ones(10)})
    content = bytearray(path.read_bytes())
    (index,) = struct.unpack_from("<Q", content, 24)
    node = index + 48
    if change == "circle":
        content[node] = 0  # an inner node, whose first child is itself
        struct.pack_into("<Q", content, node + 4 + 16, node)
    else:
        struct.pack_into("<I", content, node + 4 + (0 if change == "chrom" else 4), 1)
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match=r"t\.bw: its (index|data from byte .*) cannot be read"):
        read_cells(Reading(path, "c", 0, 10, 1, 1))


@pytest.mark.skipif(not ODD.is_dir(), reason=f"no {ODD}; set SEQCAST_TEST_DATA to the shared data")
@pytest.mark.parametrize(
    "name",
    [
        "bbijs_uncompressed.bw",
        "bbijs_variable_step.bw",
        "bigtools_mini.bw",
        "bigtools_valid.bigWig",
        "pyBigWig_test.bw",
    ],
)
def test_odd_files_are_read(name: str) -> None:
    with pyBigWig.open(str(ODD / name)) as file:
        contig, length = next(iter(file.chroms().items()))
        found = read_cells(Reading(ODD / name, contig, 0, length, 32, 128))
        wanted = np.zeros(found.values.size * 32)
        for start, end, value in file.intervals(contig):
            wanted[start:end] = value
    np.testing.assert_array_equal(
        found.values, wanted.reshape(-1, 32).sum(axis=1).astype(np.float32)
    )
    assert (found.lowest < 0) == (name == "bbijs_variable_step.bw")


@pytest.mark.skipif(not ODD.is_dir(), reason=f"no {ODD}; set SEQCAST_TEST_DATA to the shared data")
def test_an_odd_file_of_both_signs_is_told() -> None:
    found = read_cells(Reading(ODD / "bbijs_fixedStep.bw", "chr1", 0, 20_000_000, 128, 128))
    assert found.lowest < 0 < found.highest
