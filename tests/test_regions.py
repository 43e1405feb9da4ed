"""What each part of a genome gets: intervals, BED files, drawn blocks, and the gaps between."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from genomes import write_bed
from genomes import write_genome as write_files
from hypothesis import assume, example, given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.data import check_dataset, read_dataset
from seqcast.data.sampling import draw_epoch
from seqcast.settings import GenomeSettings, read_settings
from seqcast.settings.training import TrainSettings
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.genome.layout import Layout
from seqcast.sources.genome.planning import Plan, make_plan
from seqcast.sources.genome.regions import draw_parts, find_held_out
from seqcast.sources.genome.writing import write_genome
from seqcast.sources.validation.genome import validate_genome

WINDOW, BIN = 64, 16
LENGTHS = {"chr1": 20_000}


def make_settings(split: dict[str, Any], **changes: Any) -> GenomeSettings:
    values = {"fasta": "g.fa", "targets": "t.tsv", "window": WINDOW, "bin_size": BIN}
    return GenomeSettings.model_validate({**values, "split": split, **changes})


def plan(settings: GenomeSettings, lengths: dict[str, int]) -> Plan:
    fasta: Any = None
    held_out, faults = find_held_out(settings, lengths, {})
    if faults:
        raise SeqcastError("\n".join(faults))
    runs = dict.fromkeys(lengths, np.zeros((0, 2), dtype=np.int64))
    return make_plan(settings, Layout(fasta, lengths, (), (), held_out=held_out), runs)


CONTIGS = st.lists(st.integers(WINDOW, 9000), min_size=1, max_size=4).map(
    lambda sizes: {f"c{place}": size for place, size in enumerate(sizes)}
)
INTERVALS = st.lists(
    st.tuples(st.sampled_from(["valid", "test"]), st.integers(0, 1500), st.integers(WINDOW, 900)),
    min_size=2,
    max_size=7,
)


def name_intervals(pieces: list[tuple[str, int, int]]) -> tuple[dict[str, Any], int]:
    """Make a split of intervals on `c0`, each so many bases after the one before, and its end."""
    split: dict[str, Any] = {"valid": [], "test": []}
    at = 0
    for key, space, size in pieces:
        split[key].append(f"c0:{at + space + 1:,}-{at + space + size:,}")
        at += space + size
    return split, at


def check_plan(found: Plan, settings: GenomeSettings) -> None:
    """Hold a plan against what every split promises, whatever it is made from."""
    windows, regions = found.windows, found.regions
    assert not (windows["start"] % BIN).any()
    inside = (
        (regions["contig"] == windows["contig"][:, None])
        & (regions["start"] <= windows["start"][:, None])
        & (windows["end"][:, None] <= regions["end"])
        & (regions["split"] == windows["split"][:, None])
    )
    assert (inside.sum(axis=1) == 1).all()
    for left, right in pairwise(regions):
        if left["contig"] == right["contig"]:
            space = right["start"] - left["end"]
            assert space >= (settings.gap if left["split"] != right["split"] else 0)


@given(INTERVALS, st.integers(0, 300), st.integers(0, 2000))
@example([("valid", 0, 64), ("test", 0, 64), ("valid", 70, 80)], 40, 500)
def test_intervals_are_held_out_and_kept_apart(
    pieces: list[tuple[str, int, int]], gap: int, rest: int
) -> None:
    split, end = name_intervals(pieces)
    assume(split["valid"] and split["test"])
    settings = make_settings({**split, "gap": gap})
    lengths = {"c0": end + rest, "c1": 500}
    try:
        found = plan(settings, lengths)
    except SeqcastError as error:
        assert "have no windows" in str(error)  # noqa: PT017
        return
    check_plan(found, settings)
    # Where no other held-out interval is near, it stays as it was asked for.
    first = found.regions[found.regions["split"] > 0][0]
    if len(pieces) == 2 and pieces[1][1] >= gap and pieces[0][2] >= WINDOW + BIN:
        assert (first["start"], first["end"]) == (pieces[0][1], pieces[0][1] + pieces[0][2])


@given(CONTIGS, st.integers(0, 100), st.integers(0, 9), st.booleans())
def test_blocks_are_kept_apart(
    lengths: dict[str, int], gap: int, seed: int, with_folds: bool
) -> None:
    split = {"folds": 3} if with_folds else {"valid": 0.2, "test": 0.2}
    settings = make_settings({**split, "blocks": WINDOW + gap, "gap": gap, "seed": seed})
    try:
        found = plan(settings, lengths)
    except SeqcastError as error:
        assert "blocks" in str(error) or "have no windows" in str(error)  # noqa: PT017
        return
    check_plan(found, settings)


@given(
    st.lists(st.integers(900, 1100), min_size=10, max_size=90),
    st.floats(0.1, 0.3),
    st.floats(0.1, 0.3),
    st.integers(0, 99),
)
def test_drawn_shares_are_those_asked_for(
    sizes: list[int], valid: float, test: float, seed: int
) -> None:
    split = make_settings({"valid": valid, "test": test, "blocks": 200, "seed": seed}).split
    bases = np.array(sizes)
    parts = draw_parts(bases, split)
    assert (parts == draw_parts(bases, split)).all()
    for part, share in ((1, valid), (2, test)):
        assert abs(bases[parts == part].sum() / bases.sum() - share) <= 1100 / bases.sum()


def test_folds_of_blocks_are_even() -> None:
    settings = make_settings({"folds": 4, "blocks": 800, "gap": 64})
    found = plan(settings, LENGTHS)
    counts = np.bincount(found.windows["split"])
    assert len(counts) == 4
    assert counts.max() <= 1.3 * counts.min()
    assert set(found.lengths) == {"chr1"}


@pytest.mark.parametrize(
    ("split", "refusal"),
    [
        (
            {"valid": ["chr1:1-900"], "test": ["chr1:19,000-20,001"]},
            "dataset.split.test holds out 'chr1:19,000-20,001': wanted 1 <= start <= end <= 20,000",
        ),
        (
            {"valid": ["chr1:1-900"], "test": ["chr1:2,000-2,050"]},
            "'chr1:2,000-2,050': 51 bases, wanted a window of 64 at least",
        ),
        (
            {"valid": ["chr1:1-900"], "test": ["chr1:801-2000"]},
            "valid and test both hold out chr1:801-900, and overlap 1 times on chr1; hold",
        ),
        (
            {"valid": 0.01, "test": 0.3, "blocks": 2000},
            "of 10 blocks none is drawn for valid, with shares of 0.01 for valid and 0.3 for test",
        ),
        ({"folds": 11, "blocks": 2000}, "only 10 blocks have windows; set it to 10 at most or"),
        ({"valid": ["chr1:1-10000"], "test": ["chr1:10001-20000"]}, "train have no windows"),
    ],
)
def test_what_cannot_be_held_out_is_refused(split: dict[str, Any], refusal: str) -> None:
    with pytest.raises(SeqcastError) as caught:
        plan(make_settings(split), LENGTHS)
    assert refusal in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("split", "refusal"),
    [
        ({"valid": 0.1, "test": ["chr1"], "blocks": 9000}, "shares of drawn blocks, both of them"),
        ({"valid": 0.1, "test": 0.1}, "shares of drawn blocks, both of them and with blocks"),
        ({"valid": 0.5, "test": 0.5, "blocks": 9000}, "take 100%: nothing is left to train on"),
        ({"valid": ["a"], "test": ["b"], "blocks": 9000}, "are then shares such as 0.1; or set"),
        ({"folds": 3, "valid": 0.1, "blocks": 9000}, "shares of drawn blocks, both of them"),
        ({"folds": 3, "valid": 0.1, "test": 0.1, "blocks": 9000}, "leave out valid and test"),
        ({"folds": 3, "blocks": 100}, "dataset.split.blocks is 100, wanted 128 at least"),
        ({"valid": 1.5, "test": 0.1, "blocks": 9000}, "dataset.split.valid: found 1.5, wanted"),
        ({"valid": "chr1", "test": ["a"]}, "dataset.split.valid: found 'chr1', wanted a list"),
    ],
)
def test_mixed_up_splits_are_refused(split: dict[str, Any], refusal: str) -> None:
    dataset = {"source": "genome", "fasta": "g.fa", "targets": "t.tsv", "split": split}
    with pytest.raises(SeqcastError) as caught:
        read_settings({"dataset": {**dataset, "window": WINDOW, "bin_size": BIN}})
    assert refusal in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_contig_is_a_genome(tmp_path: Path) -> None:
    """Of a BED file and an interval: nothing that training moves leaves its region."""
    bed = write_bed(tmp_path / "valid.bed", [("1", 3000, 4000), ("1", 9000, 9900), ("1", 20, 40)])
    files = write_files(tmp_path / "files", LENGTHS)
    split = {"valid": [str(bed)], "test": ["chr1:14,001-15,000"], "gap": 100}
    settings = files.settings(split=split)
    inputs = find_inputs(settings, tmp_path / "downloads", tmp_path)
    assert bed in inputs.files
    verdict = validate_genome(settings, inputs)
    assert verdict.refusals == ()
    assert verdict.splits == {
        "train": ("chr1:141-2,900", "chr1:4,101-8,900", "chr1:10,001-13,900", "chr1:15,101-20,000"),
        "valid": ("chr1:3,001-4,000", "chr1:9,001-9,900"),
        "test": ("chr1:14,001-15,000",),
    }
    assert verdict.split_bases["valid"] == 1900
    assert any("1 of 3 intervals shorter than a window" in line for line in verdict.notices)
    write_genome(settings, inputs, tmp_path / "d.h5")
    dataset = read_dataset(tmp_path / "d.h5")
    assert check_dataset(dataset) == []
    regions = dataset.regions
    assert regions["start"].tolist() == [140, 3000, 4100, 9000, 10_000, 14_000, 15_100]
    assert regions["end"].tolist() == [2900, 4000, 8900, 9900, 13_900, 15_000, 20_000]
    for epoch in range(5):
        drawn = draw_epoch(dataset, dataset.rows_of("train"), TrainSettings(max_jitter=4096), epoch)
        starts = dataset.windows["start"][drawn.rows] + drawn.moves
        here = regions[np.searchsorted(regions["start"], starts, side="right") - 1]
        assert (here["start"] <= starts).all()
        assert (starts + dataset.window <= here["end"]).all()
    assert np.ptp(drawn.moves) > 1000


def test_intervals_of_other_contigs_are_refused(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", LENGTHS)
    for name, contig in (("chr9:1-900", "chr9"), ("chr1:1-" + 20 * "9", "chr1:1-" + 20 * "9")):
        split = {"valid": [name], "test": ["chr1:1001-2000"]}
        (refusal,) = validate_genome(files.settings(split=split), files.inputs()).refusals
        assert f"dataset.split.valid names {contig!r}, which is not in the FASTA" in refusal
