from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_run import write_fake_baseline, write_fake_dataset, write_fake_model

from seqcast.data.predictions import Stitch
from seqcast.data.targets import Targets
from seqcast.report.clipping import compute_clipped, make_clip_warnings
from seqcast.report.comparison import find_reference, make_models_table
from seqcast.report.ranking import make_targets_table
from seqcast.report.results import ModelResults, Scores, read_results, read_scores
from seqcast.report.sentences import make_sentences
from seqcast.report.verdict import make_headline

NAMES = ["a", "b", "c"]


@pytest.fixture
def scored(tmp_path: Path):
    """Make a dataset, a model of two replicates, and its k-mer ridge and GC baselines."""
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", NAMES, bins=32)
    fake = write_fake_model(tmp_path / "model", dataset, rate, name="deep", replicates=2)
    model = read_results("deep", fake, dataset)
    baselines = [
        read_scores(name, write_fake_baseline(tmp_path / f"{name}.tsv", fake.metrics, by), dataset)
        for name, by in (("kmers", 0.8), ("gc", 0.3))
    ]
    return dataset, model, baselines


def set_r(scores: Scores, r: list[float], **more: float) -> None:
    scores.metrics["pearson_r_log1p"] = r
    for column, value in more.items():
        scores.metrics[column] = value


def say(dataset, models: list[ModelResults], baselines: list[Scores]) -> str:
    return "\n".join(make_sentences(models, baselines, dataset, []))


def test_wins_over_the_ridge_are_counted_and_losses_named(scored):
    dataset, model, (ridge, gc) = scored
    set_r(model, [0.7, 0.6, 0.3])
    set_r(ridge, [0.5, 0.5, 0.4])
    set_r(gc, [0.1, 0.1, 0.1])
    said = say(dataset, [model], [ridge, gc])
    assert (
        "Better than a ridge regression on k-mers on 2 of 3 targets; mean r 0.53 against 0.47."
        " Not better on: c." in said
    )
    assert "GC content" not in said
    assert "k-mers reaches 0.47" in make_headline(model, dataset, ridge)


def test_targets_that_were_not_learned_are_named(scored):
    dataset, model, baselines = scored
    assert "not learned" not in say(dataset, [model], baselines)
    flat = replace(model, training={"constant_targets": ("b", "c")})
    assert "Caution: not learned: b, c; nearly the same" in say(dataset, [flat], baselines)


def test_a_baseline_that_wins_is_the_headline_with_what_to_do(scored):
    dataset, model, (ridge, gc) = scored
    set_r(model, [0.4, 0.4, 0.4])
    set_r(ridge, [0.5, 0.5, 0.5])
    headline = make_headline(model, dataset, find_reference([ridge, gc]))
    assert headline.startswith("Not good enough yet: a ridge regression on k-mers")
    assert "0.50 against 0.40" in headline
    assert make_sentences([model], [ridge], dataset, [])[0].startswith("What to do:")


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([5, 4, 3, 2, 1], "still falling in epoch 5, the last"),
        ([1, 2, 3, 4, 5], "learns its windows by heart"),
        ([5, 2, 1, 2, 3], "more channels"),
        ([np.nan] * 5, "see Training"),
    ],
)
def test_advice_follows_the_validation_loss(scored, losses, said):
    dataset, model, (ridge, _) = scored
    set_r(ridge, [0.99, 0.99, 0.99])
    for name in model.histories:
        history = model.histories[name].iloc[:5].copy()
        model.histories[name] = history.assign(epoch=range(1, 6), valid_loss=losses)
    assert said in say(dataset, [model], [ridge])


def test_control_far_from_zero_is_a_caution(scored):
    dataset, model, _ = scored
    assert "near 0 as it should be" in say(dataset, [model], [])
    set_r(model, [0.7, 0.6, 0.3], control_pearson_r_log1p=0.4)
    assert "r is 0.40, which is not near 0" in say(dataset, [model], [])


def test_a_ceiling_from_replicates_says_what_it_bounds(scored):
    dataset, model, _ = scored
    set_r(model, [0.7, 0.6, 0.3], ceiling_from="replicates")
    assert "bound counting noise only" in say(dataset, [model], [])
    model.metrics["ceiling_pearson_r_log1p"] = [np.nan, 0.8, 0.7]
    assert "It is known for 2 of 3 targets: on these mean r is 0.45 of a possible 0.75." in say(
        dataset, [model], []
    )
    assert "possible" not in make_headline(model, dataset)
    table = make_models_table([model], [])
    shares = [column.head for column in table["columns"]].index("of ceiling")
    assert table["rows"][0]["cells"][shares]["text"] == "60\u00a0%"
    assert table["rows"][-1]["name"] == "ceiling (noise) of 2 targets"
    model.metrics["ceiling_pearson_r_log1p"] = np.nan
    assert "is not known here" in say(dataset, [model], [])


def test_a_lead_smaller_than_between_replicates_may_be_chance(scored):
    dataset, model, _ = scored
    second = replace(model, name="flat", metrics=model.metrics.copy(), replicates=())
    for member, r in zip(model.replicates, (0.60, 0.64), strict=True):
        set_r(member, [r] * 3)
    set_r(model, [0.65] * 3)
    set_r(second, [0.63] * 3)
    assert "the order may be chance" in say(dataset, [model, second], [])
    set_r(second, [0.55] * 3)
    assert "chance" not in say(dataset, [model, second], [])


def test_another_model_may_be_the_best_on_raw_coverage(scored):
    dataset, model, _ = scored
    second = replace(model, name="flat", metrics=model.metrics.assign(pearson_r=0.99))
    assert "there “flat” is the best with 0.99" in say(dataset, [model, second], [])


def test_models_table_holds_shares_intervals_and_the_mean_that_explains_nothing(scored):
    _, model, baselines = scored
    set_r(model, [0.4] * 3, ceiling_pearson_r_log1p=0.8, pearson_r_log1p_low=0.3)
    table = make_models_table([model], baselines)
    heads = [column.head for column in table["columns"]]
    first = dict(zip(heads, table["rows"][0]["cells"], strict=True))
    assert first["r log1p"]["text"] == "0.400"
    assert first["r log1p"]["note"].startswith("0.30 to ")
    assert first["of ceiling"]["text"] == "50\u00a0%"
    mean = dict(zip(heads, table["rows"][-2]["cells"], strict=True))
    assert mean["deviance explained"]["text"] == "0"
    assert table["rows"][-1]["cells"][0]["text"] == "0.800"


def test_columns_that_nothing_has_are_left_out(scored):
    _, model, baselines = scored
    model.metrics["peak_auprc"] = np.nan
    for scores in baselines:
        scores.metrics["peak_auprc"] = np.nan
    heads = [column.head for column in make_models_table([model], baselines)["columns"]]
    assert "AUPRC" not in heads


def test_targets_table_marks_the_highest_but_the_ceiling(scored):
    dataset, model, baselines = scored
    set_r(model, [0.7, np.nan, 0.3], ceiling_pearson_r_log1p=0.9)
    set_r(baselines[0], [0.5, 0.2, 0.4])
    table = make_targets_table([model], baselines, dataset.targets)
    assert [head.head for head in table["heads"]] == ["deep", "k-mer ridge", "ceiling"] * 2
    assert [group["span"] for group in table["groups"]] == [3, 3]
    rows = table["ranking"].rows
    best = {row.target: [cell.endswith("*") for cell in row.cells[:3]] for row in rows}
    assert best == {
        "a": [True, False, False],
        "c": [False, True, False],
        "b": [False, True, False],
    }


def test_one_model_alone_has_nothing_to_be_bold_about(scored):
    dataset, model, _ = scored
    rows = make_targets_table([model], [], dataset.targets)["ranking"].rows
    cells = [cell for row in rows for cell in row.cells]
    assert cells
    assert not any(cell.endswith("*") for cell in cells)


def test_clipped_bins_are_counted_in_the_units_of_training(tmp_path):
    targets = replace(
        Targets.from_names(NAMES, scale=[2.0, 1.0, 1.0]),
        clip=(8.0, None, 1e6),
        clip_soft=(4.0,) * 3,
    )
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", NAMES, bins=32, targets=targets)
    fake = write_fake_model(tmp_path / "model", dataset, rate)
    model = read_results("model", fake, dataset)
    bins = Stitch(model.predictions, dataset).bins
    share = compute_clipped(dataset, bins)
    unclipped = replace(targets, clip=(None,) * 3).to_training(dataset.read_bins(bins))
    assert share[0] == pytest.approx((unclipped[:, 0] > 8).mean())
    assert 0.01 < share[0] < 1
    assert np.isnan(share[1])
    assert share[2] == 0
    (warning,) = make_clip_warnings(dataset, share)
    assert warning.startswith(f"a: {100 * share[0]:.1f}")


def test_many_clipped_targets_are_counted_not_listed(tmp_path):
    names = [f"t{place}" for place in range(9)]
    targets = replace(Targets.from_names(names), clip=(1.0,) * 9)
    dataset, _ = write_fake_dataset(tmp_path / "d.h5", names, bins=32, targets=targets)
    lines = make_clip_warnings(dataset, np.linspace(0.005, 0.9, 9))
    assert len(lines) == 6
    assert lines[0].startswith("t8: 90.0")
    assert lines[-1] == "And 3 more targets are clipped as much."
