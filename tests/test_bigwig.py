"""What is written as bigWig is read back by another program, or is not there at all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pybigtools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast import bigwig
from seqcast.bigwig import Run, split_runs, write_bigwig
from seqcast.errors import SeqcastError

BIN = 10
SIZES = {"chr2": 95, "chr10": 60, "chrM": 30}


def read(path: Path) -> dict[str, list[tuple[int, int, float]]]:
    """Read all intervals with a reader that shares no code with the writer."""
    with pybigtools.open(str(path)) as file:
        return {name: list(file.records(name)) for name in file.chroms()}


def write(path: Path, *runs: Run) -> None:
    write_bigwig(path, SIZES, runs, BIN)


def run(chrom: str, start: int, *values: float) -> Run:
    return Run(chrom, start, np.array(values, dtype=np.float32))


def test_another_program_reads_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "a.bw", run("chr10", 10, 1, 2.5), run("chr10", 50, -3), run("chrM", 0, 0))
    assert read(tmp_path / "a.bw") == {
        "chr10": [(10, 20, 1.0), (20, 30, 2.5), (50, 60, -3.0)],
        "chrM": [(0, 10, 0.0)],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["a.bw"]


def test_the_last_bin_ends_with_its_chromosome(tmp_path: Path) -> None:
    write(tmp_path / "a.bw", run("chr2", 80, 1, 2))
    assert read(tmp_path / "a.bw") == {"chr2": [(80, 90, 1.0), (90, 95, 2.0)]}
    write(tmp_path / "a.bw", run("chr2", 90, 2))
    assert read(tmp_path / "a.bw") == {"chr2": [(90, 95, 2.0)]}


values = st.lists(
    st.one_of(st.floats(0, 1e6, width=32), st.just(float("nan"))), min_size=10, max_size=10
)


@settings(max_examples=30)
@given(values)
def test_unknown_bins_are_gaps(
    tmp_path_factory: pytest.TempPathFactory, found: list[float]
) -> None:
    path = tmp_path_factory.mktemp("bigwig") / "a.bw"
    starts = np.arange(10) * BIN
    runs = split_runs("chr2", starts, np.array(found), BIN)
    wanted = [
        (start, min(start + BIN, 95), value)
        for start, value in zip(starts.tolist(), found, strict=True)
        if value == value
    ]
    if wanted:
        write(path, *runs)
        assert read(path) == {"chr2": wanted}
    else:
        assert runs == []


def test_runs_end_at_gaps() -> None:
    starts = np.array([0, 10, 30, 40, 50])
    runs = split_runs("chr2", starts, np.array([1, 2, 3, np.inf, 5]), BIN)
    assert [(each.start, each.values.tolist()) for each in runs] == [
        (0, [1.0, 2.0]),
        (30, [3.0]),
        (50, [5.0]),
    ]
    assert split_runs("chr2", starts, np.full(5, np.nan), BIN) == []


def test_chromosomes_are_in_byte_order(tmp_path: Path) -> None:
    write(tmp_path / "a.bw", run("chrM", 0, 1), run("chr2", 0, 2), run("chr10", 0, 3))
    with pybigtools.open(str(tmp_path / "a.bw")) as file:
        assert list(file.chroms().items()) == [("chr10", 60), ("chr2", 95), ("chrM", 30)]


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f8", "f2", "i4"])
def test_numbers_of_any_kind_arrive(tmp_path: Path, dtype: str) -> None:
    write(tmp_path / "a.bw", Run("chr2", 0, np.array([1, 2, 300], dtype=dtype)))
    assert read(tmp_path / "a.bw") == {"chr2": [(0, 10, 1.0), (10, 20, 2.0), (20, 30, 300.0)]}


def test_arrays_with_strides_arrive(tmp_path: Path) -> None:
    write(tmp_path / "a.bw", Run("chr2", 0, np.arange(12, dtype=np.float32)[::4]))
    assert [value for _, _, value in read(tmp_path / "a.bw")["chr2"]] == [0, 4, 8]


def test_the_same_values_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.bw", "b.bw"):
        write(tmp_path / name, run("chr2", 0, 1, 2, 3), run("chrM", 0, 1))
    assert (tmp_path / "a.bw").read_bytes() == (tmp_path / "b.bw").read_bytes()


def test_there_are_zoom_levels(tmp_path: Path) -> None:
    sizes = {"chr1": 10_000_000}
    rng = np.random.default_rng(1).random(50_000, dtype=np.float32)
    write_bigwig(tmp_path / "a.bw", sizes, [Run("chr1", 0, rng)], 100)
    # The header's seventh and eighth bytes count them.
    assert (tmp_path / "a.bw").read_bytes()[6] > 0
    assert len(read(tmp_path / "a.bw")["chr1"]) == 50_000


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write(tmp_path / "deep/er/a.bw", run("chr2", 0, 1))
    assert read(tmp_path / "deep/er/a.bw") == {"chr2": [(0, 10, 1.0)]}


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "there is no finite value to write"),
        ([run("chr9", 0, 1)], "values on chr9, which the genome does not have"),
        ([run("chrM", 0, 1, 2, 3, 4)], "bins at chrM:0-40 overlap others or start past the end"),
        ([run("chrM", 30, 1)], "past the end at 30"),
        ([run("chr2", 0, 1, 2), run("chr2", 10, 3)], "bins at chr2:10-20 overlap others"),
        ([run("chr2", 50, 1), run("chr2", 0, 3)], "bins at chr2:0-10 overlap others"),
        ([run("chr2", -10, 1)], "overlap others"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, runs: list[Run], message: str) -> None:
    with pytest.raises(SeqcastError, match=message):
        write(tmp_path / "a.bw", *runs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 200, 4096, 60_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    code = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
import numpy as np
from pathlib import Path
from seqcast.bigwig import Run, write_bigwig
values = np.random.default_rng(1).random(50_000, dtype=np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    write_bigwig(Path({str(tmp_path / "a.bw")!r}), {{"chr1": 10**7}}, [Run("chr1", 0, values)], 100)
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "bytes are needed" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("every", [1, 2])
def test_no_file_takes_more_room_than_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    asked = []
    monkeypatch.setattr(bigwig, "make_room", lambda _, size: asked.append(size))
    noise = np.random.default_rng(1).random(20_000, dtype=np.float32)
    runs = split_runs("chr1", np.arange(20_000)[::every] * 100, noise[::every], 100)
    write_bigwig(tmp_path / "a.bw", {"chr1": 2_000_000}, runs, 100)
    assert (tmp_path / "a.bw").stat().st_size < asked[0] < 1_000_000 * every**2


def test_a_disk_that_fills_up_all_the_same_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = bigwig._write

    def write_half(partial: Path, *rest) -> None:
        write_all(partial, *rest)
        partial.write_bytes(partial.read_bytes()[:200])

    monkeypatch.setattr(bigwig, "_write", write_half)
    with pytest.raises(SeqcastError, match="does not read back the same; is there space"):
        write(tmp_path / "a.bw", run("chr2", 0, 1, 2, 3))
    assert list(tmp_path.iterdir()) == []
