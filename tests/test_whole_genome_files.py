"""Parts of a FASTA, regions of a BED file, and which genome is predicted."""

from pathlib import Path

import numpy as np
import pytest
from genomes import make_codes, write_fasta
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import encode
from seqcast.settings import find_run_files, read_settings
from seqcast.sources.genome.bed import Region, read_bed, read_regions
from seqcast.sources.genome.fasta import Fasta, open_fasta, open_indexed, write_index

LENGTHS = {"one": 997, "two": 60, "three": 1}


@pytest.fixture(scope="module", params=[(60, "\n"), (7, "\r\n"), (2000, "\n")])
def fasta(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fasta:
    width, end = request.param
    folder = tmp_path_factory.mktemp("fasta")
    path = write_fasta(folder / "g.fa", make_codes(LENGTHS), width, end)
    return open_fasta(path, folder / "work")


@given(data=st.data())
def test_a_part_is_a_part_of_the_whole(fasta: Fasta, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(LENGTHS)))
    start = data.draw(st.integers(0, LENGTHS[name]))
    end = data.draw(st.integers(start, LENGTHS[name]))
    assert np.array_equal(fasta.read(name, start, end), fasta.codes(name)[start:end])


def test_parts_end_where_the_contig_does(fasta: Fasta) -> None:
    for start, end in ((-1, 5), (5, 4), (0, 61)):
        with pytest.raises(ValueError, match="two has bases 0 to 60"):
            fasta.read("two", start, end)


def test_an_index_beside_the_file_is_all_it_takes(fasta: Fasta) -> None:
    write_index(fasta, fasta.plain.with_name("g.fa.fai"))
    found = open_indexed(fasta.plain)
    assert found.lengths == LENGTHS
    assert np.array_equal(found.read("one", 100, 700), fasta.codes("one")[100:700])
    with pytest.raises(SeqcastError, match=r"gone.fa: is not there"):
        open_indexed(fasta.plain.with_name("gone.fa"))


def test_letters_that_are_not_dna_are_found_where_they_lie(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "g.fa", {"c": "ACGT" * 5000 + "ACG!" + "ACGT" * 50})
    fasta = open_fasta(path, tmp_path / "work")
    assert np.array_equal(fasta.read("c", 0, 8), encode("ACGTACGT"))
    with pytest.raises(SeqcastError, match="1 of 20,204 letters looked at in c are !: not DNA"):
        fasta.read("c", 19_950, 20_050)


def test_regions_keep_their_order_and_names(tmp_path: Path) -> None:
    bed = tmp_path / "r.bed"
    bed.write_text(
        "track name=a\nchr2\t5\t9\ta name\t0\t+\nchr1 1 2 plain\n#c\nchr2\t1\t3\nchr1\t7\t8\t\t3\n"
    )
    assert read_regions(bed) == [
        Region("chr2", 5, 9, "a name"),
        Region("chr1", 1, 2, "plain"),
        Region("chr2", 1, 3, ""),
        Region("chr1", 7, 8, ""),
    ]
    assert read_bed(bed).intervals["chr2"].tolist() == [[5, 9], [1, 3]]


@pytest.mark.parametrize("own", [None, "x.fa"])
@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ({}, None),
        ({"source": "basenji_h5", "file": "a.h5"}, None),
        ({"source": "basenji_h5", "file": "a.h5", "genome": "g.fa"}, "dataset.genome"),
        ({"source": "genome", "fasta": "g.fa", "targets": "t.tsv", "split": {"folds": 3}},
         "dataset.fasta"),
    ],
)  # fmt: skip
def test_the_genome_is_the_runs_own_unless_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source, wanted, own
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.h5", "g.fa", "x.fa", "t.bw"):
        Path(name).touch()
    Path("t.tsv").write_text("identifier\tfile\na\tt.bw\n")
    settings = read_settings({"dataset": source, "genome_tracks": {"fasta": own}})
    fasta = settings.dataset.find_files().fasta
    assert (fasta and fasta.named_by) == wanted
    files = find_run_files(settings, "down", made=())
    assert files.other_genome == (own or "")
    assert files.tracks_genome == (own or ("g.fa" if wanted else ""))
    assert files.own_genome == ("g.fa" if wanted else "")


@pytest.mark.parametrize("width", [7, 60, 5_000])
def test_a_sequence_on_lines_of_any_length(tmp_path: Path, width: int) -> None:
    codes = make_codes({"a": 3_000, "b": 2_500})
    fasta = open_fasta(write_fasta(tmp_path / "g.fa", codes, width), tmp_path / "work")
    for start, end in ((0, 1), (0, 2_500), (59, 61), (1_234, 2_345), (2_499, 2_500)):
        assert np.array_equal(fasta.read("b", start, end), codes["b"][start:end])


def test_a_file_that_changed_after_it_was_indexed_is_refused(tmp_path: Path) -> None:
    path = write_fasta(tmp_path / "g.fa", {"c": "ACGT" * 500})
    fasta = open_fasta(path, tmp_path / "work")
    whole = path.read_bytes()
    path.write_bytes(whole[:1500])
    with pytest.raises(SeqcastError, match="ends within c:1,000-2,000"):
        fasta.read("c", 1000, 2000)
    path.write_bytes(whole.replace(b">c\n", b">c\n\n"))
    with pytest.raises(SeqcastError, match="run again when nobody writes to it"):
        fasta.read("c", 1000, 2000)
