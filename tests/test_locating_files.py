"""The table of placements is read as it was written, and says which windows overlap."""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS
from seqcast.sources.locating import (
    Placements,
    describe,
    find_overlaps,
    read_placements,
    write_placements,
)
from seqcast.sources.locating.placements import COLUMNS

WINDOW = 100
# Names that readers of tables take for something else.
LENGTHS = {"chr1": 1000, "NA": 400, "HG002#1#chr2": 700, "1": 100}

Row = tuple[str, int, str, str, int, str]


def make_placements(rows: Iterable[Row], **changes: str) -> Placements:
    """Make placements from split, row, status, contig, start, strand."""
    rows = list(rows)
    places = [sum(other[:2] == row[:2] for other in rows) for row in rows]
    table = pd.DataFrame(
        [
            (*row[:5], row[4] + WINDOW, row[5], count, 0, 1.0)
            for row, count in zip(rows, places, strict=True)
        ],
        columns=list(COLUMNS),
    ).astype(COLUMNS)
    odd = ~table["status"].isin(("placed", "ambiguous"))
    table.loc[odd, "places"] = 0
    table.loc[odd, "shared"] = np.nan
    table.loc[table["contig"] == ".", ["start", "end"]] = -1
    values = {"assembly": "small", "order": "ACGT", "order_was": "ACGT", **changes}
    return Placements(window=WINDOW, lengths=LENGTHS, windows=table, **values)


def draw_rows(seed: int, count: int) -> list[Row]:
    rng = np.random.default_rng(seed)
    rows = []
    for window in range(count):
        places = int(rng.choice([1, 1, 1, 3]))
        for _ in range(places):
            name = list(LENGTHS)[rng.integers(4)]
            start = int(rng.integers(0, LENGTHS[name] - WINDOW + 1))
            status = "placed" if places == 1 else "ambiguous"
            rows.append((SPLITS[window % 3], window // 3, status, name, start, "+-"[start % 2]))
    return rows


ROWS = [
    ("train", 0, "placed", "chr1", 0, "+"),
    ("train", 1, "ambiguous", "NA", 300, "-"),
    ("train", 1, "ambiguous", "HG002#1#chr2", 0, "+"),
    ("train", 2, "missing", "chr1", 700, "+"),
    ("valid", 0, "placed", "chr1", 60, "-"),
    ("test", 0, "blank", ".", -1, "."),
    ("test", 1, "missing", ".", -1, "."),
]


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 20))
def test_placements_are_read_as_written(seed: int, count: int) -> None:
    placements = make_placements(draw_rows(seed, count) + ROWS[-2:])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "windows.tsv"
        write_placements(path, placements)
        names = sorted(each.name for each in path.parent.iterdir())
        assert names == [".windows.tsv.b2", "windows.tsv"]
        read = read_placements(path)
    assert read.windows.equals(placements.windows)
    assert read.lengths == LENGTHS
    assert (read.assembly, read.order, read.window) == ("small", "ACGT", WINDOW)


def test_anybody_reads_the_table_below_its_header(tmp_path: Path) -> None:
    write_placements(tmp_path / "windows.tsv", make_placements(ROWS))
    lines = (tmp_path / "windows.tsv").read_text().splitlines()
    assert lines[:2] == ["#format\tseqcast-placements", "#format_version\t1"]
    assert "#contig\tHG002#1#chr2\t700" in lines
    body = [line.split("\t") for line in lines if not line.startswith("#")]
    assert body[0] == list(COLUMNS)
    assert body[1] == ["train", "0", "placed", "chr1", "0", "100", "+", "1", "0", "1.000000"]
    assert body[-1] == [*["test", "1", "missing", ".", "-1", "-1", ".", "0", "0"], ""]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("seqcast-placements", "another", "found format 'another' version 1"),
        ("#format_version\t1", "#format_version\t2", "version 2, wanted"),
        ("#order\t", "#ordre\t", "is no table of placed windows \\('order'\\)"),
        ("strand", "strnad", "is no table of placed windows"),
        ("placed\tchr1\t0\t100", "placed\tchr1\t0\t90", "1 rows are not within the assembly"),
        ("placed\tchr1\t0\t100", "placed\tchr9\t0\t100", "first train 0 at chr9:0-100"),
        ("placed\tchr1\t0\t100", "placed\tchr1\t950\t1050", "1 rows are not within"),
        ("placed\tchr1\t0\t100", "lost\tchr1\t0\t100", "1 rows are not within"),
        ("placed\tchr1\t0\t100", "placed\tchr1\t\t100", "is no table of placed windows"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, old: str, new: str, what: str) -> None:
    path = tmp_path / "windows.tsv"
    write_placements(path, make_placements(ROWS))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    path.with_name(".windows.tsv.b2").unlink()
    with pytest.raises(SeqcastError, match=what) as error:
        read_placements(path)
    assert "run `snakemake locate`" in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match="no table of placed windows"):
        read_placements(tmp_path / "windows.tsv")


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 25))
def test_overlaps_are_those_of_all_pairs(seed: int, count: int) -> None:
    rows = draw_rows(seed, count)
    found = find_overlaps(make_placements(rows))
    expected: dict[tuple[str, int, str, int], int] = {}
    for a, b in combinations(sorted(rows, key=lambda row: (SPLITS.index(row[0]), row[1])), 2):
        bases = WINDOW - abs(a[4] - b[4])
        if a[3] == b[3] and bases > 0 and a[:2] != b[:2]:
            key = (*a[:2], *b[:2])
            expected[key] = max(bases, expected.get(key, 0))
    keys = ["first_split", "first_row", "second_split", "second_row"]
    between = {tuple(row[:4]): row[4] for row in found.between[[*keys, "bases"]].to_numpy()}
    assert between == {key: bases for key, bases in expected.items() if key[0] != key[2]}
    for split in SPLITS:
        assert found.within[split] == sum(key[0] == key[2] == split for key in expected)
    assert (found.between["end"] - found.between["start"] == found.between["bases"]).all()
    assert found.between["bases"].is_monotonic_decreasing


def test_a_person_reads_what_was_found() -> None:
    lines = describe(make_placements(ROWS))
    assert lines == [
        "2 of 6 windows placed exactly on small (1 on +, 1 on -)",
        "the order of the bases is proven: ACGT",
        "ambiguous, as several places match exactly: 1 (train 1); most places: 2, of train 1",
        "match nowhere: 2 (train 2, test 1); best: not even train 2 resembles any place there; is"
        " it the right species?",
        "too full of N to be located: 1 (test 0)",
        "pairs of windows that overlap between splits: 1, most train 0 and valid 0 by 40 of 100"
        " bases",
    ]


def test_nothing_odd_takes_few_lines() -> None:
    rows = [(split, 0, "placed", "chr1", 200 * i, "+") for i, split in enumerate(SPLITS)]
    rows.append(("test", 1, "placed", "chr1", 450, "+"))
    lines = describe(make_placements(rows, order_was="ATCG"))
    assert lines == [
        "4 of 4 windows placed exactly on small (4 on +, 0 on -)",
        "validate took the bases as ATCG, but windows match only as ACGT: they are re-ordered",
        "no windows of different splits overlap",
        "pairs of windows that overlap within a split: 1 in test",
    ]
