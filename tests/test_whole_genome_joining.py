"""Parts of all members become tracks and a table of regions."""

import csv
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pybigtools
import pytest
from genomes import write_bed
from kills import find_times, join_missing, kill_at
from tiny import BIN, LENGTHS, TARGETS, WINDOW, make_contigs, write_tiny
from whole_genome import Lab, make_genome, make_lab, write_all

from seqcast.core.errors import SeqcastError
from seqcast.data import (
    Contigs,
    Dataset,
    DatasetWriter,
    Piece,
    make_folds,
    make_windows,
    read_dataset,
)
from seqcast.predict.genome_tracks.holding import HeldOut
from seqcast.predict.genome_tracks.joining import Model, open_models
from seqcast.predict.genome_tracks.regions import write_regions
from seqcast.predict.genome_tracks.writing import read_known, write_table
from seqcast.sources.genome.bed import read_regions
from seqcast.tracks.table import read_tracks


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("lab")
    write_tiny(folder / "dataset.h5")
    genome = {name: codes for name, (codes, _) in make_contigs().items()}
    return make_lab(folder, genome)


def make_members(lab: Lab, count: int) -> list[dict[str, Path]]:
    """Predict with networks of other weights, all of one plan."""
    return [
        make_lab(lab.folder, lab.genome, seed=seed).predict(lab.plan(), member=f"m{seed}")
        for seed in range(count)
    ]


def read_all(model: Model, target: int = 0) -> np.ndarray:
    blocks = model.read(slice(target, target + 1))
    return np.concatenate([block.values[0] for block in blocks])


def test_replicates_are_averaged(lab: Lab) -> None:
    plan, members = lab.plan(), make_members(lab, 3)
    single = [read_all(Model(plan, lab.dataset, [[each]])) for each in members]
    found = read_all(Model(plan, lab.dataset, [members]))
    assert np.allclose(found, np.mean(single, axis=0), rtol=1e-6, equal_nan=True)
    assert np.isfinite(found).all()


def test_long_contigs_are_read_in_pieces(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, (member,) = lab.plan(), make_members(lab, 1)
    model = Model(plan, lab.dataset, [[member]])
    whole = read_all(model, 2)
    monkeypatch.setattr("seqcast.predict.genome_tracks.joining._BLOCK", 7)
    assert max(block.values.shape[1] for block in model.read(slice(2, 3))) == 7
    assert max(block.values.shape[1] for block in model.read(slice(0, 3))) == 2
    assert np.array_equal(read_all(model, 2), whole, equal_nan=True)


def write_folds(path: Path) -> Dataset:
    contigs = make_contigs()
    layout = Contigs.from_lengths(LENGTHS, BIN)
    with DatasetWriter(path, contigs=layout, targets=TARGETS, bin_size=BIN, crop=2) as writer:
        for codes, coverage in contigs.values():
            writer.add_contig(codes, coverage)
        starts = [np.arange(0, n - WINDOW + 1, WINDOW // 2) for n in LENGTHS.values()]
        windows = [make_windows([n] * len(s), s, WINDOW, n) for n, s in enumerate(starts)]
        source = {"kind": "genome", "assembly": "tiny", "has_coordinates": True}
        writer.finish(np.concatenate(windows), source, folds=make_folds(3))
    return read_dataset(path)


def test_held_out_bins_come_from_the_model_that_did_not_see_them(tmp_path: Path) -> None:
    dataset = write_folds(tmp_path / "dataset.h5")
    genome = {name: codes for name, (codes, _) in make_contigs().items()}
    lab = make_lab(tmp_path, genome)
    plan, members = lab.plan(), make_members(lab, 3)
    single = [read_all(Model(plan, dataset, [[each]])) for each in members]
    mean = np.mean(single, axis=0)
    folds = [[each] for each in members]
    assert np.allclose(read_all(Model(plan, dataset, folds)), mean, rtol=1e-5, equal_nan=True)
    found = read_all(Model(plan, dataset, folds, HeldOut(dataset)))
    edges = np.cumsum([0, *(-(-length // BIN) for length in LENGTHS.values())])
    for fold, (first, end) in enumerate(pairwise(edges.tolist())):
        wanted = mean[first:end].copy()
        # Windows lie from the contig's start; all but two bins of crop at their outer ends.
        last = (list(LENGTHS.values())[fold] - WINDOW) // (WINDOW // 2) * (WINDOW // 2) + WINDOW
        held = slice(2, last // BIN - 2)
        wanted[held] = single[fold][first:end][held]
        assert np.allclose(found[first:end], wanted, rtol=1e-5, equal_nan=True)


def test_members_are_found_by_their_models(lab: Lab) -> None:
    make_members(lab, 2)
    members = {"x": {"m0": 0, "m1": 0}}
    models = open_models(lab.folder, lab.plan(), lab.dataset, members, is_own=True)
    assert list(models) == ["x"]
    with pytest.raises(SeqcastError, match=r"b/chr1-to-chr3.h5: cannot be read"):
        open_models(lab.folder, lab.plan(), lab.dataset, {"y": {"b": 0}}, is_own=True)


def test_a_part_of_another_plan_is_refused(lab: Lab) -> None:
    (member,) = make_members(lab, 1)
    other = lab.plan(contigs=["chr1", "chr3"])
    paths = {other.parts[0].name: next(iter(member.values()))}
    with pytest.raises(SeqcastError, match="another plan or other targets; delete it"):
        Model(other, lab.dataset, [[paths]])


def test_tracks_hold_what_was_predicted(lab: Lab, tmp_path: Path) -> None:
    plan, (member,) = lab.plan(), make_members(lab, 1)
    model = Model(plan, lab.dataset, [[member]])
    (lab.folder / "gone.bw").touch()
    table = lab.folder / "tracks.tsv"
    write_all(table, lab.dataset, {"big": model}, is_own=True, observed=True)
    rows = read_tracks(table)
    assert len(rows) == 2 * len(TARGETS)
    assert not (lab.folder / "gone.bw").exists()
    assert "chr2\t0\t768\tvalid" in (lab.folder / "splits.bed").read_text()
    for target, slug in enumerate(TARGETS.slugs):
        with pybigtools.open(str(lab.folder / f"{slug}.big.bw")) as file:
            assert file.chroms() == LENGTHS
            for block in model.read(slice(target, target + 1)):
                found = np.full(block.values.shape[1], np.nan)
                for start, end, value in file.records(block.contig):
                    found[start // BIN] = value
                    assert end == min(start + BIN, LENGTHS[block.contig])
                assert np.allclose(found, block.values[0], equal_nan=True)
        with pybigtools.open(str(lab.folder / f"{slug}.observed.bw")) as file:
            wanted = make_contigs()["chr2"][1][:, target]
            found = {start // BIN: value for start, _, value in file.records("chr2")}
            assert found == {n: v for n, v in enumerate(wanted) if np.isfinite(v)}


@pytest.mark.slow
def test_ten_kills_of_joins_lose_no_group_that_was_joined(lab: Lab, tmp_path: Path) -> None:
    make_members(lab, 2)

    def prepare(folder: Path) -> Callable[[], None]:
        """Return what joins the tracks of a new folder, where all parts are there."""
        folder.mkdir()
        for name in ("parts", "genome.fa", "genome.chrom.sizes"):
            (folder / name).symlink_to(lab.folder / name)
        members = {"m0": 0, "m1": 0}
        return partial(join_missing, folder, lab.dataset.path, lab.plan(), members)

    def read(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in find_times(folder)}

    prepare(tmp_path / "whole")()
    wanted, moments = read(tmp_path / "whole"), range(1, 11)
    work = {moment: prepare(tmp_path / str(moment)) for moment in moments}
    kill_at(work)
    kept = []
    for moment, go_on in work.items():
        folder = tmp_path / str(moment)
        assert not (folder / "tracks.tsv").exists()
        joined = sorted(folder.glob("tracks/*.tsv"))
        files = [folder / row["file"] for path in joined for row in read_tracks(path)]
        times = {path: path.stat().st_mtime_ns for path in (*joined, *files)}
        kept.append(len(joined))
        go_on()
        assert read(folder) == wanted
        assert not list(folder.rglob("[!.]*.partial"))
        assert {path: path.stat().st_mtime_ns for path in times} == times, "none is written again"
    # Four tracks and the table of the first group; two tracks of the other, its table.
    assert kept == [0] * 6 + [1] * 4


def test_little_memory_gives_the_same_tracks(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Target by target, or a group at once; and a table lists only tracks that are there."""
    plan, (member,) = lab.plan(), make_members(lab, 1)
    models = {"m": Model(plan, lab.dataset, [[member]])}
    options, contents = {"is_own": True, "observed": True}, []
    for memory in (1, 1 << 28):
        monkeypatch.setattr("seqcast.data.by_target.cut_groups.__defaults__", (memory,))
        write_all(lab.folder / "tracks.tsv", lab.dataset, models, **options)
        contents.append({path.name: path.read_bytes() for path in lab.folder.glob("*.bw")})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2 * len(TARGETS)
    joined = lab.folder / "tracks/1.tsv"
    gone = read_tracks(joined)[0]["file"]
    (lab.folder / gone).unlink()
    with pytest.raises(SeqcastError, match=rf"1 of 2 tracks are not there, .* {gone}; delete .*/1"):
        write_table(lab.folder / "tracks.tsv", lab.dataset, [joined], is_own=True)


def test_pieces_of_chromosomes_lie_in_their_place(tmp_path: Path) -> None:
    """Windows that were found in a genome begin anywhere in it; where they overlap one stays."""
    pieces = [
        Piece("b", WINDOW, "chr2", 40, 900),
        Piece("a", WINDOW, "chr1", 7, 900),
        Piece("c", WINDOW, "chr2", 40 + WINDOW - 24, 900),
        Piece("lost", WINDOW, "", 0, WINDOW),
    ]
    contigs = Contigs.from_pieces(pieces, BIN)
    path, bins = tmp_path / "d.h5", WINDOW // BIN
    with DatasetWriter(path, contigs=contigs, targets=TARGETS, bin_size=BIN) as writer:
        for number in range(4):
            values = np.full((bins, 3), number) + np.arange(bins)[:, None] / 100
            writer.add_contig(np.zeros(WINDOW, dtype=np.uint8), values)
        windows = [make_windows([n], [0], WINDOW, n % 3) for n in range(4)]
        writer.finish(np.concatenate(windows), {"kind": "x", "has_coordinates": True})
    found = [
        (block.contig, block.start + place * BIN, float(value))
        for block in read_known(read_dataset(path), slice(1, 3))
        for place, value in enumerate(block.values[0])
    ]

    def make(chrom: str, offset: int, number: int, first: int = 0) -> list:
        places = range(first, bins)
        return [(chrom, offset + n * BIN, float(np.float32(number + n / 100))) for n in places]

    # The first two bins of the third piece begin where the first piece still is.
    wanted = [*make("chr1", 7, 1), *make("chr2", 40, 0), *make("chr2", 40 + WINDOW - 24, 2, 2)]
    assert found == wanted


def test_on_another_genome_nothing_was_observed(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, make_genome({"x": 500, "B": 900}))
    plan = lab.plan()
    model = Model(plan, lab.dataset, [[lab.predict(plan)]])
    write_all(tmp_path / "tracks.tsv", lab.dataset, {"m": model}, is_own=False, observed=False)
    assert {row["kind"] for row in read_tracks(tmp_path / "tracks.tsv")} == {"predicted"}
    assert not (tmp_path / "splits.bed").exists()
    with pybigtools.open(str(tmp_path / f"{TARGETS.slugs[0]}.m.bw")) as file:
        assert list(file.chroms()) == ["B", "x"]


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_regions_have_the_mean_of_their_bases(tmp_path: Path) -> None:
    genome = make_genome({"chr1": 3000, "chr2": 777})
    genome["chr1"][1600:1700] = 4
    lab = make_lab(tmp_path, genome)
    bed = tmp_path / "r.bed"
    bed.write_text(
        "chr2\t700\t777\tthe end\nchr1\t8\t40\n"
        "chr1\t1616\t1680\tunknown\nchr1\t1590\t1680\thalf\nchr2\t700\t777\n"
    )
    plan = lab.plan(bed=bed)
    model = Model(plan, lab.dataset, [[lab.predict(plan)]])
    write_regions(tmp_path / "regions.tsv", read_regions(bed), {"m": model}, BIN)
    rows = read_table(tmp_path / "regions.tsv")
    columns = [f"{slug}.m" for slug in TARGETS.slugs]
    assert list(rows[0]) == ["contig", "start", "end", "name", *columns]
    assert [row["name"] for row in rows] == ["the end", "", "unknown", "half", ""]
    assert [row["contig"] for row in rows] == ["chr2", "chr1", "chr1", "chr1", "chr2"]
    spans = dict(zip(model.spans, model.read(slice(0, 1)), strict=True))
    first = next(block for span, block in spans.items() if span[:2] == ("chr1", 0)).values[0]
    wanted = (first[0] * 8 + first[1] * 16 + first[2] * 8) / 32
    assert float(rows[1][columns[0]]) == pytest.approx(wanted, rel=1e-5)
    assert [rows[2][column] for column in columns] == ["", "", ""]
    # Of bins 99 to 104 only the first is known.
    half = next(block for span, block in spans.items() if span[:2] == ("chr1", 99)).values[0]
    assert float(rows[3][columns[0]]) == pytest.approx(half[0], rel=1e-5)
    assert rows[0][columns[2]] == rows[4][columns[2]] != ""


def test_regions_have_the_values_of_their_track(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, make_genome({"chr1": 3000}))
    (tmp_path / "genome.chrom.sizes").write_text("chr1\t3000\n")
    intervals = [("chr1", 900, 1050), ("chr1", 1000, 1100), ("chr1", 1088, 2000), ("chr1", 8, 9)]
    bed = write_bed(tmp_path / "r.bed", intervals)
    plan = lab.plan(bed=bed)
    model = Model(plan, lab.dataset, [[lab.predict(plan)]])
    write_all(tmp_path / "tracks.tsv", lab.dataset, {"m": model}, is_own=False, observed=False)
    write_regions(tmp_path / "regions.tsv", read_regions(bed), {"m": model}, BIN)
    for slug in TARGETS.slugs:
        with pybigtools.open(str(tmp_path / f"{slug}.m.bw")) as track:
            wanted = [np.nanmean(track.values(*interval, fillna=None)) for interval in intervals]
        found = [float(row[f"{slug}.m"]) for row in read_table(tmp_path / "regions.tsv")]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_regions_apart_do_not_depend_on_each_other(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, make_genome({"chr1": 3000}))
    values = []
    for name, intervals in {
        "alone": [("chr1", 1000, 1100)],
        "among": [("chr1", 900, 990), ("chr1", 1000, 1100), ("chr1", 1104, 2000)],
    }.items():
        bed = write_bed(tmp_path / f"{name}.bed", intervals)
        plan = lab.plan(bed=bed)
        model = Model(plan, lab.dataset, [[lab.predict(plan, member=name)]])
        write_regions(tmp_path / f"{name}.tsv", read_regions(bed), {"m": model}, BIN)
        values += [row for row in read_table(tmp_path / f"{name}.tsv") if row["start"] == "1000"]
    assert values[0] == values[1]
