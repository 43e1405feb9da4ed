"""Which contigs to use: those that all files agree on."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqcast.core.errors import list_some
from seqcast.settings import GenomeSettings
from seqcast.sources.genome.entries import find_covered
from seqcast.sources.genome.headers import Header
from seqcast.sources.genome.names import Matches, is_mitochondrion, suggest_contig
from seqcast.sources.genome.regions import find_interval

# Lengths that tell an assembly.
_ASSEMBLIES = {
    248_956_422: "hg38", 249_250_621: "hg19", 247_249_719: "hg18", 248_387_328: "T2T-CHM13",
    195_154_279: "mm39", 195_471_971: "mm10", 197_195_432: "mm9", 282_763_074: "rn6",
    59_578_282: "danRer11", 23_513_712: "dm6", 23_011_544: "dm3", 15_072_434: "ce11",
    30_427_671: "TAIR10", 1_531_933: "sacCer3", 1_531_919: "sacCer1 or sacCer2",
}  # fmt: skip
_PAIRS_LISTED, _REASONS_LISTED = 5, 8
# UCSC's names: chr6_GL000250v2_alt, chr1_KI270706v1_random, chr6_apd_hap1.
_ALTERNATE = re.compile(r"([^_]+)_(?:.+_)?(?:alt|fix|random|hap\d+)")


@dataclass(frozen=True)
class Source:
    """A bigWig that could be opened: what people call it, and its contigs as matched.

    `names` has those to read, the FASTA's name and its own, once they are known.
    """

    label: str
    header: Header
    matches: Matches
    is_replicate: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Say whether any of its contigs is in the FASTA."""
        return bool(self.matches.names)

    def length_of(self, contig: str) -> int:
        """Return the length that the file gives a contig of the FASTA."""
        return self.header.contigs[self.matches.names[contig]]


def find_unusable(
    settings: GenomeSettings, lengths: Mapping[str, int], sources: Sequence[Source]
) -> dict[str, str]:
    """Return the contigs that cannot or shall not be used whatever is on them, with the reason."""
    wrong = _find_other_mitochondria(lengths, sources)
    unusable, excluded = {}, set(settings.split.exclude)
    for name, length in lengths.items():
        if name in excluded:
            unusable[name] = "dataset.split.exclude says so"
        elif not settings.split.alternates and _is_alternate(name, lengths):
            unusable[name] = (
                "another version or a loose piece of a chromosome, which may be held out;"
                " dataset.split.alternates: true uses it"
            )
        elif length < settings.window:
            unusable[name] = f"shorter than a window of {settings.window:,} bases"
        elif name in wrong:
            unusable[name] = wrong[name]
    return unusable


def find_names(settings: GenomeSettings, source: Source, usable: Iterable[str]) -> dict[str, str]:
    """Return which contigs of a bigWig to read, the FASTA's name and its own.

    Where a base without an entry is 0, a contig on which all bases are is one that was not
    measured, such as all but one of a file of a single chromosome; whether its zeros are stored, or
    its name is in the header, makes no difference. Raises `SeqcastError` where entries cannot be
    read.
    """
    own = source.matches.names
    names = {name: own[name] for name in usable if name in own}
    if settings.missing == "unknown":
        return names
    covered = find_covered(source.header.path, names.values())
    return {name: own for name, own in names.items() if own in covered}


def find_blank(sources: Sequence[Source]) -> list[str]:
    """Return a line for each bigWig without coverage on any contig that can be used."""
    return [
        f"{source.header.path}: has no coverage on any contig that can be used, no value above or"
        " below 0; take it out of the targets table"
        for source in sources
        if source.fits and not source.names
    ]


def find_uncovered(
    settings: GenomeSettings, usable: Iterable[str], sources: Sequence[Source]
) -> dict[str, str]:
    """Return the contigs without coverage in some track, with the reason; replicates do not count.

    They are left out for all tracks; with `missing: unknown` only if no track has them. A track
    without any is refused, and decides nothing.
    """
    tracks = [source for source in sources if source.names and not source.is_replicate]
    left_out = {}
    for name in usable:
        lacking = [track.label for track in tracks if name not in track.names]
        if lacking and (settings.missing == "zero" or len(lacking) == len(tracks)):
            left_out[name] = _describe_lacking(lacking, len(tracks))
    return left_out


def _is_alternate(name: str, lengths: Mapping[str, int]) -> bool:
    """Say whether a contig is another version or a piece of a chromosome that is there too."""
    found = _ALTERNATE.fullmatch(name)
    return found is not None and found[1] in lengths


def _describe_lacking(lacking: Sequence[str], tracks: int) -> str:
    if 3 < len(lacking) == tracks:
        return f"no coverage in any of the {tracks:,} tracks"
    return f"no coverage in {list_some(lacking)}"


def _find_other_mitochondria(
    lengths: Mapping[str, int], sources: Sequence[Source]
) -> dict[str, str]:
    """Return mitochondria of another length: UCSC's hg19 and Ensembl's GRCh37 differ only there."""
    return {
        name: f"{source.label} has {source.length_of(name):,} bases of it, the FASTA {length:,}"
        for name, length in lengths.items()
        if is_mitochondrion(name)
        for source in sources
        if name in source.matches.names and source.length_of(name) != length
    }


def find_other_lengths(
    lengths: Mapping[str, int], source: Source, excluded: Iterable[str]
) -> tuple[str, ...]:
    """Return the contigs that a bigWig gives another length than the FASTA does."""
    return tuple(
        name
        for name, own in source.matches.names.items()
        if source.header.contigs[own] != lengths[name]
        and name not in excluded
        and not is_mitochondrion(name)
    )


def compare_lengths(
    lengths: Mapping[str, int], sources: Sequence[Source], excluded: Iterable[str]
) -> list[str]:
    """Return a line for each set of bigWigs that are of another assembly, lengths side by side."""
    groups: dict[tuple[str, ...], list[Source]] = {}
    for source in sources:
        pairs = tuple(
            f"{name} {_tell_length(source.length_of(name))} / {_tell_length(lengths[name])}"
            for name in find_other_lengths(lengths, source, excluded)
        )
        if pairs:
            groups.setdefault(pairs, []).append(source)
    return [
        f"{list_some([str(each.header.path) for each in group])}: of another assembly than the"
        f" FASTA (bases here / in the FASTA): {list_some(pairs, _PAIRS_LISTED, '; ')}; take the"
        " genome that the reads were mapped to"
        for pairs, group in groups.items()
    ]


def _tell_length(length: int) -> str:
    known = _ASSEMBLIES.get(length)
    return f"{length:,} (as {known})" if known else f"{length:,}"


def _tell_contig(name: str, length: int | None) -> str:
    """Write a contig of a file: `chr1 (249,250,621 bases, as hg19)`, a bare name without length."""
    if length is None:
        return name
    known = f", as {_ASSEMBLIES[length]}" if length in _ASSEMBLIES else ""
    return f"{name} ({length:,} bases{known})"


def find_unmatched(
    lengths: Mapping[str, int], files: Sequence[tuple[Path, Mapping[str, int | None]]]
) -> list[str]:
    """Return a line for each set of files that name no contig of the FASTA's.

    A file comes with its own contigs and their lengths, None where it does not say.
    """
    paths: dict[tuple[str, ...], list[str]] = {}
    for path, own in files:
        shown = tuple(_tell_contig(name, length) for name, length in own.items())
        paths.setdefault(shown, []).append(str(path))
    known = [_tell_contig(name, length) for name, length in lengths.items()]
    return [
        f"{list_some(each)}: names no contig of the FASTA; it has {list_some(own, 2)}, the FASTA"
        f" {list_some(known, 2)}. Take the genome that the reads were mapped to; if only the names"
        " differ, name a table of them in dataset.aliases (UCSC's chromAlias.txt)"
        for own, each in paths.items()
    ]


def check_split(
    settings: GenomeSettings, lengths: Mapping[str, int], left_out: Mapping[str, str]
) -> list[str]:
    """Return a line for each contig that the split names and that is not there to be used."""
    split, faults = settings.split, []
    used = [name for name in lengths if name not in left_out]
    names = {
        key: [find_interval(name, lengths)[0] for name in given if name not in split.beds]
        for key, given in split.named.items()
    }
    for key, each in {**names, "exclude": split.exclude}.items():
        for name in each:
            if name not in lengths:
                faults.append(
                    f"dataset.split.{key} names {name!r}, which is not in the FASTA"
                    f"{suggest_contig(name, list(lengths))}"
                )
            elif key != "exclude" and name in left_out:
                instead = f"; take one of {list_some(used, 8)}" if used else ""
                faults.append(
                    f"dataset.split.{key} holds out {name}, which cannot be used"
                    f" ({left_out[name]}){instead}"
                )
    if not used:
        reasons = [f"{name}: {why}" for name, why in left_out.items()]
        faults.append(
            f"none of the FASTA's contigs can be used ({list_some(reasons)}); the tracks need a"
            " contig in common that is as long as dataset.window"
        )
    elif split.named and not set(used) - {name for each in split.named.values() for name in each}:
        faults.append(
            f"no contig is left to train on: {list_some(used, 8)} can be used, and all are held"
            " out; hold out fewer in dataset.split"
        )
    return faults


def describe_left_out(lengths: Mapping[str, int], left_out: Mapping[str, str]) -> list[str]:
    """Return a line for each reason, with the contigs that are left out for it.

    Of many reasons, as a thousand tracks without a read on this or that scaffold, the most
    frequent ones.
    """
    groups: dict[str, list[str]] = {}
    for name, reason in left_out.items():
        groups.setdefault(reason, []).append(name)
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = [
        f"{len(names):,} of {len(lengths):,} contigs left out ({reason}): {list_some(names, 20)}"
        for reason, names in largest[:_REASONS_LISTED]
    ]
    rest = sum(len(names) for _, names in largest[_REASONS_LISTED:])
    more = f"{rest:,} more contigs left out, each listed with its reason in validation.json"
    return [*lines, more] if rest else lines
