"""What is written as bigWig is read back by other programs, or is not there at all."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.genome.bigwig import Run, layout, reading, split_runs, write_bigwig, writing

BIN = 10
SIZES = {"chr2": 95, "chr10": 60, "chrM": 30}
Intervals = list[tuple[int, int, float]]


def read(path: Path) -> dict[str, Intervals]:
    """Read all intervals with two readers that share no code with the writer."""
    with pybigtools.open(str(path)) as file:
        found = {name: list(file.records(name)) for name in file.chroms()}
    with pyBigWig.open(str(path)) as file:
        assert {name: list(file.intervals(name)) for name in file.chroms()} == found
    return found


def write(path: Path, *runs: Run) -> None:
    write_bigwig(path, SIZES, runs, BIN)


def run(chrom: str, start: int, *values: float) -> Run:
    return Run(chrom, start, np.array(values, dtype=np.float32))


def test_other_programs_read_what_was_written(tmp_path: Path) -> None:
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


@st.composite
def chromosomes(draw: st.DrawFn) -> dict[str, tuple[int, Intervals]]:
    """Draw chromosomes with bins of `BIN` bases: in long and short runs, on no common grid."""
    names = draw(st.sets(st.text("abc19_é", min_size=1, max_size=8), min_size=1, max_size=5))
    found = {}
    for name in sorted(names, key=str.encode):
        seed = draw(st.integers(0, 2**32 - 1))
        random = np.random.default_rng(seed)
        starts, at = [], 0
        for length in draw(st.lists(st.integers(1, 90), min_size=1, max_size=40)):
            at += int(random.integers(1, 25))
            starts += range(at, at + length * BIN, BIN)
            at += length * BIN
        size = at - draw(st.integers(0, BIN - 1))
        values = random.normal(0, 100, len(starts)).astype(np.float32).tolist()
        ends = [min(start + BIN, size) for start in starts]
        found[name] = (size, list(zip(starts, ends, values, strict=True)))
    return found


def make_runs(found: dict[str, tuple[int, Intervals]]) -> Iterator[Run]:
    for name, (_, intervals) in found.items():
        starts, _, values = map(np.array, zip(*intervals, strict=True))
        yield from split_runs(name, starts, values, BIN)


@settings(max_examples=40, deadline=None)
@given(chromosomes(), st.sampled_from([2, 3, 256]), st.sampled_from([50, 1 << 16]))
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    found: dict[str, tuple[int, Intervals]],
    fanout: int,
    batch: int,
) -> None:
    path = tmp_path_factory.mktemp("bigwig") / "a.bw"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_FANOUT", fanout)
        patch.setattr("seqcast.genome.bigwig.runs._BATCH", batch)
        sizes = {name: size for name, (size, _) in found.items()}
        write_bigwig(path, {"other": 100, **sizes}, make_runs(found), BIN)
    assert read(path) == {name: intervals for name, (_, intervals) in found.items()}


values = st.lists(
    st.one_of(st.floats(0, 1e6, width=32), st.just(float("nan"))), min_size=10, max_size=10
)


@settings(max_examples=30, deadline=None)
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


def test_chromosomes_are_in_byte_order_however_many(tmp_path: Path) -> None:
    names = sorted((f"contig{number}" for number in range(40_000)), key=str.encode)
    named = names[5::10]
    runs = (run(name, 0, 1, index) for index, name in enumerate(named))
    sizes = {f"contig{number}": 15 for number in range(40_000)}
    write_bigwig(tmp_path / "a.bw", sizes, runs, BIN)
    with pybigtools.open(str(tmp_path / "a.bw")) as file:
        assert list(file.chroms().items()) == [(name, 15) for name in named]
        for index in (0, 2001, 3999):
            assert list(file.records(named[index])) == [(0, 10, 1.0), (10, 15, float(index))]


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


def test_a_value_takes_five_bytes(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).random(20_000, dtype=np.float32)
    for name, every in (("all.bw", 1), ("half.bw", 2)):
        runs = split_runs("chr1", np.arange(20_000)[::every] * 100, noise[::every], 100)
        write_bigwig(tmp_path / name, {"chr1": 2_000_000}, runs, 100)
    assert (tmp_path / "all.bw").stat().st_size < 6 * 20_000
    # With a gap after each bin, a start is written for each.
    assert (tmp_path / "half.bw").stat().st_size < 11 * 10_000


def test_runs_are_asked_for_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, waiting = 0, []

    def runs() -> Iterator[Run]:
        nonlocal asked
        for asked in range(1, 1001):
            yield run("chr1", asked * 1000, *range(100))

    def gather(*args) -> Iterator:
        for bins in gather_bins(*args):
            waiting.append(asked)
            yield bins

    gather_bins = writing.gather_bins
    monkeypatch.setattr("seqcast.genome.bigwig.runs._BATCH", 500)
    monkeypatch.setattr(writing, "gather_bins", gather)
    write_bigwig(tmp_path / "a.bw", {"chr1": 2_000_000}, runs(), BIN)
    assert waiting == list(range(5, 1001, 5))


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write(tmp_path / "deep/er/a.bw", run("chr2", 0, 1))
    assert read(tmp_path / "deep/er/a.bw") == {"chr2": [(0, 10, 1.0)]}


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "there is no finite value to write"),
        ([run("chr2", 0)], "there is no finite value to write"),
        ([run("chr9", 0, 1)], "values on chr9, which the genome does not have"),
        ([run("chrM", 0, 1, 2, 3, 4)], "bins at chrM:0-40 overlap others or start past the end"),
        ([run("chrM", 30, 1)], "past the end at 30"),
        ([run("chr2", 0, 1, 2), run("chr2", 10, 3)], "bins at chr2:10-20 overlap others"),
        ([run("chr2", 50, 1), run("chr2", 0, 3)], "bins at chr2:0-10 overlap others"),
        ([run("chr2", -10, 1)], "overlap others"),
        ([run("chr2", 0, 1), run("chr10", 0, 1)], "runs of chr10 after those of chr2; .* sorted"),
        (
            [run("chr10", 0, 1), run("chr2", 0, 1), run("chr10", 20, 1)],
            "runs of chr10 after those of chr2; .* once each",
        ),
        ([run("chr2", 20, 1, NAN, 3, NAN)], r"2 of 4 values .* the first \(nan\) at chr2:30;"),
        ([run("chr2", 0, 1, 2, -INF)], r"1 of 3 values .* the first \(-inf\) at chr2:20;"),
        ([Run("chr2", 0, np.array([1e39]))], r"1 of 1 values .* the first \(1e\+39\) at chr2:0;"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, runs: list[Run], message: str) -> None:
    with pytest.raises(SeqcastError, match=message):
        write(tmp_path / "a.bw", *runs)
    assert list(tmp_path.iterdir()) == []


def test_a_chromosome_longer_than_a_bigwig_holds_is_refused(tmp_path: Path) -> None:
    message = "long has 4,294,967,296 bases; a bigWig holds 4,294,967,295 of a chromosome"
    with pytest.raises(SeqcastError, match=message):
        write_bigwig(tmp_path / "a.bw", {**SIZES, "long": 2**32}, [], BIN)


def test_a_genome_without_chromosomes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match="there is no finite value to write"):
        write_bigwig(tmp_path / "a.bw", {}, [], BIN)


@pytest.mark.parametrize("limit", [0, 200, 4096, 60_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, limit: int) -> None:
    (tmp_path / "a.bw").write_text("an older file")
    code = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
import numpy as np
from pathlib import Path
from seqcast.genome.bigwig import Run, write_bigwig
values = np.random.default_rng(1).random(50_000, dtype=np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    write_bigwig(Path({str(tmp_path / "a.bw")!r}), {{"chr1": 10**7}}, [Run("chr1", 0, values)], 100)
except OSError as error:
    print(error.filename, error.strerror, sep=": ")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'a.bw'}: File too large\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bw"]
    assert (tmp_path / "a.bw").read_text() == "an older file"


def test_an_error_of_who_gives_the_runs_leaves_nothing(tmp_path: Path) -> None:
    def runs() -> Iterator[Run]:
        yield run("chr2", 0, 1)
        raise FileNotFoundError(2, "No such file", "predictions.h5")

    with pytest.raises(FileNotFoundError, match=r"predictions\.h5"):
        write_bigwig(tmp_path / "a.bw", SIZES, runs(), BIN)
    assert list(tmp_path.iterdir()) == []


def spoil_chroms(content: bytearray) -> None:
    at = content.index(b"chr2")
    content[at : at + 4] = b"chr3"


def spoil_data(content: bytearray) -> None:
    at = int.from_bytes(content[16:24], "little")
    content[at + 8 : at + 60] = bytes(52)


def spoil_end(content: bytearray) -> None:
    del content[600:]


def spoil_zooms(content: bytearray) -> None:
    content[64:68] = (77).to_bytes(4, "little")


@pytest.mark.parametrize("spoil", [spoil_chroms, spoil_data, spoil_end, spoil_zooms])
def test_what_does_not_read_back_the_same_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil
) -> None:
    check = reading.check_same

    def check_spoilt(partial: Path, *rest) -> None:
        content = bytearray(partial.read_bytes())
        spoil(content)
        partial.write_bytes(content)
        check(partial, *rest)

    monkeypatch.setattr(writing, "check_same", check_spoilt)
    with pytest.raises(SeqcastError, match="does not read back the same") as caught:
        write(tmp_path / "a.bw", run("chr2", 0, *range(9)))
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["value", "start", "end", "chrom"])
def test_any_difference_of_a_bin_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    add = reading.Written.add

    def add_other(self: reading.Written, bins) -> None:
        column = getattr(bins, field).copy()
        column[2] += 1
        add(self, bins._replace(**{field: column}))

    monkeypatch.setattr(reading.Written, "add", add_other)
    with pytest.raises(SeqcastError, match="other values on chr2"):
        write(tmp_path / "a.bw", run("chr2", 0, 1, 2, 3), run("chrM", 0, 1))
