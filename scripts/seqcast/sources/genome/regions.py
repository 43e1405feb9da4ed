"""Which regions of a genome each part gets: whole contigs, intervals, or drawn blocks.

Regions of a contig are (n, 3) int64: start and end in bases, and the number of the part.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.data.layout import SPLITS, TEST, TRAIN, VALID
from seqcast.settings import GenomeSettings
from seqcast.settings.split import SplitSettings
from seqcast.sources.genome.bed import merge_intervals

# No longer than int64 holds.
_INTERVAL = re.compile(r"(?P<contig>.+):(?P<start>\d[\d,]{0,17})-(?P<end>\d[\d,]{0,17})")


def find_interval(name: str, lengths: Mapping[str, int]) -> tuple[str, int, int]:
    """Return contig, start and end that a name of `valid` or `test` means.

    It is a contig, whose end is 0 where it is not known, or an interval, counted from 1.
    """
    found = None if name in lengths else _INTERVAL.fullmatch(name)
    if not found:
        return name, 0, lengths.get(name, 0)
    start, end = (int(found[key].replace(",", "")) for key in ("start", "end"))
    return found["contig"], start - 1, end


def find_held_out(
    settings: GenomeSettings,
    lengths: Mapping[str, int],
    beds: Mapping[str, Mapping[str, np.ndarray]],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the regions that `valid` and `test` name on the contigs used, and a line a fault.

    `beds` has the intervals of each BED file among the names, by contig.
    """
    found: dict[str, dict[int, list[np.ndarray]]] = {}
    faults = []
    for part, key in ((VALID, "valid"), (TEST, "test")):
        for name in settings.split.named.get(key, ()):
            if name in beds:
                named = dict(beds[name])
            else:
                contig, start, end = find_interval(name, lengths)
                named = {contig: np.array([[start, end]], dtype=np.int64)}
                if contig in lengths:
                    faults += _check_interval(settings, key, name, (start, end), lengths[contig])
            for contig, intervals in named.items():
                if contig in lengths:
                    found.setdefault(contig, {}).setdefault(part, []).append(intervals)
    regions = {contig: _sort(parts) for contig, parts in found.items()}
    for contig, each in regions.items():
        clash = np.flatnonzero(each[1:, 0] < each[:-1, 1])
        if len(clash):
            start, end = each[clash[0] + 1, 0], each[clash[0], 1]
            faults.append(
                f"dataset.split: valid and test both hold out {contig}:{start + 1:,}-{end:,}, and"
                f" overlap {len(clash):,} times on {contig}; hold out each base once"
            )
    return regions, faults


def _check_interval(
    settings: GenomeSettings, key: str, name: str, interval: tuple[int, int], length: int
) -> list[str]:
    start, end = interval
    if not 0 <= start < end <= length:
        wanted = f"wanted 1 <= start <= end <= {length:,}, the contig's length"
    elif end - start < settings.window:
        wanted = f"{end - start:,} bases, wanted a window of {settings.window:,} at least"
    else:
        return []
    return [f"dataset.split.{key} holds out {name!r}: {wanted}"]


def _sort(parts: Mapping[int, Sequence[np.ndarray]]) -> np.ndarray:
    """Return the merged intervals of each part as regions, by start."""
    each = [
        np.insert(merge_intervals(np.concatenate(intervals)), 2, part, axis=1)
        for part, intervals in parts.items()
    ]
    regions = np.concatenate(each)
    return regions[np.argsort(regions[:, 0], kind="stable")]


def fill(length: int, held_out: np.ndarray | None) -> np.ndarray:
    """Return the regions of a contig: those held out, and between them what is trained on."""
    held_out = np.zeros((0, 3), dtype=np.int64) if held_out is None else held_out
    edges = np.concatenate([[0], held_out[:, :2].ravel(), [length]])
    train = np.insert(edges.reshape(-1, 2), 2, TRAIN, axis=1)
    regions = np.concatenate([train[train[:, 0] < train[:, 1]], held_out])
    return regions[np.argsort(regions[:, 0], kind="stable")]


def cut_blocks(length: int, size: int | None) -> np.ndarray:
    """Return the edges of a contig's blocks, all about as long and `size` bases at least.

    A contig that is shorter than two, or every one where there is no size, is one block.
    """
    return np.linspace(0, length, 1 + max(1, length // (size or length)), dtype=np.int64)


def draw_parts(sizes: np.ndarray, split: SplitSettings) -> np.ndarray:
    """Draw the split of each block of bases, by the shares of `valid` and `test`.

    The blocks are laid end to end in a drawn order, and those whose middle lies within a share of
    all bases are its own. Raises `SeqcastError` where a part gets none.
    """
    order = np.random.default_rng(split.seed).permutation(len(sizes))
    ends = np.cumsum(sizes[order])
    middle = (ends - sizes[order] / 2) / ends[-1]
    drawn = np.full(len(sizes), TRAIN)
    drawn[middle < split.test + split.valid] = VALID
    drawn[middle < split.test] = TEST
    parts = np.empty_like(drawn)
    parts[order] = drawn
    if missing := [name for part, name in enumerate(SPLITS) if part not in parts]:
        raise SeqcastError(
            f"dataset.split: of {len(sizes):,} blocks none is drawn for {' and '.join(missing)},"
            f" with shares of {split.valid:g} for valid and {split.test:g} for test; make"
            " dataset.split.blocks smaller, or the shares more alike"
        )
    return parts


def spread_evenly(counts: Sequence[int], split: SplitSettings) -> np.ndarray:
    """Give each contig or block a part, the largest first, each to the part with fewest windows.

    Blocks of a size go in a drawn order: else their parts would follow each other all along.
    """
    filled, folds = sum(count > 0 for count in counts), split.folds or 1
    if filled < folds:
        raise SeqcastError(_describe_few(filled, split))
    order = np.arange(len(counts))
    if split.blocks:
        order = np.random.default_rng(split.seed).permutation(order)
    loads, parts = [0] * folds, np.zeros(len(counts), dtype=np.int64)
    for index in sorted((each for each in order if counts[each]), key=lambda each: -counts[each]):
        parts[index] = loads.index(min(loads))
        loads[parts[index]] += counts[index]
    return parts


def _describe_few(filled: int, split: SplitSettings) -> str:
    units = "blocks" if split.blocks else "contigs"
    ways = [f"set it to {filled} at most"] if filled >= 3 else []
    if split.blocks:
        ways.append("make dataset.split.blocks smaller")
    else:
        ways.append("cut contigs into blocks with dataset.split.blocks")
    return (
        f"dataset.split.folds is {split.folds}, but only {filled} {units} have windows;"
        f" {' or '.join(ways)}"
    )


def leave_gaps(regions: np.ndarray, settings: GenomeSettings) -> np.ndarray:
    """Return the regions of a contig with a gap where two of different parts meet.

    They come end to end and cover it; neighbours of one part become one. What is trained on gives
    way to what is held out, which stays as it was asked for; others, such as parts of folds, by
    half each. Regions without room for a window are left out.
    """
    runs = [list(run) for _, run in groupby(regions.tolist(), key=lambda region: region[2])]
    merged = [[run[0][0], run[-1][1], run[0][2]] for run in runs]
    if not settings.split.folds:
        for index, region in enumerate(merged):
            if region[2] == TRAIN:
                region[0] += settings.gap * (index > 0)
                region[1] -= settings.gap * (index < len(merged) - 1)
    kept = [region for region in merged if _has_window(region, settings)]
    for left, right in pairwise(kept):
        lacking = settings.gap - (right[0] - left[1])
        if lacking > 0 and left[2] != right[2]:
            left[1] -= lacking // 2
            right[0] += lacking - lacking // 2
    kept = [region for region in kept if _has_window(region, settings)]
    return np.array(kept, dtype=np.int64).reshape(-1, 3)


def _has_window(region: Sequence[int], settings: GenomeSettings) -> bool:
    """Say whether a window of whole bins lies within a region."""
    start = -(-region[0] // settings.bin_size) * settings.bin_size
    return start + settings.window <= region[1]
