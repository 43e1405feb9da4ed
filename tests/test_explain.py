"""Contributions keep their laws, for both kinds of networks, at contig ends and over N."""

import numpy as np
import pytest
import torch
from tiny import NETWORKS, TARGETS, WINDOW
from torch import nn

from seqcast.data.targets import Targets
from seqcast.explain.attribution import (
    explain_by_deeplift,
    explain_by_gradient,
    explain_by_ism,
    make_references,
)
from seqcast.explain.objective import Objective
from seqcast.explain.rules import RULES
from seqcast.genome.codes import reverse_complement
from seqcast.nn import Network, to_one_hot
from seqcast.predict.kept import Kept
from seqcast.predict.predictor import Predictor
from seqcast.settings import PRESETS, NetworkSettings, read_network

TEN = Targets.from_names([str(place) for place in range(10)])


def make_network(
    settings: NetworkSettings, targets: Targets = TARGETS, *, crop: int = 0, length: int = WINDOW
) -> Network:
    """Make a network with statistics as after some training, whose predictions differ."""
    torch.manual_seed(1)
    network = Network(settings, targets, crop)
    with torch.no_grad():
        for _ in range(40):
            network.train()(torch.randint(0, 4, (4, length), dtype=torch.uint8))
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    nn.init.normal_(network.head.weight, std=0.5)
    return network.eval()


@pytest.fixture(params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> Network:
    return make_network(NETWORKS[request.param], crop=2)


@pytest.fixture(params=sorted(PRESETS))
def preset(request: pytest.FixtureRequest) -> Network:
    return make_network(read_network(PRESETS[request.param]["network"]), TEN, length=2560)


def make_codes(length: int = WINDOW, seed: int = 2) -> np.ndarray:
    """Make a window with some N, as a contig's end has them, and some within."""
    codes = np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)
    codes[:20] = codes[100:105] = 4
    return codes


def make_objective(network: Network, both_strands: bool = True) -> Objective:
    middle = WINDOW // network.settings.bin_size // 2
    return Objective(network, [middle - 1, middle, middle + 1], [1], both_strands)


@torch.no_grad()
def explain(objective: Objective, codes: np.ndarray) -> np.ndarray:
    return objective(to_one_hot(torch.from_numpy(np.atleast_2d(codes)))).numpy()


@pytest.mark.parametrize("start", [0, 1, 7, 1277, 2552])
def test_changed_bases_are_predicted_as_whole_windows(preset: Network, start: int) -> None:
    codes = torch.from_numpy(make_codes(2560))
    changed = codes.repeat(6, 1)
    changed[:, start : start + 8] = torch.randint(0, 5, (6, 8), dtype=torch.uint8)
    kept = Kept(preset, to_one_hot(codes[None])[0])
    with torch.no_grad():
        wanted = preset(changed)
    assert (wanted - wanted[:1]).abs().max() > 1e-2
    for bins in (range(20), [9, 10, 11], [0], [19]):
        found = kept.predict(start, to_one_hot(changed[:, start : start + 8]), list(bins))
        torch.testing.assert_close(found, wanted[:, list(bins)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("both_strands", [False, True])
def test_a_kept_window_predicts_what_its_predictor_does(
    network: Network, both_strands: bool
) -> None:
    predictor, codes = Predictor(network, both_strands=both_strands), make_codes()
    changed = codes[None].repeat(3, axis=0)
    changed[1:, 97:102] = [[0, 1, 2, 3, 4], [3, 3, 3, 0, 0]]
    kept, wanted = predictor.keep(codes), predictor.predict(changed)
    found = kept.predict(97, changed[:, 97:102])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(kept.predict(0, codes[None, :1]), wanted[:1], rtol=1e-5, atol=1e-6)
    some = kept.predict(97, changed[:, 97:102], [2, 5])
    np.testing.assert_allclose(some, wanted[:, [2, 5]], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("both_strands", [False, True])
def test_each_changed_window_is_predicted_as_a_whole_one(
    network: Network,
    both_strands: bool,
    width: int,
) -> None:
    predictor, codes = Predictor(network, both_strands=both_strands), make_codes()
    kept = predictor.keep(codes)
    starts = [0, 1, 2, 3, 15, 16, 17, 97, 128, WINDOW - width - 1, WINDOW - width]
    rng = np.random.default_rng(3)
    changed = rng.integers(0, 5, (len(starts), width)).astype(np.uint8)
    whole = codes[None].repeat(len(starts), axis=0)
    for row, start in enumerate(starts):
        whole[row, start : start + width] = changed[row]
    wanted = predictor.predict_strands(whole)
    found = kept.predict_each(starts, changed)
    assert found.shape == wanted.shape
    assert np.abs(wanted - kept.predict_strands()[:, None]).max() > 1e-2
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    coverage = predictor.targets.from_training(wanted.mean(0))
    np.testing.assert_allclose(coverage, predictor.predict(whole), rtol=1e-6)


def test_networks_of_both_presets_agree(preset: Network) -> None:
    predictor, codes = Predictor(preset, both_strands=True), make_codes(2560)
    starts = [0, 7, 130, 1277, 2559]
    changed = np.array([0, 1, 2, 3, 0], dtype=np.uint8)[:, None]
    whole = codes[None].repeat(5, axis=0)
    for row, start in enumerate(starts):
        whole[row, start] = changed[row, 0]
    found = predictor.keep(codes).predict_each(starts, changed)
    np.testing.assert_allclose(found, predictor.predict_strands(whole), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("both_strands", [False, True])
def test_ism_is_every_substitution(network: Network, both_strands: bool) -> None:
    codes, objective = make_codes(), make_objective(network, both_strands)
    found = explain_by_ism(objective, codes, slice(90, 170))
    changed = codes.repeat(4).reshape(WINDOW, 4).T[None].repeat(80, axis=0)
    for row in range(80):
        changed[row, np.arange(4), 90 + row] = np.arange(4)
    effects = explain(objective, changed.reshape(-1, WINDOW)).reshape(80, 4)
    wanted = effects - effects.mean(1, keepdims=True)
    wanted[10:15] = 0
    np.testing.assert_allclose(found.values, wanted, rtol=0, atol=1e-5)
    assert np.abs(wanted).max() > 1e-2
    assert found.explained == pytest.approx(float(explain(objective, codes)[0]), abs=1e-6)


def test_the_gradient_is_that_of_finite_differences(network: Network, double: None) -> None:
    network, codes = network.double(), make_codes()
    objective, step = make_objective(network), 1e-5
    found = explain_by_gradient(objective, codes, slice(110, 140)).values
    one_hot = to_one_hot(torch.from_numpy(codes[None]), torch.double)
    slopes = np.zeros((30, 4))
    for place, base in np.ndindex(30, 4):
        for sign in (1, -1):
            moved = one_hot.clone()
            moved[0, 110 + place, base] += sign * step
            with torch.no_grad():
                slopes[place, base] += sign * float(objective(moved)[0]) / (2 * step)
    np.testing.assert_allclose(found, slopes - slopes.mean(1, keepdims=True), rtol=1e-4, atol=1e-7)


def test_deeplift_shares_out_all_of_the_difference(network: Network) -> None:
    codes, objective = make_codes(), make_objective(network)
    references = make_references(codes, 3, (1, 7))
    found = explain_by_deeplift(objective, codes, slice(0, WINDOW), references)
    assert found.delta < 1e-4
    own = to_one_hot(torch.from_numpy(codes[None]))[0].numpy()
    wanted = explain(objective, codes)[0] - explain(objective, np.stack(references)).mean()
    assert abs(wanted) > 1e-3
    assert (found.values * own).sum() == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("module", [nn.GELU, nn.GLU])
def test_without_a_rule_the_delta_shows_it(
    module: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = {nn.GELU: "pooled", nn.GLU: "gated"}[module]
    monkeypatch.delitem(RULES, module)
    codes, objective = make_codes(), make_objective(make_network(NETWORKS[kind]))
    references = make_references(codes, 3, (1, 7))
    assert explain_by_deeplift(objective, codes, slice(0, WINDOW), references).delta > 1e-3


@pytest.mark.parametrize("method", ["gradient", "ism", "deeplift"])
def test_both_strands_say_the_same(network: Network, method: str) -> None:
    codes, places = make_codes(), slice(40, WINDOW - 40)
    references = make_references(codes, 2, (1,))
    found = []
    for turned in (False, True):
        here = reverse_complement(codes) if turned else codes
        target = TARGETS.strand_pair[1] if turned else 1
        middle = WINDOW // network.settings.bin_size // 2
        # An even number of bins has its middle between two.
        objective = Objective(network, [middle - 1, middle], [target], True)
        if method == "gradient":
            each = explain_by_gradient(objective, here, places)
        elif method == "ism":
            each = explain_by_ism(objective, here, places)
        else:
            others = [reverse_complement(each) if turned else each for each in references]
            each = explain_by_deeplift(objective, here, places, others)
        found.append(each.values[::-1, ::-1] if turned else each.values)
    np.testing.assert_allclose(*found, rtol=0, atol=2e-5)


def test_references_follow_from_their_key() -> None:
    codes = make_codes()
    one, other = (make_references(codes, 2, key) for key in ((1, 7), (1, 8)))
    assert np.array_equal(one, make_references(codes, 2, (1, 7)))
    assert not np.array_equal(one[0], one[1])
    assert not np.array_equal(one, other)


@pytest.mark.slow
def test_attributions_are_tangermemes(preset: Network) -> None:
    from tangermeme.deep_lift_shap import _nonlinear, deep_lift_shap
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    from seqcast.explain.objective import Exp, Log

    codes = np.random.default_rng(2).integers(0, 4, 2560).astype(np.uint8)
    objective = Objective(preset, [9, 10, 11], [3], True)

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.objective = objective

        def forward(self, one_hot_BCL: torch.Tensor) -> torch.Tensor:
            return self.objective(one_hot_BCL.mT)[:, None]

    one_hot = to_one_hot(torch.from_numpy(codes[None])).mT
    references = make_references(codes, 3, (1,))
    ours = explain_by_deeplift(objective, codes, slice(0, 2560), references)
    theirs = deep_lift_shap(
        Turned(),
        one_hot,
        references=to_one_hot(torch.from_numpy(np.stack(references))).mT[None],
        additional_nonlinear_ops={Exp: _nonlinear, Log: _nonlinear},
        hypothetical=True,
        warning_threshold=1e-4,
        device="cpu",
    )
    np.testing.assert_allclose(ours.values, theirs[0].mT.numpy(), rtol=0, atol=1e-4)
    places = slice(1200, 1240)
    theirs = saturation_mutagenesis(
        Turned(), one_hot, start=1200, end=1240, hypothetical=True, device="cpu"
    )
    ours = explain_by_ism(objective, codes, places)
    np.testing.assert_allclose(ours.values, theirs[0].mT.numpy(), rtol=0, atol=1e-4)
