"""FASTA, bigWig headers, BED and alias tables as they are found."""

import gzip
import hashlib
import shutil
import struct
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from broken_files import find_data
from genomes import LENGTHS, make_codes, write_bed, write_fasta, write_track
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import decode, encode
from seqcast.sources.genome.bed import merge_intervals, read_bed
from seqcast.sources.genome.fasta import check_md5, open_fasta
from seqcast.sources.genome.headers import read_header
from seqcast.sources.genome.names import match_names, read_aliases, suggest_contig

CODES = make_codes(LENGTHS)
ODD_FASTA = [
    "genomepy_gap.fa", "genomepy_sacCer3_chrIV.fa", "genomepy_small_genome.fa.gz",
    "issue_141.fasta", "issue_83.fasta", "test.iupac.fa",
]  # fmt: skip
ODD_BIGWIG = {
    "bbijs_fixedStep.bw": ({"chr1": 249_250_621}, -124.536, 96.347),
    "bbijs_uncompressed.bw": ({"ctgA": 50_001}, 1, 38),
    "bbijs_variable_step.bw": ({"chr1": 52}, -0.023964, 0.810993),
    "bigtools_mini.bw": ({"chr1": 12}, 1, 3),
    "bigtools_valid.bigWig": ({"chr17": 83_257_441}, 0.00622, 14_254),
    "pyBigWig_test.bw": ({"1": 195_471_971, "10": 130_694_993}, 0.1, 2),
}


def read_by_hand(path: Path) -> dict[str, str]:
    """Read a FASTA in the plainest way there is."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("latin-1")
    records = [part.partition("\n") for part in text.replace("\r", "\n").split(">")[1:]]
    return {name.split()[0]: "".join(lines.split()).upper() for name, _, lines in records}


@pytest.mark.parametrize("name", ODD_FASTA)
def test_odd_fasta_files_read_the_same_as_by_hand(name: str, tmp_path: Path) -> None:
    path = find_data(f"odd_files/fasta/{name}")
    fasta, wanted = open_fasta(path, tmp_path), read_by_hand(path)
    assert fasta.lengths == {contig: len(letters) for contig, letters in wanted.items()}
    for contig, letters in wanted.items():
        assert np.array_equal(fasta.codes(contig), encode(letters))


@pytest.mark.parametrize("file", ["genome.fa", "genome.fa.gz", "no ending"])
@pytest.mark.parametrize(("width", "end"), [(60, "\n"), (60, "\r\n"), (10_000, "\n"), (7, "\r")])
def test_every_layout_reads_the_same(file: str, width: int, end: str, tmp_path: Path) -> None:
    path = write_fasta(tmp_path / file, CODES, width, end)
    fasta = open_fasta(path, tmp_path / "work")
    assert fasta.lengths == LENGTHS
    assert all(np.array_equal(fasta.codes(name), codes) for name, codes in CODES.items())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (">a\nACG\nACGTACGT\n\nAC\n>b x\nac gt\n", {"a": "ACGACGTACGTAC", "b": "ACGT"}),
        ("\n; made by hand\n>a\nACGT", {"a": "ACGT"}),
        (">a\n>b\nACGTRYKMX-\n", {"a": "", "b": "ACGTRYKMX-"}),
        (">a caf\xe9\nACGT\nA\nACGT\n", {"a": "ACGTAACGT"}),
        ("\ufeff>a\nAC\n", {"a": "AC"}),
        (">a\nACGT \nACGT \nAC\t\n>b\r\nAC\r\n", {"a": "ACGTACGTAC", "b": "AC"}),
        (">caf\xe9 \xff\nAC\n", {"caf\xe9": "AC"}),
    ],
    ids=["unequal", "comment", "empty contig", "latin-1", "byte order mark", "blanks", "name"],
)
def test_untidy_fasta_is_read(text: str, wanted: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "untidy.fa"
    path.write_bytes(text.encode("utf-8" if "\ufeff" in text else "latin-1"))
    fasta = open_fasta(path, tmp_path / "work")
    assert {name: fasta.letters(name).decode() for name in fasta.lengths} == wanted


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"ACGTACGT\n", "begins with 'ACGTACGT'"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04....", "zip"),
        (b"\x43\x27\x41\x1a....", "twoBitToFa"),
        (b"@read1\nACGT\n+\nFFFF\n", "FASTQ"),
        (b">a\n>b\n", "2 names and no sequence"),
        (b">a\nAC\n>a\nAC\n>b\nAC\n>b\nAC\n", "a, b stand"),
        (b">p\nMKVLITGAGSGIGRELA\n", "protein"),
        (b">a\nAC\n>\nAC\n", "`>` without a name after a"),
        (b"> \nAC\n", "`>` without a name at its start"),
        (b">a\nA\0C\n", "1 of 3 letters looked at in a are"),
        (b">r\nACGUACGU\n", "2 of 8 letters looked at in r are U: RNA"),
        (gzip.compress(b">a\n" + b"ACGT" * 5000, mtime=0)[:60], "cannot be"),
        (b"\x1f\x8bnot gzip at all", "cannot be read"),
    ],
)
def test_what_is_no_genome_ends_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    path, work = tmp_path / "genome.fa", tmp_path / "work"
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match=words) as error:
        open_fasta(path, work)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    assert not list(work.glob("*.partial"))


def test_bgzip_is_gzip_of_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa.bgz"
    path.write_bytes(b"".join(map(gzip.compress, (b">a\nACG", b"TA\n>b\nNN\n", b""))))
    fasta = open_fasta(path, tmp_path / "work")
    assert (fasta.letters("a"), fasta.letters("b")) == (b"ACGTA", b"NN")


def test_a_plain_file_that_is_called_gz(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa.gz"
    path.write_text(">a\nACGTA\n")
    assert open_fasta(path, tmp_path / "work").lengths == {"a": 5}


def test_letters_that_are_not_dna_are_found_wherever_they_stand(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "genome.fa", {"a": "ACGT" * 9000 + "AC*T"})
    with pytest.raises(SeqcastError, match=r"1 of 36,004 letters looked at in a are \*"):
        open_fasta(path, tmp_path).codes("a")


def test_cut_gzip_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "genome.fa.gz", {"a": decode(make_codes({"a": 99_999})["a"])})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(SeqcastError, match=r"genome\.fa\.gz: cannot be unpacked"):
        open_fasta(path, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_missing_fasta_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.fa"):
        with pytest.raises(SeqcastError, match="wanted a genome as FASTA"):
            open_fasta(path, tmp_path / "work")


def test_unpacked_files_serve_again_until_the_archive_changes(tmp_path: Path) -> None:
    path, work = tmp_path / "genome.fa.gz", tmp_path / "work"
    first = open_fasta(write_fasta(path, {"a": "ACGT"}), work)
    before = first.plain.stat()
    assert open_fasta(path, work).plain.stat().st_mtime_ns == before.st_mtime_ns
    again = open_fasta(write_fasta(path, {"a": "GGGGG"}), work)
    assert again.letters("a") == b"GGGGG"
    assert [each for each in work.iterdir() if each.suffix == ".fa"] == [again.plain]


def test_user_folder_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    paths = [
        write_fasta(folder / "a.fa", CODES),
        write_fasta(folder / "b.fa.gz", CODES),
        write_fasta(folder / "c.fa", CODES, 7, "\r"),
    ]
    before = sorted(folder.iterdir())
    folder.chmod(0o555)
    try:
        for path in paths:
            open_fasta(path, tmp_path / "work").codes("chr1")
        assert sorted(folder.iterdir()) == before
    finally:
        folder.chmod(0o755)


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    fasta = open_fasta(write_fasta(tmp_path / "genome.fa", CODES), tmp_path)
    write_fasta(fasta.path, {"chr1": CODES["chr1"][:99]})
    with pytest.raises(SeqcastError, match="run again when nobody writes to it"):
        fasta.codes("chr1")


def test_md5_is_that_of_the_sam_specification(tmp_path: Path) -> None:
    fasta = open_fasta(
        write_fasta(tmp_path / "genome.fa", {"a": "acgtnRY", "b": "AC"}, 3), tmp_path
    )
    right = hashlib.md5(b"ACGTNRY").hexdigest()
    assert check_md5(fasta, {"a": right}) == []
    other, unknown = check_md5(fasta, {"b": right, "A": right})
    assert right in other
    assert hashlib.md5(b"AC").hexdigest() in other
    assert "did you mean 'a'" in unknown


@pytest.mark.parametrize("name", ODD_BIGWIG)
def test_odd_bigwigs_tell_their_contigs_and_range(name: str) -> None:
    contigs, least, most = ODD_BIGWIG[name]
    header = read_header(find_data(f"odd_files/bigwig/{name}"))
    assert header.contigs == contigs
    assert (header.least, header.most) == pytest.approx((least, most), rel=1e-4)


def test_header_is_that_of_the_values(tmp_path: Path) -> None:
    values = np.array([0, 1.5, 1.5, np.nan, 2, 0.25, np.nan, np.nan])
    header = read_header(write_track(tmp_path / "a.bw", {"a": values}, {"a": 10}))
    known = values[~np.isnan(values)]
    assert (header.covered, header.share) == (5, 0.5)
    found = (header.least, header.most, header.total, header.mean)
    assert found == pytest.approx((0, 2, known.sum(), known.mean()))


def test_a_bigwig_cut_anywhere_is_refused_or_whole(tmp_path: Path) -> None:
    whole = write_track(tmp_path / "whole.bw", {"a": np.arange(5000.0) % 7}).read_bytes()
    (index,) = struct.unpack_from("<Q", whole, 24)
    cut = tmp_path / "cut.bw"
    for size in [0, 1, 4, 63, 64, 100, 200, index - 1, index, index + 40]:
        cut.write_bytes(whole[:size])
        with pytest.raises(SeqcastError, match=r"cut short|is empty|not a bigWig") as error:
            read_header(cut)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>404</html>" * 9, "web page"),
        (gzip.compress(b"chr1\t0\t1\t1\n", mtime=0), "gzip"),
        (b"fixedStep chrom=chr1 start=1 step=1\n1\n", "begins with 'fixedStep ch'"),
        (b"\x88\x8f\xfc\x26" + bytes(99), "big-endian"),
        (b"\xeb\xf2\x89\x87" + bytes(99), "bigBed"),
        (bytes(200), "not a bigWig"),
    ],
)
def test_other_files_are_no_bigwigs(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "track.bw"
    path.write_bytes(content)
    with pytest.raises(SeqcastError, match=words):
        read_header(path)
    with pytest.raises(SeqcastError, match="is not there"):
        read_header(tmp_path / "none.bw")


def test_bigwig_without_contigs(tmp_path: Path) -> None:
    path = tmp_path / "empty.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 99)])
    header = read_header(path)
    assert (header.contigs, header.covered, header.mean) == ({"chr1": 99}, 0, 0)


INTERVALS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda each: (each[0], sum(each)))
)


@given(INTERVALS)
def test_merged_intervals_hold_the_same_bases_apart(intervals: list[tuple[int, int]]) -> None:
    merged = merge_intervals(np.array(intervals, dtype=np.int64).reshape(-1, 2))
    wanted = {base for start, end in intervals for base in range(start, end)}
    assert [base for start, end in merged for base in range(start, end)] == sorted(wanted)
    assert (merged[1:, 0] > merged[:-1, 1]).all()
    assert np.array_equal(merge_intervals(merged), merged)


def test_bed_as_it_is_found(tmp_path: Path) -> None:
    text = (
        "browser position chr1:1-99\r\ntrack name=peaks\r\n#chrom\tstart\tend\r\n\r\n"
        "chr1\t10\t20\tpeak 1\t0\t.\t1.5\t-1\t-1\t5\r\nchr2 3 4\r\nchr1\t5\t5\r\n"
    )
    for path in (tmp_path / "a.bed", tmp_path / "a.bed.gz"):
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
        bed = read_bed(path)
        assert bed.size == 3
        found = {name: each.tolist() for name, each in bed.intervals.items()}
        assert found == {"chr1": [[10, 20], [5, 5]], "chr2": [[3, 4]]}
    header = tmp_path / "b.bed"
    header.write_text("chrom\tstart\tend\nchr1\t1\t2\n")
    assert read_bed(header).size == 1
    assert read_bed(write_bed(tmp_path / "c.bed", [])).size == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("chr1\t1\t2\nchr1\t9\t4\n", "line 2: ends at 4, before its start at 9"),
        ("chr1\t1\n", "line 1: has 2 columns"),
        ("chr1\t-1\t5\nchr1\tx\ty\n", "line 1: '-1' and '5' are not .* and 1 more such lines"),
        ("chr1\t1e3\t2e3\n", "'1e3' and '2e3'"),
        ("\0\0\0", "is not text"),
        ("<html>\n", "line 1: has 1 column"),
    ],
)
def test_what_is_no_bed_names_its_first_bad_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mask.bed"
    path.write_text(text)
    with pytest.raises(SeqcastError, match=words):
        read_bed(path)
    with pytest.raises(SeqcastError, match="cannot be read as BED"):
        read_bed(tmp_path / "none.bed")


def test_real_bed_files() -> None:
    mask = read_bed(find_data("yeast/annotation/shorkie_mask_rossi.bed"))
    assert (mask.size, len(mask.intervals), len(mask.intervals["chrmt"])) == (418, 17, 1)
    peaks = "yeast/annotation/hmmratac_yeast500k_accessible_regions.narrowPeak"
    assert read_bed(find_data(peaks)).size == 1605
    with pytest.raises(SeqcastError, match="wanted BED"):
        read_bed(find_data("yeast/annotation/R64-1-1_genes.gff.gz"))


NAMES = st.lists(st.sampled_from(["1", "2", "3", "I", "II", "X", "M", "MT"]), unique=True)


@given(NAMES, st.booleans(), st.booleans())
def test_chr_in_front_or_not_is_the_same_name(bare: list[str], ours: bool, theirs: bool) -> None:
    bare = [name for name in bare if not (name == "MT" and "M" in bare)]
    known = [f"chr{name}" if ours else name for name in bare]
    names = [f"chr{name}" if theirs else name for name in bare]
    found = match_names(known, reversed(names), {})
    assert found.names == dict(zip(known, names, strict=True))
    assert list(found.names) == known
    assert set(found.by_prefix) == set(known if ours != theirs else ())
    assert found.unknown == ()


def test_names_that_could_mean_several_stay_unknown() -> None:
    found = match_names(["chrM", "chrMT", "chr1"], ["MT", "Chr1", "1", "M", "mt", "chrmt"], {})
    assert found.names == {"chrM": "M", "chrMT": "MT", "chr1": "Chr1"}
    assert found.unknown == ("1", "mt", "chrmt")
    assert match_names(["chrM", "chr1"], ["MT", "2"], {}).names == {"chrM": "MT"}


NEWER = "# ucsc\tassembly\tgenbank\tncbi\nchrI\tI\tBK006935.2\tna\nchrM\tMito\t\tna\n"
OLDER = (
    "I\tchrI\tassembly,ensembl\nBK006935.2\tchrI\tgenbank\nMito\tchrM\tensembl\nX\tchrM\tgenbank\n"
)


@pytest.mark.parametrize("text", [NEWER, OLDER, NEWER.replace("\n", "\r\n"), "I chrI\nMito chrM\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_aliases_of_every_layout(text: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "chromAlias.txt"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    aliases = read_aliases(path)
    found = match_names(["chrI", "chrM"], ["Mito", "I", "na", "genbank"], aliases)
    assert found.names == {"chrI": "I", "chrM": "Mito"}
    assert (set(found.by_alias), found.by_prefix) == ({"chrI", "chrM"}, ())
    assert found.unknown == ("na", "genbank")


def test_what_is_no_table_of_aliases(tmp_path: Path) -> None:
    path = tmp_path / "aliases.txt"
    for text, words in (("chr1\nchr2\n", "2 lines with one name"), ("# only\n", "found none")):
        path.write_text(text)
        with pytest.raises(SeqcastError, match=words):
            read_aliases(path)
    with pytest.raises(SeqcastError, match="cannot be read"):
        read_aliases(tmp_path / "none.txt")


def test_the_contig_that_was_meant() -> None:
    known = ["chrX", "chrI", "chrM"]
    assert suggest_contig("I", known) == " (did you mean 'chrI'?)"
    assert suggest_contig("chri", known) == " (did you mean 'chrI'?)"
    assert suggest_contig("MT", known) == " (did you mean 'chrM'?)"
    assert suggest_contig("chr1", known) == f"; it has {', '.join(known)}"
    many = [f"contig{n}" for n in range(30)]
    assert suggest_contig("x", many).endswith("contig19 and 10 more")


def test_yeast_has_the_known_digest(tmp_path: Path) -> None:
    packed = shutil.copy(find_data("yeast/sacCer3.fa.gz"), tmp_path / "sacCer3.fa.gz")
    fasta = open_fasta(packed, tmp_path / "work")
    assert len(fasta.lengths) == 17
    assert sum(fasta.lengths.values()) == 12_157_105
    assert check_md5(fasta, {"chrI": "6681ac2f62509cfc220d78751b8dc524"}) == []
