"""What is predicted, and how it is cut into parts."""

import logging
from pathlib import Path

import numpy as np
import pytest
from genomes import write_bed, write_fasta
from hypothesis import given
from hypothesis import strategies as st
from tiny import BIN, CROP, SOURCE, TARGETS, WINDOW, make_contigs, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.data import Contigs, Dataset, DatasetWriter, make_windows, read_dataset
from seqcast.genome.codes import encode
from seqcast.genome.fasta import read_sizes
from seqcast.predict.genome_tracks.plan import read_plan, write_plan
from seqcast.predict.genome_tracks.planning import (
    Genome,
    check_disk,
    plan_genome,
    plan_regions,
    write_plans,
)
from seqcast.predict.genome_tracks.reference import NAME, write_reference
from seqcast.predict.genome_tracks.tiling import Span, Tiling
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.sources.genome.fasta import open_fasta, open_indexed

TILING = Tiling(BIN, WINDOW // BIN, CROP, 2)
PLAN = '{"format": "seqcast-plan", "format_version": 2, "groups": [], "parts": PARTS}'
SIZES = {"chr1": 5000, "chr2": 3000, "scaffold_1": 400, "scaffold_2": 15, "chrM": 700}


def choose(**changes) -> Genome:
    return Genome.from_lengths(SIZES, "stamp", GenomeTracksSettings(**changes), BIN)


@given(
    st.dictionaries(st.sampled_from([f"c{n}" for n in range(30)]), st.integers(BIN, 9000)).filter(
        bool
    ),
    st.integers(1, 10_000),
)
def test_all_bins_are_in_one_part(lengths: dict[str, int], part: int) -> None:
    plan = plan_genome(Genome("stamp", lengths), TILING, part)
    spans = [span for each in plan.parts for span in each.spans]
    assert sorted(spans) == sorted(Span(name, 0, -(-n // BIN)) for name, n in lengths.items())
    assert len({each.name.lower() for each in plan.parts}) == len(plan.parts)
    small = [sum(lengths[s.contig] for s in p.spans) for p in plan.parts if len(p.spans) > 1]
    assert all(bases < 2 * part for bases in small)


def test_long_contigs_are_parts_and_short_ones_share() -> None:
    plan = plan_genome(choose(), TILING, 3000)
    assert [part.name for part in plan.parts] == ["chr1", "chr2", "scaffold_1-to-chrM"]


def test_groups_are_of_about_the_same_size() -> None:
    lengths = {f"c{number}": 1000 for number in range(12)}
    plan = plan_genome(Genome("stamp", lengths), TILING, 10_000)
    assert [len(part.spans) for part in plan.parts] == [6, 6]


def test_contigs_are_chosen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqcast")
    logging.getLogger("seqcast").propagate = True
    assert list(choose().lengths) == ["chr1", "chr2", "scaffold_1", "chrM"]
    assert "left out, shorter than a bin of 16 bases: scaffold_2 (1 of 5 contigs)" in caplog.text
    assert list(choose(contigs=("chr2", "chr1")).lengths) == ["chr1", "chr2"]
    assert list(choose(exclude=("chr1", "scaffold_2")).lengths) == ["chr2", "scaffold_1", "chrM"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contigs": ("2",)}, "contigs names 2, which the FASTA does not have.*mean 'chr2'"),
        ({"exclude": ("chrQ",)}, "exclude names chrQ.*it has chr1, chr2"),
        ({"contigs": ("scaffold_2",)}, "none of 5 contigs is left"),
    ],
)
def test_contigs_that_are_not_there_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(SeqcastError, match=words):
        choose(**changes)


def test_a_plan_is_read_as_written(tmp_path: Path) -> None:
    plan = plan_genome(choose(), TILING, 3000)
    write_plan(tmp_path / "plan.json", plan)
    assert read_plan(tmp_path / "plan.json") == plan
    with pytest.raises(SeqcastError, match="no part 'chr9'"):
        plan.find_part("chr9")


def test_a_part_has_another_digest_on_another_genome_alone() -> None:
    digests = {part.name: part.digest for part in plan_genome(choose(), TILING, 3000).parts}
    fewer = plan_genome(choose(exclude=("chrM",)), TILING, 3000).parts
    assert [part.digest == digests.get(part.name) for part in fewer] == [True, True, False]
    other = Genome("other", choose().lengths)
    assert not {part.digest for part in plan_genome(other, TILING, 3000).parts} & {
        *digests.values()
    }


def test_regions_are_planned_by_their_bins(tmp_path: Path) -> None:
    intervals = [("chr2", 15, 17), ("chr2", 0, 20), ("chr1", 4990, 5000), ("chr2", 16, 32)]
    plan = plan_regions(write_bed(tmp_path / "r.bed", intervals), choose(), TILING, 10**6)
    (part,) = plan.parts
    # Bins 0 to 2 of chr2 once, though three regions touch them.
    assert part.spans == (Span("chr1", 311, 313), Span("chr2", 0, 2))


def test_many_regions_are_several_parts(tmp_path: Path) -> None:
    intervals = [("chr1", start, start + 10) for start in range(0, 3200, 16)]
    bed = write_bed(tmp_path / "r.bed", intervals)
    plan = plan_regions(bed, choose(), TILING, 50 * TILING.step * BIN)
    assert [len(part.spans) for part in plan.parts] == [50, 50, 50, 50]
    assert [part.name for part in plan.parts] == [f"regions-{number}" for number in range(4)]


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (("chr2", 2990, 3001), r"1 of 2 regions.*chr2:2,990-3,001: chr2 ends at 3,000"),
        (("2", 5, 10), "the genome has no 2.*did you mean 'chr2'"),
        (("chr2", 5, 5), "it has no bases"),
        (("scaffold_2", 0, 5), "scaffold_2 is left out"),
    ],
)
def test_regions_that_cannot_be_predicted_are_refused(
    tmp_path: Path, interval: tuple[str, int, int], words: str
) -> None:
    bed = write_bed(tmp_path / "r.bed", [("chr1", 0, 10), interval])
    with pytest.raises(SeqcastError, match=words):
        plan_regions(bed, choose(), TILING, 1000)


def test_no_regions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.bed").write_text("# nothing\n")
    with pytest.raises(SeqcastError, match="has no regions"):
        plan_regions(tmp_path / "r.bed", choose(), TILING, 1000)


def test_a_small_genome_is_copied_and_a_large_one_linked(
    tmp_path: Path, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_fasta(tmp_path / "mine.fa.gz", {"a b": "ACGTN" * 30, "c": "GT"}, 50)
    fasta = open_fasta(source, tmp_path / "work")
    for most, is_link in ((10**6, False), (10, True)):
        monkeypatch.setattr("seqcast.predict.genome_tracks.reference._COPIED", most)
        folder = tmp_path / f"tracks{most}"
        stamp = write_reference(folder, fasta, tiny_dataset)
        assert (folder / "genome.fa").is_symlink() == is_link
        found = open_indexed(folder / "genome.fa")
        assert found.read("a", 3, 120).tolist() == encode("ACGTN" * 30)[3:120].tolist()
        assert read_sizes(folder / NAME, "again") == {"a": 150, "c": 2}
        assert stamp == write_reference(folder, fasta, tiny_dataset)


def test_a_dataset_without_a_genome_is_refused(tmp_path: Path) -> None:
    contigs = make_contigs()
    layout = Contigs.from_lengths({name: c.size for name, (c, _) in contigs.items()}, BIN)
    path = tmp_path / "d.h5"
    with DatasetWriter(path, contigs=layout, targets=TARGETS, bin_size=BIN) as writer:
        for codes, coverage in contigs.values():
            writer.add_contig(codes, coverage)
        windows = [make_windows([n], [0], WINDOW, n) for n in range(3)]
        writer.finish(np.concatenate(windows), {**SOURCE, "has_coordinates": False})
    with pytest.raises(SeqcastError, match=r"no genome to predict.*Set dataset.genome.*fasta"):
        write_plans(tmp_path / "t" / "plan.json", GenomeTracksSettings(), path, None)
    assert not list((tmp_path / "t").iterdir())


def test_the_datasets_own_sequence_is_a_genome(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqcast")
    logging.getLogger("seqcast").propagate = True
    dataset = write_tiny(tmp_path / "d.h5")
    path = tmp_path / "t" / "plan.json"
    write_plans(path, GenomeTracksSettings(), dataset.path, None, models=2, members=6)
    genome = open_indexed(path.with_name("genome.fa"))
    assert genome.lengths == dataset.contigs.chrom_sizes
    assert np.array_equal(genome.codes("chr1"), dataset.codes[:1024])
    assert read_plan(path).bins == read_dataset(dataset.path).bins
    assert read_plan(path).groups == ((0, len(dataset.targets)),)
    assert "windows of 256 bases for each of 6 trainings, in 1 parts" in caplog.text


def test_a_disk_that_is_too_small_is_said_beforehand(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match="make room, or name fewer contigs"):
        check_disk(tmp_path, 10**18)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "found '{'; invalid JSON"),
        ("[]", r"found \[\], wanted an object"),
        ('{"format": "x"}', "found format 'x' version None"),
        (PLAN.replace("PARTS", "3"), "parts: found 3, wanted"),
        (PLAN.replace("PARTS", '[{"name": "a"}]'), "parts.0.spans: is needed and not given"),
        (PLAN.replace("PARTS", '[{"name": "a", "digest": "b", "spans": [["c", "0", 1]]}]'),
         "parts.0.spans.0.1: found '0', wanted a valid integer"),
    ],
)  # fmt: skip
def test_plans_that_are_none_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(
        SeqcastError, match=f"^{path}: {message}.*; delete it and run the same command"
    ):
        read_plan(path)
