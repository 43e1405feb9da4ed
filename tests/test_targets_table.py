"""A targets table is read as Basenji writes it, or refused in lines that say where and why."""

from pathlib import Path

import pytest
from broken_files import find_data

from seqcast.core.errors import SeqcastError
from seqcast.settings.table import pair_strands, read_targets_table

BASENJI = """\
index\tidentifier\tfile\tclip\tclip_soft\tscale\tsum_stat\tstrand_pair\tdescription
0\tCNhs1+\t/data/a.w5\t384\t\t1.0\tsum\t1\tCAGE:brain
1\tCNhs1-\t/data/b.w5\t384\tnan\t1\tsum\t0\tCAGE:brain
2\tENCFF1\t/data/c.w5\t32.0\t30\t2\tmean\t2\tDNASE:liver, adult
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "targets.tsv"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SeqcastError) as caught:
        read_targets_table(write(folder, text))
    return str(caught.value)


def test_a_table_of_basenjis_is_read_unchanged(tmp_path: Path) -> None:
    rows = read_targets_table(write(tmp_path, BASENJI))
    assert [row.identifier for row in rows] == ["CNhs1+", "CNhs1-", "ENCFF1"]
    assert [row.clip for row in rows] == [384, 384, 32]
    assert [row.clip_soft for row in rows] == [None, None, 30]
    assert [row.scale for row in rows] == [1, 1, 2]
    assert [row.sum_stat for row in rows] == ["sum", "sum", "mean"]
    assert pair_strands(rows) == (1, 0, 2)
    assert rows[2].description == "DNASE:liver, adult"
    assert rows[0].file == "/data/a.w5"


def test_a_part_of_a_table_keeps_its_pairs(tmp_path: Path) -> None:
    """Rows are called by their index, not by their place."""
    text = BASENJI.replace("\n0\t", "\n24\t").replace("\n1\t", "\n25\t").replace("\n2\t", "\n99\t")
    text = text.replace("sum\t1\t", "sum\t25\t").replace("sum\t0\t", "sum\t24\t")
    text = text.replace("mean\t2\t", "mean\t99\t")
    assert pair_strands(read_targets_table(write(tmp_path, text))) == (1, 0, 2)


def test_two_columns_are_enough(tmp_path: Path) -> None:
    text = "identifier\tfile\r\na\tsub/a.bw\r\nb\thttps://host/b.bw\r\n\r\n"
    rows = read_targets_table(write(tmp_path, text))
    assert [row.file for row in rows] == [str(tmp_path / "sub/a.bw"), "https://host/b.bw"]
    assert [row.description for row in rows] == ["a", "b"]
    assert pair_strands(rows) == (0, 1)


def test_tables_of_excel_and_pandas_are_read(tmp_path: Path) -> None:
    text = "\ufeff\tidentifier\tfile\tgenome\tstrand_pair\n3\ta\tx.bw\t0\t3.0\n"
    (row,) = read_targets_table(write(tmp_path, text))
    assert (row.index, row.strand_pair) == (3, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found columns none, wanted 'identifier' too"),
        ("identifier file\na b\n", "columns are separated by tabs, not spaces"),
        ("identifer\tfile\na\tb\n", "wanted 'identifier' too (did you mean 'identifer'?)"),
        ("identifier\tfile\n", "has no targets"),
        ("identifier\tfile\na\t\n", "line 2: file: Field required"),
        ("identifier\tfile\tclip\na\tb\t-3\n", "line 2: clip: Input should be greater than 0"),
        ("identifier\tfile\tsum_stat\na\tb\tsums\n", "line 2: sum_stat"),
        ("identifier\tfile\na\tb\na\tc\n", "identifier 'a' stands 2 times"),
        ("identifier\tfile\tstrand_pair\na\tb\t7\n", "strand_pair 7, which is no row's index"),
        (
            "identifier\tfile\tstrand_pair\na\tb\t1\nc\td\t1\n",
            "'a' has strand_pair 1, but 'c' has 1; wanted 0",
        ),
        ("index\tidentifier\tfile\n1\ta\tb\n1\tc\td\n", "the same index stands twice"),
        (
            'identifier\tfile\tdescription\na\tb\t"open\nc\td\tx\n',
            "line 2: the quotation marks do not pair",
        ),
        ("identifier\tfile\na\tb\0\n", "holds a NUL byte"),
        ("identifier\tfile\na\tb\tc\n", "line 2: has 3 cells for 2 columns"),
        ("identifier\tfile\tfile\na\tb\tc\n", "column 'file' stands 2 times"),
        ("identifier\tfile\treplicate_included\na\tb\ttrue\n", "replicate names no file"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


def test_names_are_read_as_they_are_written(tmp_path: Path) -> None:
    text = 'identifier\tfile\tdescription\n2.0\ta.bw\t"of ""a"""\nNA\tb.bw\tcut\x0cor\x85not\n'
    rows = read_targets_table(write(tmp_path, text))
    assert [row.identifier for row in rows] == ["2.0", "NA"]
    assert [row.description for row in rows] == ['of "a"', "cut\x0cor\x85not"]


def test_rows_that_are_commented_out_are_no_targets(tmp_path: Path) -> None:
    text = "# mine\nidentifier\tfile\n#a\ta.bw\nb\tb.bw\n"
    assert [row.identifier for row in read_targets_table(write(tmp_path, text))] == ["b"]
    with pytest.raises(SeqcastError, match="line 4: file"):
        read_targets_table(write(tmp_path, text.replace("b.bw", "")))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match="cannot be read as a targets table"):
        read_targets_table(tmp_path / "none.tsv")


def test_calicos_own_table_is_read() -> None:
    rows = read_targets_table(find_data("hg38_tiny/targets_subset.txt"))
    assert len(rows) == 16
    assert (rows[0].index, rows[0].identifier) == (24, "ENCFF890OGQ")
    assert rows[0].file.endswith("hg38_tiny/tracks/24_ENCFF890OGQ.bw")
    assert pair_strands(rows) == tuple(range(16))
