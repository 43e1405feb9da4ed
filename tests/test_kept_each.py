"""Many windows, each with bases of its own changed, are predicted as the whole windows are."""

import numpy as np
import pytest
from test_explain import WINDOW, make_codes, network, preset  # noqa: F401

from seqcast.nn import Network
from seqcast.predictor import Predictor


@pytest.mark.parametrize("width", [1, 4, 16])
@pytest.mark.parametrize("both_strands", [False, True])
def test_each_changed_window_is_predicted_as_a_whole_one(
    network: Network,
    both_strands: bool,
    width: int,  # noqa: F811
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


def test_networks_of_both_presets_agree(preset: Network) -> None:  # noqa: F811
    predictor, codes = Predictor(preset, both_strands=True), make_codes(2560)
    starts = [0, 7, 130, 1277, 2559]
    changed = np.array([0, 1, 2, 3, 0], dtype=np.uint8)[:, None]
    whole = codes[None].repeat(5, axis=0)
    for row, start in enumerate(starts):
        whole[row, start] = changed[row, 0]
    found = predictor.keep(codes).predict_each(starts, changed)
    np.testing.assert_allclose(found, predictor.predict_strands(whole), rtol=1e-5, atol=1e-6)
