"""Files of a genome source against each other, and what is said of them."""

import dataclasses
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_files import find_data
from genomes import (
    LENGTHS,
    GenomeFiles,
    make_codes,
    make_coverage,
    write_bed,
    write_fasta,
    write_genome,
    write_track,
)

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.findings import Validation
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.validation import make_verdict
from seqcast.sources.validation.digests import digest_files
from seqcast.sources.validation.genome import validate_genome

COVERAGE = make_coverage(make_codes(LENGTHS))
YEAST = {"valid": ["chrII"], "test": ["chrXVI"], "exclude": ["chrM"]}
TRACKS = [
    "atac_all", "atac_nfr", "atac_mono", "atac_cuts", "stripe_wt_plus", "stripe_wt_minus",
    "stripe_diamide_plus", "stripe_diamide_minus",
]  # fmt: skip
ODD = [
    "bbijs_fixedStep.bw", "bbijs_uncompressed.bw", "bbijs_variable_step.bw", "bigtools_mini.bw",
    "bigtools_valid.bigWig", "pyBigWig_test.bw",
]  # fmt: skip


def lay_out(files: GenomeFiles, **changes: Any) -> Layout:
    return read_layout(files.settings(**changes), files.inputs())


def judge(files: GenomeFiles, **changes: Any) -> Validation:
    found = validate_genome(files.settings(**changes), files.inputs())
    assert Validation.from_json(found.to_json()) == found
    verdict = make_verdict(found)
    assert max(map(len, verdict.splitlines())) <= 100
    assert verdict.splitlines()[-1].startswith("verdict: ")
    return found


def test_all_files_are_read_to_their_end(tmp_path: Path) -> None:
    columns = {"one": {"replicate": "two.bw"}}
    files = write_genome(tmp_path / "a", mask=[("chr3", 100, 180)], columns=columns)
    digests = digest_files(files.inputs().files)
    names = {"genome.fa", "one.bw", "two.bw", "mask.bed"}
    assert {Path(path).name for path in digests} == names
    assert all(found["sha256"] == sha256_of(path) for path, found in digests.items())
    found = dataclasses.replace(judge(files), files=digests)
    read = Validation.from_json(found.to_json())
    read.check_unchanged()
    with open(tmp_path / "a/two.bw", "ab") as file:
        file.write(b"x")
    with pytest.raises(SeqcastError, match=r"two\.bw: is not as it was validated; run"):
        read.check_unchanged()
    (tmp_path / "a/mask.bed").unlink()
    with pytest.raises(SeqcastError, match="and 1 more files"):
        read.check_unchanged()


def rename(names: dict[str, str]) -> dict[str, np.ndarray]:
    """Return the coverage under other names; contigs without one are left out."""
    return {names[name]: values for name, values in COVERAGE.items() if name in names}


def test_files_that_fit(tmp_path: Path) -> None:
    files = write_genome(
        tmp_path / "in", mask=[("chr2", 5, 9), ("chr1", 90, 99), ("chr1", 95, 120)]
    )
    layout = lay_out(files)
    assert layout.lengths == {name: LENGTHS[name] for name in ("chr1", "chr2", "chr3")}
    assert layout.left_out == {"chrM": "shorter than a window of 256 bases"}
    assert {name: each.tolist() for name, each in layout.mask.items()} == {
        "chr1": [[90, 120]],
        "chr2": [[5, 9]],
    }
    assert [track.path.name for track in layout.tracks] == ["one.bw", "two.bw"]
    assert layout.tracks[0].names == {name: name for name in layout.lengths}
    assert (layout.replicates, layout.refusals) == ((None, None), ())
    assert np.array_equal(layout.fasta.codes("chr2"), files.codes["chr2"])
    assert "1 of 4 contigs left out (shorter than a window of 256 bases): chrM" in layout.notices


def test_names_that_differ_by_chr_are_matched_with_a_notice(tmp_path: Path) -> None:
    ensembl = rename({"chr1": "1", "chr2": "2", "chr3": "3", "chrM": "MT"})
    files = write_genome(tmp_path / "in", tracks={"one": ensembl, "two": COVERAGE})
    layout = lay_out(files)
    assert layout.refusals == ()
    assert layout.tracks[0].names == {"chr1": "1", "chr2": "2", "chr3": "3"}
    assert layout.tracks[1].names == {"chr1": "chr1", "chr2": "chr2", "chr3": "chr3"}
    (notice,) = [text for text in layout.notices if "`chr`" in text]
    assert notice.startswith("one: contig names matched")
    assert "(1 is chr1, and 3 more)" in notice


def test_other_names_go_through_the_table_of_aliases(tmp_path: Path) -> None:
    refseq = rename({"chr1": "NC_1.1", "chr2": "NC_2.1", "chr3": "NC_3.1"})
    files = write_genome(
        tmp_path / "in", tracks={"one": refseq, "two": refseq}, mask=[("NC_2.1", 3, 4)]
    )
    (refusal,) = [text for text in lay_out(files).refusals if ".bw" in text]
    assert "in/one.bw" in refusal
    assert "in/two.bw: names no contig of the FASTA; it has NC_1.1 (4,096 bases)" in refusal
    assert "dataset.aliases" in refusal
    aliases = tmp_path / "chromAlias.txt"
    aliases.write_text("# ucsc\trefseq\nchr1\tNC_1.1\nchr2\tNC_2.1\nchr3\tNC_3.1\n")
    layout = read_layout(files.settings(), files.inputs(aliases=aliases))
    assert layout.refusals == ()
    assert layout.tracks[1].names == {"chr1": "NC_1.1", "chr2": "NC_2.1", "chr3": "NC_3.1"}
    assert layout.mask["chr2"].tolist() == [[3, 4]]
    assert any("one, two: contig names matched" in text for text in layout.notices)


def test_other_versions_of_chromosomes_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    others = ["chr2_GL1v1_alt", "chr3_KI2v1_random", "chr1_KZ3v1_fix", "chr1_apd_hap1"]
    # Their own chromosomes are not there, or their names only look alike.
    kept = ["scaffold_random", "chr1_random_2", "chrUn_KI4v1"]
    files = write_genome(tmp_path / "files", {**LENGTHS, **dict.fromkeys([*others, *kept], 400)})
    layout = lay_out(files)
    assert set(layout.left_out) == {"chrM", *others}
    assert any("4 of 11 contigs left out (another version" in line for line in layout.notices)
    split = {**files.settings().split.model_dump(), "alternates": True}
    assert set(lay_out(files, split=split).left_out) == {"chrM"}


def test_contigs_that_a_track_lacks_are_left_out_for_all(tmp_path: Path) -> None:
    few = {name: COVERAGE[name] for name in ("chr1", "chr2")}
    codes = make_codes({**LENGTHS, "chr4": 3000})
    files = write_genome(
        tmp_path / "in", {**LENGTHS, "chr4": 3000}, {"all": make_coverage(codes), "few": few}
    )
    layout = lay_out(files)
    assert list(layout.lengths) == ["chr1", "chr2"]
    assert layout.left_out["chr4"] == "no coverage in few"
    assert "2 of 5 contigs left out (no coverage in few): chr3, chr4" in layout.notices
    (refusal,) = layout.refusals
    assert "test holds out chr3, which cannot be used (no coverage in few)" in refusal
    assert "take one of chr1, chr2" in refusal


def test_a_wrong_assembly_is_refused_with_lengths_side_by_side(tmp_path: Path) -> None:
    lengths = {f"chr{n}": 3000 + n for n in range(1, 10)}
    files = write_genome(tmp_path / "in", lengths)
    other = {f"chr{n}": 3100 + n for n in range(1, 9)}
    for name in ("one", "two"):
        write_track(files.folder / f"{name}.bw", {"chr1": np.ones(50)}, other)
    (refusal,) = lay_out(files).refusals
    assert "one.bw" in refusal
    assert "two.bw: of another assembly" in refusal
    assert "chr1 3,101 / 3,001; chr2 3,102 / 3,002" in refusal
    assert "chr5 3,105 / 3,005 and 3 more" in refusal


def test_an_excluded_contig_may_differ(tmp_path: Path) -> None:
    files = write_genome(tmp_path / "in", {**LENGTHS, "chr4": 900})
    write_track(files.folder / "one.bw", COVERAGE, {**LENGTHS, "chr4": 901})
    assert "chr4 901 / 900" in lay_out(files).refusals[0]
    assert (
        lay_out(files, split={**files.settings().split.model_dump(), "exclude": ["chr4"]}).left_out[
            "chr4"
        ]
        == "dataset.split.exclude says so"
    )


def test_mitochondria_of_two_makers_are_left_out(tmp_path: Path) -> None:
    lengths = {**LENGTHS, "chrM": 1000}
    files = write_genome(tmp_path / "in", lengths)
    write_track(files.folder / "one.bw", COVERAGE, {**LENGTHS, "chrM": 998})
    layout = lay_out(files)
    assert layout.refusals == ()
    assert layout.left_out == {"chrM": "one has 998 bases of it, the FASTA 1,000"}


def test_contigs_unknown_to_the_fasta_are_counted(tmp_path: Path) -> None:
    more = {**COVERAGE, "chrUn_1": np.ones(10), "chrUn_2": np.ones(10)}
    intervals = [("chr1", 1, 2), ("chrUn_1", 5, 6), ("chrUn_1", 8, 9)]
    files = write_genome(tmp_path / "in", tracks={"one": more}, mask=intervals)
    notices = lay_out(files).notices
    assert "one: 2 of its 6 contigs not in the FASTA, so not used: chrUn_1, chrUn_2" in notices
    (mask,) = [text for text in notices if text.startswith("mask.bed")]
    assert mask.endswith("chrUn_1 (2 of 3 intervals)")


def test_masks_are_clipped_merged_over_files_or_refused(tmp_path: Path) -> None:
    files = write_genome(tmp_path / "in", mask=[("chr2", 2000, 2900), ("1", 5, 9)])
    more = write_bed(tmp_path / "more.bed", [("chr2", 1900, 2010)])
    inputs = files.inputs(mask=(*files.mask, more))
    layout = read_layout(files.settings(), inputs)
    assert layout.mask["chr2"].tolist() == [[1900, 2100]]
    assert layout.mask["chr1"].tolist() == [[5, 9]]
    assert "mask.bed: 1 of 2 intervals clipped at their contig's end" in layout.notices
    write_bed(more, [("chr2", 2100, 2200)])
    (refusal,) = read_layout(files.settings(), inputs).refusals
    assert "chr2 has 2,100 bases there, and the file 1 of its 1 intervals past that" in refusal
    assert "2,100-2,200" in refusal
    # A contig that is not used may differ, as the mitochondria of two makers do.
    write_bed(more, [("chrM", 500, 600)])
    assert read_layout(files.settings(), inputs).refusals == ()
    write_bed(more, [])
    assert "more.bed: holds no intervals" in read_layout(files.settings(), inputs).notices


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"valid": ["2"], "test": ["chr3"]}, "valid names '2', .*did you mean 'chr2'"),
        ({"valid": ["chr2"], "test": ["Chr3"]}, "test names 'Chr3', .*did you mean 'chr3'"),
        ({**{"valid": ["chr2"], "test": ["chr3"]}, "exclude": ["MT"]}, "did you mean 'chrM'"),
        ({"valid": ["chr2"], "test": ["chrM"]}, "chrM, which cannot be used .shorter"),
        ({"valid": ["chr2", "chr1"], "test": ["chr3"]}, "no contig is left to train on"),
        (
            {"valid": ["chr2"], "test": ["chr3"], "exclude": ["chr1"]},
            "no contig is left to train on: chr2, chr3",
        ),
    ],
)
def test_splits_that_cannot_be(split: dict[str, list[str]], words: str, tmp_path: Path) -> None:
    found = judge(write_genome(tmp_path / "in"), split=split)
    assert len(found.refusals) == 1
    with pytest.raises(SeqcastError, match=words):
        found.raise_if_refused()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    files = write_genome(tmp_path / "in", mask=[("chr1", 1, 2)])
    (files.folder / "one.bw").write_bytes(b"<html>")
    (files.folder / "two.bw").unlink()
    files.mask[0].write_text("chr1\t5\n")
    split = {"valid": ["chr9"], "test": ["chr3"]}
    refusals = " ".join(lay_out(files, split=split, md5={"chr1": "0" * 32}).refusals)
    for words in ("web page", "two.bw: is not there", "line 1: has 2", "'chr9'", "chr1 has MD5"):
        assert words in refusals
    files.fasta.write_text("")
    found = judge(files)
    assert len(found.refusals) == 4
    assert "genome.fa: is empty" in " ".join(found.refusals)


def test_no_contig_in_common(tmp_path: Path) -> None:
    tracks = {"one": {"chr1": COVERAGE["chr1"]}, "two": {"chr2": COVERAGE["chr2"]}}
    files = write_genome(tmp_path / "in", tracks=tracks)
    refusals = lay_out(files, split={"folds": 3}).refusals
    assert len(refusals) == 1
    wanted = "can be used (chr1: no coverage in two, chr2: no coverage in one, chr3: no"
    assert wanted in refusals[0]


def test_a_target_may_be_called_like_a_replicate(tmp_path: Path) -> None:
    codes = make_codes(LENGTHS)
    tracks = {name: make_coverage(codes, 1) for name in ("x", "x (replicate)", "rep")}
    files = write_genome(tmp_path / "g", tracks=tracks, columns={"x": {"replicate": "rep.bw"}})
    layout = read_layout(files.settings(), files.inputs())
    assert [track.path.name for track in layout.tracks] == ["x.bw", "x (replicate).bw", "rep.bw"]
    assert [each and each.path.name for each in layout.replicates] == ["rep.bw", None, None]


def test_replicates_are_matched_and_may_lack_contigs(tmp_path: Path) -> None:
    columns = {"one": {"replicate": "rep.bw"}}
    files = write_genome(tmp_path / "in", columns=columns)
    write_track(files.folder / "rep.bw", rename({"chr1": "1"}))
    layout = lay_out(files)
    replicate, none = layout.replicates
    assert (replicate.names, none) == ({"chr1": "1"}, None)
    assert list(layout.lengths) == ["chr1", "chr2", "chr3"]
    write_track(files.folder / "rep.bw", {"chr1": np.ones(9)})
    assert "chr1 9 / 4,096" in lay_out(files).refusals[0]


def test_the_folder_of_the_files_stays_as_it_was(tmp_path: Path) -> None:
    files = write_genome(tmp_path / "in", mask=[("chr1", 1, 2)])
    before = {path: path.stat().st_mtime_ns for path in files.folder.iterdir()}
    files.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert judge(files).refusals == ()
    finally:
        files.folder.chmod(stat.S_IRWXU)
    assert {path: path.stat().st_mtime_ns for path in files.folder.iterdir()} == before


def test_what_a_fit_genome_is_told(tmp_path: Path) -> None:
    files = write_genome(
        tmp_path / "in", mask=[("chr1", 0, 600)], columns={"one": {"description": "First"}}
    )
    found = judge(files)
    assert found.refusals == ()
    assert found.splits == {"train": ("chr1",), "valid": ("chr2",), "test": ("chr3",)}
    assert found.masked == pytest.approx(600 / (4096 + 2100 + 1777))
    # chr1: windows from 0, 128, ... are dropped while over half of them is masked.
    assert found.dropped_for == {"windows more than 50% masked (4 train)": 4}
    assert found.windows == {"train": 31 - 4, "valid": 16, "test": 13}
    values = np.concatenate(list(files.tracks["one"].values()))
    assert found.targets[0].mean == pytest.approx(values.mean())
    assert (found.targets[0].max, found.targets[0].covered) == (values.max(), None)
    assert any("1 of 2 targets have no description" in text for text in found.notices)
    verdict = make_verdict(found)
    assert "contigs   3 of 4 used, 7,973 bases" in verdict
    assert "masked    7.5% of these bases" in verdict
    assert "verdict: fit for training\n" in verdict


def test_folds_have_parts_in_place_of_splits(tmp_path: Path) -> None:
    found = judge(write_genome(tmp_path / "in"), split={"folds": 3})
    assert found.splits == {"part 1": ("chr1",), "part 2": ("chr2",), "part 3": ("chr3",)}
    assert set(found.windows) == {"part 1", "part 2", "part 3"}
    (refusal,) = judge(write_genome(tmp_path / "in2"), split={"folds": 4}).refusals
    assert "folds is 4" in refusal


@pytest.mark.parametrize(
    ("factor", "changes", "words"),
    [
        (0, {}, "no coverage on any contig that can be used"),
        (-1, {}, "none above 0; if it is a minus strand"),
        (-1, {"negative": "abs"}, None),
        (None, {"negative": "abs"}, "coverage is never negative"),
    ],
)
def test_tracks_that_cannot_be_coverage(
    factor: float | None, changes: dict[str, str], words: str | None, tmp_path: Path
) -> None:
    one = {
        name: values - 1 if factor is None else values * factor + 0.0
        for name, values in COVERAGE.items()
    }
    found = judge(write_genome(tmp_path / "in", tracks={"one": one, "two": COVERAGE}), **changes)
    assert (not found.refusals) == (words is None)
    if words:
        assert words in found.refusals[0]


def test_doubtful_tables_are_warned_of(tmp_path: Path) -> None:
    high = {name: values.copy() for name, values in COVERAGE.items()}
    high["chr1"][7] = 1e7
    columns = {"same": {"replicate": "one.bw"}}
    files = write_genome(tmp_path / "in", tracks={"one": high, "same": COVERAGE}, columns=columns)
    repeated, *none = judge(files).warnings
    assert repeated == "one.bw is read 2 times, as one, the replicate of same"
    assert none == []
    first, _ = judge(files, clip_quantile=None).warnings
    assert "1 of 2 targets have values more than 1,000 times their mean" in first
    clipped = write_genome(tmp_path / "in2", tracks={"one": high}, columns={"one": {"clip": 50}})
    assert judge(clipped, clip_quantile=None).warnings == ()


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("rna_plus", "rna_minus", "atac"), 1),
        (("CAGE: heat +", "CAGE: heat -"), 1),
        (("a.fwd.1", "a.rev.1", "a.fwd.2", "a.rev.2"), 2),
        (("CD4+", "CD4-"), 0),
        (("surplus", "surminus"), 0),
        (("rna_plus", "dna_minus", "rna"), 0),
    ],
)
def test_strands_that_are_not_declared_are_warned_of(
    tmp_path: Path, names: tuple[str, ...], pairs: int
) -> None:
    files = write_genome(tmp_path / "in", tracks=dict.fromkeys(names, COVERAGE))
    found = [text for text in judge(files).warnings if "strand" in text]
    assert len(found) == min(pairs, 1)
    if not pairs:
        return
    assert found[0].endswith(
        f"set strand_pair: 1 for {names[0]} and 0 for {names[1]}"
        + (f", 3 for {names[2]} and 2 for {names[3]}" if pairs == 2 else "")
    )
    columns = {names[n]: {"strand_pair": n ^ 1} for n in range(2 * pairs)}
    declared = write_genome(tmp_path / "b", tracks=dict.fromkeys(names, COVERAGE), columns=columns)
    assert not [text for text in judge(declared).warnings if "strand" in text]


@pytest.mark.parametrize("name", ODD)
def test_odd_bigwigs_over_the_yeast_end_in_one_line_each(name: str, tmp_path: Path) -> None:
    found = judge_yeast([find_data(f"odd_files/bigwig/{name}")], tmp_path)
    assert found.refusals
    assert "names no contig of the FASTA" in found.refusals[0]
    assert all("\n" not in text for text in found.refusals)


def judge_yeast(tracks: list[Path], work: Path, mask: tuple[Path, ...] = ()) -> Validation:
    fasta = find_data("yeast/sacCer3.fa.gz")
    settings = GenomeSettings(fasta=str(fasta), targets="targets.tsv", split=YEAST)
    rows = tuple(
        TargetRow(identifier=path.stem, file=str(path), description=path.stem) for path in tracks
    )
    return validate_genome(settings, Inputs(fasta, rows, work, mask))


@pytest.mark.slow
def test_yeast_with_its_whole_genome_tracks(tmp_path: Path) -> None:
    tracks = [find_data(f"yeast/tracks/{name}.bw") for name in TRACKS]
    found = judge_yeast(tracks, tmp_path, (find_data("yeast/annotation/shorkie_mask_rossi.bed"),))
    assert found.refusals == ()
    (strands,) = found.warnings
    assert "5 for stripe_wt_plus and 4 for stripe_wt_minus" in strands
    assert len(found.contigs) == 16
    assert found.left_out == {"chrM": "dataset.split.exclude says so"}
    assert found.masked == pytest.approx(0.048, abs=0.001)
    assert any("chrmt (1 of 418 intervals)" in text for text in found.notices)
    assert found.windows["train"] > 1200
    assert dataclasses.asdict(found.targets[0])["max"] == 2352


@pytest.mark.slow
def test_tracks_that_lack_most_of_the_yeast_and_name_it_otherwise(tmp_path: Path) -> None:
    names = ("MNase", "PolII", "Scc1", "RNA.fwd", "RNA.rev")
    found = judge_yeast([find_data(f"yeast/tidycoverage/{name}.bw") for name in names], tmp_path)
    assert found.refusals == ()
    assert list(found.contigs) == ["chrII", "chrIV", "chrXVI"]
    text = " ".join(found.notices)
    assert "13 of 17 contigs left out (no coverage in any of the 5 tracks): chrI, chrIII" in text
    assert "(II is chrII, and 2 more)" in text


def test_a_bigwig_without_zoom_levels_on_its_own_genome(tmp_path: Path) -> None:
    track = find_data("odd_files/bigwig/bigtools_mini.bw")
    fasta = write_fasta(tmp_path / "mini.fa", {"chr1": "ACGTNNACGTGA"})
    settings = GenomeSettings(
        fasta=str(fasta), targets="t", window=4, bin_size=2, split={"folds": 3}
    )
    rows = (TargetRow(identifier="mini", file=str(track)),)
    layout = read_layout(settings, Inputs(fasta, rows, tmp_path / "work"))
    assert (layout.refusals, layout.lengths) == ((), {"chr1": 12})
