"""From the files of a genome source to what they agree on, before any of the data is read."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from seqcast.core.console import progress
from seqcast.core.errors import SeqcastError, list_some
from seqcast.settings import GenomeSettings
from seqcast.sources.genome import contigs
from seqcast.sources.genome.bed import Bed, merge_intervals, read_bed
from seqcast.sources.genome.contigs import Source
from seqcast.sources.genome.fasta import Fasta, check_md5, open_fasta
from seqcast.sources.genome.headers import Header, read_header
from seqcast.sources.genome.layout import Inputs, Layout, Track
from seqcast.sources.genome.names import Aliases, Matches, match_names, read_aliases
from seqcast.sources.genome.regions import find_held_out

T = TypeVar("T")


@dataclass
class _Findings:
    """What was noticed so far, for people; each text with the files that it is about."""

    refusals: list[str] = field(default_factory=list)
    notices: dict[str, list[str]] = field(default_factory=dict)

    def note(self, text: str, label: str) -> None:
        """Notice something of a file."""
        self.notices.setdefault(text, []).append(label)

    @property
    def lines(self) -> list[str]:
        """The notices, files of which the same is said together."""
        return [f"{list_some(labels)}: {text}" for text, labels in self.notices.items()]


def read_layout(settings: GenomeSettings, inputs: Inputs, threads: int = 1) -> Layout:
    """Open all files of a genome source and find the contigs that they agree on.

    Reads the FASTA's index, the bigWigs' headers and the first entries of each contig: seconds for
    a few tracks, a minute or two for a thousand. All that is wrong stands in `refusals`, one line a
    fault. Raises `SeqcastError`, with all faults found so far, only where the FASTA or the table of
    aliases cannot be read.
    """
    findings = _Findings()
    headers = _read_headers(inputs, findings)
    beds = [bed for path in inputs.mask if (bed := _try(findings, read_bed, path)) is not None]
    fasta = _try(findings, open_fasta, inputs.fasta, inputs.work)
    aliases = _try(findings, read_aliases, inputs.aliases) if inputs.aliases else {}
    if fasta is None or aliases is None:
        raise SeqcastError("\n".join(findings.refusals))
    findings.refusals += check_md5(fasta, settings.md5)
    lengths = fasta.lengths
    sources = [
        Source(label, header, match_names(list(lengths), header.contigs, aliases), replicate)
        for label, replicate, header in headers
    ]
    for source in sources:
        _describe_names(source.matches, len(source.header.contigs), source.label, findings)
    unmatched = [(each.header.path, each.header.contigs) for each in sources if not each.fits]
    findings.refusals += contigs.find_unmatched(lengths, unmatched)
    excluded = settings.split.exclude
    findings.refusals += contigs.compare_lengths(lengths, sources, excluded)
    # A track of another assembly must not decide what the others may use.
    right = [each for each in sources if not contigs.find_other_lengths(lengths, each, excluded)]
    reasons = contigs.find_unusable(settings, lengths, right)
    usable = [name for name in lengths if name not in reasons]
    right = _find_names(settings, right, usable, findings, threads)
    findings.refusals += contigs.find_blank(right) if usable else []
    reasons |= contigs.find_uncovered(settings, usable, right)
    left_out = {name: reasons[name] for name in lengths if name in reasons}
    findings.refusals += contigs.check_split(settings, lengths, left_out)
    used = {name: length for name, length in lengths.items() if name not in left_out}
    mask = _make_mask(beds, fasta, used, aliases, findings)
    held_out = _find_held_out(settings, inputs, fasta, used, aliases, findings)
    tracks, replicates = (
        {each.label: _make_track(each, used) for each in right if each.is_replicate is wanted}
        for wanted in (False, True)
    )
    return Layout(
        fasta,
        used,
        tuple(tracks[row.identifier] for row in inputs.rows if row.identifier in tracks),
        tuple(replicates.get(_label_replicate(row.identifier)) for row in inputs.rows),
        mask,
        held_out,
        left_out,
        (*contigs.describe_left_out(lengths, left_out), *findings.lines),
        tuple(findings.refusals),
        {label: header for label, is_replicate, header in headers if not is_replicate},
    )


def _try(findings: _Findings, read: Callable[..., T], *what: Any) -> T | None:
    """Read a file, or keep what is wrong with it and go on."""
    try:
        return read(*what)
    except SeqcastError as error:
        findings.refusals += str(error).splitlines()
        return None


def _label_replicate(identifier: str) -> str:
    return f"{identifier} (replicate)"


def _read_headers(inputs: Inputs, findings: _Findings) -> list[tuple[str, bool, Header]]:
    """Return label, whether it is a replicate, and header of each bigWig that can be opened."""
    files = [(row.identifier, False, row.file) for row in inputs.rows]
    files += [(_label_replicate(r.identifier), True, r.replicate) for r in inputs.rows]
    return [
        (label, is_replicate, header)
        for label, is_replicate, file in files
        if file and (header := _try(findings, read_header, Path(file))) is not None
    ]


def _find_names(
    settings: GenomeSettings,
    sources: Sequence[Source],
    usable: Sequence[str],
    findings: _Findings,
    threads: int,
) -> list[Source]:
    """Return the sources with the contigs to read; those that cannot be read are left out."""
    found = []
    with (
        progress(len(sources), "looking for coverage", "tracks") as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        looking = [pool.submit(contigs.find_names, settings, source, usable) for source in sources]
        for source, look in zip(sources, looking, strict=True):
            names = _try(findings, look.result)
            found += [replace(source, names=names)] if names is not None else []
            bar.update()
    return found


def _make_track(source: Source, used: Mapping[str, int]) -> Track:
    names = {name: own for name, own in source.names.items() if name in used}
    return Track(source.header.path, names)


def _describe_names(
    matches: Matches, total: int, label: str, findings: _Findings, lost: str = ""
) -> None:
    """Say which names were matched how, and which mean no contig of the FASTA."""
    for found, how in (
        (
            matches.by_prefix,
            "contig names matched with the FASTA's by adding or removing `chr`",
        ),
        (matches.by_alias, "contig names matched with the FASTA's by the table of aliases"),
    ):
        if found:
            first = found[0]
            findings.note(
                f"{how} ({matches.names[first]} is {first}"
                + (f", and {len(found) - 1:,} more)" if len(found) > 1 else ")"),
                label,
            )
    if matches.unknown and matches.names:
        findings.note(
            f"{len(matches.unknown):,} of its {total:,} contigs not in the FASTA, so not used:"
            f" {list_some(matches.unknown)}{lost}",
            label,
        )


def _make_mask(
    beds: Sequence[Bed],
    fasta: Fasta,
    used: Mapping[str, int],
    aliases: Aliases,
    findings: _Findings,
) -> dict[str, np.ndarray]:
    """Return the merged intervals of all BED files on the contigs to use, clipped to these."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in used}
    for bed in beds:
        matches = match_names(list(fasta.index), bed.intervals, aliases)
        own = {name: bed.intervals[matches.names[name]] for name in used if name in matches.names}
        _describe_bed(bed, matches, fasta, findings)
        _compare_ends(bed, own, used, findings)
        for name, intervals in own.items():
            found[name].append(np.minimum(intervals, used[name]))
    return {name: merge_intervals(np.concatenate(each)) for name, each in found.items() if each}


def _find_held_out(
    settings: GenomeSettings,
    inputs: Inputs,
    fasta: Fasta,
    used: Mapping[str, int],
    aliases: Aliases,
    findings: _Findings,
) -> dict[str, np.ndarray]:
    """Return what `valid` and `test` name of each contig to use, as in `regions`."""
    named = {}
    for name, path in inputs.beds.items():
        if (bed := _try(findings, read_bed, path)) is not None:
            named[name] = _make_mask([bed], fasta, used, aliases, findings)
            sizes = [size for each in named[name].values() for size in np.diff(each).ravel()]
            if short := sum(size < settings.window for size in sizes):
                text = f"{short:,} of {len(sizes):,} intervals shorter than a window"
                findings.note(f"{text} of {settings.window:,} bases: used for nothing", path.name)
    held_out, faults = find_held_out(settings, used, named)
    findings.refusals += faults
    return held_out


def _describe_bed(bed: Bed, matches: Matches, fasta: Fasta, findings: _Findings) -> None:
    """Count the contigs and intervals that are unknown; refuse a file with no others."""
    if not bed.size:
        findings.note("holds no intervals", bed.path.name)
    elif not matches.names:
        own = dict.fromkeys(bed.intervals)
        findings.refusals += contigs.find_unmatched(fasta.lengths, [(bed.path, own)])
    lost = sum(len(bed.intervals[name]) for name in matches.unknown)
    counted = f" ({lost:,} of {bed.size:,} intervals)"
    _describe_names(matches, len(bed.intervals), bed.path.name, findings, counted)


def _compare_ends(
    bed: Bed, intervals: Mapping[str, np.ndarray], used: Mapping[str, int], findings: _Findings
) -> None:
    """Count intervals that pass their contig's end; refuse those that lie past it as a whole."""
    clipped = 0
    for name, here in intervals.items():
        past = (here[:, 1] > used[name]) & (here[:, 0] >= used[name])
        clipped += int((here[:, 1] > used[name]).sum() - past.sum())
        if past.any():
            start, end = here[past][0]
            findings.refusals.append(
                f"{bed.path}: of another assembly than the FASTA: {name} has {used[name]:,} bases"
                f" there, and the file {int(past.sum()):,} of its {len(here):,} intervals past"
                f" that, such as {start:,}-{end:,}; take the file for this genome"
            )
    if clipped:
        text = f"{clipped:,} of {bed.size:,} intervals clipped at their contig's end"
        findings.note(text, bed.path.name)
