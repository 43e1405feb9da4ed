"""From FASTA and bigWigs to dataset.h5, against the arrays that the files were made of."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from broken_files import DATA
from genomes import LENGTHS, SPLIT, GenomeFiles, make_codes, make_coverage, write_fasta
from genomes import write_genome as write_files
from hypothesis import assume, given
from hypothesis import strategies as st
from kills import find_times, kill_at
from tiny import count_unpacked, read_moved, read_whole

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset, check_dataset, find_split_overlaps, read_dataset
from seqcast.data.reference import read_reference
from seqcast.genome.codes import find_runs_of_n
from seqcast.settings import GenomeSettings
from seqcast.sources.genome import forecast, stored, tracks, unknown
from seqcast.sources.genome.fasta import Fasta, open_fasta
from seqcast.sources.genome.inputs import find_inputs
from seqcast.sources.genome.layout import Inputs, Layout, Track
from seqcast.sources.genome.planning import Plan, make_plan, mark_touched
from seqcast.sources.genome.reading import mark_unknown
from seqcast.sources.genome.regions import find_held_out
from seqcast.sources.genome.writing import write_genome
from seqcast.sources.validation.genome import validate_genome

BIN = 16
MASK = [("chr1", 100, 130), ("chr1", 2000, 2001), ("chr3", 0, 16)]
YEAST = DATA / "yeast"


def write(files: GenomeFiles, folder: Path, **changes: Any) -> Dataset:
    path = folder / "dataset.h5"
    write_genome(files.settings(**changes), files.inputs(), path)
    dataset = read_dataset(path)
    assert check_dataset(dataset) == []
    return dataset


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> GenomeFiles:
    return write_files(tmp_path_factory.mktemp("genome") / "files", mask=MASK)


@pytest.fixture(scope="module")
def dataset(files: GenomeFiles) -> Dataset:
    return write(files, files.folder.parent)


def count(files: GenomeFiles, target: str, name: str, start: int, bins: int) -> np.ndarray:
    """Sum the bases of bins that begin anywhere; NaN where a cell that the mask touches is in."""
    values = files.tracks[target][name].copy()
    for contig, first, last in MASK:
        if contig == name:
            values[first // 4 * 4 : -(-last // 4) * 4] = np.nan
    # Bases 40 to 50 are N: the cells 40-44, 44-48 more than half.
    values[40:48] = np.nan
    return values[start : start + bins * BIN].reshape(bins, BIN).sum(axis=1).astype(np.float32)


@pytest.mark.parametrize("moved", [0, 4, -8, 60])
def test_every_window_holds_the_sums_of_its_bases(
    files: GenomeFiles, dataset: Dataset, moved: int
) -> None:
    left, right = dataset.room_of(np.arange(len(dataset.windows)))
    for row in np.flatnonzero((left + moved >= 0) & (right >= moved)):
        contig, start, end, _ = dataset.windows[row]
        name = dataset.contigs.name[contig]
        np.testing.assert_array_equal(
            read_moved(dataset, row, moved)[0], files.codes[name][start + moved : end + moved]
        )
        found = read_moved(dataset, row, moved)[1]
        for place, target in enumerate(files.tracks):
            wanted = count(files, target, name, start + moved, len(found))
            np.testing.assert_array_equal(found[:, place], wanted)


def test_contigs_that_are_too_short_are_left_out(dataset: Dataset) -> None:
    assert dataset.contigs.name == ("chr1", "chr2", "chr3")
    assert dataset.source["contigs_left_out"] == 1
    assert dataset.source["has_coordinates"] is True
    assert dataset.resolution == 4


def test_a_bin_that_the_end_cuts_short_is_unknown(dataset: Dataset) -> None:
    # chr2 ends 4 bases into its last bin, chr3 1 base.
    cells = dataset.contigs.first_bin * (BIN // 4)
    assert np.isfinite(read_whole(dataset.cells)[cells[1] + 2100 // 4 - 1]).all()
    assert np.isnan(read_whole(dataset.cells)[cells[1] + 2100 // 4]).all()
    assert np.isnan(dataset.read_bins(np.array([dataset.bins - 1]))).all()


def test_the_last_window_ends_with_the_last_whole_bin(dataset: Dataset) -> None:
    for place, length in enumerate(dataset.contigs.length):
        here = dataset.windows[dataset.windows["contig"] == place]
        assert here["end"].max() == length // BIN * BIN


@pytest.mark.parametrize("stat", ["max", "median", "mean", "sum_sqrt"])
def test_other_statistics(tmp_path: Path, stat: str) -> None:
    files = write_files(tmp_path / "files", columns={"two": {"sum_stat": stat}})
    found = write(files, tmp_path, resolution=None)
    assert found.resolution == (16 if stat == "median" else 2)
    assert found.targets.span == (16, 1 if stat in ("max", "median") else 16)
    row = found.rows_of("test")[2]
    start = found.windows[row]["start"]
    bases = files.tracks["two"]["chr3"][start : start + 256].reshape(16, 16)
    pool = {"max": np.max, "median": np.median}.get(stat, np.sum)
    np.testing.assert_array_equal(found.coverage_of(row)[:, 1], pool(bases, axis=1))


def test_medians_of_parts_of_bins_are_refused(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", columns={"one": {"sum_stat": "median"}})
    with pytest.raises(SeqcastError, match=r"one \.\.\.\) are medians.*resolution: 16"):
        write(files, tmp_path, resolution=8)


def test_windows_are_dropped_for_n_and_mask(tmp_path: Path) -> None:
    mask = [("chr1", 2048, 2300), ("chr2", 0, 256)]
    found = write(write_files(tmp_path / "files", mask=mask), tmp_path, max_n=0.03)
    # Windows every 128 bases; N in 40-50, masks as above.
    assert found.source["dropped_windows"] == {
        "N": {"train": 1, "valid": 1, "test": 1},
        "mask": {"train": 1},
    }
    train = found.windows[found.rows_of("train")]["start"]
    assert not {0, 2048} & set(train.tolist())
    assert {128, 384, 896, 1920, 2176} <= set(train.tolist())


def test_a_split_without_windows_is_refused(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", mask=[("chr2", 0, 2100)])
    with pytest.raises(SeqcastError, match=r"valid have no windows \(16 left out for mask\)"):
        write(files, tmp_path)
    assert not list(tmp_path.glob("dataset*"))


def test_negative_tracks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    coverage = make_coverage(make_codes(LENGTHS))
    turned = {name: -values for name, values in coverage.items()}
    files = write_files(tmp_path / "files", tracks={"one": turned, "two": coverage})
    with pytest.raises(SeqcastError, match=r"one\.bw.* from -\d+ to 0, .*dataset\.negative: abs"):
        write(files, tmp_path)
    assert not list(tmp_path.glob("dataset*"))
    with caplog.at_level("INFO", "seqcast"):
        found = write(files, tmp_path, negative="abs")
    np.testing.assert_array_equal(read_whole(found.cells)[:, 0], read_whole(found.cells)[:, 1])
    assert found.source["negative_turned"] == ["one.bw"]
    assert "one.bw: is negative throughout" in caplog.text


def test_both_signs_are_refused_even_in_different_contigs(tmp_path: Path) -> None:
    coverage = make_coverage(make_codes(LENGTHS))
    coverage["chr2"] *= -1
    files = write_files(tmp_path / "files", tracks={"one": coverage})
    with pytest.raises(SeqcastError, match=r"one\.bw: has values from -\d+ to \d+, wanted none"):
        write(files, tmp_path, negative="abs")


def test_replicates_lie_beside_the_bins(tmp_path: Path) -> None:
    columns = {"two": {"replicate": "one.bw", "replicate_included": "true"}}
    files = write_files(tmp_path / "files", columns=columns, mask=MASK)
    write_genome(files.settings(), files.inputs(), tmp_path / "d.h5", replicates=tmp_path / "r.h5")
    found, dataset = read_reference(tmp_path / "r.h5"), read_dataset(tmp_path / "d.h5")
    assert found.included == (False, True)
    replicates = read_whole(found.coverage)
    assert np.isnan(replicates[:, 0]).all()
    np.testing.assert_array_equal(replicates[:, 1], dataset.read_bins(np.arange(dataset.bins), 0))


def test_processes_make_the_same_file(
    files: GenomeFiles, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "_WORTH_PROCESSES", 0)
    write_genome(files.settings(), files.inputs(), tmp_path / "two.h5", threads=2)
    assert read_dataset(tmp_path / "two.h5").digest == dataset.digest


def make_layout(settings: GenomeSettings, lengths: Mapping[str, int]) -> Layout:
    """Make a layout without files: contigs of A, and what the settings hold out."""
    fasta: Any = None
    held_out, faults = find_held_out(settings, lengths, {})
    assert faults == []
    return Layout(fasta, lengths, (), (), held_out=held_out)


def plan_known(settings: GenomeSettings, layout: Layout) -> Plan:
    """Plan the windows of contigs without N."""
    return make_plan(settings, layout, dict.fromkeys(layout.lengths, np.zeros((0, 2), np.int64)))


def make_settings(split: Mapping[str, Any], **changes: Any) -> GenomeSettings:
    values = {"fasta": "g.fa", "targets": "t.tsv", "window": 64, "bin_size": BIN, "split": split}
    return GenomeSettings.model_validate(values | changes)


LENGTHS_OF_CONTIGS = st.lists(st.integers(64, 1500), min_size=3, max_size=9)


@given(LENGTHS_OF_CONTIGS, st.integers(1, 8))
def test_windows_of_different_splits_never_overlap(sizes: list[int], stride: int) -> None:
    lengths = {f"c{n}": size for n, size in enumerate(sizes)}
    settings = make_settings({"valid": ["c0"], "test": ["c2"]}, stride=stride * BIN)
    plan = plan_known(settings, make_layout(settings, lengths))
    assert find_split_overlaps(plan.windows) == []
    names = list(plan.lengths)
    assert {names[n] for n in plan.windows["contig"][plan.windows["split"] == 2]} == {"c2"}
    assert not (plan.windows["start"] % BIN).any()


@given(LENGTHS_OF_CONTIGS, st.integers(3, 6))
def test_folds_are_disjoint_complete_and_even(sizes: list[int], folds: int) -> None:
    assume(len(sizes) >= folds)
    lengths = {f"c{n}": size for n, size in enumerate(sizes)}
    settings = make_settings({"folds": folds})
    plan = plan_known(settings, make_layout(settings, lengths))
    assert find_split_overlaps(plan.windows) == []
    assert plan.folds.shape == (folds, folds)
    # Every window is tested once.
    tested = plan.folds[:, plan.windows["split"]] == 2
    assert (tested.sum(axis=0) == 1).all()
    counts = np.bincount(plan.windows["split"], minlength=folds)
    largest = np.bincount(plan.windows["contig"]).max()
    assert counts.max() - counts.min() <= largest


def test_folds_are_read_as_splits(tmp_path: Path, files: GenomeFiles) -> None:
    write_genome(files.settings(split={"folds": 3}), files.inputs(), tmp_path / "d.h5")
    datasets = [read_dataset(tmp_path / "d.h5", fold=fold) for fold in range(3)]
    rows = np.concatenate([each.rows_of("test") for each in datasets])
    assert sorted(rows.tolist()) == list(range(len(datasets[0].windows)))
    assert all(check_dataset(each) == [] for each in datasets)


@pytest.mark.parametrize(
    ("contigs", "mend"), [(3, "set it to 3 at most or cut"), (2, "cut contigs into blocks")]
)
def test_more_folds_than_contigs_are_refused(contigs: int, mend: str) -> None:
    lengths = dict.fromkeys("abc"[:contigs], 200)
    wanted = f"folds is 4, but only {contigs} contigs have windows; {mend}"
    settings = make_settings({"folds": 4})
    with pytest.raises(SeqcastError, match=wanted):
        plan_known(settings, make_layout(settings, lengths))


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(1, 30)), max_size=6))
def test_touched_pieces_hold_a_base_of_an_interval(spans: list[tuple[int, int]]) -> None:
    intervals = np.array([(s, s + n) for s, n in spans], dtype=np.int64).reshape(-1, 2)
    bases = np.zeros(160, dtype=bool)
    for start, end in intervals:
        bases[start:end] = True
    wanted = bases[:128].reshape(-1, 8).any(axis=1)
    np.testing.assert_array_equal(mark_touched(intervals, 8, 16), wanted)


def test_the_forecast_knows_the_files_size(files: GenomeFiles, dataset: Dataset) -> None:
    lengths = {name: size for name, size in LENGTHS.items() if name != "chrM"}
    settings = files.settings()
    layout = make_layout(settings, lengths)
    own = tuple(Track(Path(row.file), {}) for row in files.inputs().rows)
    layout = replace(layout, tracks=own, replicates=(None, None))
    found = forecast.make_forecast(
        settings, layout, plan_known(settings, layout), replicates=False, threads=1
    )
    assert found.disk / 2 < dataset.path.stat().st_size < found.disk + 20_000


def test_short_disks_and_memories_are_told_and_no_fault(
    files: GenomeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty = forecast.Forecast(10, 10, 1.0)
    assert forecast.find_shortages(plenty, tmp_path / "not" / "yet") == []
    (disk,) = forecast.find_shortages(forecast.Forecast(10**15, 10, 1.0), tmp_path)
    assert re.search(r"may take 1,000,000\.0 GB, but .* are free; make room", disk)
    monkeypatch.setattr(forecast, "read_free_memory", lambda: 2_000_000)
    (memory,) = forecast.find_shortages(forecast.Forecast(10, 5_000_000, 1.0), tmp_path)
    assert "about 5.0 MB of memory, but 2.0 MB are free; if it is stopped for that, use" in memory
    assert [
        line
        for line in validate_genome(files.settings(), files.inputs()).warnings
        if "2.0 MB" in line
    ]
    write(files, tmp_path)


def test_a_bigwig_is_opened_once_whatever_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = {f"scaffold_{place}": 900 for place in range(40)}
    files = write_files(tmp_path / "files", lengths)
    opened: list[str] = []
    real = stored.open_track

    def count_openings(path: Path) -> Any:
        opened.append(path.name)
        return real(path)

    monkeypatch.setattr(stored, "open_track", count_openings)
    split = {"valid": ["scaffold_1"], "test": ["scaffold_2"]}
    wanted = write(files, tmp_path, split=split)
    assert opened == ["one.bw", "two.bw"]
    # Three pieces, which end within contigs.
    monkeypatch.setattr(tracks, "_MOST_BASES", 1024 * BIN)
    write_genome(files.settings(split=split), files.inputs(), tmp_path / "stretches.h5", threads=2)
    assert read_dataset(tmp_path / "stretches.h5").digest == wanted.digest
    # Other splits, strides, clips.
    split = {"valid": ["scaffold_3"], "test": ["scaffold_4"]}
    write(files, tmp_path, split=split, stride=64, clip_quantile=0.9)
    assert len(opened) == 2


@pytest.mark.parametrize("missing", ["zero", "unknown"])
def test_a_chunk_is_unpacked_once_however_many_contigs_lie_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    codes = make_codes({f"scaffold_{place}": 300 for place in range(60)})
    # Without a window: its cells lie in the tracks' files, but not in the dataset.
    codes["scaffold_30"][:] = 4
    tracks = {name: make_coverage(codes, seed) for seed, name in enumerate(("one", "two"))}
    if missing == "unknown":
        del tracks["two"]["scaffold_20"]
    files = write_files(tmp_path / "files", {n: each.size for n, each in codes.items()}, tracks)
    write_fasta(files.fasta, codes)
    monkeypatch.setattr(stored, "_WIDTH", 128)
    counts = count_unpacked(monkeypatch)
    changes = {"split": {"valid": ["scaffold_1"], "test": ["scaffold_2"]}, "missing": missing}
    dataset = write(files, tmp_path, **changes)
    cells = {name: 76 * (60 - (name == "two" and missing == "unknown")) for name in tracks}
    for name, size in cells.items():
        own = [n for (file, _), n in counts.items() if file.startswith(name)]
        assert own == [1] * -(-size // 128)
    read = read_whole(dataset.cells).reshape(-1, 76, 2)
    names = list(dataset.contigs.name)
    assert len(names) == 59
    assert np.isnan(read[:, :, 1]).all(axis=1).tolist() == [
        missing == "unknown" and name == "scaffold_20" for name in names
    ]
    for target, (track, coverage) in enumerate(tracks.items()):
        for name in set(names) & set(coverage):
            wanted = np.nan_to_num(coverage[name]).reshape(-1, 4).sum(axis=1)
            found = read[names.index(name), :75, target]
            known = np.isfinite(found)
            np.testing.assert_array_equal(found[known], wanted[known])
            assert known.sum() > 70, (track, name)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 40)), max_size=12), st.integers(1, 50))
def test_cells_of_mostly_n_are_unknown_however_long_its_runs(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int]], bases: int
) -> None:
    codes = np.repeat(*np.array([(0, 5), *turns]).T).astype(np.uint8)
    folder = tmp_path_factory.mktemp("n")
    write_fasta(folder / "a.fa", {"chr1": codes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unknown, "_BASES", bases)
        runs = unknown.find_unknown_runs(open_fasta(folder / "a.fa", folder), ["chr1"], folder)
    np.testing.assert_array_equal(runs["chr1"], find_runs_of_n(codes))
    settings = GenomeSettings.model_construct(bin_size=16, resolution=4)
    found = mark_unknown(settings, codes.size, runs["chr1"], None)
    whole = codes.size // 4
    wanted = (codes[: 4 * whole].reshape(-1, 4) == 4).sum(axis=1) > 2
    np.testing.assert_array_equal(found[:whole], wanted)
    assert found[whole:].all()
    assert found.size == -(-codes.size // 16) * 4


def test_the_sequence_is_looked_through_for_n_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_files(tmp_path / "files", LENGTHS | {"chr4": 900})
    seen, real = [], Fasta.read

    def note(self: Fasta, name: str, start: int, end: int) -> np.ndarray:
        seen.append(name)
        return real(self, name, start, end)

    def check(**changes: Any) -> list[str]:
        seen.clear()
        assert validate_genome(files.settings(**changes), files.inputs()).refusals == ()
        return seen

    monkeypatch.setattr(Fasta, "read", note)
    without = {"split": {**SPLIT, "exclude": ["chr4"]}}
    assert check(**without) == ["chr1", "chr2", "chr3"]
    assert check(**without, stride=64, mask=[], missing="unknown") == []
    # A contig more is looked through alone.
    assert check(split={"valid": ["chr3"], "test": ["chr2"]}) == ["chr4"]
    assert check(**without) == []
    wanted = write(files, tmp_path)
    assert seen == ["chr1", "chr2", "chr3", "chr4"], "only what is stored in the dataset"
    # Whoever deletes what is stored gets the same, and whoever spoils it is told.
    (stored,) = files.inputs().work.glob("*.n.h5")
    stored.unlink()
    assert write(files, tmp_path).digest == wanted.digest
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    with pytest.raises(SeqcastError, match=r"n\.h5: is damaged, .*; make it anew"):
        write(files, tmp_path)


@pytest.mark.parametrize(
    "moments",
    [[6], pytest.param([4, *range(7, 16)], marks=pytest.mark.slow)],
    ids=["one", "ten"],
)
def test_a_killed_dataset_goes_on_with_the_tracks_that_were_not_read(
    tmp_path: Path, moments: Sequence[int]
) -> None:
    tracks = {name: make_coverage(make_codes(LENGTHS), seed) for seed, name in enumerate("abc")}
    write_files(tmp_path / "files", tracks={"other": tracks["c"]})
    replicate = {"a": {"replicate": "other.bw"}}
    files = write_files(tmp_path / "files", tracks=tracks, columns=replicate)

    def prepare(folder: Path) -> Callable[[], None]:
        """Return what writes dataset and replicates into a new folder."""
        folder.mkdir()
        given, replicates = files.inputs(folder / "work"), folder / "replicates.h5"
        output = folder / "dataset.h5"
        return partial(write_genome, files.settings(), given, output, replicates=replicates)

    def read(folder: Path) -> list[bytes]:
        return [(folder / name).read_bytes() for name in ("dataset.h5", "replicates.h5")]

    prepare(tmp_path / "whole")()
    work = {moment: prepare(tmp_path / str(moment)) for moment in moments}
    kill_at(work)
    kept = []
    for moment, go_on in work.items():
        folder = tmp_path / str(moment)
        assert not (folder / "dataset.h5").exists()
        times = find_times(folder / "work")
        kept.append(len([path for path in times if path.name.endswith(".cells.h5")]))
        go_on()
        assert read(folder) == read(tmp_path / "whole")
        found = find_times(folder / "work")
        assert {path: found[path] for path in times} == times, "none is made again"
    # The index and where there is N; then of each track a chunk, and the file's name. The dataset's
    # chunk comes before the replicate's.
    assert kept == [max(0, min(3, moment // 2 - 2)) + (moment > 12) for moment in moments]


@pytest.mark.slow
@pytest.mark.skipif(
    not YEAST.is_dir(), reason=f"no {YEAST}; set SEQCAST_TEST_DATA to the shared data"
)
def test_yeast_is_clipped_where_its_readme_says(tmp_path: Path) -> None:
    names = ["atac_all", "atac_nfr", "atac_mono", "atac_cuts"]
    names += [
        f"stripe_{kind}_{strand}" for kind in ("wt", "diamide") for strand in ("plus", "minus")
    ]
    table = tmp_path / "targets.tsv"
    rows = "".join(f"{name}\t{YEAST.absolute()}/tracks/{name}.bw\n" for name in names)
    table.write_text(f"identifier\tfile\n{rows}")
    settings = GenomeSettings.model_validate(
        {
            "fasta": str(YEAST / "sacCer3.fa.gz"),
            "targets": str(table),
            "mask": [str(YEAST / "annotation" / "shorkie_mask_rossi.bed")],
            "split": {"valid": ["chrII"], "test": ["chrXVI"], "exclude": ["chrM"]},
        }
    )
    inputs: Inputs = find_inputs(settings, tmp_path / "downloads", tmp_path / "work")
    write_genome(settings, inputs, tmp_path / "d.h5")
    dataset = read_dataset(tmp_path / "d.h5")
    shutil.rmtree(tmp_path / "work")
    found = np.array(dataset.targets.clip) / np.array(dataset.targets.scale)
    wanted = [14491, 5529, 4756, 233, 880, 890, 1180, 1223]
    np.testing.assert_allclose(found, wanted, rtol=0.01)
    train = np.unique(
        np.concatenate([dataset.first_bin_of(np.array([r]))[0] + np.arange(128)
                        for r in dataset.rows_of("train")])
    )  # fmt: skip
    seen = dataset.targets.to_training(dataset.read_bins(train))
    np.testing.assert_allclose(np.nanmean(seen, axis=0), 1, rtol=1e-3)
