"""What rules hand to their scripts."""

from types import SimpleNamespace

import pytest

from seqcast.settings import TrainSettings, read_params, tracked, untracked
from seqcast.settings.steps import PredictSettings


def test_a_section_comes_back_from_its_params() -> None:
    training = TrainSettings(epochs=3, device="cpu", micro_batch=2)
    params = tracked(training), untracked(training)
    assert read_params(TrainSettings, *params) == training
    assert params[0].keys().isdisjoint(vars(params[1]))
    assert {*params[0], *vars(params[1])} == TrainSettings.model_fields.keys()


def test_what_a_rule_does_not_hand_on_is_not_there() -> None:
    settings = PredictSettings(regions="regions.bed", split="valid")
    found = read_params(PredictSettings, tracked(settings, "split", "windows"))
    assert found.split == "valid"
    assert found.windows is None
    # Not None, as the default is.
    with pytest.raises(AttributeError, match="regions"):
        _ = found.regions


def test_other_values_go_beside() -> None:
    beside = untracked(PredictSettings(batch_size=3), device="cpu")
    assert beside == SimpleNamespace(batch_size=3, device="cpu")
    assert read_params(PredictSettings, {"split": "train"}, beside).batch_size == 3
