"""Which regions are explained: the strongest peaks of what was held out, or a file's."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError, list_some, suggest
from seqcast.core.seal import AGAIN, read_table, write_table
from seqcast.data import SPLITS, Dataset, read_dataset
from seqcast.data.by_target import ByTarget, read_observed
from seqcast.data.predictions import Predictions, Stitch, read_predictions
from seqcast.data.targets import Targets, unique_slugs
from seqcast.genome.codes import N
from seqcast.settings.steps import ExplainSettings
from seqcast.sources.genome.bed import read_peaks
from seqcast.sources.genome.names import match_names

# What `split` says of a region that no window covers.
OUTSIDE = "none"


@dataclass(frozen=True)
class Explained:
    """What is explained together: one target or a group, by their indices in the targets table."""

    slug: str
    name: str
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Region:
    """A place whose bases get values; `target` is the slug of what is explained there.

    Places are 0-based on the chromosome `contig`. `fold` is the only one whose models held the
    region out, -1 where all may explain it.
    """

    target: str
    contig: str
    start: int
    end: int
    summit: int
    split: str
    fold: int
    name: str


def choose_regions(
    settings: ExplainSettings,
    dataset_path: Path,
    predictions: Sequence[Path],
    output: Path,
    *,
    bed: Path | None = None,
) -> None:
    """Choose the regions of all targets as the settings say, and write them.

    Raises `SeqcastError` where there is none.
    """
    dataset = read_dataset(dataset_path)
    explained = find_explained(dataset.targets, settings.targets)
    if bed:
        found = read_asked(bed, dataset, explained, settings.width)
    else:
        opened = [read_predictions(path, dataset) for path in predictions]
        sizes = settings.model_dump(include={"most", "width", "radius"})
        found = find_peaks(dataset, opened, explained, **sizes)
    if not found:
        raise SeqcastError(
            "explain.regions: no predicted window has a peak; name a BED or narrowPeak file"
        )
    counts = Counter(region.target for region in found)
    splits = Counter(region.split for region in found)
    log.info(
        "%s regions of %d targets, in %s",
        f"{len(found):,}",
        len(counts),
        ", ".join(f"{split}: {count:,}" for split, count in splits.most_common()),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    write_regions(output, found)


def find_explained(targets: Targets, asked: str | Sequence[str | Sequence[str]]) -> list[Explained]:
    """Return what `explain.targets` asks for: names, or lists of names for groups; `all`: each.

    Raises `SeqcastError` for a name that no target has.
    """
    groups = [[name] for name in targets.identifier] if asked == "all" else asked
    known = {
        key: index
        for names in (targets.slugs, targets.identifier)
        for index, key in enumerate(names)
    }
    found = []
    for group in groups:
        names = [group] if isinstance(group, str) else group
        for name in names:
            if name not in known:
                raise SeqcastError(
                    f"explain.targets: there is no target {name!r}{suggest(name, list(known))};"
                    f" there are {list_some(targets.identifier)}"
                )
        found.append(tuple(known[name] for name in names))
    names = [" and ".join(targets.identifier[each] for each in group) for group in found]
    slugs = unique_slugs(["-and-".join(targets.slugs[each] for each in group) for group in found])
    return [Explained(*each) for each in zip(slugs, names, found, strict=True)]


def find_peaks(
    dataset: Dataset,
    predictions: Sequence[Predictions],
    explained: Sequence[Explained],
    *,
    most: int,
    width: int,
    radius: int,
) -> list[Region]:
    """Return the strongest peaks of the test windows, target by target, the strongest first.

    Strength is the geometric mean of observed and predicted coverage (the mean of all models)
    within the radius, where nearer bins count more; of a group it is the mean over its targets, in
    units of their means. No two summits are nearer to each other than two radii.
    """
    places, measured = _Places(dataset, width), _Strength(dataset, predictions)
    reach = -(-radius // dataset.bin_size)
    found = []
    for each in explained:
        strength = measured.of(each.targets, reach)
        peaks = _pick_peaks(strength, 2 * reach, most)
        for number, bin_ in enumerate(peaks.tolist(), start=1):
            contig, base = places.base_of(bin_)
            found.append(places.make(each.slug, contig, base, f"{each.slug}.{number}"))
    return found


def read_asked(
    path: Path, dataset: Dataset, explained: Sequence[Explained], width: int
) -> list[Region]:
    """Return the regions of a BED or narrowPeak file, in its order, for each target.

    The summit is narrowPeak's, else the middle. Names of contigs that differ by `chr` are matched;
    regions elsewhere, and those of N alone, are left out and counted. Raises `SeqcastError` where
    none is left.
    """
    places = _Places(dataset, width)
    peaks = read_peaks(path)
    names = match_names(list(places.ends), [region.contig for region, _ in peaks], {}).names
    known = {theirs: ours for ours, theirs in names.items()}
    kept: list[tuple[str, int, str]] = []
    lost: Counter[str] = Counter()
    for number, (region, summit) in enumerate(peaks, start=1):
        contig = known.get(region.contig)
        if contig is None:
            lost[f"on {region.contig}, which the dataset does not have"] += 1
        elif not summit < places.ends[contig]:
            lost[f"past the end of {contig} at {places.ends[contig]:,}"] += 1
        elif not places.is_known(contig, summit):
            lost["of N alone"] += 1
        else:
            kept.append((contig, summit, region.name or f"region.{number}"))
    for reason, count in lost.items():
        log.warning("%s: left out %s regions %s", path, f"{count:,}", reason)
    if not kept:
        raise SeqcastError(
            f"{path}: none of {len(peaks):,} regions can be explained; wanted BED or narrowPeak on"
            f" {list_some(list(places.ends))}"
        )
    return [
        places.make(each.slug, contig, summit, name)
        for each in explained
        for contig, summit, name in kept
    ]


def make_region(dataset: Dataset, width: int, target: str, contig: str, summit: int) -> Region:
    """Make the region of `width` bases about a summit.

    Raises `SeqcastError` where the dataset does not have the place.
    """
    places = _Places(dataset, width)
    if not 0 <= summit < places.ends.get(contig, 0):
        raise SeqcastError(
            f"{contig}:{summit:,} is not in {dataset.path}; it has {list_some(list(places.ends))}"
        )
    return places.make(target, contig, summit, f"{contig}:{summit}")


class _Places:
    """Where regions lie on the chromosomes of a dataset, and which split covers them."""

    def __init__(self, dataset: Dataset, width: int) -> None:
        self._dataset, self._width = dataset, width
        contigs, names = dataset.contigs, dataset.contigs.place_name
        self.ends: dict[str, int] = {}
        for name, offset, length, whole in zip(
            names, contigs.offset, contigs.length, contigs.chrom_length, strict=True
        ):
            end = max(int(offset + length), int(whole))
            self.ends[name] = max(self.ends.get(name, 0), end)
        rows = np.arange(len(dataset.windows))
        windows: dict[str, list[tuple[int, int, int]]] = {}
        chroms, starts, ends = dataset.intervals_of(rows)
        kinds = dataset.parts if dataset.folds > 1 else dataset.windows["split"]
        for place in zip(chroms, starts.tolist(), ends.tolist(), kinds.tolist(), strict=True):
            windows.setdefault(place[0], []).append(place[1:])
        self._windows = {name: np.array(each) for name, each in windows.items()}

    def base_of(self, bin_: int) -> tuple[str, int]:
        """Return chromosome and middle base of a bin, counted through all contigs."""
        contigs, size = self._dataset.contigs, self._dataset.bin_size
        contig = int(np.searchsorted(contigs.first_bin, bin_, side="right")) - 1
        first = (bin_ - int(contigs.first_bin[contig])) * size
        middle = min(first + size // 2, int(contigs.length[contig]) - 1)
        return contigs.place_name[contig], int(contigs.offset[contig]) + middle

    def is_known(self, contig: str, summit: int) -> bool:
        """Say whether any base of the region about a summit is known."""
        start, end = self._bound(contig, summit)
        return bool((self._dataset.sequence(contig, start, end) != N).any())

    def _bound(self, contig: str, summit: int) -> tuple[int, int]:
        # A region that would pass a contig's end is moved inside.
        length = self.ends[contig]
        start = min(max(summit - self._width // 2, 0), max(length - self._width, 0))
        return start, min(start + self._width, length)

    def make(self, target: str, contig: str, summit: int, name: str) -> Region:
        """Make the region about a summit."""
        windows = self._windows.get(contig, np.empty((0, 3), dtype=int))
        here = windows[(windows[:, 0] <= summit) & (summit < windows[:, 1])]
        kind = int(here[0, 2]) if len(here) else -1
        # With folds a part of the genome is the test of the fold of its number.
        is_folded = self._dataset.folds > 1
        split = OUTSIDE if kind < 0 else "test" if is_folded else SPLITS[kind]
        fold = kind if is_folded else -1
        return Region(target, contig, *self._bound(contig, summit), summit, split, fold, name)


class _Strength:
    """How strong each bin of the genome is, observed and predicted; 0 where either is unknown."""

    def __init__(self, dataset: Dataset, predictions: Sequence[Predictions]) -> None:
        self._dataset = dataset
        tests = [_list_test_windows(each, dataset) for each in predictions]
        self._stitches = [
            Stitch(each, dataset, test) for each, test in zip(predictions, tests, strict=True)
        ]
        self._bins = self._stitches[0].bins
        groups = predictions[0].find_groups()
        self._predicted = [
            ByTarget(groups, partial(_read_some, each, test))
            for each, test in zip(predictions, tests, strict=True)
        ]
        self._observed = ByTarget(groups, partial(read_observed, dataset, self._bins))

    def of(self, targets: Sequence[int], reach: int) -> np.ndarray:
        """Return the strength of each bin with those up to `reach` away, (bins,)."""
        total = np.zeros(self._dataset.bins)
        for target in targets:
            predicted = [
                stitch.average(each[target])
                for each, stitch in zip(self._predicted, self._stitches, strict=True)
            ]
            both = self._observed[target] * np.mean(predicted, axis=0)
            both = np.where(np.isfinite(both), np.maximum(both, 0), 0)
            total[self._bins] += np.sqrt(both) / self._dataset.targets.mean_T[target] / len(targets)
        return self._smooth(total, reach)

    def _smooth(self, values: np.ndarray, reach: int) -> np.ndarray:
        """Add up the bins about each, the nearer the more, contig by contig."""
        # A triangle: where a lone bin is high, that bin is the highest.
        weights = reach + 1.0 - np.abs(np.arange(-reach, reach + 1))
        found = np.zeros_like(values)
        edges = [*self._dataset.contigs.first_bin.tolist(), len(values)]
        for first, end in pairwise(edges):
            if first < end:
                found[first:end] = np.convolve(values[first:end], weights)[
                    reach : reach + end - first
                ]
        return np.where(values > 0, found, 0)


def _list_test_windows(predictions: Predictions, dataset: Dataset) -> np.ndarray:
    """Return the numbers of test windows, of all of them where none is test."""
    split = dataset.windows["split"][predictions.rows]
    # With folds each window was predicted by the models that it is test for.
    kept = np.flatnonzero((split == SPLITS.index("test")) | (dataset.folds > 1))
    return kept if len(kept) else np.arange(len(split))


def _read_some(predictions: Predictions, windows: np.ndarray, targets: slice) -> np.ndarray:
    """Return what is predicted of some windows, (targets, windows, bins)."""
    return predictions.read(targets)[:, windows]


def _pick_peaks(strength: np.ndarray, apart: int, most: int) -> np.ndarray:
    """Return the bins of the strongest maxima, each more than `apart` bins from a stronger one."""
    padded = np.pad(strength, 1)
    is_peak = (strength > 0) & (strength >= padded[:-2]) & (strength > padded[2:])
    peaks = np.flatnonzero(is_peak)
    is_free, found = np.ones(len(strength), dtype=bool), []
    for bin_ in peaks[np.argsort(-strength[peaks], kind="stable")].tolist():
        if len(found) == most:
            break
        if is_free[bin_]:
            found.append(bin_)
            is_free[max(bin_ - apart, 0) : bin_ + apart + 1] = False
    return np.array(found, dtype=np.int64)


COLUMNS = tuple(field.name for field in fields(Region))


def write_regions(path: Path, regions: Iterable[Region]) -> None:
    """Write regions, a row each; the file gets its name when it is whole."""
    write_table(path, COLUMNS, map(vars, regions))


def read_regions(path: Path) -> list[Region]:
    """Read regions that `write_regions` wrote."""
    whole = ("start", "end", "summit", "fold")
    rows = read_table(path, AGAIN)
    return [Region(**{**row, **{key: int(row[key]) for key in whole}}) for row in rows]


def group_by_target(regions: Iterable[Region]) -> Iterator[tuple[str, list[Region]]]:
    """Yield the regions of each target, in their order."""
    groups: dict[str, list[Region]] = {}
    for region in regions:
        groups.setdefault(region.target, []).append(region)
    yield from groups.items()
