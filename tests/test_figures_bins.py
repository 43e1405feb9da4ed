"""Figures of single bins: the numbers behind them, and that they are drawn in every case."""

import numpy as np
import pytest
from fake_run import BIN, write_fake_dataset, write_fake_model
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from tiny import read_whole, replace_coverage, write_tiny

from seqcast.data import Contigs, DatasetWriter, make_windows, read_dataset
from seqcast.data.predictions import PredictionWriter, Stitch, read_predictions
from seqcast.data.targets import Targets
from seqcast.report.figures import (
    Pairs,
    compute_calibrations,
    compute_distance_profile,
    compute_gc_profile,
    correlate_targets,
    find_compared,
    plot_calibration,
    plot_correlations,
    plot_errors,
    read_pairs,
    read_window_pairs,
    write_figure,
)
from seqcast.report.figures.calibration import Calibration, compute_calibration
from seqcast.report.figures.correlations import order_targets
from seqcast.report.figures.groups import LEAST, number_groups
from seqcast.report.figures.profiles import compute_gc, compute_profile
from seqcast.tracks.style import OBSERVED, PREDICTED

NAN = float("nan")


def make_pairs(observed: np.ndarray, predicted: np.ndarray, **changes: object) -> Pairs:
    observed, predicted = (np.asarray(a, dtype=np.float32) for a in (observed, predicted))
    bins = np.arange(len(observed))
    targets = tuple(range(observed.shape[1]))
    mean = np.ones(len(targets))
    return Pairs(targets, mean, bins, observed, predicted, len(bins), **changes)


def texts(figure: Figure) -> str:
    parts = [text.get_text() for axes in figure.axes for text in axes.texts]
    for axes in figure.axes:
        parts += [axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()]
        parts += [label.get_text() for label in axes.get_yticklabels()]
    for legend in figure.legends:
        parts += [text.get_text() for text in legend.get_texts()]
    return "\n".join(parts)


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory):
    """Make a dataset whose windows overlap by half, and predict its 7 training windows."""
    folder = tmp_path_factory.mktemp("overlapping")
    dataset = write_tiny(folder / "d.h5")
    rows, rng = dataset.rows_of("train"), np.random.default_rng(3)
    shape = (len(rows), dataset.output_bins, len(dataset.targets))
    with PredictionWriter(
        folder / "p.h5", dataset, rows, model="m", checkpoint_digest="c" * 64
    ) as writer:
        writer.add(rng.gamma(1, 2, shape).astype(np.float32))
        writer.finish()
    return dataset, read_predictions(folder / "p.h5", dataset)


def test_pairs_are_those_of_the_metrics(overlapping):
    dataset, predictions = overlapping
    pairs, stitch = read_pairs(dataset, predictions, [2, 0]), Stitch(predictions, dataset)
    assert not pairs.is_sample
    np.testing.assert_array_equal(pairs.bins, stitch.bins)
    for column, target in enumerate((2, 0)):
        wanted = stitch.average(predictions.read(target))
        np.testing.assert_allclose(pairs.predicted[:, column], wanted, rtol=1e-6)
        np.testing.assert_array_equal(
            pairs.observed[:, column], dataset.read_bins(stitch.bins, target)
        )


def test_a_sample_of_pairs_is_some_of_all_pairs(overlapping):
    dataset, predictions = overlapping
    whole, some = (read_pairs(dataset, predictions, [1], most) for most in (None, 10))
    assert some.is_sample
    assert len(some.bins) == 10 < len(whole.bins) == some.total == whole.total
    places = np.searchsorted(whole.bins, some.bins)
    np.testing.assert_array_equal(whole.bins[places], some.bins)
    np.testing.assert_array_equal(whole.predicted[places], some.predicted)
    np.testing.assert_array_equal(whole.observed[places], some.observed)
    np.testing.assert_array_equal(read_pairs(dataset, predictions, [1], 10).bins, some.bins)


def test_windows_pairs_hold_each_window_with_distances(overlapping):
    dataset, predictions = overlapping
    pairs = read_window_pairs(dataset, predictions, [1])
    assert len(pairs.bins) == predictions.read(0).size > np.unique(pairs.bins).size
    assert sorted(pairs.predicted[:, 0]) == sorted(predictions.read(1).ravel())
    half = dataset.output_bins / 2
    wanted = np.abs(np.arange(dataset.output_bins) - half + 0.5) * dataset.bin_size
    assert sorted(pairs.distance) == sorted(np.tile(wanted, len(predictions.rows)))
    first = int(dataset.first_bin_of(predictions.rows)[0])
    assert pairs.predicted[pairs.bins == first, 0][0] == predictions.read_window(0)[0, 1]
    assert pairs.distance[pairs.bins == first][0] == wanted[0] == wanted.max()


@given(
    st.lists(st.floats(0, 10), max_size=200),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12),
)
def test_groups_are_in_order_filled_and_keep_equals_together(values, quantiles):
    values = np.array(values)
    group = number_groups(values, sorted(quantiles))
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(group[order]) >= 0)
    if values.size:
        count = np.bincount(group)
        assert count.min() >= min(LEAST, values.size)
        assert all(np.unique(group[values == value]).size == 1 for value in values[:20])


def test_calibration_of_a_true_mean_lies_on_the_diagonal():
    rng = np.random.default_rng(1)
    mean = rng.gamma(1, 4, 50_000)
    curve = compute_calibration(rng.poisson(mean).astype(float), mean)
    assert len(curve.count) == 14
    assert curve.count.sum() == 50_000
    assert np.all(np.diff(curve.predicted) > 0)
    np.testing.assert_allclose(curve.observed, curve.predicted, rtol=0.1, atol=0.05)
    assert curve.top_ratio == pytest.approx(1, abs=0.1)


def test_calibration_says_by_how_much_predictions_are_too_high():
    observed = np.repeat([1.0, 2.0, 40.0], 100)
    curve = compute_calibration(observed, 3 * observed)
    np.testing.assert_allclose(curve.predicted, 3 * curve.observed)
    np.testing.assert_allclose(curve.observed, [1, 2, 40])
    assert curve.count.tolist() == [100, 100, 100]
    assert curve.top_ratio == pytest.approx(3)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=150))
@settings(max_examples=50)
def test_calibration_keeps_both_sums(pairs):
    observed, predicted = np.array(pairs).T
    curve = compute_calibration(observed, predicted)
    assert curve.count @ curve.observed == pytest.approx(observed.sum(), abs=1e-9)
    assert curve.count @ curve.predicted == pytest.approx(predicted.sum(), abs=1e-9)


def test_calibration_leaves_out_what_is_not_known():
    observed = np.array([[1.0], [NAN], [3.0]])
    (curve,) = compute_calibrations(make_pairs(observed, [[1], [100], [1]]))
    assert curve.observed.tolist() == [2]
    assert curve.count.tolist() == [2]
    (nothing,) = compute_calibrations(make_pairs(observed * NAN, observed))
    assert nothing.count.size == 0
    assert np.isnan(nothing.top_ratio)


def test_calibration_figure_marks_means_near_zero_by_hollow_marks():
    curve = Calibration(np.array([1.0, 10.0]), np.array([0.0, 10.0]), np.array([5, 5]))
    figure = plot_calibration(["a"], {"m": [curve]})
    _, line, inside, outside = figure.axes[0].lines
    assert line.get_color() == PREDICTED
    assert inside.get_xdata().tolist() == [10]
    assert outside.get_fillstyle() == "none"
    assert outside.get_ydata()[0] == figure.axes[0].get_ylim()[0] > 0
    assert figure.axes[0].get_xscale() == figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()


def test_error_of_the_mean_is_one_and_of_the_truth_is_none():
    rng = np.random.default_rng(0)
    observed = rng.gamma(1, 5, (4_000, 3)).astype(np.float32)
    observed[:, 2] = 7  # constant
    group = np.arange(4_000) % 2
    mean = np.expm1(np.log1p(observed).mean(axis=0))
    profile = compute_profile(group * 10.0, group, make_pairs(observed, np.tile(mean, (4_000, 1))))
    np.testing.assert_allclose(profile.error[:, :2], profile.naive[:, :2], rtol=1e-5)
    np.testing.assert_allclose(np.sqrt((profile.naive**2).mean(axis=0))[:2], 1, rtol=1e-3)
    assert np.isnan(profile.error[:, 2]).all()
    assert profile.at.tolist() == [0, 10]
    truth = compute_profile(group * 10.0, group, make_pairs(observed, observed))
    np.testing.assert_array_equal(truth.error[:, :2], 0)
    np.testing.assert_array_equal(truth.ratio[:, :2], 1)


def test_profile_finds_where_errors_lie():
    observed = np.tile([[1.0], [3.0]], (100, 1))
    group = np.repeat([0, 1], 100)
    predicted = np.where(group[:, None] == 1, 2 * observed, observed)
    profile = compute_profile(group * 1.0, group, make_pairs(observed, predicted))
    x = np.log1p(observed)
    wanted = np.sqrt(np.mean((np.log1p(2 * observed) - x) ** 2)) / x.std()
    np.testing.assert_allclose(profile.error[:, 0], [0, wanted], rtol=1e-5)
    np.testing.assert_allclose(profile.ratio[:, 0], [1, 2], rtol=1e-6)
    some = np.where(np.arange(200) < 150, group, -1)
    assert compute_profile(group * 1.0, some, make_pairs(observed, predicted)).count.tolist() == [
        100, 50,
    ]  # fmt: skip


def test_distance_profile_finds_ends_that_are_wrong(tmp_path):
    dataset, _ = write_fake_dataset(tmp_path / "d.h5", ["a"], bins=64, windows=(1, 1, 20))
    rows = dataset.rows_of("test")
    with PredictionWriter(
        tmp_path / "p.h5", dataset, rows, model="m", checkpoint_digest="c" * 64
    ) as writer:
        for row in rows.tolist():
            coverage = dataset.coverage_of(row).copy()
            coverage[[0, 1, -2, -1]] += 10
            writer.add(coverage[None])
        writer.finish()
    pairs = read_window_pairs(dataset, read_predictions(tmp_path / "p.h5", dataset), [0])
    profile = compute_distance_profile(pairs)
    assert len(profile.at) == 16
    assert profile.at[-1] == 31 * BIN
    np.testing.assert_array_equal(profile.error[:-1], 0)
    assert profile.error[-1, 0] > 1
    assert profile.ratio[-1, 0] > 1


def test_gc_is_that_of_the_known_bases_of_a_bin(tmp_path):
    with DatasetWriter(
        tmp_path / "d.h5",
        contigs=Contigs.from_lengths({"a": 16, "b": 21}, 4),
        targets=Targets.from_names(["x"]),
        bin_size=4,
    ) as writer:
        codes = np.array([0, 0, 3, 3, 1, 2, 1, 2, 1, 0, 0, 4, 4, 4, 4, 1], dtype=np.uint8)
        writer.add_contig(codes, np.zeros((4, 1), np.float32))
        writer.add_contig(np.full(21, 2, np.uint8), np.zeros((6, 1), np.float32))
        windows = [make_windows([0], [0], 16, "train"), make_windows([1], [0], 16, "test")]
        source = {"kind": "simulated", "has_coordinates": True}
        writer.finish(np.concatenate(windows), source)
    gc = compute_gc(read_dataset(tmp_path / "d.h5"), np.array([0, 1, 2, 3, 4, 9]))
    np.testing.assert_allclose(gc, [0, 1, 1 / 3, NAN, 1, 1])


def test_gc_profile_rises_along_gc_content(overlapping):
    dataset, predictions = overlapping
    pairs = read_window_pairs(dataset, predictions, [0, 1, 2])
    profile = compute_gc_profile(dataset, pairs)
    assert np.all(np.diff(profile.at) > 0)
    assert 0 <= profile.at[0] < profile.at[-1] <= 100
    assert profile.count.sum() == np.isfinite(compute_gc(dataset, pairs.bins)).sum()


def test_errors_figure_tells_models_from_the_mean_everywhere():
    rng = np.random.default_rng(0)
    observed = rng.gamma(1, 5, (400, 5))
    pairs = make_pairs(observed, observed + 1, distance=rng.random(400) * 1000)
    profile = compute_distance_profile(pairs)
    figure = plot_errors({"m": profile}, {"m": profile})
    naive, model = figure.axes[0].lines
    assert naive.get_color() == OBSERVED
    assert model.get_color() == PREDICTED
    assert naive.get_linestyle() == ":"
    np.testing.assert_allclose(model.get_ydata(), np.median(profile.error, axis=1))
    assert figure.axes[1].lines[1].get_xdata()[-1] == pytest.approx(profile.at[-1] / 1000)
    said = texts(figure)
    assert "middle half of the targets" in said
    assert "GC content of the bin (%)" in said
    two = plot_errors({"m": profile, "n": profile}, {"m": profile, "n": profile})
    assert "middle half" not in texts(two)


def test_likeness_of_predictions_that_only_know_what_is_shared():
    rng = np.random.default_rng(0)
    shared, own = rng.gamma(1, 5, (3_000, 1)), rng.gamma(1, 5, (3_000, 5))
    observed = shared * 0.3 + own
    alike = correlate_targets(make_pairs(observed, np.repeat(shared, 5, axis=1)))
    same = correlate_targets(make_pairs(observed, observed))
    assert alike.means[1] == pytest.approx(1)
    assert alike.means[0] < 0.3
    assert np.isnan(alike.agreement)  # predicted correlations are all the same
    assert same.agreement == pytest.approx(1)
    assert same.means[0] == pytest.approx(same.means[1])
    wanted = np.corrcoef(np.log1p(observed[:, list(same.targets)].astype(np.float32)).T)
    np.testing.assert_allclose(same.observed, wanted, atol=1e-5)


def test_likeness_is_over_the_bins_that_both_know():
    rng = np.random.default_rng(0)
    observed, predicted = rng.gamma(1, 5, (2, 200, 3))
    observed[:50, 0], predicted[150:, 1], observed[:, 2] = NAN, NAN, 4  # the last is constant
    likeness = correlate_targets(make_pairs(observed, predicted))
    first, second, last = (likeness.targets.index(target) for target in range(3))
    x, y = np.log1p(observed[50:150, :2]).T
    assert likeness.observed[first, second] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-5)
    x, y = np.log1p(predicted[50:150, :2]).T
    assert likeness.predicted[first, second] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-5)
    assert np.isnan(likeness.observed[last]).all()
    assert likeness.pairs[0].size == 1
    assert np.isnan(likeness.agreement)


def test_order_sets_alike_next_to_alike():
    kind = np.array([0, 1, 2, 0, 1, 2, 0])
    r_TT = np.where(kind[:, None] == kind, 0.9, 0.1)
    np.fill_diagonal(r_TT, 1)
    order = order_targets(r_TT)
    assert sorted(order) == list(range(7))
    assert np.count_nonzero(np.diff(kind[order])) == 2
    assert sorted(order_targets(np.full((4, 4), NAN))) == [0, 1, 2, 3]


@given(st.integers(1, 300), st.integers(2, 50))
def test_compared_are_distinct_and_reach_from_best_to_worst(count, most):
    r = np.random.default_rng(count).random(count)
    places = find_compared(r, most)
    assert len(set(places)) == len(places) == min(count, most)
    assert r[places[0]] == r.max()
    assert r[places[-1]] == r.min()
    assert np.all(np.diff(r[places]) <= 0)


def test_heatmaps_share_order_and_colours():
    rng = np.random.default_rng(0)
    likeness = correlate_targets(make_pairs(*rng.gamma(1, 5, (2, 100, 4))))
    figure = plot_correlations(["a", "b", "$c$", "d"], likeness)
    observed, predicted = (axes.images[0] for axes in figure.axes[:2])
    np.testing.assert_array_equal(observed.get_array(), likeness.observed)
    np.testing.assert_array_equal(predicted.get_array(), likeness.predicted)
    assert observed.norm is predicted.norm
    assert observed.cmap(observed.norm(0.0))[:3] == pytest.approx((0.957, 0.965, 0.973), abs=0.02)
    assert "observed (mean r " in texts(figure)
    assert f"{likeness.observed[0, 1]:.2f}" in texts(figure)


def draw_all(dataset, models, folder) -> None:
    targets = list(range(len(dataset.targets)))[:12]
    names = [dataset.targets.identifier[target] for target in targets]
    pairs = {name: read_pairs(dataset, p, targets) for name, p in models.items()}
    each = {name: read_window_pairs(dataset, p, targets) for name, p in models.items()}
    calibrations = {name: compute_calibrations(p) for name, p in pairs.items()}
    gc = {name: compute_gc_profile(dataset, p) for name, p in each.items()}
    distance = {name: compute_distance_profile(p) for name, p in each.items()}
    likeness = correlate_targets(next(iter(pairs.values())))
    figures = {
        "calibration": plot_calibration(names, calibrations),
        "errors": plot_errors(gc, distance),
        "correlations": plot_correlations([names[t] for t in likeness.targets], likeness),
    }
    for name, figure in figures.items():
        write_figure(figure, folder / f"{name}.svg")
        assert (folder / f"{name}.svg").stat().st_size < 200_000


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("case", ["usual", "one window", "constant", "unknown", "zero", "half"])
def test_every_case_is_drawn(tmp_path, count, case):
    windows = (1, 1, 1) if case == "one window" else (1, 1, 3)
    constant = tuple(range(count)) if case == "constant" else ()
    dataset, rate = write_fake_dataset(
        tmp_path / "d.h5",
        [f"target {place}" for place in range(count)],
        bins=16,
        windows=windows,
        constant=constant,
    )
    rate = rate * (0 if case == "zero" else 1)
    fake = write_fake_model(tmp_path / "m", dataset, rate)
    predictions = read_predictions(fake.predictions, dataset)
    if case in ("unknown", "half"):
        coverage = read_whole(dataset.cells)
        coverage[: len(coverage) if case == "unknown" else -20] = np.nan
        dataset = replace_coverage(dataset, tmp_path / "other.h5", coverage)
    draw_all(dataset, dict.fromkeys(("a", "b")[: 1 + (case == "usual")], predictions), tmp_path)


def test_png_has_few_colours_that_are_exact(tmp_path):
    rng = np.random.default_rng(0)
    figure = Figure(figsize=(2, 2), facecolor="white")
    axes = figure.subplots()
    axes.imshow(rng.random((60, 60)), cmap="viridis")
    axes.axhline(30, color=PREDICTED, linewidth=12)
    write_figure(figure, tmp_path / "figure.png")
    image = Image.open(tmp_path / "figure.png")
    assert image.mode == "P"
    assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    colours = {colour for _, colour in image.convert("RGB").getcolors()}
    assert len(colours) <= 256
    assert {(255, 255, 255), (0xD5, 0x5E, 0x00)} <= colours


def test_text_of_an_svg_stays_text(tmp_path):
    curve = Calibration(np.ones(1), np.ones(1), np.ones(1))
    write_figure(plot_calibration(["H3K4me3 <&>"], {"m": [curve]}), tmp_path / "figure.svg")
    assert "H3K4me3 &lt;&amp;&gt;</text>" in (tmp_path / "figure.svg").read_text()
