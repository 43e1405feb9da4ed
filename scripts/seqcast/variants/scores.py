"""The formulas of the scores, for alleles of one window.

Shapes: K readings (strands), S alleles, N bins that a window predicts, T targets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# A sentence for each, for headers and docs.
SENTENCES = {
    "lfc": "log2 of ALT's predicted coverage over REF's, summed over the bins within the radius,"
    " each sum plus the target's mean training coverage of as many bins",
    "lfc_window": "the same over all bins of the window",
    "l2": "Euclidean norm over the window's bins of log2(1 + ALT / mean) - log2(1 + REF / mean),"
    " mean being the target's training coverage",
    "change": "ALT's predicted coverage less REF's in the bin where they differ most",
    "change_at": "first base of that bin, from 1",
    "ref_sum": "REF's predicted coverage, summed over the bins within the radius",
    "alt_sum": "ALT's predicted coverage, summed over the bins within the radius",
    "quantile": "share of the sums of as many neighbouring bins, predicted of test windows, that"
    " are at most the larger of both alleles' sums",
    "spread": "standard deviation of lfc over strands, shifts and replicates",
    "p": "share of shuffled variants with an |lfc| as large, one added to both",
    "q": "p after Benjamini and Hochberg, over all variants of the target",
}
# What a member of a model finds of an allele and a target, by the type it is kept as.
FOUND = {
    "lfc": "<f4", "lfc_window": "<f4", "l2": "<f4", "change": "<f4", "change_at": "<i8",
    "ref_sum": "<f4", "alt_sum": "<f4",
}  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """What is known of some alleles: (alleles, T) each, `bins` (alleles,), `each` (alleles, T, K).

    `bins` is how many are within the radius; `each` has the lfc of every reading alone.
    """

    lfc: np.ndarray
    lfc_window: np.ndarray
    l2: np.ndarray
    change: np.ndarray
    change_at: np.ndarray
    ref_sum: np.ndarray
    alt_sum: np.ndarray
    bins: np.ndarray
    each: np.ndarray


@dataclass(frozen=True)
class Ruler:
    """What predictions are measured with: the targets' means, and how rates become coverage."""

    mean_T: np.ndarray
    bin_size: int
    to_coverage: Callable[[np.ndarray], np.ndarray]

    def measure(
        self, ref_KSNT: np.ndarray, alt_KSNT: np.ndarray, near: Sequence[slice], first: int
    ) -> Scores:
        """Score alleles by both predictions, rates in training units of the bins that are known.

        `near` has each allele's bins within the radius; bin 0 begins at base `first`, from 0. REF
        may be of one S, the same for all alleles.
        """
        ref_SNT, alt_SNT = (self.to_coverage(each.mean(0)) for each in (ref_KSNT, alt_KSNT))
        mask_SN = np.zeros(alt_SNT.shape[:2], dtype=np.float32)
        for row, bins in zip(mask_SN, near, strict=True):
            row[bins] = 1
        all_SN = np.ones_like(mask_SN)
        logs = [np.log2(1 + each / self.mean_T) for each in (alt_SNT, ref_SNT)]
        difference_SNT = alt_SNT - ref_SNT
        at_ST = np.abs(difference_SNT).argmax(1)
        bins_S = mask_SN.sum(1).astype(np.int64)
        pairs = zip(ref_KSNT, alt_KSNT, strict=True)
        each_KST = [
            self._compare(self.to_coverage(r), self.to_coverage(a), mask_SN) for r, a in pairs
        ]
        return Scores(
            lfc=self._compare(ref_SNT, alt_SNT, mask_SN),
            lfc_window=self._compare(ref_SNT, alt_SNT, all_SN),
            l2=np.sqrt(((logs[0] - logs[1]) ** 2).sum(1)),
            change=np.take_along_axis(difference_SNT, at_ST[:, None], 1)[:, 0],
            change_at=first + 1 + at_ST * self.bin_size,
            ref_sum=_sum(ref_SNT, mask_SN),
            alt_sum=_sum(alt_SNT, mask_SN),
            bins=bins_S,
            each=np.stack(each_KST, axis=-1),
        )

    def _compare(self, ref_SNT: np.ndarray, alt_SNT: np.ndarray, mask_SN: np.ndarray) -> np.ndarray:
        """Return the log fold change of sums over bins, (S, T)."""
        c_ST = mask_SN.sum(1)[:, None] * self.mean_T
        return np.log2((_sum(alt_SNT, mask_SN) + c_ST) / (_sum(ref_SNT, mask_SN) + c_ST))


def _sum(coverage_SNT: np.ndarray, mask_SN: np.ndarray) -> np.ndarray:
    # A sum of its own for each allele, so that none hangs on how many there are.
    return np.matmul(mask_SN[:, None].astype(np.float64), coverage_SNT)[:, 0]


def join(parts: Sequence[Scores]) -> Scores:
    """Put scores of different alleles one after the other."""
    return Scores(
        *(np.concatenate(each) for each in zip(*(vars(p).values() for p in parts), strict=True))
    )


def average(parts: Sequence[Scores]) -> Scores:
    """Average scores of the same alleles, as of windows moved, or of replicates.

    Of changes the largest is taken, with its place; every reading is kept.
    """
    if len(parts) == 1:
        return parts[0]
    stacked = {key: np.stack([getattr(part, key) for part in parts]) for key in FOUND}
    at = np.abs(stacked["change"]).argmax(0)[None]
    mean = {key: values.mean(0) for key, values in stacked.items()}
    for key in ("change", "change_at"):
        mean[key] = np.take_along_axis(stacked[key], at, 0)[0]
    each = np.concatenate([part.each for part in parts], axis=-1)
    return Scores(**mean, bins=parts[0].bins, each=each)
