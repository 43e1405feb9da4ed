"""Variants of a simulated chromosome, in and off motif sites, and what they truly do.

True effects are those of the rates without noise, of which a variant changes what its sites give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seqcast.core.disk import written_whole
from seqcast.core.seal import write_sealed
from seqcast.genome.codes import N, decode, encode
from seqcast.sources.simulated.tracks import (
    MOTIFS,
    TRACKS,
    Sites,
    SitesOfMotif,
    find_sites,
    make_signal,
)

# Share of the reads' mean that lies evenly over the genome.
FLOOR = 0.15
# So many of each kind the demo has, half of them in sites; radii that true effects are summed over.
SNVS = 60
INDELS = 10
RADII = (250, 1024)
_LONGEST_INDEL, _LONGEST_MOTIF = 20, max(len(motif.consensus) for motif in MOTIFS.values())
# Bases beyond which nothing shapes what is summed: an enhancer's reach, and broad marks.
_REACH = 14_000


@dataclass(frozen=True)
class Change:
    """REF of a chromosome from base `start` on (from 0) becomes ALT, in VCF's way of writing."""

    start: int
    ref: str
    alt: str

    @property
    def end(self) -> int:
        """The base after REF's last."""
        return self.start + len(self.ref)


@dataclass(frozen=True)
class TrueEffects:
    """What is known of a chromosome: `codes` (length,), its sites, and units of its tracks.

    `unit_T` is the mean signal of the genome, `mean_T` the mean training coverage of a bin.
    """

    codes: np.ndarray
    sites: Sites
    bin_size: int
    unit_T: np.ndarray
    mean_T: np.ndarray

    def find(self, change: Change, radii: Sequence[int]) -> np.ndarray:
        """Return log2 of ALT's over REF's rates, summed as for `lfc`, (radii, T).

        What follows an insertion or deletion counts at REF's positions.
        """
        first = max(change.start - _REACH, 0) // self.bin_size * self.bin_size
        end = min(change.end + _REACH, len(self.codes))
        signals = (
            make_signal(_cut(sites, first, end), end - first, self.bin_size)
            for sites in (self.sites, self._apply(change))
        )
        ref, alt = (make_rates(signal, self.unit_T) for signal in signals)
        found = []
        for radius in radii:
            low = max(change.start - radius - first, 0) // self.bin_size
            near = slice(low, -(-(change.end + radius - first) // self.bin_size))
            c_T = self.mean_T * len(ref[near])
            found.append(np.log2((alt[near].sum(0) + c_T) / (ref[near].sum(0) + c_T)))
        return np.array(found)

    def _apply(self, change: Change) -> Sites:
        """Return the chromosome's sites with ALT, at REF's positions."""
        first, last = max(change.start - _LONGEST_MOTIF, 0), change.end + _LONGEST_MOTIF
        alt = [self.codes[first : change.start], encode(change.alt), self.codes[change.end : last]]
        here, moved = find_sites(np.concatenate(alt)), len(change.alt) - len(change.ref)
        found = {}
        for name, whole in self.sites.items():
            start, new = whole.centre - whole.size // 2, here[name]
            kept = (start < first) | (start + whole.size > last)
            at = new.centre + first
            beyond = at >= change.start + len(change.alt)
            at = np.where(beyond, at - moved, np.minimum(at, max(change.end - 1, change.start)))
            centre = np.concatenate([whole.centre[kept], at])
            order = np.argsort(centre, kind="stable")
            strength = np.concatenate([whole.strength[kept], new.strength])[order]
            forward = np.concatenate([whole.forward[kept], new.forward]).astype(bool)[order]
            found[name] = SitesOfMotif(centre[order], strength, forward, whole.size)
        return found


def make_rates(signal: np.ndarray, unit_T: np.ndarray) -> np.ndarray:
    """Turn a signal (bins, T) of the mean `unit_T` into rates whose mean is each track's depth.

    Every experiment has a floor of reads that come from nowhere in particular.
    """
    depth = np.array([track.depth for track in TRACKS]) / (1 + FLOOR)
    return (signal / unit_T + FLOOR) * depth


def draw_changes(
    codes: np.ndarray, sites: Sites, snvs: int, indels: int, rng: np.random.Generator
) -> list[Change]:
    """Draw substitutions, insertions and deletions of 1 to 20 bases, sorted, no two at a position.

    Half of each lie in motif sites, each motif as often as any other. Where there are no bases but
    N, or a few only, there are fewer.
    """
    spans = {name: list(each.rows()) for name, each in sites.items() if len(each.centre)}
    found: dict[int, Change] = {}
    for wanted, is_indel in ((snvs, False), (indels, True)):
        before = len(found)
        for number in range(20 * wanted):
            if len(found) - before == wanted:
                break
            position = _draw_position(len(codes), spans if number % 2 else {}, rng)
            change = _draw_change(codes, position, is_indel, rng)
            around = codes[max(position - 100, 0) : position + 100]
            if change and N not in around and position not in found:
                found[position] = change
    return [found[position] for position in sorted(found)]


def _draw_position(length: int, spans: dict[str, list], rng: np.random.Generator) -> int:
    if not spans:
        return int(rng.integers(1, max(length - 1, 2)))
    rows = spans[str(rng.choice(list(spans)))]
    start, end, *_ = rows[rng.integers(len(rows))]
    return int(rng.integers(start, end))


def _draw_change(
    codes: np.ndarray, position: int, is_indel: bool, rng: np.random.Generator
) -> Change | None:
    """Return a change at a position; None where the chromosome ends before."""
    size = int(rng.integers(1, _LONGEST_INDEL + 1)) if is_indel else 0
    is_deletion = bool(is_indel and rng.random() < 0.5)
    end = position + 1 + size * is_deletion
    if end > len(codes) or N in codes[position:end]:
        return None
    ref = decode(codes[position:end])
    if not is_indel:
        other = (int(codes[position]) + int(rng.integers(1, 4))) % 4
        return Change(position, ref, "ACGT"[other])
    if is_deletion:
        return Change(position, ref, ref[0])
    return Change(position, ref, ref + decode(rng.integers(0, 4, size).astype(np.uint8)))


def write_variants(
    vcf: Path, truth: Path, contig: str, length: int, effects: TrueEffects, seed: int
) -> None:
    """Draw variants of a chromosome; write them as a VCF, and their true effects as a table."""
    rng = np.random.default_rng([seed, 17])
    changes = draw_changes(effects.codes, effects.sites, SNVS, INDELS, rng)
    with written_whole(vcf) as partial:
        partial.write_text("".join(_make_vcf(contig, length, changes, effects.sites)))
    write_sealed(truth, "".join(_make_truth(contig, changes, effects)))


def _make_vcf(contig: str, length: int, changes: Sequence[Change], sites: Sites) -> Iterator[str]:
    """Yield lines; an ID says which motif's site REF is in."""
    yield "##fileformat=VCFv4.3\n"
    yield f"##contig=<ID={contig},length={length}>\n"
    yield "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    for number, each in enumerate(changes, 1):
        name = f"{find_motif(sites, each) or 'outside'}_{number}"
        yield f"{contig}\t{each.start + 1}\t{name}\t{each.ref}\t{each.alt}\t.\t.\t.\n"


def _make_truth(contig: str, changes: Sequence[Change], effects: TrueEffects) -> Iterator[str]:
    yield "contig\tposition\tref\talt\ttarget\tradius\tlfc\tin_site\n"
    for each in changes:
        found = effects.find(each, RADII)
        motif = find_motif(effects.sites, each)
        for radius, lfc_T in zip(RADII, found, strict=True):
            for track, lfc in zip(TRACKS, lfc_T.tolist(), strict=True):
                cells = (contig, each.start + 1, each.ref, each.alt, track.name, radius)
                yield "\t".join([*map(str, cells), f"{lfc:.6g}", motif]) + "\n"


def find_motif(sites: Sites, change: Change) -> str:
    """Return the first motif with a site that a change touches, "" where there is none."""
    for name, each in sites.items():
        start = each.centre - each.size // 2
        if ((start < change.end) & (start + each.size > change.start)).any():
            return name
    return ""


def _cut(sites: Sites, first: int, end: int) -> Sites:
    """Return the sites between two bases, counted from the first."""
    found = {}
    for name, each in sites.items():
        kept = slice(*np.searchsorted(each.centre, (first, end)))
        arrays = {key: getattr(each, key)[kept] for key in ("centre", "strength", "forward")}
        found[name] = replace(each, **arrays | {"centre": arrays["centre"] - first})
    return found
