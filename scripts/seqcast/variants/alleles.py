"""Alleles of a VCF's rows: held against the genome, trimmed to what differs, or left out."""

from dataclasses import dataclass

from seqcast.genome.codes import decode
from seqcast.variants.sequence import GenomeSequence

SCORED, FLIPPED = "scored", "flipped"
NO_ALT, ELSEWHERE, SYMBOLIC = "no ALT", "deleted elsewhere", "symbolic"
NOT_DNA, UNKNOWN, MISMATCH = "not DNA", "N", "REF is not the genome's"
NO_CONTIG, PAST_END, TOO_LONG = "unknown contig", "past the contig's end", "too long"
_DNA, _BASES = frozenset("ACGTN"), frozenset("ACGT")
# Bases that are read at once where an allele is moved to the left.
_BLOCK = 64


@dataclass(frozen=True)
class Allele:
    """One ALT of a row, trimmed: `ref`, which the genome has from base `start` on, becomes `alt`.

    `contig` is the genome's name. `status` says that it is scored, or why not: then the rest is as
    in the row, its contig "" where there is none.
    """

    contig: str
    start: int
    ref: str
    alt: str
    status: str

    @property
    def is_scored(self) -> bool:
        """Say whether it gets a score."""
        return self.status in (SCORED, FLIPPED)

    @property
    def is_substitution(self) -> bool:
        """Say whether all that follows stays in its place."""
        return len(self.ref) == len(self.alt)


def judge(
    sequence: GenomeSequence, contig: str | None, position: int, ref: str, alt: str, longest: int
) -> Allele:
    """Return what is scored of an ALT, or why nothing is.

    `contig` is the genome's name, None where it has none, `position` counts from 1, `longest` is
    the most bases that an allele may have. ALT that is the genome's where REF is not, both of one
    length, is turned over: then `alt` is what the row has as REF.
    """
    ref, alt, start = ref.upper(), alt.upper(), position - 1
    status = _refuse(alt) or _refuse(ref)
    if not status:
        status = _find_fault(sequence, contig, start, ref)
    if status:
        return Allele(contig or "", start, ref, alt, status)
    found = decode(sequence.read(contig, start, start + len(ref)))
    status = SCORED
    if found != ref:
        if found != alt:
            why = UNKNOWN if "N" in found else MISMATCH
            return Allele(contig, start, ref, alt, why)
        ref, alt, status = alt, ref, FLIPPED
    start, ref, alt = trim(start, ref, alt)
    if max(len(ref), len(alt)) > longest:
        return Allele(contig, start, ref, alt, TOO_LONG)
    start, ref, alt = move_left(sequence, contig, start, ref, alt)
    return Allele(contig, start, ref, alt, status)


def _refuse(letters: str) -> str:
    """Return why an allele as it is written is none to score, "" where it may be."""
    if letters in ("", ".", "<*>"):
        return NO_ALT
    if letters == "*":
        return ELSEWHERE
    if set(letters) <= _BASES:
        return ""
    if set(letters) & set("<>[]:") or "." in (letters[0], letters[-1]):
        return SYMBOLIC
    return UNKNOWN if set(letters) <= _DNA else NOT_DNA


def _find_fault(sequence: GenomeSequence, contig: str | None, start: int, ref: str) -> str:
    if contig is None:
        return NO_CONTIG
    is_inside = start >= 0 and start + len(ref) <= sequence.lengths[contig]
    return "" if is_inside else PAST_END


def trim(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Take away what both alleles end with, then what both begin with.

    What is left of alleles that are the same is nothing.
    """
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[-1 - shared] == alt[-1 - shared]:
        shared += 1
    ref, alt = ref[: len(ref) - shared], alt[: len(alt) - shared]
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
        shared += 1
    return start + shared, ref[shared:], alt[shared:]


def move_left(
    sequence: GenomeSequence, contig: str, start: int, ref: str, alt: str
) -> tuple[int, str, str]:
    """Move a plain insertion or deletion to the left as far as it means the same.

    In a repeat it may be written in several places (Tan et al. 2015).
    """
    if bool(ref) == bool(alt):
        return start, ref, alt
    letters, before = ref or alt, ""
    while start:
        if not before:
            before = decode(sequence.read(contig, max(start - _BLOCK, 0), start))
        if before[-1] != letters[-1]:
            break
        letters = letters[-1] + letters[:-1]
        start, before = start - 1, before[:-1]
    return (start, letters, "") if ref else (start, "", letters)
