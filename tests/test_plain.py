"""Kernels compute what the plain modules compute that they replace."""

import copy

import pytest
import torch
from bench.plain import log_poisson, make_optimizer, train_step
from tiny import NETWORKS
from torch import Tensor

from seqcast.data.targets import Targets
from seqcast.nn import Network, to_one_hot
from seqcast.nn.dropout import draw_masks
from seqcast.nn.gated import GatedBlock
from seqcast.nn.kernels import REPLACEMENTS
from seqcast.nn.kernels.gated import convolve_gated
from seqcast.settings import PRESETS, DilatedBlock, read_network

TEN = Targets.from_names([str(place) for place in range(10)])
LENGTH = 2_560


@pytest.fixture(autouse=True)
def _all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    # On GPUs torch rounds what convolutions multiply to 10 bits, unless it is told not to.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


@pytest.fixture(params=sorted(PRESETS))
def preset(request: pytest.FixtureRequest) -> str:
    return request.param


def make_pair(preset: str, device: torch.device | str = "cpu") -> tuple[Network, Network]:
    """Make a network and its plain twin, of biases that are not zero; they drop nothing."""
    torch.manual_seed(1)
    network = Network(read_network(PRESETS[preset]["network"]), TEN)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    network = network.to(device)
    return network, copy.deepcopy(network).plain()


def make_batch(windows: int = 2, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    codes = torch.randint(0, 5, (windows, LENGTH), dtype=torch.uint8)
    coverage = torch.poisson(torch.full((windows, LENGTH // 128, 10), 2.0))
    return codes.to(device), coverage.to(device)


def make_noise(windows: int, device: torch.device | str = "cpu") -> Tensor:
    return torch.arange(windows, dtype=torch.int32, device=device)


def find_distance(network: Network, plain: Network) -> float:
    """Return the largest distance of two gradients, as a share of their size."""
    ours = dict(network.named_parameters())
    return max(
        float((ours[name].grad - each.grad).norm() / each.grad.norm())
        for name, each in plain.named_parameters()
    )


def kinds_of(network: Network) -> set[type]:
    return {type(module) for module in network.modules()}


def test_a_plain_network_has_no_kernels(preset: str) -> None:
    network, plain = make_pair(preset)
    assert kinds_of(network) & set(REPLACEMENTS.values())
    assert not kinds_of(plain) & set(REPLACEMENTS.values())
    assert kinds_of(plain.plain(False)) == kinds_of(network)
    assert [*network.state_dict()] == [*plain.state_dict()]


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_outputs_are_the_plain_networks(preset: str, mode: str, device: torch.device) -> None:
    network, plain = make_pair(preset, device)
    codes, _ = make_batch(device=device)
    noise = make_noise(2, device)
    for each in (network, plain):
        each.train(mode == "train")
    with torch.inference_mode():
        wanted = plain(codes, noise)
        torch.testing.assert_close(network(codes, noise), wanted, rtol=0, atol=2e-5)
        one_hot = to_one_hot(codes)
        torch.testing.assert_close(network(one_hot, noise), wanted, rtol=0, atol=2e-5)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_are_the_plain_networks(preset: str, mode: str, device: torch.device) -> None:
    network, plain = make_pair(preset, device)
    codes, coverage = make_batch(device=device)
    noise = make_noise(2, device)
    for each in (network, plain):
        log_poisson(each.train(mode == "train")(codes, noise), coverage.double()).backward()
    assert find_distance(network, plain) < 1e-10


def test_gradients_in_float32_point_there(preset: str, device: torch.device) -> None:
    network, plain = make_pair(preset, device)
    codes, coverage = make_batch(device=device)
    for each in (network, plain):
        log_poisson(each(codes, make_noise(2, device)), coverage).backward()
    assert find_distance(network, plain) < 2e-4


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_ten_steps_are_the_plain_networks(kind: str) -> None:
    torch.manual_seed(1)
    network = Network(NETWORKS[kind], TEN)
    plain = copy.deepcopy(network).plain()
    ours, theirs = make_optimizer(network), make_optimizer(plain)
    codes, noise = make_batch()[0], make_noise(2)
    one_hot = to_one_hot(codes, torch.double)
    coverage = torch.poisson(torch.full((2, LENGTH // 16, 10), 2.0))
    for _ in range(10):
        wanted = train_step(plain, theirs, one_hot, coverage, noise)
        ours.zero_grad()
        loss = log_poisson(network(codes, noise), coverage)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.01)
        ours.step()
        assert loss.item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("reads", ["features", "sequence"])
def test_closed_gates_are_dropout(reads: str, device: torch.device) -> None:
    """Output and gradients are those of a mask that multiplies what is kept by 1 / (1 - share)."""
    torch.manual_seed(1)
    channels = 4 if reads == "sequence" else 6
    block = GatedBlock(channels, DilatedBlock(out=5, kernel=3, dilation=1, dropout=0.3), 2)
    block = block.to(device)
    codes = make_batch(3, device)[0]
    x = codes if reads == "sequence" else torch.randn(3, 64, 6, device=device)
    parameters = tuple(block.parameters())
    (dropped,) = draw_masks(make_noise(3, device), [(block.dropout, 5, x.shape[1])])
    ours = convolve_gated(block, x, dropped)
    plain = to_one_hot(codes) if reads == "sequence" else x
    wanted = block(plain.mT, dropped).mT
    torch.testing.assert_close(ours, wanted)
    upstream = torch.randn(ours.shape, device=device)
    gradients = torch.autograd.grad(ours, parameters, upstream)
    expected = torch.autograd.grad(wanted, parameters, upstream)
    for mine, theirs in zip(gradients, expected, strict=True):
        assert (mine - theirs).norm() < 1e-5 * theirs.norm()


def test_bfloat16_points_where_float32_does(device: torch.device) -> None:
    network, plain = make_pair("course", device)
    codes, coverage = make_batch(1, device)
    with torch.autocast(device.type, torch.bfloat16):
        log_rate = network(codes)
        log_poisson(log_rate, coverage).backward()
    wanted = plain(codes)
    log_poisson(wanted, coverage).backward()
    assert log_rate.dtype == torch.float32
    assert 0 < (log_rate - wanted).norm() < 0.02 * wanted.norm()
    assert find_distance(network, plain) < 0.1


def test_no_windows_have_no_gradient(preset: str, device: torch.device) -> None:
    network, _ = make_pair(preset, device)
    if network.settings.normalises_over_batch:
        network.eval()  # normalisation wants windows, unless several processes share it
    codes = torch.empty(0, LENGTH, dtype=torch.uint8, device=device)
    log_rate = network(codes, make_noise(0, device))
    assert log_rate.shape == (0, LENGTH // 128, 10)
    log_rate.sum().backward()
    assert all(not parameter.grad.any() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_the_network_compiles_into_one_graph() -> None:
    network, _ = make_pair("course")
    codes, coverage = make_batch()
    noise = make_noise(2)
    # The compiler's front, which is what could refuse; its code would take minutes to build.
    compiled = torch.compile(network.train(), backend="aot_eager", fullgraph=True)
    gradients = []
    for each in (network, compiled):
        network.zero_grad()
        log_poisson(each(codes, noise), coverage).backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind", sorted(NETWORKS))
@pytest.mark.parametrize("is_plain", [False, True])
def test_gradients_of_one_hot_sequence_are_finite_differences(kind: str, is_plain: bool) -> None:
    torch.manual_seed(1)
    network = Network(NETWORKS[kind], Targets.from_names(["a", "b"])).eval().plain(is_plain)
    codes = torch.randint(0, 5, (2, 64), dtype=torch.uint8)
    one_hot = to_one_hot(codes, torch.double)
    # Off the corners: a maximum of equal values has no derivative.
    one_hot = (one_hot + 0.01 * torch.randn_like(one_hot)).requires_grad_()
    assert torch.autograd.gradcheck(network, (one_hot,), fast_mode=True)
    assert torch.autograd.gradgradcheck(network, (one_hot,), fast_mode=True)


@pytest.mark.parametrize("given", ["codes", "one-hot"])
def test_hooks_see_each_module_once(preset: str, given: str) -> None:
    """What explains a network by its modules must not miss any: no convolution, gate or pool."""
    network, plain = make_pair(preset)
    codes, _ = make_batch(1)
    explained = plain if given == "codes" else network
    names = [name for name, module in explained.named_modules() if not [*module.children()]]
    seen: list[str] = []
    for name in names:
        hook = lambda *_, name=name: seen.append(name)  # noqa: E731
        explained.get_submodule(name).register_forward_hook(hook)
    explained.eval()(codes if given == "codes" else to_one_hot(codes))
    assert sorted(seen) == sorted(names)
