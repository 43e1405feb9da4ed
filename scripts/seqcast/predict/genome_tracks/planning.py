"""Decide which bins of which contigs are predicted, and cut them into parts."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from seqcast.core.chunks import find_groups
from seqcast.core.console import log
from seqcast.core.errors import SeqcastError, list_some
from seqcast.core.seal import AGAIN
from seqcast.data import Dataset, read_dataset
from seqcast.data.targets import unique_slugs
from seqcast.genome.fasta import read_sizes
from seqcast.predict.genome_tracks.plan import Part, Plan, write_plan
from seqcast.predict.genome_tracks.reference import NAME, write_reference
from seqcast.predict.genome_tracks.tiling import Span, Tiling
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.sources.genome.bed import Region, read_regions
from seqcast.sources.genome.fasta import Fasta
from seqcast.sources.genome.names import suggest_contig

_LISTED = 8
# A bigWig of predictions takes less than this a bin, zoom levels included.
_BYTES_A_BIN = 6


@dataclass(frozen=True)
class Genome:
    """The contigs that may be predicted with their lengths, and a text that stands for content.

    `left_out` are those that the settings leave out, or that have no whole bin.
    """

    stamp: str
    lengths: Mapping[str, int]
    left_out: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def from_lengths(
        cls, lengths: Mapping[str, int], stamp: str, settings: GenomeTracksSettings, bin_size: int
    ) -> "Genome":
        """Choose contigs as the settings say; those shorter than a bin are left out, counted.

        Raises `SeqcastError` for a name that is not there, and where nothing is left.
        """
        for key in ("contigs", "exclude"):
            unknown = [name for name in getattr(settings, key) or () if name not in lengths]
            if unknown:
                raise SeqcastError(
                    f"genome_tracks.{key} names {list_some(unknown)}, which the FASTA does not have"
                    f"{suggest_contig(unknown[0], list(lengths))}"
                )
        wanted = set(settings.contigs or lengths) - set(settings.exclude)
        short = [name for name in lengths if name in wanted and lengths[name] < bin_size]
        if short:
            log.warning(
                "left out, shorter than a bin of %d bases: %s (%s of %s contigs)",
                bin_size, list_some(short, _LISTED), f"{len(short):,}", f"{len(wanted):,}",
            )  # fmt: skip
        kept = {n: length for n, length in lengths.items() if n in wanted and length >= bin_size}
        if not kept:
            raise SeqcastError(
                f"none of {len(lengths):,} contigs is left to predict; see genome_tracks.contigs"
                f" and exclude, and the bins of {bin_size} bases"
            )
        return cls(stamp, kept, frozenset(lengths) - frozenset(kept))


def write_plans(
    path: Path,
    settings: GenomeTracksSettings,
    dataset_path: Path,
    fasta: Fasta | None,
    *,
    regions: Path | None = None,
    models: int = 1,
    members: int = 1,
) -> None:
    """Lay the genome beside a plan and write the plan: of all contigs, or of regions (BED).

    Without a FASTA the genome is the dataset's own. Says how much work it is for so many
    trainings (`members`) of so many models, and raises `SeqcastError` where the disk is too small.
    """
    dataset = read_dataset(dataset_path)
    stamp = write_reference(path.parent, fasta, dataset)
    sizes = read_sizes(path.parent / NAME, AGAIN)
    genome = Genome.from_lengths(sizes, stamp, settings, dataset.bin_size)
    tiling = Tiling.from_window(dataset.window, dataset.bin_size, dataset.crop, settings.edge_bins)
    plan = (
        plan_regions(regions, genome, tiling, settings.part)
        if regions
        else plan_genome(genome, tiling, settings.part)
    )
    check_disk(path.parent, forecast(plan, genome, tiling, dataset, models, members))
    groups = tuple((group.start, group.stop) for group in find_groups(len(dataset.targets)))
    write_plan(path, replace(plan, groups=groups))


def plan_genome(genome: Genome, tiling: Tiling, part: int) -> Plan:
    """Plan all contigs: each of `part` bases or more a part of its own, shorter ones in groups.

    Groups are of about the same size, of contigs in the FASTA's order.
    """
    short = sum(length for length in genome.lengths.values() if length < part)
    share = short / max(1, -(-short // part))
    groups: list[list[str]] = []
    open_group: list[str] = []
    bases = share
    for name, length in genome.lengths.items():
        if length >= part:
            groups.append([name])
            continue
        if bases >= share:
            open_group, bases = [], 0
            groups.append(open_group)
        open_group.append(name)
        bases += length
    labels = [group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}" for group in groups]
    spans = [
        [Span(name, 0, tiling.count_bins(genome.lengths[name])) for name in group]
        for group in groups
    ]
    return _make_plan(labels, spans, genome.stamp)


def plan_regions(path: Path, genome: Genome, tiling: Tiling, part: int) -> Plan:
    """Plan the bins that the regions of a BED file touch, `part` bases of windows a part.

    Regions that overlap are predicted as one stretch. Raises what `read_places` raises.
    """
    bins = tiling.bin_size
    spans = _merge_spans({to_span(region, bins) for region in read_places(path, genome)})
    number = {name: index for index, name in enumerate(genome.lengths)}
    groups: list[list[Span]] = [[]]
    windows, most = 0, max(1, part // (tiling.step * bins))
    for span in sorted(spans, key=lambda span: (number[span.contig], span.first, span.end)):
        if windows >= most:
            groups.append([])
            windows = 0
        groups[-1].append(span)
        windows += tiling.count_tiles(span, genome.lengths[span.contig])
    return _make_plan(["regions"] * len(groups), groups, genome.stamp)


def read_places(path: Path, genome: Genome) -> list[Region]:
    """Read regions that lie on a genome.

    Raises `SeqcastError` with the number of those that do not, and the first.
    """
    regions = read_regions(path)
    if not regions:
        raise SeqcastError(f"{path}: has no regions, wanted BED: contig, start, end")
    faulty = [
        region
        for region in regions
        if not region.start < region.end <= genome.lengths.get(region.contig, 0)
    ]
    if faulty:
        first = faulty[0]
        raise SeqcastError(
            f"{path}: {len(faulty):,} of {len(regions):,} regions cannot be predicted, the first"
            f" {first.contig}:{first.start:,}-{first.end:,}: {_describe_fault(first, genome)}"
        )
    return regions


def _describe_fault(region: Region, genome: Genome) -> str:
    if region.contig in genome.left_out:
        return (
            f"{region.contig} is left out (genome_tracks.contigs or exclude, or shorter than a bin)"
        )
    if region.contig not in genome.lengths:
        return (
            f"the genome has no {region.contig}"
            f"{suggest_contig(region.contig, list(genome.lengths))}"
        )
    if region.start == region.end:
        return "it has no bases"
    return f"{region.contig} ends at {genome.lengths[region.contig]:,}"


def to_span(region: Region, bin_size: int) -> Span:
    """Return the bins that a region touches."""
    return Span(region.contig, region.start // bin_size, -(-region.end // bin_size))


def _merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Join spans that share bins, so that a bin has one value wherever it is asked for."""
    merged: list[Span] = []
    for span in sorted(spans):
        last = merged[-1] if merged else None
        if last and span.contig == last.contig and span.first < last.end:
            merged[-1] = Span(span.contig, last.first, max(last.end, span.end))
        else:
            merged.append(span)
    return merged


def _make_plan(labels: Sequence[str], spans: Iterable[Iterable[Span]], stamp: str) -> Plan:
    pairs = zip(unique_slugs(labels), spans, strict=True)
    return Plan(tuple(Part.from_spans(name, each, stamp) for name, each in pairs))


def forecast(
    plan: Plan, genome: Genome, tiling: Tiling, dataset: Dataset, models: int, members: int
) -> int:
    """Say how much work and disk a plan is; return the bytes that it takes.

    `members` trainings predict, whose values are averaged to tracks of `models`.
    """
    lengths, bases = genome.lengths, tiling.window * tiling.bin_size
    spans = [span for part in plan.parts for span in part.spans]
    contigs = dict.fromkeys(span.contig for span in spans)
    windows = sum(tiling.count_tiles(span, lengths[span.contig]) for span in spans)
    log.info(
        "%s windows of %s bases for each of %d trainings, in %d parts: %s Mb on %d contigs",
        f"{windows:,}", f"{bases:,}", members, len(plan.parts),
        f"{plan.bins * tiling.bin_size / 1e6:,.1f}", len(contigs),
    )  # fmt: skip
    short = [name for name in contigs if lengths[name] < bases]
    if short:
        log.info(
            "padded with N, shorter than a window: %s (%s of %s contigs)",
            list_some(short, _LISTED), f"{len(short):,}", f"{len(contigs):,}",
        )  # fmt: skip
    size = plan.bins * len(dataset.targets)
    return 4 * size * members + _BYTES_A_BIN * size * (models + 1)


def check_disk(folder: Path, size: int) -> None:
    """Raise `SeqcastError` where a folder's disk has less than `size` bytes left."""
    free = shutil.disk_usage(folder).free
    log.info("about %s MB on disk", f"{np.ceil(size / 1e6):,.0f}")
    if free < size:
        raise SeqcastError(
            f"{folder}: predictions and tracks take about {size / 1e9:,.1f} GB, and"
            f" {free / 1e9:,.1f} GB are free; make room, or name fewer contigs or models in"
            " genome_tracks"
        )
