"""Which contigs of a bigWig have coverage, and what its entries sum to."""

from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from broken_files import find_data
from genomes import write_track
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.sources.genome.entries import find_covered, summarise
from seqcast.sources.genome.headers import read_header

ODD = [
    "bbijs_fixedStep.bw", "bbijs_uncompressed.bw", "bbijs_variable_step.bw", "bigtools_mini.bw",
    "bigtools_valid.bigWig", "pyBigWig_test.bw",
]  # fmt: skip


def at(length: int, place: int, value: float, elsewhere: float) -> np.ndarray:
    values = np.full(length, elsewhere)
    values[place] = value
    return values


@pytest.mark.parametrize("zooms", [0, 10])
def test_one_value_on_the_last_base_is_coverage(tmp_path: Path, zooms: int) -> None:
    coverage = {
        "bare": at(300_000, -1, 0.5, np.nan),
        "stored": at(300_000, -1, -0.5, 0.0),
        "zeros": np.zeros(300_000),
        "zero": at(300_000, 7, 0.0, np.nan),
        "one": np.ones(1),
    }
    path = write_track(tmp_path / "t.bw", coverage, {"named": 500_000_000}, zooms)
    assert find_covered(path, read_header(path).contigs) == {"bare", "stored", "one"}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_looked_at(name: str) -> None:
    path = find_data(f"odd_files/bigwig/{name}")
    header = read_header(path)
    with pyBigWig.open(str(path)) as file:
        found = {name: file.intervals(name) or () for name in header.contigs}
    covered = {name for name, each in found.items() if any(value for *_, value in each)}
    assert covered
    assert find_covered(path, header.contigs) == covered
    bases, least, most, total, unknown = summarise(path)
    assert (bases, unknown) == (sum(e - s for each in found.values() for s, e, _ in each), 0)
    assert (least, most) == pytest.approx((header.least, header.most), rel=1e-4)
    # One of their writers sums otherwise.
    assert total == pytest.approx(header.total, rel=0.02)


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.sampled_from([None, np.nan, 0.0, 0.25, 3.0])), max_size=12
    )
)
def test_sums_are_those_of_the_bases(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, float | None]]
) -> None:
    path, at = tmp_path_factory.getbasetemp() / "sums.bw", 2
    stored = [(0, 2, 1.0)]
    for size, value in runs:
        stored += [] if value is None else [(at, at + size, value)]
        at += size
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("c", at)])
        starts, ends, values = (list(column) for column in zip(*stored, strict=True))
        file.addEntries(["c"] * len(stored), starts, ends=ends, values=values)
    bases = np.concatenate([np.full(end - start, value) for start, end, value in stored])
    known = bases[~np.isnan(bases)]
    wanted = (known.size, known.min(), known.max(), known.sum(), np.isnan(bases).sum())
    assert summarise(path) == pytest.approx(wanted)
    assert find_covered(path, ["c"]) == {"c"}
    header = read_header(path)
    assert (header.total, header.covered) == (known.sum(), known.size)


def test_damaged_entries_are_refused(tmp_path: Path) -> None:
    # Zeros first: blocks are read until one has another value.
    path = write_track(tmp_path / "t.bw", {"c": np.append(np.zeros(99), np.arange(9e4))})
    content = bytearray(path.read_bytes())
    content[1000:3000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match=r"t\.bw: .*cannot be read.*the file is damaged"):
        find_covered(path, {"c": 90_099})
