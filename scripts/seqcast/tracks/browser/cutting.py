"""Cut what a page holds out of a folder of tracks: the values and bases of a few regions."""

import base64
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pybigtools
from pyfaidx import Fasta

from seqcast.tracks.browser.annotations import read_cells
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.files import open_values

# Codes of 16 bits: 0 to 65,534 are heights, the last one is a bin without a value.
_HIGHEST, _UNKNOWN = 65_534, 65_535
# Characters of base64 a value and, compressed, a base.
BYTES_A_VALUE, BYTES_A_BASE = 2 * 4 / 3, 0.42
# Nobody reads the letters of more.
_MOST_BASES = 1 << 18
_MOST_FEATURES = 100_000


@dataclass(frozen=True)
class Region:
    """A stretch of a chromosome in bins of `step` bases; the last bin may pass its end."""

    chrom: str
    start: int
    end: int
    step: int

    @property
    def bins(self) -> int:
        """Number of bins."""
        return -(-(self.end - self.start) // self.step)

    def holds(self, place: Locus) -> bool:
        """Say whether a place lies in it as a whole."""
        return self.chrom == place.chrom and self.start <= place.start and place.end <= self.end


def make_regions(places: Iterable[Locus], bin_size: int, most_bins: int) -> list[Region]:
    """Join places that overlap, and widen the bins of those that are long.

    No region has more than `most_bins` bins; steps are whole numbers of `bin_size`.
    """
    joined: list[Region] = []
    for place in sorted(places, key=lambda each: (each.chrom.encode(), each.start)):
        last = joined[-1] if joined else None
        if last and last.chrom == place.chrom and place.start < last.end:
            joined[-1] = replace(last, end=max(last.end, place.end))
        else:
            joined.append(Region(place.chrom, place.start, place.end, bin_size))
    wide = [-(-region.bins // most_bins) for region in joined]
    return [
        replace(region, step=bin_size * factor) for region, factor in zip(joined, wide, strict=True)
    ]


def has_bases(region: Region) -> bool:
    """Say whether a region is short enough for its bases to be worth their bytes."""
    return region.end - region.start <= _MOST_BASES


def align_regions(path: str | Path, regions: Sequence[Region], bin_size: int) -> list[Region]:
    """Move the start of regions to where the bins of a track begin, so that bins stay whole.

    A region moves back by less than a bin, but not over the chromosome's start; where the file has
    no values its edges do not matter, and it stays where it is.
    """
    track = open_values(path)
    known = track.chroms()
    moved = []
    for region in regions:
        end = min(region.end, known.get(region.chrom, 0))
        records = track.records(region.chrom, region.start, end) if region.start < end else ()
        # Starts and ends are cut at what is asked for: only an end within it is a bin's.
        edge = next((last for _, last, _ in records if last < end), region.start)
        start = region.start - (region.start - edge) % bin_size
        # Before a chromosome's first whole bin, bins of the page do not lie on those of the file.
        moved.append(replace(region, start=max(start, 0)))
    track.close()
    return moved


def read_values(path: str | Path, regions: Sequence[Region]) -> list[np.ndarray]:
    """Read the mean of each bin of each region from a track, (bins,) float64 a region.

    The mean is over the bases that have a value; NaN where none has one.
    """
    track = open_values(path)
    known = track.chroms()
    values = [_read_region(track, region, known.get(region.chrom, 0)) for region in regions]
    track.close()
    return values


def _read_region(track: pybigtools.BBIReader, region: Region, size: int) -> np.ndarray:
    """Read a region; bases past the chromosome's `size` count as having no value."""
    values = np.full(region.bins, np.nan)
    whole = max(min(region.end, size) - region.start, 0) // region.step
    edge = region.start + whole * region.step
    if whole:
        values[:whole] = _read_means(track, region.chrom, region.start, edge, whole)
    if whole < region.bins and edge < min(region.end, size):
        values[whole] = _read_means(track, region.chrom, edge, min(region.end, size), 1)[0]
    return values


def _read_means(
    track: pybigtools.BBIReader, chrom: str, start: int, end: int, bins: int
) -> np.ndarray:
    return track.values(chrom, start, end, bins=bins, summary="mean", exact=True, fillna=None)


@dataclass(frozen=True)
class Cut:
    """Regions, and the values (bins,) of each of them by the name of a track's file."""

    regions: tuple[Region, ...]
    values: Mapping[str, Sequence[np.ndarray]]

    def edges_of(self, place: Locus) -> np.ndarray:
        """Return the bounds of the bins that touch a place, (bins + 1,), in bases."""
        _, region, bins = self._find(place)
        return region.start + region.step * np.arange(bins.start, bins.stop + 1)

    def values_of(self, file: str, place: Locus) -> np.ndarray:
        """Return a track's values (bins,) at a place."""
        index, _, bins = self._find(place)
        return self.values[file][index][bins]

    def _find(self, place: Locus) -> tuple[int, Region, slice]:
        found = next(pair for pair in enumerate(self.regions) if pair[1].holds(place))
        region = found[1]
        first = (place.start - region.start) // region.step
        return *found, slice(first, -(-(place.end - region.start) // region.step))


def make_cut(
    folder: Path,
    places: Iterable[Locus],
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    bin_size: int,
    most_bins: int,
) -> Cut:
    """Cut places out of the tracks of a folder; `rows` are those of each target, by its name."""
    files = [row["file"] for listed in rows.values() for row in listed]
    regions = make_regions(places, bin_size, most_bins)
    regions = align_regions(folder / files[0], regions, bin_size)
    return Cut(tuple(regions), {file: read_values(folder / file, regions) for file in files})


def to_codes(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Round values (bins,) to 65,535 even heights; return the codes, the lowest and the highest.

    The lowest height is 0 unless there are values below. A value is off by no more than a
    131,068th of the range; one that is not finite becomes 65,535.
    """
    finite = np.isfinite(values)
    low = float(np.min(values, where=finite, initial=0.0))
    high = float(np.max(values, where=finite, initial=0.0))
    scaled, step = np.zeros(len(values)), (high - low) / _HIGHEST
    if step > 0:
        np.divide(values.astype(float) - low, step, out=scaled, where=finite)
    codes = np.where(finite, np.rint(scaled), _UNKNOWN)
    return codes.astype("<u2"), low, high


def to_base64(codes: np.ndarray) -> str:
    """Write codes as text, two bytes each, the lower one first."""
    return base64.b64encode(codes.astype("<u2").tobytes()).decode()


def make_reference(
    fasta: str | Path,
    regions: Sequence[Region],
    sizes: Mapping[str, int],
    *,
    bases: bool,
    peaks: Sequence[Locus] = (),
) -> str:
    """Make a FASTA that knows the true lengths of chromosomes but only the bases of regions.

    Returned as a `data:` address, which igv.js reads without asking for it. It understands
    `>chr1:1001-2000 @len=248956422`, several times for a chromosome. Without `bases`, and for long
    regions, there is one N a region, so that the chromosome is known; `peaks` always have theirs.
    """
    lines = []
    # Of stretches that overlap it reads the first.
    wanted = [(Region(peak.chrom, peak.start, peak.end, 1), True) for peak in peaks]
    wanted += [(region, bases and has_bases(region)) for region in regions]
    with Fasta(str(fasta), rebuild=False, sequence_always_upper=True) as genome:
        for region, is_read in wanted:
            size, letters = sizes[region.chrom], "N"
            if is_read:
                letters = genome[region.chrom][region.start : min(region.end, size)].seq
            # igv.js takes a range for one only where its end is behind its first base.
            last = region.start + max(len(letters), 2)
            lines += [f">{name_of(region.chrom)}:{region.start + 1}-{last} @len={size}", letters]
    packed = gzip.compress("\n".join(lines).encode(), 9, mtime=0)
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def cut_features(path: Path, regions: Sequence[Region], *, of_bed: bool = True) -> str:
    """Return the lines of a BED or GFF file that touch regions as a `data:` address.

    Plain or gzip. Empty where no line touches any, or where they take more than 100,000 bytes.
    """
    first, last, offset = (1, 2, 0) if of_bed else (3, 4, -1)
    kept = []
    for cells in read_cells(path):
        if len(cells) <= last or not (cells[first] + cells[last]).isdecimal():
            continue
        start, end = int(cells[first]) + offset, int(cells[last])
        if any(
            each.chrom == cells[0] and start < each.end and each.start < end for each in regions
        ):
            kept.append("\t".join([name_of(cells[0]), *cells[1:]]))
    lines = "\n".join(kept).encode()
    packed = gzip.compress(lines, 9, mtime=0)
    if not kept or len(packed) > _MOST_FEATURES:
        return ""
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode()}"


def name_of(chrom: str) -> str:
    """Return a chromosome's name as igv.js can take it: no `:`, which parts it from a place."""
    return "_".join(chrom.replace(":", "_").split())
