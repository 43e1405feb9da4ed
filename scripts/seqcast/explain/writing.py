"""Make files of all that the members of models explain: tracks, arrays, tables.

The formats are specified in docs/formats.md.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.seal import write_json, write_sealed, write_table
from seqcast.data import Dataset, read_dataset
from seqcast.explain.layout import Layout
from seqcast.explain.npz import FORMAT, FORMAT_VERSION, HYPOTHETICAL, SEQUENCE, write_npz
from seqcast.explain.parts import Part, Values, read_list, read_part
from seqcast.explain.regions import (
    Explained,
    Region,
    find_explained,
    group_by_target,
    read_regions,
)
from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.genome.codes import N
from seqcast.settings.steps import ExplainSettings
from seqcast.tracks.files import name_track, remove_strays
from seqcast.tracks.table import CONTRIBUTIONS, SPREAD, list_file

COLUMNS = (
    "target", "model", "contig", "start", "end", "summit", "name", "split", "observed",
    "predicted", "explained", "sum", "spread", "delta", "method",
)  # fmt: skip
_SENTENCE = (
    "the natural log of the predicted coverage summed over the bins within the radius of the"
    " summit, in training units, "
)
_STRANDS = {
    frozenset({1}): "as one strand is read",
    frozenset({2}): "the mean over both strands",
    frozenset({1, 2}): "the mean over the strands that a model predicts from",
}


class Member:
    """What one training of a model explains, read region by region."""

    def __init__(self, parts_list: Path) -> None:
        parts, self.facts = read_list(parts_list)
        self._folder = parts_list.parent
        self._part_of = {
            (part.target, row): (part, at) for part in parts for at, row in enumerate(part.rows)
        }

    def read(self, target: str, row: int) -> Values | None:
        """Return what is known of one region, without the first axis; None where it has none."""
        if (target, row) not in self._part_of:
            return None
        part, at = self._part_of[target, row]
        values = _read(self._folder / f"{part.name}.h5", part)
        return Values(*(each[at] for each in vars(values).values()))


# Regions are read in the order of their parts.
@lru_cache(maxsize=16)
def _read(path: Path, part: Part) -> Values:
    return read_part(path, part)


@dataclass(frozen=True)
class _Target:
    """What is written of a target: its regions, and each one's own bases, (4, width)."""

    explained: Explained
    regions: list[Region]
    dataset: Dataset
    width: int

    def encode(self, region: Region) -> np.ndarray:
        """Return a region's sequence as one-hot, (4, width) int8; N, and what it lacks, is 0."""
        codes = np.full(self.width, N, dtype=np.uint8)
        codes[: region.end - region.start] = self.dataset.sequence(
            region.contig, region.start, region.end
        )
        return (codes == np.arange(4)[:, None]).astype(np.int8)


def write_explained(
    output: Path,
    dataset_path: Path,
    regions: Path,
    models: Mapping[str, Mapping[str, Path]],
    settings: ExplainSettings,
    *,
    is_folded: bool = False,
) -> None:
    """Write all files beside `output`, the JSON that lists them, which comes last.

    `models` has for each model the lists of its members' parts. A model's contributions are the
    mean over the members that explain a region; replicates have tracks of their own besides, and
    their standard deviation one more. Files of an earlier run are removed.
    """
    dataset, folder = read_dataset(dataset_path), output.parent
    opened = {
        model: {name: Member(path) for name, path in members.items()}
        for model, members in models.items()
    }
    found = dict(group_by_target(read_regions(regions)))
    targets = [
        _Target(each, found[each.slug], dataset, settings.width)
        for each in find_explained(dataset.targets, settings.targets)
        if each.slug in found
    ]
    files, rows = [], []
    with progress(len(targets) * len(models), "join", "targets") as bar:
        for target in targets:
            files.append(_write_bed(folder / f"{target.explained.slug}.regions.bed", [target]))
            for model, members in opened.items():
                writer = _Writer(folder, target, model, members, settings.radius, is_folded)
                files += writer.write()
                rows += writer.rows
                bar.update(1)
    files.append(_write_bed(folder / "regions.bed", targets))
    write_table(folder / "summary.tsv", COLUMNS, rows)
    remove_strays(folder, {each["file"] for each in files}, "*.npz", "*.regions.bed")
    facts = _collect_facts(opened, settings, rows)
    names = [{"target": t.explained.slug, "name": t.explained.name} for t in targets]
    content = {**facts, "targets": names, "files": files}
    write_json(output, (FORMAT, FORMAT_VERSION), content)
    log.info("%s: %s regions of %d targets", folder, f"{len(rows):,}", len(targets))


def _collect_facts(
    opened: Mapping[str, Mapping[str, Member]],
    settings: ExplainSettings,
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    members = {name: each for of in opened.values() for name, each in of.items()}
    first = next(iter(members.values())).facts
    deltas = [float(row["delta"]) for row in rows if row["delta"]]
    strands = {name: 1 + each.facts["both_strands"] for name, each in members.items()}
    return {
        "explained": _SENTENCE + _STRANDS[frozenset(strands.values())],
        "method": first["method"],
        "asked": settings.method,
        "references": first.get("references", 0),
        "seed": first.get("seed"),
        "delta": max(deltas, default=None),
        "regions": settings.regions,
        "width": settings.width,
        "radius": settings.radius,
        "strands": strands,
        "members": {model: list(of) for model, of in opened.items()},
    }


class _Writer:
    """Write what a model explains of a target, and collect the rows of the summary."""

    def __init__(
        self,
        folder: Path,
        target: _Target,
        model: str,
        members: Mapping[str, Member],
        radius: int,
        is_folded: bool,
    ) -> None:
        self.folder = folder
        self.target = target
        self.model = model
        self.members = members
        self.radius = radius
        self.replicates = list(members) if len(members) > 1 and not is_folded else []
        self.rows: list[dict[str, Any]] = []

    def write(self) -> list[dict[str, str]]:
        """Write all files; return what `explain.json` says of each."""
        stem, regions = f"{self.target.explained.slug}.{self.model}", self.target.regions
        shape = (len(regions), 4, self.target.width)
        tracks = [self.model, *self.replicates, *([SPREAD] if self.replicates else [])]
        with tempfile.TemporaryFile(dir=self.folder) as file:
            file.truncate(4 * len(tracks) * len(regions) * self.target.width or 1)
            # As many values as the tracks have are not kept in memory.
            kept = np.memmap(file, "<f4", shape=(len(tracks), len(regions), self.target.width))
            write_npz(self.folder / f"{stem}.attr.npz", shape, np.float32, self._join(kept))
            ohe = (self.target.encode(region) for region in regions)
            write_npz(self.folder / f"{stem}.ohe.npz", shape, np.int8, ohe)
            found = [self._list(f"{stem}.{SEQUENCE}.npz", SEQUENCE)]
            found.append(self._list(f"{stem}.{HYPOTHETICAL}.npz", HYPOTHETICAL))
            for track, values in zip(tracks, kept, strict=True):
                kind = SPREAD if track == SPREAD else CONTRIBUTIONS
                name = self.model if track == SPREAD else track
                path = self.folder / name_track(self.target.explained.slug, name, kind)
                sizes = compute_sizes(self.target.dataset)
                write_bigwig(path, sizes, make_runs(regions, values), 1)
                found.append(self._list(path.name, kind, name))
            del kept
        return found

    def _list(self, file: str, kind: str, model: str = "") -> dict[str, str]:
        slug = self.target.explained.slug
        return list_file(self.folder / file, kind, slug, model or self.model)

    def _join(self, kept: np.ndarray) -> Iterator[np.ndarray]:
        """Yield each region's mean contributions, (4, width); keep what the tracks show of them."""
        for row, region in enumerate(self.target.regions):
            own, slug = self.target.encode(region), self.target.explained.slug
            read = {name: each.read(slug, row) for name, each in self.members.items()}
            found = {name: each for name, each in read.items() if each is not None}
            values = np.stack([each.values for each in found.values()])
            mean = values.mean(axis=0, dtype=np.float64)
            projected = [(each * own).sum(axis=0) for each in (mean, *values)]
            spread = np.std(projected[1:], axis=0, ddof=1) if self.replicates else None
            shown = [*projected, spread] if self.replicates else projected[:1]
            for track, each in zip(kept[:, row], shown, strict=True):
                track[:] = each
            self.rows.append(self._summarise(region, list(found.values()), projected))
            yield mean

    def _summarise(
        self, region: Region, found: Sequence[Values], projected: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        dataset, targets = self.target.dataset, self.target.explained.targets
        layout = Layout.from_region(region, dataset, dataset.window, self.radius)
        observed = [
            layout.read_observed(region, dataset, each) / dataset.targets.span[each]
            for each in targets
        ]
        span = dataset.targets.span[targets[0]]
        facts = next(iter(self.members.values())).facts
        sums = [float(each.sum()) for each in projected]
        return {
            **{key: getattr(region, key) for key in COLUMNS if hasattr(region, key)},
            "model": self.model,
            "observed": _write(np.mean(observed)),
            "predicted": _write(np.mean([each.predicted for each in found]) / span),
            "explained": _write(np.mean([each.explained for each in found])),
            "sum": _write(sums[0]),
            "spread": _write(np.std(sums[1:], ddof=1)) if len(sums) > 2 else "",
            "delta": _write(np.max([each.delta for each in found])),
            "method": facts["method"],
        }


def _write(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"


def compute_sizes(dataset: Dataset) -> dict[str, int]:
    """Return the lengths of what tracks may lie on: chromosomes, contigs without a place."""
    contigs, found = dataset.contigs, {}
    ends = np.maximum(contigs.offset + contigs.length, contigs.chrom_length)
    for name, end in zip(contigs.place_name, ends.tolist(), strict=True):
        found[name] = max(found.get(name, 0), end)
    return found


def make_runs(regions: Sequence[Region], values: np.ndarray) -> Iterator[Run]:
    """Yield contributions base by base, (regions, width), in the order of bigWigs.

    Where regions overlap, each has what is nearer to its summit.
    """
    keys = [(region.contig.encode(), region.summit) for region in regions]
    order = sorted(range(len(regions)), key=keys.__getitem__)
    for before, at, after in zip([None, *order], order, [*order[1:], None], strict=False):
        region = regions[at]
        first = regions[at].start
        last = regions[at].end
        if before is not None and regions[before].contig == region.contig:
            first = max(first, _middle(regions[before], region))
        if after is not None and regions[after].contig == region.contig:
            last = min(last, _middle(region, regions[after]))
        if first < last:
            yield Run(region.contig, first, values[at, first - region.start : last - region.start])


def _middle(one: Region, other: Region) -> int:
    return (one.summit + other.summit + 1) // 2


def _write_bed(path: Path, targets: Sequence[_Target]) -> dict[str, str]:
    """Write regions as narrowPeak, target by target, in the order of the arrays' rows."""
    lines = [
        f"{each.contig}\t{each.start}\t{each.end}\t{each.name}\t0\t.\t0\t-1\t-1"
        f"\t{each.summit - each.start}\n"
        for target in targets
        for each in target.regions
    ]
    write_sealed(path, "".join(lines))
    slug = targets[0].explained.slug if path.name != "regions.bed" else ""
    return list_file(path, "regions", slug)
