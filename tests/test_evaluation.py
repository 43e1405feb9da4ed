"""The tables of metrics say what the predictions' file and the dataset say."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny import (
    BIN,
    CROP,
    TARGETS,
    WINDOW,
    count_unpacked,
    make_all_windows,
    make_contigs,
    read_whole,
    write_fine,
    write_many,
    write_replicates,
    write_tiny,
)

from seqcast.core.errors import SeqcastError
from seqcast.data import Contigs, Dataset, DatasetWriter, make_folds, make_windows, read_dataset
from seqcast.data.predictions import Predictions, PredictionWriter, Stitch, read_predictions
from seqcast.data.reference import write_truth
from seqcast.evaluate.evaluating import evaluate
from seqcast.evaluate.metrics import DEFINITIONS, Track, evaluate_target, window_pearson_r
from seqcast.evaluate.tables import format_summary
from seqcast.evaluate.tracks import Tracks, number_blocks
from seqcast.settings.steps import EvaluateSettings

SETTINGS = EvaluateSettings(bootstrap=20, peak_fdr=0.05)


def write_predictions(
    path: Path, dataset: Dataset, rows: np.ndarray, control: Sequence[int] = ()
) -> Predictions:
    rng, options = np.random.default_rng(2), {"model": "a", "checkpoint_digest": ""}
    shape = (len(rows), dataset.output_bins, len(dataset.targets))
    with PredictionWriter(path, dataset, rows, **options, control=np.array(control, int)) as out:
        out.add(rng.gamma(1, 5, shape).astype(np.float32))
        out.add_control(rng.gamma(1, 5, (len(control), *shape[1:])).astype(np.float32))
        out.finish()
    return read_predictions(path)


@pytest.fixture
def predictions(tmp_path: Path, tiny_dataset: Dataset) -> Predictions:
    return write_predictions(tmp_path / "p.h5", tiny_dataset, tiny_dataset.rows_of("valid"))


def run(folder: Path, dataset: Dataset, **extra: Any) -> list[pd.DataFrame]:
    paths = [folder / "metrics.tsv", folder / "windows.tsv"]
    evaluate(folder / "p.h5", dataset.path, *paths, settings=SETTINGS, **extra)
    assert not list(folder.glob("*.partial"))
    return [pd.read_csv(path, sep="\t", keep_default_na=False, na_values="nan") for path in paths]


def make_train_mean(dataset: Dataset, target: int, rows: np.ndarray) -> float:
    """Average the bins that any of the windows predicts, each once, by hand."""
    bins = set()
    for row in rows:
        contig, start, end, _ = dataset.windows[row]
        first = int(dataset.contigs.first_bin[contig])
        bins |= set(range(first + start // BIN + CROP, first + end // BIN - CROP))
    return float(np.nanmean(read_whole(dataset.cells)[sorted(bins), target].astype(np.float64)))


def test_a_row_a_target(tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions) -> None:
    table, _ = run(tmp_path, tiny_dataset)
    assert tuple(table.columns) == tuple(DEFINITIONS)
    assert tuple(table["target"]) == tiny_dataset.targets.identifier
    stitch = Stitch(predictions, tiny_dataset)
    for index, row in enumerate(table.to_dict("records")):
        observed = np.asarray(read_whole(tiny_dataset.cells)[stitch.bins, index])
        track = Track(
            stitch.average(predictions.read(index)),
            observed,
            np.arange(len(stitch.bins)) // tiny_dataset.output_bins,
            tiny_dataset.output_bins,
            make_train_mean(tiny_dataset, index, tiny_dataset.rows_of("train")),
            clipped=observed,
        )
        wanted = evaluate_target(track, peak_fdr=0.05, draws=20)
        for name, value in wanted.items():
            if name != "ceiling_from":
                assert row[name] == pytest.approx(value, rel=1e-5, nan_ok=True), name
        assert np.isfinite(row["specific_pearson_r"])
        assert np.isnan(row["control_pearson_r"])
        assert row["ceiling_from"] == ""
    # chr2 has 3 windows' worth of bins less the crop, and two or three unknown ones among them.
    assert table["bins"].tolist() == [42, 41, 42]
    assert table["blocks"].tolist() == [4, 4, 4]


def test_a_row_a_window(tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions) -> None:
    _, table = run(tmp_path, tiny_dataset)
    assert table["place"].tolist() == list(range(5))
    assert set(table["contig"]) == {"chr2"}
    assert table["start"].tolist() == [128 * k + CROP * BIN for k in range(5)]
    assert (table["end"] - table["start"]).unique().tolist() == [WINDOW - 2 * CROP * BIN]
    wanted = [
        window_pearson_r(predictions.read_window(place).T, tiny_dataset.coverage_of(row).T).mean()
        for place, row in enumerate(predictions.rows)
    ]
    np.testing.assert_allclose(table["pearson_r"], wanted, rtol=1e-5)


def test_the_truth_is_the_ceiling(
    tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions
) -> None:
    rate = np.random.default_rng(3).gamma(1, 1, tiny_dataset.cells.shape[::-1]).astype(np.float32)
    write_truth(tmp_path / "truth.h5", rate, tiny_dataset.targets)
    table, _ = run(tmp_path, tiny_dataset, truth_path=tmp_path / "truth.h5")
    bins = Stitch(predictions, tiny_dataset).bins
    observed = read_whole(tiny_dataset.cells)[bins, 0]
    known = ~np.isnan(observed)
    wanted = np.corrcoef(rate[bins, 0][known], observed[known])[0, 1]
    assert table["ceiling_pearson_r"][0] == pytest.approx(wanted, rel=1e-5)
    assert set(table["ceiling_from"]) == {"rate"}
    assert run(tmp_path, tiny_dataset)[0]["ceiling_pearson_r"].isna().all()


def test_replicates_are_the_ceiling(
    tmp_path: Path,
    tiny_dataset: Dataset,
    predictions: Predictions,
    caplog: pytest.LogCaptureFixture,
) -> None:
    coverage = np.full(tiny_dataset.cells.shape[::-1], np.nan, dtype=np.float32)
    rng = np.random.default_rng(4)
    coverage[:, 0] = rng.binomial(
        np.nan_to_num(read_whole(tiny_dataset.cells)[:, 0]).astype(int), 0.4
    )
    coverage[:, 1] = rng.poisson(3, len(coverage))
    bins = Stitch(predictions, tiny_dataset).bins
    place = bins[np.flatnonzero(~np.isnan(read_whole(tiny_dataset.cells)[bins, 0]))[0]]
    coverage[place, 0] = read_whole(tiny_dataset.cells)[place, 0] + 1
    write_replicates(tmp_path / "r.h5", coverage, (True, False, False), tiny_dataset.targets)
    with caplog.at_level(logging.WARNING, "seqcast"):
        table, _ = run(tmp_path, tiny_dataset, replicates_path=tmp_path / "r.h5")
    assert table["ceiling_from"].tolist() == ["replicates", "replicates", ""]
    assert table["ceiling_pearson_r_log1p"].isna().tolist() == [False, False, True]
    known = bins[~np.isnan(read_whole(tiny_dataset.cells)[bins, 1])]
    wanted = max(np.corrcoef(coverage[known, 1], read_whole(tiny_dataset.cells)[known, 1])[0, 1], 0)
    assert table["ceiling_pearson_r"][1] == pytest.approx(np.sqrt(wanted), rel=1e-5)
    assert [record.message.split(";")[0] for record in caplog.records] == [
        "peaks: in 1 of 44 bins the replicate is above the track that should hold it"
    ]


def test_medians_have_no_difference(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    targets = replace(TARGETS, sum_stat=("median", "sum", "sum"))
    dataset = write_tiny(tmp_path / "d.h5", targets=targets)
    write_predictions(tmp_path / "p.h5", dataset, dataset.rows_of("test"))
    half = read_whole(dataset.cells) / 2
    write_replicates(tmp_path / "r.h5", half, (True,) * 3, targets)
    table, _ = run(tmp_path, dataset, replicates_path=tmp_path / "r.h5")
    assert table["ceiling_from"].tolist() == ["", "replicates", "replicates"]
    assert "median" in caplog.text


def test_replicates_of_other_bins_are_refused(
    tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions
) -> None:
    write_replicates(tmp_path / "r.h5", np.ones((5, 3)), (True,) * 3, tiny_dataset.targets)
    with pytest.raises(SeqcastError, match=r"r\.h5: found \(3, 5\) targets and bins, wanted the"):
        run(tmp_path, tiny_dataset, replicates_path=tmp_path / "r.h5")


def test_the_control_stands_beside(tmp_path: Path, tiny_dataset: Dataset) -> None:
    rows = tiny_dataset.rows_of("valid")
    control = write_predictions(tmp_path / "p.h5", tiny_dataset, rows, control=(0, 3)).control
    assert control.rows.tolist() == rows[[0, 3]].tolist()
    table, _ = run(tmp_path, tiny_dataset)
    stitch = Stitch(control, tiny_dataset)
    p, t = stitch.average(control.read(2)), read_whole(tiny_dataset.cells)[stitch.bins, 2]
    known = ~np.isnan(t)
    logs = [np.log1p(x[known] / tiny_dataset.targets.mean[2]) for x in (p, t)]
    wanted = np.corrcoef(*logs)[0, 1]
    assert table["control_pearson_r_log1p"][2] == pytest.approx(wanted, rel=1e-5)
    assert table["control_pearson_r"].notna().all()


def test_clipped_truth_is_in_the_same_units(tmp_path: Path) -> None:
    targets = replace(
        TARGETS, scale=(0.5, 2.0, 1.0), clip=(1.0, None, None), clip_soft=(None, 4.0, None)
    )
    dataset = write_tiny(tmp_path / "d.h5", targets=targets)
    predictions = write_predictions(tmp_path / "p.h5", dataset, dataset.rows_of("test"))
    table, _ = run(tmp_path, dataset)
    stitch = Stitch(predictions, dataset)
    p, t = stitch.average(predictions.read(0)), read_whole(dataset.cells)[stitch.bins, 0]
    known = ~np.isnan(t)
    # 1 after a scale of 0.5 is 2 as read.
    wanted = np.corrcoef(p[known], np.minimum(t[known], 2))[0, 1]
    assert table["clipped_pearson_r"][0] == pytest.approx(wanted, rel=1e-5)
    assert table["clipped_pearson_r"][0] != pytest.approx(table["pearson_r"][0], rel=1e-3)
    # A soft clip comes back.
    for k in (1, 2):
        assert table["clipped_pearson_r"][k] == pytest.approx(table["pearson_r"][k], rel=1e-4)


def test_folds_train_on_every_window(tmp_path: Path) -> None:
    contigs, windows = make_contigs(), make_all_windows()
    layout = Contigs.from_lengths({name: len(codes) for name, (codes, _) in contigs.items()}, BIN)
    options = {"contigs": layout, "targets": TARGETS, "bin_size": BIN, "crop": CROP}
    with DatasetWriter(tmp_path / "d.h5", **options) as out:
        for codes, coverage in contigs.values():
            out.add_contig(codes, coverage)
        source = {"kind": "simulated", "has_coordinates": True}
        out.finish(windows, source, folds=make_folds(3))
    dataset = read_dataset(tmp_path / "d.h5", fold=1)
    rows = np.arange(len(windows))
    wanted = [make_train_mean(dataset, k, rows) for k in range(3)]
    assert dataset.targets.mean == pytest.approx(wanted)


def test_little_memory_gives_the_same_tracks(
    tiny_dataset: Dataset, predictions: Predictions
) -> None:
    plenty, little = Tracks(predictions, tiny_dataset), Tracks(predictions, tiny_dataset, 8)
    for target in (0, 1, 2, 0):
        for wanted, found in zip(plenty.read(target), little.read(target), strict=True):
            np.testing.assert_array_equal(wanted, found)
    np.testing.assert_array_equal(
        little.read(1)[1], read_whole(tiny_dataset.cells)[Stitch(predictions, tiny_dataset).bins, 1]
    )


def test_files_are_gone_through_once_where_all_targets_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_many(tmp_path / "d.h5")
    predictions = write_predictions(tmp_path / "p.h5", dataset, dataset.rows_of("valid"), (0, 3))
    counts = count_unpacked(monkeypatch)
    table, windows = run(tmp_path, dataset)
    assert {name for name, _ in counts} == {"d.h5", "p.h5"}
    assert set(counts.values()) == {1}
    # Two of three groups fit: these are read again for what is specific. No number is another.
    size = 4 * len(predictions.rows) * predictions.bins
    monkeypatch.setattr(Tracks.__init__, "__defaults__", (100 * size,))
    counts.clear()
    for found, wanted in zip(run(tmp_path, dataset), (table, windows), strict=True):
        pd.testing.assert_frame_equal(found, wanted, check_exact=True)
    assert sorted(n for (name, _), n in counts.items() if name == "p.h5") == [1] * 4 + [2] * 2
    monkeypatch.undo()
    # One target more or less changes nothing of another's own metrics.
    stitch = Stitch(predictions, dataset)
    for target in (0, 43, 44, 129):
        p, t = stitch.average(predictions.read(target)), dataset.read_bins(stitch.bins, target)
        assert table["pearson_r"][target] == pytest.approx(np.corrcoef(p, t)[0, 1], rel=1e-5)
    assert len(windows) == len(predictions.rows)


def test_cells_become_bins(tmp_path: Path) -> None:
    dataset = write_fine(tmp_path / "d.h5")
    predictions = write_predictions(tmp_path / "p.h5", dataset, dataset.rows_of("valid"))
    tracks = Tracks(predictions, dataset, 100)
    place = np.arange(512.0).reshape(-1, BIN)
    np.testing.assert_array_equal(tracks.read(0)[1], place.sum(axis=1))
    np.testing.assert_array_equal(tracks.read(1)[1], place.max(axis=1))
    place = np.arange(1024.0).reshape(-1, BIN)
    wanted = [place.sum(axis=1).mean(), place.max(axis=1).mean()]
    assert dataset.targets.mean == pytest.approx(wanted)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_what_is_no_coverage_is_refused(
    tmp_path: Path, tiny_dataset: Dataset, predictions: Predictions, value: float
) -> None:
    values = predictions.read_windows(np.arange(len(predictions.rows)))
    values[1, 2:4, 1] = value
    options = {"model": "a", "checkpoint_digest": ""}
    with PredictionWriter(predictions.path, tiny_dataset, predictions.rows, **options) as out:
        out.add(values)
        out.finish()
    with pytest.raises(SeqcastError, match=r"p\.h5: 2 predicted values are negative or not finite"):
        run(tmp_path, tiny_dataset)
    assert not (tmp_path / "metrics.tsv").exists()


def test_blocks_are_stretches_of_a_windows_length(tiny_dataset: Dataset) -> None:
    size, second = tiny_dataset.output_bins, int(tiny_dataset.contigs.first_bin[1])
    assert size == 12
    stretches = [(0, 30), (33, 35), (second - 2, second + 14)]
    bins = np.concatenate([np.arange(*each) for each in stretches])
    blocks = number_blocks(bins, tiny_dataset)
    # 30 bins are 12 + 12 + 6; a gap and a contig's end begin a block.
    assert np.bincount(blocks).tolist() == [12, 12, 6, 2, 2, 12, 2]
    assert (np.diff(blocks) >= 0).all()
    assert number_blocks(bins[:0], tiny_dataset).size == 0


def test_windows_side_by_side_are_their_own_blocks(tmp_path: Path) -> None:
    starts = [0, 256, 512, 768]
    windows = make_windows([0] * 4, starts, WINDOW, "test")
    dataset = write_tiny(tmp_path / "d.h5", windows=windows)
    predictions = write_predictions(tmp_path / "p.h5", dataset, np.arange(4))
    blocks = number_blocks(Stitch(predictions, dataset).bins, dataset)
    assert blocks.tolist() == np.repeat(np.arange(4), dataset.output_bins).tolist()


def make_table(targets: int = 2, **columns: list[float]) -> pd.DataFrame:
    table = pd.DataFrame(np.nan, index=range(targets), columns=list(DEFINITIONS))
    table["target"] = [f"t{k}" for k in range(targets)]
    table["pearson_r"], table["pearson_r_log1p"] = 0.5, 0.25
    return table.assign(**columns)


def test_the_summary_says_what_there_is() -> None:
    lines = format_summary(make_table())
    assert lines[0].split() == ["target", "r", "r", "log1p"]
    assert lines[-1] == "mean over 2 targets: r 0.500, r of log1p 0.250"
    more = make_table(ceiling_pearson_r=[0.9, np.nan], control_pearson_r_log1p=[0.1, -0.1])
    lines = format_summary(more)
    assert lines[-1] == (
        "mean over 2 targets: r 0.500 (ceiling 0.900 of 1), r of log1p 0.250 (control 0.000)"
    )
    assert lines[2].split()[:4] == ["t1", "0.500", "-", "0.250"]
    assert len({len(line) for line in lines[:-1]}) == 1
    assert len(format_summary(make_table(500))) < 30
