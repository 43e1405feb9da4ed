from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import fake_history, write_fake_dataset, write_fake_model
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from seqcast.figures import (
    find_ranked,
    plot_coverage,
    plot_first_look,
    plot_learning_curves,
    plot_metrics,
    plot_scatter,
    plot_window,
    write_figure,
)
from seqcast.figures.scatter import find_ticks
from seqcast.figures.style import OBSERVED, PREDICTED, format_label
from seqcast.figures.windows import find_r
from seqcast.predictions import read_predictions
from seqcast.targets import Targets

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
        write_figure(plot_learning_curves({"default": fake_history(2)}), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in paths[0].parent.iterdir()) == [f"0.{suffix}", f"1.{suffix}"]


def test_failed_figure_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="not supported"):
        write_figure(Figure(), tmp_path / "figure.nonsense")
    assert list(tmp_path.iterdir()) == []


def test_learning_curves_name_axes_and_best_epoch():
    history = fake_history(3)
    history.loc[history["epoch"] == 2, "valid_loss"] = 0.5
    figure = plot_learning_curves({"default": history})
    (axes,) = visible(figure)
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "Poisson loss (nats per bin)"
    assert "best: 0.500, epoch 2" in texts(figure)


def test_first_steps_do_not_flatten_the_rest():
    history = fake_history(20)
    history.loc[0, "train_loss"] = 1_000.0
    figure = plot_learning_curves({"default": history})
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
    figure = plot_learning_curves({"default": history})
    assert said in texts(figure)
    write_figure(figure, tmp_path / "curves.png")
    assert is_png(tmp_path / "curves.png")


def test_many_models_have_a_panel_each():
    figure = plot_learning_curves({f"model{place}": fake_history(1) for place in range(4)})
    assert [axes.get_title("left") for axes in visible(figure)] == [
        f"model{place}" for place in range(4)
    ]


def test_metrics_figure_shows_targets_ceiling_and_undefined(run, tmp_path):
    _, _, metrics = run
    figure = plot_metrics({"default": metrics})
    said = texts(figure)
    assert all(f"H3K{place}" in said for place in range(len(metrics)))
    assert ("ceiling" in said) == metrics["ceiling_pearson_r"].notna().any()
    assert ("r undefined" in said) == metrics["pearson_r"].isna().any()
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in visible(figure))
    write_figure(figure, tmp_path / "metrics.png")
    assert is_png(tmp_path / "metrics.png")


def many(count: int) -> pd.DataFrame:
    r = np.linspace(-0.25, 0.9, count)
    names = [f"target {place}" for place in range(count)]
    return pd.DataFrame({"target": names, "pearson_r": r, "ceiling_pearson_r": np.nan})


def test_metrics_figure_has_room_for_74_targets_and_two_models():
    figure = plot_metrics({"narrow": many(74), "wide": many(74)})
    names = [label.get_text() for axes in visible(figure) for label in axes.get_yticklabels()]
    assert names == [f"target {place}" for place in reversed(range(74))]
    assert "model narrow" in texts(figure)
    assert "model wide" in texts(figure)
    assert visible(figure)[0].get_xlim() == (pytest.approx(-0.3), 1.0)


def test_thousands_of_targets_are_ranked_not_named():
    figure = plot_metrics({"default": many(5_313)})
    (axes,) = visible(figure)
    assert axes.get_xlabel() == "rank of the target"
    assert len(axes.get_yticklabels()) < 20


def test_scatter_has_a_panel_a_target_with_r_and_labels(run, tmp_path):
    dataset, predictions, metrics = run
    figure = plot_scatter(dataset, predictions, metrics)
    panels = [axes for axes in visible(figure) if axes.get_title("left")]
    assert len(panels) == len(metrics)
    best = metrics["pearson_r"].max()
    assert panels[0].texts[0].get_text() == f"r {best:.2f}"
    assert "observed coverage" in figure.get_supxlabel()
    assert "predicted coverage" in figure.get_supylabel()
    title = figure._suptitle.get_window_extent()
    assert title.x0 >= 0
    assert title.y0 > figure.legends[0].get_window_extent().y1
    write_figure(figure, tmp_path / "scatter.png")
    assert is_png(tmp_path / "scatter.png")


def test_scatter_without_known_coverage_says_so(run):
    dataset, predictions, metrics = run
    unknown = np.full(dataset.coverage.shape, np.nan, dtype=np.float32)
    assert "no bins with known coverage" in texts(
        plot_scatter(replace(dataset, coverage=unknown), predictions, metrics)
    )


def test_window_shows_both_pictures_in_the_agreed_colours(run, tmp_path):

    dataset, predictions, metrics = run
    shown = find_ranked(metrics["pearson_r"].to_numpy(), 3)
    figure = plot_window(dataset, predictions, 1, targets=shown, title="Best window")
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
    figure = plot_window(dataset, read_predictions(model.predictions, dataset), 1)
    assert visible(figure)[-1].get_xlabel().startswith("position on ")
    assert visible(figure)[-1].get_xlim() == (4.096, 8.192)
    assert "(stand-in contig)" in figure.get_suptitle()
    assert visible(plot_first_look(dataset))[-1].get_xlabel().startswith("position on ")


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
    places = find_ranked(score, count)
    assert len(places) == len(set(places)) == min(count, len(score))
    known = [score[place] for place in places if np.isfinite(score[place])]
    assert known == sorted(known, reverse=True)
    if known:
        assert known[0] == np.nanmax(score)
    if count >= 3 and len(known) == len(places):
        assert known[-1] == np.nanmin(score) if known else True


def test_three_of_many_are_best_median_and_worst():
    assert find_ranked(np.arange(101.0), 3) == [100, 50, 0]


@given(st.floats(1e-3, 1e6))
def test_ticks_rise_from_zero_and_stay_inside(top):
    ticks = find_ticks(top)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 10 or top < 2
    assert np.all(np.diff(ticks) > 0)
    assert ticks[-1] <= top * 1.001


def test_r_is_undefined_where_a_side_is_constant():
    assert np.isnan(find_r(np.ones(4), np.arange(4.0)))
    assert find_r(np.array([0, 1, np.nan, 2]), np.array([0, 2, 9, 4.0])) == pytest.approx(1)


def test_long_names_keep_both_ends_and_dollars_are_no_mathematics():
    short = format_label("DNASE:" + "x" * 80 + " (27 years)", 30)
    assert len(short) == 30
    assert short.startswith("DNASE:")
    assert short.endswith("(27 years)")
    assert format_label("cost $5 or $6", 40) == r"cost \$5 or \$6"
