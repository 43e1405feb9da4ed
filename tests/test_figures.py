from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import BIN, fake_history, write_fake_dataset, write_fake_model
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from tiny import replace_coverage

from seqcast.data.predictions import read_predictions
from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import window_pearson_r
from seqcast.report.figures import (
    choose_ranked,
    plot_comparison,
    plot_coverage,
    plot_first_look,
    plot_learning_curves,
    plot_metrics,
    plot_scatter,
    plot_window,
    write_figure,
)
from seqcast.report.figures.scatter import choose_ticks
from seqcast.tracks.style import OBSERVED, PREDICTED, format_label, style_of

SCORES = st.lists(st.one_of(st.floats(-1, 1), st.just(float("nan"))), max_size=60)


@pytest.fixture(scope="module", params=[(1, False), (12, True)], ids=["1", "12"])
def run(request, tmp_path_factory):
    """Make a dataset, predictions and metrics of 1 target without ceiling, or 12, one flat."""
    count, ceiling = request.param
    folder = tmp_path_factory.mktemp("run")
    names = [f"target ${place} of H3K{place}" for place in range(count)]
    flat = (5,) if count > 5 else ()
    dataset, rate = write_fake_dataset(folder / "dataset.h5", names, bins=32, constant=flat)
    model = write_fake_model(folder / "model", dataset, rate, ceiling=ceiling)
    metrics = pd.read_csv(model.metrics, sep="\t")
    return dataset, read_predictions(model.predictions, dataset), metrics


def alone(history: pd.DataFrame) -> dict:
    return {"default": {"default": history}}


def visible(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.get_visible()]


def texts(figure: Figure) -> str:
    parts = [text.get_text() for axes in visible(figure) for text in axes.texts]
    for axes in visible(figure):
        parts += [axes.get_xlabel(), axes.get_ylabel(), axes.get_title(), axes.get_title("left")]
        parts += [label.get_text() for label in axes.get_yticklabels()]
    for legend in figure.legends:
        parts += [text.get_text() for text in legend.get_texts()]
    return "\n".join([*parts, figure.get_suptitle(), figure.get_supxlabel()])


def is_png(path: Path) -> bool:
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_figure_is_written_whole_and_twice_the_same(tmp_path, suffix):
    paths = [tmp_path / "deep" / f"{place}.{suffix}" for place in range(2)]
    for path in paths:
        write_figure(plot_learning_curves(alone(fake_history(2))), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in paths[0].parent.iterdir()) == [f"0.{suffix}", f"1.{suffix}"]


def test_learning_curves_name_axes_and_best_epoch():
    history = fake_history(3)
    history.loc[history["epoch"] == 2, "valid_loss"] = 0.5
    figure = plot_learning_curves(alone(history))
    (axes,) = visible(figure)
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "loss (nats per bin, as trained)"
    assert "best: 0.500, epoch 2" in texts(figure)


def test_first_steps_do_not_flatten_the_rest():
    history = fake_history(20)
    history.loc[0, "train_loss"] = 1_000.0
    figure = plot_learning_curves(alone(history))
    assert visible(figure)[0].get_ylim()[1] < 10
    assert "the first steps lie above" in texts(figure)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (fake_history(1), "best:"),
        (fake_history(1).iloc[:3], "no validation loss"),
        (fake_history(1).iloc[:1], "no validation loss"),
        (fake_history(1).iloc[:0], "no epoch was recorded"),
    ],
    ids=["one epoch", "not validated", "one row", "none"],
)
def test_short_histories_are_said_to_be_short(tmp_path, history, said):
    figure = plot_learning_curves(alone(history))
    assert said in texts(figure)
    write_figure(figure, tmp_path / "curves.png")
    assert is_png(tmp_path / "curves.png")


def test_trainings_of_several_models_share_two_panels_a_colour_a_model():
    one, two = {"one": fake_history(3)}, {f"two.r{n}": fake_history(3, seed=n) for n in (1, 2)}
    figure = plot_learning_curves({"one": one, "two": two})
    valid, train = visible(figure)
    assert [axes.get_title("left") for axes in (valid, train)] == ["Validation", "Training"]
    lines = [line for line in train.lines if len(line.get_xdata()) > 1]
    colours = [style_of(place).colour for place in (0, 1, 1)]
    assert [line.get_color() for line in lines] == colours
    assert lines[1].get_linewidth() < lines[0].get_linewidth()
    said = texts(figure)
    assert "two (2 trainings): best " in said
    assert "one: best " in said


def test_curves_of_several_zoom_in_on_what_tells_them_apart():
    worse = fake_history(20, level=1.3)
    figure = plot_learning_curves({"a": {"a": fake_history(20)}, "b": {"b": worse}})
    low, high = visible(figure)[0].get_ylim()
    assert low < fake_history(20)["valid_loss"].min()
    assert worse["valid_loss"].iloc[-1] < high < worse["valid_loss"].max()


def test_models_without_a_validation_are_named_all_the_same():
    histories = {name: {name: fake_history(1).iloc[:3]} for name in ("a", "b")}
    figure = plot_learning_curves(histories)
    assert "nothing was recorded" in texts(figure)


def test_metrics_figure_shows_targets_ceiling_and_undefined(run, tmp_path):
    _, _, metrics = run
    figure = plot_metrics({"default": metrics})
    said = texts(figure)
    assert all(f"H3K{place}" in said for place in range(len(metrics)))
    assert ("ceiling" in said) == metrics["ceiling_pearson_r"].notna().any()
    assert ("r undefined" in said) == metrics["pearson_r"].isna().any()
    assert "k-mer ridge" not in said
    assert "k-mer ridge" in texts(plot_metrics({"default": metrics}, baseline=metrics))
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in visible(figure))
    write_figure(figure, tmp_path / "metrics.png")
    assert is_png(tmp_path / "metrics.png")


def many(count: int) -> pd.DataFrame:
    r = np.linspace(-0.25, 0.9, count)
    names = [f"target {place}" for place in range(count)]
    return pd.DataFrame(
        {
            "target": names,
            "pearson_r": r,
            "pearson_r_log1p": r,
            "pearson_r_log1p_low": r - 0.1,
            "pearson_r_log1p_high": r + 0.1,
        }
    )


def test_metrics_figure_has_room_for_74_targets_and_two_models():
    figure = plot_metrics({"narrow": many(74), "wide": many(74)})
    names = [label.get_text() for axes in visible(figure) for label in axes.get_yticklabels()]
    assert names == [f"target {place}" for place in reversed(range(74))]
    assert {"narrow", "wide"} <= set(texts(figure).splitlines())
    assert not any(collection for axes in visible(figure) for collection in axes.collections)
    assert visible(figure)[0].get_xlim() == (pytest.approx(-0.3), 1.0)


@pytest.mark.parametrize(("models", "count"), [(1, 40), (3, 40), (6, 8)])
def test_intervals_are_drawn_where_there_is_room(models, count):
    figure = plot_metrics({f"m{place}": many(count) for place in range(models)})
    ends = [
        line.get_segments()[0][:, 0]
        for axes in visible(figure)
        for line in axes.collections
        if np.ptp(line.get_segments()[0][:, 0]) < 0.3 and line.get_linewidth()[0] < 2
    ]
    assert len(ends) == models * len(visible(figure))
    assert all(np.ptp(end) == pytest.approx(0.2) for end in ends)


def test_comparison_ranks_models_above_grey_baselines():
    good, bad = many(5), many(5).assign(pearson_r_log1p=0.1, ceiling_pearson_r_log1p=0.9)
    figure = plot_comparison({"bad": bad, "good": good}, {"k-mer ridge": good})
    log1p, raw = visible(figure)
    names = [label.get_text() for label in log1p.get_yticklabels()]
    assert names == ["good", "bad", "k-mer ridge"]
    widths = [bar.get_width() for bar in log1p.patches]
    assert widths == pytest.approx([good["pearson_r"].mean(), 0.1, good["pearson_r"].mean()])
    assert "ceiling" not in texts(figure)
    assert raw.get_xlabel().startswith("mean r (raw")
    assert "ceiling" in texts(plot_comparison({"bad": bad}))
    bad.loc[0, "ceiling_pearson_r_log1p"] = np.nan
    assert "ceiling" not in texts(plot_comparison({"bad": bad}))


def test_comparison_without_an_r_says_so():
    nothing = many(2).assign(pearson_r_log1p=np.nan, pearson_r=np.nan)
    assert "r undefined" in texts(plot_comparison({"none": nothing}))


def test_thousands_of_targets_are_ranked_not_named():
    figure = plot_metrics({"default": many(5_313)}, baseline=many(5_313))
    assert "k-mer ridge" in texts(figure)
    (axes,) = visible(figure)
    assert axes.get_xlabel() == "rank of the target"
    assert len(axes.get_yticklabels()) < 20


def test_scatter_has_a_panel_a_target_with_r_and_labels(run, tmp_path):
    dataset, predictions, metrics = run
    figure = plot_scatter(dataset, predictions, metrics)
    panels = [axes for axes in visible(figure) if axes.get_title("left")]
    assert len(panels) == len(metrics)
    best = metrics["pearson_r_log1p"].max()
    assert panels[0].texts[0].get_text() == f"r {best:.2f}"
    assert "observed coverage" in figure.get_supxlabel()
    assert "predicted coverage" in figure.get_supylabel()
    title = figure._suptitle.get_window_extent()
    assert title.x0 >= 0
    assert title.y0 > figure.legends[0].get_window_extent().y1
    write_figure(figure, tmp_path / "scatter.png")
    assert is_png(tmp_path / "scatter.png")


def test_scatter_without_known_coverage_says_so(run, tmp_path):
    dataset, predictions, metrics = run
    unknown = np.full(dataset.cells.shape[::-1], np.nan, dtype=np.float32)
    dataset = replace_coverage(dataset, tmp_path / "unknown.h5", unknown)
    assert "no bins with known coverage" in texts(plot_scatter(dataset, predictions, metrics))


def test_window_shows_both_pictures_in_the_agreed_colours(run, tmp_path):

    dataset, predictions, metrics = run
    shown = choose_ranked(metrics["pearson_r"].to_numpy(), 3)
    models = {"default": predictions}
    row = int(predictions.rows[1])
    figure = plot_window(dataset, models, row, targets=shown, title="Best window")
    above, below = visible(figure)[: len(shown)], visible(figure)[len(shown) :]
    assert len(above) == len(below) == len(shown)
    assert figure.get_suptitle() == "Best window: chr3:4,097-8,192"
    assert to_hex(above[0].patches[0].get_facecolor()) == OBSERVED.lower()
    assert [to_hex(patch.get_edgecolor()) for patch in below[0].patches][1] == PREDICTED.lower()
    assert not below[0].patches[1].get_fill()
    assert below[-1].get_xlabel() == "position on chr3 (kb)"
    assert figure.get_supylabel() == "reads"
    assert below[0].get_xlim() == (4.096, 8.192)
    write_figure(figure, tmp_path / "window.png")
    assert is_png(tmp_path / "window.png")


def test_window_without_a_place_lies_on_its_stand_in_contig(tmp_path):
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a"], bins=32, has_coordinates=False)
    model = write_fake_model(tmp_path / "model", dataset, rate)
    predictions = read_predictions(model.predictions, dataset)
    figure = plot_window(dataset, {"default": predictions}, int(predictions.rows[1]))
    assert visible(figure)[-1].get_xlabel().startswith("position on ")
    assert visible(figure)[-1].get_xlim() == (4.096, 8.192)
    assert "(stand-in contig)" in figure.get_suptitle()
    assert visible(plot_first_look(dataset))[-1].get_xlabel().startswith("position on ")


def test_window_overlays_models_with_their_spread_in_their_colours(tmp_path):
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a"], bins=32)
    models = {}
    for name, replicates in (("one", 1), ("two", 2), ("three", 1)):
        fake = write_fake_model(tmp_path / name, dataset, rate, replicates=replicates)
        models[name] = read_predictions(fake.predictions, dataset)
    row = int(models["one"].rows[0])
    figure = plot_window(dataset, models, row, overlaid=["two", "three"])
    observed, band, two, three = visible(figure)[-1].patches
    assert to_hex(two.get_edgecolor()) == style_of(1).colour.lower()
    assert to_hex(three.get_edgecolor()) == style_of(2).colour.lower()
    assert two.get_linestyle() != three.get_linestyle()
    predicted, spread = models["two"].read_window(0)[:, 0], models["two"].read_spread(0)[0]
    high, _, low = band.get_data()
    np.testing.assert_allclose(high, predicted + spread, rtol=1e-6)
    np.testing.assert_allclose(low, np.maximum(predicted - spread, 0), rtol=1e-6)
    assert not observed.get_fill() or observed.get_alpha() < 1
    assert {"two", "three", "two: spread of replicates (± 1 s.d.)"} <= set(
        texts(figure).splitlines()
    )


def test_window_is_drawn_in_the_units_of_the_track(tmp_path):
    targets = replace(Targets.from_names(["a"]), span=(BIN,))
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a"], bins=32, targets=targets)
    fake = write_fake_model(tmp_path / "model", dataset, rate)
    predictions = read_predictions(fake.predictions, dataset)
    row = int(predictions.rows[0])
    above, below = visible(plot_window(dataset, {"default": predictions}, row))
    np.testing.assert_allclose(
        above.patches[0].get_data().values, dataset.coverage_of(row)[:, 0] / BIN
    )
    np.testing.assert_allclose(
        below.patches[1].get_data().values, predictions.read_window(0)[:, 0] / BIN
    )
    first = visible(plot_first_look(dataset))[0].patches[0].get_data().values
    np.testing.assert_allclose(first, dataset.coverage_of(0)[:, 0] / BIN)


def test_one_wild_line_does_not_flatten_what_was_observed(tmp_path):
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a"], bins=32)
    fake = write_fake_model(tmp_path / "model", dataset, 1000 * rate)
    predictions = read_predictions(fake.predictions, dataset)
    row = int(predictions.rows[0])
    figure = plot_window(dataset, {"default": predictions}, row)
    assert visible(figure)[-1].get_ylim()[1] < 4 * dataset.coverage_of(row).max()
    assert "predicted up to" in texts(figure)


def test_first_look_shows_three_targets_at_most(run, tmp_path):
    dataset, _, _ = run
    figure = plot_first_look(dataset)
    assert len(visible(figure)) == min(3, len(dataset.targets))
    assert "chr1:1-4,096" in figure.get_suptitle()
    write_figure(figure, tmp_path / "first_look.png")
    assert is_png(tmp_path / "first_look.png")


def test_coverage_of_a_bad_source_is_drawn_all_the_same(tmp_path):
    coverage = np.array([[1, np.inf], [np.nan, np.nan], [2, np.inf]], dtype=np.float32)
    figure = plot_coverage(coverage, Targets.from_names(["half", "none"]), bin_size=128)
    assert "no coverage is known here" in texts(figure)
    assert visible(figure)[0].get_ylim()[1] == pytest.approx(2.16)
    write_figure(figure, tmp_path / "coverage.png")


@given(SCORES, st.integers(1, 15))
def test_ranked_places_are_distinct_in_order_and_hold_both_ends(scores, count):
    score = np.array(scores, dtype=float)
    places = choose_ranked(score, count)
    assert len(places) == len(set(places)) == min(count, len(score))
    known = [score[place] for place in places if np.isfinite(score[place])]
    assert known == sorted(known, reverse=True)
    if known:
        assert known[0] == np.nanmax(score)
    if count >= 3 and len(known) == len(places):
        assert known[-1] == np.nanmin(score) if known else True


def test_three_of_many_are_best_median_and_worst():
    assert choose_ranked(np.arange(101.0), 3) == [100, 50, 0]


@given(st.floats(1e-3, 1e6))
def test_ticks_rise_from_zero_and_stay_inside(top):
    ticks = choose_ticks(top)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 10 or top < 2
    assert np.all(np.diff(ticks) > 0)
    assert ticks[-1] <= top * 1.001


def test_r_is_undefined_where_a_side_is_constant():
    observed = np.array([[1, 1, 1, 1], [0, 1, np.nan, 2]])
    r = window_pearson_r(np.array([[0, 1, 2, 3], [0, 2, 9, 4.0]]), observed)
    assert r == pytest.approx([np.nan, 1], nan_ok=True)


def test_long_names_keep_both_ends_and_dollars_are_no_mathematics():
    short = format_label("DNASE:" + "x" * 80 + " (27 years)", 30)
    assert len(short) == 30
    assert short.startswith("DNASE:")
    assert short.endswith("(27 years)")
    assert format_label("cost $5 or $6", 40) == r"cost \$5 or \$6"
