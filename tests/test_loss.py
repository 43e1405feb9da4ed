"""The loss is the chapter's: half the Poisson deviance, over what is known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from parity import read_parity
from sklearn.metrics import mean_poisson_deviance

from seqcast.nn.loss import loss_sums, mean_loss

rates = st.floats(-5, 5)
values = st.floats(0, 1000, allow_subnormal=False)
pairs = st.lists(st.tuples(rates, values), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("x", "t", "loss"),
    [
        (0.0, 0.0, 1.0),
        (0.0, 1.0, 0.0),
        (0.0, 2.0, 2 * math.log(2) - 1),
        (1.0, 0.0, math.e),
        (-1.0, 1.0, math.exp(-1)),
    ],
)
def test_golden_numbers(x: float, t: float, loss: float, device: torch.device) -> None:
    found = mean_loss(torch.tensor([x], device=device), torch.tensor([t], device=device))
    assert found.item() == pytest.approx(loss, abs=1e-6)


def test_it_is_the_chapters() -> None:
    wanted = read_parity("forward.npz")
    pair = torch.from_numpy(wanted["log_rate"]), torch.from_numpy(wanted["target"])
    found = mean_loss(*(each.double() for each in pair)).item()
    assert found == pytest.approx(float(wanted["loss"]), rel=1e-6)


@given(pairs)
def test_it_is_half_the_deviance(given_: list[tuple[float, float]]) -> None:
    x, t = torch.tensor(given_, dtype=torch.float64).T
    wanted = mean_poisson_deviance(t.numpy(), x.exp().numpy()) / 2
    assert mean_loss(x, t).item() == pytest.approx(wanted, abs=1e-9)


@given(values)
def test_nothing_is_better_than_the_truth(t: float) -> None:
    coverage = torch.tensor([t + 1e-3], dtype=torch.float64)
    best = mean_loss(coverage.log(), coverage).item()
    assert best == pytest.approx(0, abs=1e-9)
    for other in (0.5, 2.0):
        assert mean_loss((coverage * other).log(), coverage).item() > best


@pytest.mark.parametrize("unknown", [-50.0, 0.0, 3.0, 100.0])
def test_what_is_unknown_changes_nothing(unknown: float, device: torch.device) -> None:
    coverage = torch.tensor([1.0, math.nan, 0.0, math.nan], device=device)
    x = torch.tensor([0.5, unknown, -0.5, -unknown], device=device, requires_grad=True)
    total, count = loss_sums(x, coverage)
    assert count.item() == 2
    total.backward()
    known = torch.tensor([0.5, -0.5], device=device, requires_grad=True)
    wanted, _ = loss_sums(known, coverage[::2])
    wanted.backward()
    assert total.item() == wanted.item()
    assert x.grad[::2].tolist() == known.grad.tolist()
    assert x.grad[1::2].tolist() == [0.0, 0.0]


def test_nothing_known_is_no_loss() -> None:
    x = torch.zeros(3, requires_grad=True)
    loss = mean_loss(x, torch.full((3,), math.nan))
    loss.backward()
    assert loss.item() == 0
    assert x.grad.tolist() == [0.0] * 3
