"""Contributions of the bases of a window to what is explained of it, in three ways.

All are *hypothetical*: (L, 4), what each base would contribute at each position, if it stood there;
what the sequence's own bases contribute is the *projected* part. A base N contributes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seqcast.explain.objective import Objective
from seqcast.explain.rules import compute_multipliers
from seqcast.genome.codes import N
from seqcast.genome.shuffle import shuffle_dinucleotides
from seqcast.nn import to_one_hot
from seqcast.nn.one_hot import BASES
from seqcast.predict.kept import Kept

# Bases whose substitutions are computed in one go.
_GROUP = 32
# Bases of the windows that are computed at once.
_BATCH = 1 << 17


@dataclass(frozen=True)
class Attribution:
    """What the bases at some positions contribute, (bases, 4) float32, hypothetical.

    `explained` is what is explained of the window, `delta` the largest that contributions to a
    difference from a reference lacked of it; NaN where there are no references.
    """

    values: np.ndarray
    explained: float
    delta: float = float("nan")


def explain_by_gradient(objective: Objective, codes: np.ndarray, positions: slice) -> Attribution:
    """Return the gradient of each base, the mean over bases taken off.

    What is the same for all bases is no property of the sequence: the four always sum to one
    (Majdandzic et al. 2023).
    """
    one_hot_BLC = _encode(objective, codes).requires_grad_()
    explained = objective(one_hot_BLC)
    gradient_LC = torch.autograd.grad(explained.sum(), one_hot_BLC)[0][0]
    centred_LC = gradient_LC - gradient_LC.mean(1, keepdim=True)
    return _pick(centred_LC, codes, positions, explained)


def explain_by_deeplift(
    objective: Objective, codes: np.ndarray, positions: slice, references: Sequence[np.ndarray]
) -> Attribution:
    """Return DeepLIFT's contributions against references, (L,) codes each, averaged over them.

    A base's is its multiplier, less what the reference's base at that position contributes.
    """
    one_hot_BLC = _encode(objective, codes)
    total_LC, deltas = torch.zeros_like(one_hot_BLC[0]), []
    size = max(1, _BATCH // len(codes))
    for first in range(0, len(references), size):
        reference_BLC = _encode(objective, np.stack(references[first : first + size]))
        multipliers_BLC, delta_B = compute_multipliers(
            objective, one_hot_BLC.expand(len(reference_BLC), -1, -1), reference_BLC
        )
        taken_BL = (multipliers_BLC * reference_BLC).sum(2, keepdim=True)
        total_LC += (multipliers_BLC - taken_BL).sum(0)
        deltas += delta_B.abs().tolist()
    with torch.no_grad():
        explained = objective(one_hot_BLC)
    return _pick(total_LC / len(references), codes, positions, explained, max(deltas))


def explain_by_ism(objective: Objective, codes: np.ndarray, positions: slice) -> Attribution:
    """Return what every substitution changes, the mean over the four bases taken off.

    Only what a substitution touches is computed (`kept`).
    """
    one_hot_BLC = _encode(objective, codes)
    first, last, _ = positions.indices(len(codes))
    effects_LC = torch.zeros_like(one_hot_BLC[0])
    strands = list(objective.strands(one_hot_BLC))
    for number, strand in enumerate(strands):
        kept = Kept(objective.network, strand.one_hot_BLC[0])
        needed = kept.mark_needed(strand.bins)
        for start in range(first, last, _GROUP):
            group = slice(start, min(start + _GROUP, last))
            if number:
                group = slice(len(codes) - group.stop, len(codes) - group.start)
            changed_SPC, others_P3 = _substitute(strand.one_hot_BLC[0, group])
            log_rate_SNT = kept.predict(group.start, changed_SPC, strand.bins, needed)
            explained_S = objective.of_rates(log_rate_SNT[..., strand.targets])
            differences_P3 = (explained_S[1:] - explained_S[0]).view_as(others_P3)
            found_PC = torch.zeros_like(changed_SPC[0]).scatter(1, others_P3, differences_P3)
            if number:
                group, found_PC = slice(start, start + len(found_PC)), found_PC.flip(0, 1)
            effects_LC[group] += found_PC / len(strands)
    with torch.no_grad():
        explained = objective(one_hot_BLC)
    centred_LC = effects_LC - effects_LC.mean(1, keepdim=True)
    return _pick(centred_LC, codes, positions, explained)


def _substitute(own_PC: Tensor) -> tuple[Tensor, Tensor]:
    """Return some bases as they are, then with each of them the other three in turn, and which.

    The first is (1 + 3 P, P, 4), the second (P, 3).
    """
    count, device = len(own_PC), own_PC.device
    others_P3 = (own_PC.argmax(1, keepdim=True) + torch.arange(1, BASES, device=device)) % BASES
    changed_SPC = own_PC.repeat(1 + 3 * count, 1, 1)
    at = torch.arange(count, device=device).repeat_interleave(3)
    letters = torch.eye(BASES, dtype=own_PC.dtype, device=device)
    changed_SPC[torch.arange(1, 1 + 3 * count, device=device), at] = letters[others_P3.flatten()]
    return changed_SPC, others_P3


def make_references(codes: np.ndarray, count: int, key: Sequence[int]) -> list[np.ndarray]:
    """Shuffle a window `count` times; every dinucleotide stays as frequent as it was.

    The same key, such as a seed and a position, gives the same references.
    """
    return [
        shuffle_dinucleotides(codes, np.random.default_rng([*key, each])) for each in range(count)
    ]


def _encode(objective: Objective, codes: np.ndarray) -> Tensor:
    device = objective.network.head.weight.device
    return to_one_hot(torch.from_numpy(np.atleast_2d(codes)).to(device))


def _pick(
    values_LC: Tensor,
    codes: np.ndarray,
    positions: slice,
    explained: Tensor,
    delta: float = float("nan"),
) -> Attribution:
    values = values_LC[positions].detach().cpu().numpy()
    values[codes[positions] == N] = 0
    return Attribution(values, float(explained[0].detach()), delta)
