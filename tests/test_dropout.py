"""Masks are a function of window, layer, channel and position, and look like chance."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqcast.nn.dropout import Dropout, draw_masks

number = st.integers(-(2**31), 2**31 - 1)


def noise_of(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.int32)


def make_mask(noise_B: Tensor, layer: int, share: float, shape: tuple[int, int]) -> Tensor:
    """Return what one layer keeps."""
    (dropped,) = draw_masks(noise_B, [(Dropout(share, layer), *shape)])
    return ~dropped


def drop(dropout: Dropout, h: Tensor, noise_B: Tensor | None) -> Tensor:
    """Draw a layer's mask and drop what it says."""
    (dropped,) = draw_masks(noise_B, [(dropout, h.shape[1], h.shape[2:].numel())])
    return dropout(h, dropped)


def make_many(share: float = 0.25, layer: int = 0) -> Tensor:
    """Make the masks of 16 windows, 32 channels and 512 positions: 262,144 values."""
    return make_mask(torch.arange(16, dtype=torch.int32), layer, share, (32, 512))


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten().double(), b.flatten().double()]))[0, 1])


@given(number, number)
def test_a_window_has_its_mask_in_any_company(one: int, other: int) -> None:
    shape = (5, 40)
    both = make_mask(noise_of(one, other), 3, 0.3, shape)
    assert torch.equal(both[1:], make_mask(noise_of(other), 3, 0.3, shape))


def test_a_channel_has_its_mask_in_any_number_of_them() -> None:
    wide, narrow = (make_mask(noise_of(1, 2), 3, 0.3, (channels, 40)) for channels in (8, 5))
    assert torch.equal(wide[:, :5], narrow)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_one_asked_for(share: float) -> None:
    mask = make_many(share)
    spread = (share * (1 - share) / mask.numel()) ** 0.5
    assert abs(1 - mask.double().mean() - share) < 4 * spread
    for dim in range(3):  # of each window, channel and position as well
        others = [each for each in range(3) if each != dim]
        of_each = mask.double().mean(others)
        expected = (share * (1 - share) / (mask.numel() / mask.shape[dim])) ** 0.5
        assert abs(1 - of_each - share).max() < 5 * expected
        assert of_each.std() == pytest.approx(expected, rel=0.5)


def test_windows_channels_positions_and_layers_are_unrelated() -> None:
    mask = make_many()
    bound = 5 / (mask.numel() / 32) ** 0.5
    pairs = [(mask[:, a], mask[:, b]) for a, b in combinations(range(6), 2)]
    pairs += [(mask[a], mask[b]) for a, b in combinations(range(6), 2)]
    pairs += [(mask[..., :-lag], mask[..., lag:]) for lag in (1, 2, 3, 4, 8, 64)]
    pairs += [(make_many(layer=a), make_many(layer=b)) for a, b in combinations(range(4), 2)]
    assert max(abs(correlation(*pair)) for pair in pairs) < bound


def test_rectangles_are_unrelated() -> None:
    # A mask of a window's part and a place's part that were only added up would fail here.
    signs = make_many(0.5).double() * 2 - 1
    corners = signs[:, :-1, :-1] * signs[:, 1:, :-1] * signs[:, :-1, 1:] * signs[:, 1:, 1:]
    assert abs(float(corners.mean())) < 5 / corners.numel() ** 0.5


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_what_is_kept_is_scaled_up(format: torch.memory_format, device: torch.device) -> None:
    h = torch.ones(2, 8, 1, 64, device=device).contiguous(memory_format=format)
    out = drop(Dropout(0.25, 1), h, noise_of(1, 2).to(device))
    assert sorted(set(out.flatten().tolist())) == pytest.approx([0, 4 / 3])
    assert torch.equal(out.cpu()[:, :, 0] > 0, make_mask(noise_of(1, 2), 1, 0.25, (8, 64)))


def test_whole_channels_are_dropped() -> None:
    h, noise = torch.ones(4, 16, 1, 9), noise_of(1, 2, 3, 4)
    out = drop(Dropout(0.5, 1, whole_channels=True), h, noise)
    assert torch.equal(out, out[..., :1].expand_as(out))
    assert 0 < (out == 0).float().mean() < 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 0.1, 0.3, 0.5]), st.integers(1, 5), st.sampled_from([4, 6])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_layer_has_its_mask_beside_any_others(given_layers: list[tuple[float, int, int]]) -> None:
    noise = noise_of(5, 6)
    layers = [(Dropout(share, k), *shape) for k, (share, *shape) in enumerate(given_layers)]
    for mask, layer in zip(draw_masks(noise, layers), layers, strict=True):
        (alone,) = draw_masks(noise, [layer])
        if layer[0].share == 0:
            assert mask is None
        else:
            assert mask.shape == (2, *layer[1:])
            assert torch.equal(mask, alone)


def test_nothing_is_dropped_without_noise_share_or_training() -> None:
    h = torch.ones(2, 3, 8)
    assert drop(Dropout(0.5, 1), h, None) is h
    assert drop(Dropout(0.0, 1), h, noise_of(1, 2)) is h
    assert drop(Dropout(0.5, 1).eval(), h, noise_of(1, 2)) is h


def test_a_share_of_no_windows_is_no_fault() -> None:
    assert drop(Dropout(0.5, 1), torch.ones(0, 3, 8), noise_of()).shape == (0, 3, 8)
