"""The network computes what the course's does, and sees as far as it says."""

import copy
import pickle

import numpy as np
import pytest
import torch
from bench.plain import log_poisson
from parity import find_parity, read_parity
from tiny import BIN, NETWORK, NETWORKS, TARGETS, WINDOW
from torch.nn import functional as F

from seqcast.data.targets import Targets
from seqcast.nn import Network, to_one_hot
from seqcast.nn.checkpoint import from_chainer
from seqcast.nn.gated import WeightNormConv1d
from seqcast.nn.kernels.conv import FastConv
from seqcast.nn.kernels.products import (
    Kernel,
    add_input_gradient,
    convolve,
    make_weight_gradient,
)
from seqcast.nn.kernels.sequence import convolve_sequence
from seqcast.nn.pooled import Conv
from seqcast.settings import PRESETS, NetworkSettings, read_network

COURSE = read_network(PRESETS["course"]["network"])
TEN = Targets.from_names([str(place) for place in range(10)])


def make_network(settings: NetworkSettings = NETWORK, crop: int = 0) -> Network:
    torch.manual_seed(1)
    return Network(settings, TARGETS, crop).eval()


def make_codes(windows: int, length: int = WINDOW) -> torch.Tensor:
    rng = np.random.default_rng(1)
    return torch.from_numpy(rng.integers(0, 5, (windows, length), dtype=np.uint8))


def test_forward_is_the_courses(device: torch.device) -> None:
    wanted = read_parity("forward.npz")
    network = from_chainer(find_parity("chainer_snapshot.npz")).to(device)
    with torch.inference_mode():
        log_rate = network(torch.from_numpy(wanted["codes"]).to(device))
        coverage = torch.from_numpy(wanted["target"].astype(np.float32)).to(device)
        loss = log_poisson(log_rate, coverage).item()
    np.testing.assert_allclose(log_rate.cpu().numpy(), wanted["log_rate"], rtol=0, atol=1e-5)
    assert loss == pytest.approx(float(wanted["loss"]), rel=1e-6)


def _our_name(chainer: str) -> str:
    """Turn `s_0/conv/W` into `trunk.downsample.0.conv.weight_v`."""
    block, *_, letter = chainer.split("/")
    if block == "l":
        return f"head.{ {'W': 'weight', 'b': 'bias'}[letter] }"
    kind, index = block.split("_")
    part = {"W": "weight_v", "g": "weight_g", "b": "bias"}[letter]
    return f"trunk.{ {'s': 'downsample', 'd': 'dilated'}[kind] }.{index}.conv.{part}"


@pytest.mark.usefixtures("double")
def test_training_is_the_courses() -> None:
    batch, wanted = read_parity("forward.npz"), read_parity("training.npz")
    network = from_chainer(find_parity("chainer_snapshot.npz"))
    codes = torch.from_numpy(batch["codes"])
    coverage = torch.from_numpy(batch["target"].astype(np.float64))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.97, 0.98), eps=1e-8)
    losses, norms = [], []
    for step in range(5):
        optimizer.zero_grad()
        loss = log_poisson(network(codes), coverage)
        loss.backward()
        if step == 0:
            compared = _check_gradients(network, wanted)
        norms.append(torch.nn.utils.clip_grad_norm_(network.parameters(), 0.01).item())
        optimizer.step()
        losses.append(loss.item())
    assert compared >= 3
    # Chainer adds Adam's epsilon elsewhere, so the paths part a little.
    np.testing.assert_allclose(losses, wanted["losses"], rtol=5e-4)
    assert norms[0] == pytest.approx(float(wanted["grad_norms"][0]), rel=1e-5)


def _check_gradients(network: Network, wanted: dict[str, np.ndarray]) -> int:
    parameters = dict(network.named_parameters())
    names = [key for key in wanted if key.startswith("grad0/")]
    for key in names:
        name = _our_name(key.removeprefix("grad0/").removeprefix("predictor/"))
        gradient = parameters[name].grad.numpy()
        distance = np.linalg.norm(gradient - wanted[key].reshape(gradient.shape))
        assert distance < 1e-5 * np.linalg.norm(wanted[key]), name
    return len(names)


def test_the_courses_network_has_as_many_parameters() -> None:
    assert Network(COURSE, TEN).parameter_count == 388_154


@pytest.fixture(params=sorted(NETWORKS))
def settings(request: pytest.FixtureRequest) -> NetworkSettings:
    return NETWORKS[request.param]


@pytest.mark.parametrize("bins", [1, 2, 7, 33])
def test_any_length_that_bins_divide(
    bins: int, settings: NetworkSettings, device: torch.device
) -> None:
    network = make_network(settings).to(device)
    log_rate = network(make_codes(2, bins * BIN).to(device))
    assert log_rate.shape == (2, bins, 3)
    assert log_rate.dtype == torch.float32


def test_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="windows of 250 bases do not divide into bins of 16"):
        make_network()(make_codes(1, 250))


@pytest.mark.parametrize(
    ("sequence", "found"),
    [
        (torch.zeros(2, 256), r"sequence is torch.float32 of shape \(2, 256\), wanted codes"),
        (torch.zeros(2, 256, dtype=torch.int64), "sequence is torch.int64 of shape"),
        (torch.zeros(2, 4, 256), r"of shape \(2, 4, 256\), .* or one-hot \(windows, bases, 4\)"),
        (torch.zeros(256, 4), r"of shape \(256, 4\)"),
    ],
    ids=["floats", "integers", "channels first", "no windows"],
)
def test_other_sequence_is_refused(sequence: torch.Tensor, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        make_network()(sequence)


def test_one_hot_sequence_may_be_of_any_type(settings: NetworkSettings) -> None:
    network, codes = make_network(settings), make_codes(2)
    for dtype in (torch.bool, torch.uint8, torch.float16, torch.float64):
        log_rate = network(to_one_hot(codes, dtype))
        assert log_rate.dtype == torch.float32
        torch.testing.assert_close(log_rate, network(codes))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (5, 4), (7, 2), (9, 1), (21, 2)])
def test_sequence_is_convolved_as_one_hot_and_n_is_nothing_at_all(
    kernel: int, stride: int, device: torch.device
) -> None:
    torch.manual_seed(1)
    weight, bias = torch.randn(6, 4, kernel).to(device), torch.randn(6).to(device)
    codes = make_codes(3, 64).to(device)
    one_hot = (codes[:, None] == torch.arange(4, device=device)[:, None]).double()
    weights = [weight.clone().requires_grad_(), weight.clone().requires_grad_()]
    biases = [bias.clone().requires_grad_(), bias.clone().requires_grad_()]
    ours = convolve_sequence(codes, weights[0], biases[0], stride)
    wanted = F.conv1d(one_hot, weights[1], biases[1], stride, kernel // 2).transpose(1, 2)
    torch.testing.assert_close(ours, wanted)
    gradient = torch.randn_like(ours)
    ours.backward(gradient)
    wanted.backward(gradient)
    torch.testing.assert_close(weights[0].grad, weights[1].grad)
    torch.testing.assert_close(biases[0].grad, biases[1].grad)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("length", [4, 12, 64])
@pytest.mark.parametrize(
    "kernel", [Kernel(1), Kernel(7, stride=4), Kernel(3, stride=4), Kernel(5, 2), Kernel(5, 1, 3)]
)
def test_products_are_convolutions(kernel: Kernel, length: int, device: torch.device) -> None:
    torch.manual_seed(1)
    x = torch.randn(3, length, 5, device=device).requires_grad_()
    weight = torch.randn(6, 5, kernel.width, device=device).requires_grad_()
    bias = torch.randn(6, device=device)
    padding = kernel.dilation * (kernel.width // 2)
    wanted = F.conv1d(x.mT, weight, bias, kernel.stride, padding, kernel.dilation).mT
    arranged = weight.detach().permute(2, 1, 0).flatten(0, 1)
    torch.testing.assert_close(convolve(x.detach(), arranged, bias, kernel), wanted)
    gradient = torch.randn(wanted.shape, device=device)
    wanted.backward(gradient)
    dweight = make_weight_gradient(x.detach(), gradient, kernel)
    torch.testing.assert_close(dweight, weight.grad.permute(2, 1, 0).flatten(0, 1))
    dx = torch.full_like(x.detach(), torch.nan)
    add_input_gradient(dx, gradient, arranged, kernel, is_new=True)
    torch.testing.assert_close(dx, x.grad)
    add_input_gradient(dx, gradient, arranged, kernel)
    torch.testing.assert_close(dx, 2 * x.grad)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("length", [4, 12, 64])
@pytest.mark.parametrize(("width", "dilation"), [(1, 1), (3, 1), (5, 1), (3, 4), (5, 3)])
def test_convolutions_of_pooled_blocks_have_torchs_gradients(
    width: int, dilation: int, length: int, device: torch.device
) -> None:
    torch.manual_seed(1)
    ours = FastConv(5, 6, width, dilation).to(device)
    wanted = Conv(5, 6, width, dilation).to(device)
    wanted.load_state_dict(ours.state_dict())
    h = torch.randn(3, 5, 1, length, device=device)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        found = []
        for conv in (ours, wanted):
            given = h.clone(memory_format=memory_format).requires_grad_()
            conv.zero_grad()
            out = conv(given)
            out.backward(torch.arange(out.numel(), device=device).view_as(out).double().sin())
            found.append((out, given.grad, conv.weight.grad))
        for mine, theirs in zip(*found, strict=True):
            torch.testing.assert_close(mine, theirs)


@pytest.mark.usefixtures("double")
def test_crop_leaves_out_bins_and_changes_none(settings: NetworkSettings) -> None:
    codes = make_codes(2)
    whole, cropped = make_network(settings), make_network(settings, crop=3)
    torch.testing.assert_close(cropped(codes), whole(codes)[:, 3:-3])


def test_a_network_can_be_copied_and_pickled(settings: NetworkSettings) -> None:
    network, codes = make_network(settings), make_codes(2)
    predicted = network(codes)
    # What was computed of the targets stays with them.
    network.targets.from_training(predicted.detach().exp().numpy())
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(other(codes), predicted)


@pytest.mark.usefixtures("double")
def test_windows_do_not_see_each_other(settings: NetworkSettings, device: torch.device) -> None:
    network, codes = make_network(settings).to(device), make_codes(5).to(device)
    together = network(codes)
    alone = torch.cat([network(codes[row : row + 1]) for row in range(5)])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(("kind", "bases"), [("gated", 121), ("pooled", 136)])
def test_an_output_sees_the_receptive_field_and_no_more(kind: str, bases: int) -> None:
    # Wide kernels leave no base between two positions unseen.
    settings = read_network(
        {"kind": kind, "downsample": [[6, 9, 4], [8, 5, 4]], "dilated": [[4, 3, 1], [4, 3, 2]]}
    )
    network = make_network(settings).double()
    length, bin_ = 512, 16
    codes = make_codes(1, length) % 4
    changed = codes.repeat(length + 1, 1)
    place = torch.arange(length)
    changed[place, place] = (changed[place, place] + 1) % 4
    with torch.inference_mode():
        output = network(changed)[:, bin_]
    seen = torch.nonzero((output[:-1] - output[-1]).abs().amax(dim=1) > 1e-13).flatten()
    assert settings.receptive_field == bases
    if kind == "gated":
        assert len(seen) == bases
    # Of what a maximum is taken over, one base is seen and the others may not be.
    assert 0.8 * bases < seen[-1] - seen[0] + 1 <= bases
    assert seen[0] < bin_ * BIN < seen[-1]


def test_weights_are_lengths_times_directions() -> None:
    torch.manual_seed(1)
    conv = WeightNormConv1d(4, 16, 5)
    torch.testing.assert_close(conv.weight, conv.weight_v)
    with torch.no_grad():
        conv.weight_v *= 3
        conv.weight_g[:] = torch.arange(16) + 1.0
    torch.testing.assert_close(conv.weight.flatten(1).norm(dim=1), torch.arange(16) + 1.0)


def test_dropout_is_for_training_alone(settings: NetworkSettings) -> None:
    network, codes = make_network(settings), make_codes(1)
    assert torch.equal(network(codes), network(codes))
    network.train()
    one, other = (torch.tensor([noise], dtype=torch.int32) for noise in (1, 2))
    assert not torch.equal(network(codes, one), network(codes, other))
    assert torch.equal(network.eval()(codes, one), network(codes))


def test_pooled_features_are_channels_last() -> None:
    """The layout is what makes it fast, and nothing else would show that it was lost."""
    network = make_network(NETWORKS["pooled"])
    seen = []
    network.trunk.dilated[0].register_forward_hook(lambda *given: seen.append(given[2]))
    network(make_codes(2))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
