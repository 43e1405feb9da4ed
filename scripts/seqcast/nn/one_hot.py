"""One-hot sequence: what the plain networks read."""

import torch
from torch import Tensor

BASES = 4


def to_one_hot(codes_BL: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return codes 0 to 3 = A, C, G, T and 4 = N as one-hot (B, L, 4); N is all zeros."""
    bases = torch.arange(BASES, dtype=codes_BL.dtype, device=codes_BL.device)
    return (codes_BL[..., None] == bases).to(dtype)
