"""The fast path computes what a plain port of the chapter's network computes."""

import pytest
import torch
from bench.plain import PlainNetwork, log_poisson, make_one_hot, make_optimizer, train_step
from torch import Tensor

from seqcast.loss import poisson_loss
from seqcast.nn import Network
from seqcast.nn.dropout import draw_masks
from seqcast.nn.gated import GatedConv
from seqcast.settings import PRESETS, ModelSettings
from seqcast.settings.model import DilatedBlock
from seqcast.targets import Targets

COURSE = ModelSettings.model_validate(PRESETS["course"]["model"])
TEN = Targets.from_names([str(place) for place in range(10)])
LENGTH = 12_800


@pytest.fixture(autouse=True)
def _all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    # On GPUs torch rounds what convolutions multiply to 10 bits, unless it is told not to.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def make_pair(device: torch.device | str = "cpu") -> tuple[Network, PlainNetwork]:
    """Make both networks, with the same weights and biases that are not zero."""
    torch.manual_seed(1)
    network, plain = Network(COURSE, TEN), PlainNetwork(COURSE, len(TEN))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    plain.load_state_dict(network.state_dict())
    return network.to(device), plain.to(device).eval()  # nothing is dropped


def make_batch(windows: int = 2, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    codes = torch.randint(0, 5, (windows, LENGTH), dtype=torch.uint8)
    coverage = torch.poisson(torch.full((windows, LENGTH // COURSE.bin_size, 10), 2.0))
    return codes.to(device), coverage.to(device)


def find_distance(network: Network, plain: PlainNetwork) -> float:
    """Return the largest distance of two gradients, as a share of their size."""
    ours = dict(network.named_parameters())
    return max(
        float((ours[name].grad - each.grad).norm() / each.grad.norm())
        for name, each in plain.named_parameters()
    )


def test_outputs_are_the_plain_networks(device: torch.device) -> None:
    network, plain = make_pair(device)
    codes, _ = make_batch(device=device)
    with torch.inference_mode():
        ours, wanted = network(codes), plain(make_one_hot(codes))
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)


def test_gradients_are_the_plain_networks(device: torch.device) -> None:
    network, plain = make_pair(device)
    codes, coverage = make_batch(device=device)
    poisson_loss(network(codes), coverage).backward()
    log_poisson(plain(make_one_hot(codes)), coverage).backward()
    assert find_distance(network, plain) < 2e-5


@pytest.mark.usefixtures("double")
def test_ten_steps_are_the_plain_networks() -> None:
    network, plain = make_pair()
    ours, theirs = make_optimizer(network), make_optimizer(plain)
    for _ in range(10):
        codes, coverage = make_batch()
        wanted = train_step(plain, theirs, make_one_hot(codes), coverage)
        ours.zero_grad()
        loss = poisson_loss(network.train()(codes), coverage)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.01)
        ours.step()
        assert loss.item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("reads", ["features", "sequence"])
def test_closed_gates_are_dropout(reads: str, device: torch.device) -> None:
    """Output and gradients are those of a mask that multiplies what is kept by 1 / (1 - share)."""
    torch.manual_seed(1)
    channels = 4 if reads == "sequence" else 6
    block = GatedConv(channels, DilatedBlock(out=5, kernel=3, dilation=1, dropout=0.3), 2)
    block = block.to(device)
    codes, noise = make_batch(3, device)[0], torch.arange(3, dtype=torch.int32, device=device)
    x = codes if reads == "sequence" else torch.randn(3, 64, 6, device=device)
    parameters = tuple(block.parameters())
    (dropped,) = draw_masks(noise, [(block.dropout, 5, x.shape[1])])
    ours, wanted = block(x, dropped), block(x, None) * ~dropped.transpose(1, 2) / 0.7
    torch.testing.assert_close(ours, wanted)
    upstream = torch.randn(ours.shape, device=device)
    gradients = torch.autograd.grad(ours, parameters, upstream)
    expected = torch.autograd.grad(wanted, parameters, upstream)
    for mine, plain in zip(gradients, expected, strict=True):
        assert (mine - plain).norm() < 1e-5 * plain.norm()


def test_bfloat16_points_where_float32_does(device: torch.device) -> None:
    network, plain = make_pair(device)
    codes, coverage = make_batch(1, device)
    with torch.autocast(device.type, torch.bfloat16):
        log_rate = network(codes)
        poisson_loss(log_rate, coverage).backward()
    wanted = plain(make_one_hot(codes))
    log_poisson(wanted, coverage).backward()
    assert log_rate.dtype == torch.float32
    assert 0 < (log_rate - wanted).norm() < 0.02 * wanted.norm()
    assert find_distance(network, plain) < 0.1


@pytest.mark.parametrize("preset", ["course", "default"])
def test_no_windows_have_no_gradient(preset: str, device: torch.device) -> None:
    settings = ModelSettings.model_validate(PRESETS[preset]["model"])
    network = Network(settings, TEN).to(device)
    if preset == "default":
        network.eval()  # normalisation wants windows, unless several processes share it
    codes, noise = torch.empty(0, LENGTH, dtype=torch.uint8), torch.empty(0, dtype=torch.int32)
    log_rate = network(codes.to(device), noise.to(device))
    assert log_rate.shape == (0, LENGTH // 128, 10)
    log_rate.sum().backward()
    assert all(not parameter.grad.any() for parameter in network.parameters())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_the_network_compiles_into_one_graph() -> None:
    network, _ = make_pair()
    codes, coverage = make_batch()
    noise = torch.arange(2, dtype=torch.int32)
    # The compiler's front, which is what could refuse; its code would take minutes to build.
    compiled = torch.compile(network.train(), backend="aot_eager", fullgraph=True)
    gradients = []
    for each in (network, compiled):
        network.zero_grad()
        poisson_loss(each(codes, noise), coverage).backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted)
