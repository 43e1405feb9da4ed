"""A FASTA file of any making, read contig by contig."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.disk import is_gzip, written_whole
from seqcast.core.errors import SeqcastError, list_some
from seqcast.core.seal import AGAIN, check_seal, read_sealed, seal_beside, write_sealed
from seqcast.genome.codes import encode
from seqcast.sources.genome.names import suggest_contig
from seqcast.sources.genome.unpacking import check_kind, name_for, normalise, unpack

# IUPAC's letters for DNA; X and gaps stand for the unknown in older files.
_DNA = np.zeros(256, dtype=bool)
_DNA[np.frombuffer(b"ACGTNRYSWKMBDHVXacgtnryswkmbdhvx-.", dtype=np.uint8)] = True
# As `encode` has it, but letters that are not DNA, and line ends, stand out.
_STRANGE = 5
_TABLE = np.where(_DNA, encode(bytes(range(256))), _STRANGE).astype(np.uint8).tobytes()
_SAMPLED_CONTIGS, _SAMPLED_BYTES = 100, 10_000


class Record(NamedTuple):
    """Where a contig lies, as a line of a `.fai` says it.

    `rlen` bases from byte `offset` on, in lines of `lenc` letters that take `lenb` bytes.
    """

    rlen: int
    offset: int
    lenc: int
    lenb: int

    @property
    def bend(self) -> int:
        """The byte after its last line."""
        lines = -(-self.rlen // self.lenc) if self.lenc else 0
        return self.offset + self.rlen + lines * (self.lenb - self.lenc)


@dataclass(frozen=True)
class Fasta:
    """A FASTA opened for reading: `path` is the user's file, `plain` the one that is read.

    `index` says where each contig lies, in the file's order, by its name up to the first space.
    """

    path: Path
    plain: Path
    index: Mapping[str, Record]

    @property
    def lengths(self) -> dict[str, int]:
        """Bases of each contig, in the file's order."""
        return {name: record.rlen for name, record in self.index.items()}

    def codes(self, name: str) -> np.ndarray:
        """Read a contig as codes, (length,) uint8: either case, N for all but A, C, G, T.

        Raises `SeqcastError` where it has letters that are not DNA.
        """
        return self.read(name, 0, self.index[name].rlen)

    def letters(self, name: str) -> bytes:
        """Read a contig as upper-case letters; raises `SeqcastError` where they are not DNA."""
        record = self.index[name]
        letters = self._read(name, record.bend - record.offset)
        if letters.size != record.rlen:
            raise SeqcastError(
                f"{self.path}: {name} has {letters.size:,} bases now and had {record.rlen:,} when"
                " it was opened; run again when nobody writes to it"
            )
        return letters.tobytes().upper()

    def read(self, name: str, start: int, end: int) -> np.ndarray:
        """Read a part of a contig as codes, (end - start,) uint8, and nothing of the rest.

        Raises `SeqcastError` where it has letters that are not DNA, or fewer than the index says.
        """
        record = self.index[name]
        if not 0 <= start <= end <= record.rlen:
            raise ValueError(f"{name} has bases 0 to {record.rlen}, not {start} to {end}")
        if start == end:
            return np.empty(0, dtype=np.uint8)
        first, skipped = divmod(start, record.lenc)
        last, used = divmod(end - 1, record.lenc)
        begin = first * record.lenb + skipped
        size = last * record.lenb + used + 1 - begin
        with open(self.plain, "rb") as file:
            file.seek(record.offset + begin)
            content = file.read(size)
        if len(content) < size:
            raise SeqcastError(
                f"{self.path}: ends within {name}:{start:,}-{end:,}; the file is not the one that"
                " was indexed, so run again when nobody writes to it"
            )
        content = content.translate(_TABLE)
        if first == last:  # maybe a whole chromosome on one line
            codes = np.frombuffer(content, np.uint8)
        else:
            content = content.rjust(size + skipped).ljust((last - first + 1) * record.lenb)
            lines = np.frombuffer(content, np.uint8).reshape(-1, record.lenb)[:, : record.lenc]
            codes = lines.reshape(-1)[skipped:][: end - start]
        if codes.max() == _STRANGE:
            self.letters(name)  # which counts what is strange
            raise SeqcastError(
                f"{self.path}: lines of {name} do not lie where its index says; run again when"
                " nobody writes to it"
            )
        return codes

    def _read(self, name: str, size: int) -> np.ndarray:
        """Read so many bytes of a contig as letters, without line ends."""
        with open(self.plain, "rb") as file:
            file.seek(self.index[name].offset)
            content = np.frombuffer(file.read(size), dtype=np.uint8)
        letters = content[(content != ord("\n")) & (content != ord("\r"))]
        strange = letters[~_DNA[letters]]
        if strange.size:
            raise SeqcastError(_describe_strange(self.path, name, strange, letters.size))
        return letters


def open_fasta(path: Path, work: Path) -> Fasta:
    """Open a FASTA: plain, gzip or bgzip, lines of any length, any line ends.

    What has to be unpacked or indexed goes to the folder `work`, nothing beside the file. Raises
    `SeqcastError` where it is not FASTA, holds no sequence, names a contig twice, or begins with
    letters that are not DNA.
    """
    path, work = Path(path), Path(work)
    check_kind(path)
    plain = unpack(path, work) if is_gzip(path) else path
    index = _read_index(plain, work)
    if index is None:
        plain = normalise(plain, work)
        index = _read_index(plain, work)
    if index is None:
        raise SeqcastError(f"{path}: has letters before its first `>`, wanted a name for them")
    _check_names(path, [name for name, _ in index])
    fasta = Fasta(path, plain, dict(index))
    if not any(fasta.lengths.values()):
        raise SeqcastError(f"{path}: has {len(index):,} names and no sequence; wanted a genome")
    for name, record in index[:_SAMPLED_CONTIGS]:
        fasta._read(name, min(_SAMPLED_BYTES, record.bend - record.offset))
    return fasta


def open_indexed(path: Path) -> Fasta:
    """Open a plain FASTA by the index beside it, `<name>.fai`, without looking at the rest.

    Raises `SeqcastError` where either is not there.
    """
    index = path.with_name(path.name + ".fai")
    for each in (path, index):
        if not each.is_file():
            raise SeqcastError(f"{each}: is not there; delete what lies beside it and run again")
    check_seal(path, AGAIN)
    return Fasta(path, path, dict(_parse_index(read_sealed(index, AGAIN))))


def write_index(fasta: Fasta, path: Path) -> None:
    """Write the `.fai` of the file that is read: name, length, offset, bases and bytes a line."""
    write_sealed(path, _format_index(fasta.index.items()))


def check_md5(fasta: Fasta, wanted: Mapping[str, str]) -> list[str]:
    """Return one line for each contig whose MD5 is not the wanted one, both side by side.

    MD5 of the upper-case sequence without line ends, as M5 in `samtools dict` and the SAM
    specification.
    """
    faults = []
    for name, digest in wanted.items():
        if name not in fasta.index:
            known = list(fasta.index)
            faults.append(
                f"{fasta.path}: has no {name}, which dataset.md5 names{suggest_contig(name, known)}"
            )
            continue
        found = hashlib.md5(fasta.letters(name), usedforsecurity=False).hexdigest()
        if found != digest:
            faults.append(
                f"{fasta.path}: the sequence of {name} has MD5 {found}, dataset.md5 says {digest};"
                " it is another assembly or release, or the file is damaged"
            )
    return faults


def _read_index(plain: Path, work: Path) -> list[tuple[str, Record]] | None:
    """Return name and offset of each contig, from the index in `work` or a new one there.

    None where lines differ in length, hold blanks, or are no UTF-8.
    """
    made = name_for(plain, work, "fai")
    if not made.is_file():
        index = _find_records(plain)
        if index is None:
            return None
        work.mkdir(parents=True, exist_ok=True)
        # Other jobs do so too.
        with written_whole(made, ending=f".{os.getpid()}.partial") as partial:
            partial.write_text(_format_index(index), encoding="utf-8")
            seal_beside(made, partial)
    return _parse_index(read_sealed(made, AGAIN))


def _find_records(plain: Path) -> list[tuple[str, Record]] | None:
    """Return name and offset of each contig as `_read_index` does, from the lines themselves."""
    found: list[tuple[str, Record]] = []
    name = ""
    length = 0
    offset = 0
    letters = 0
    size = 0
    at, has_ended = 0, True
    with open(plain, "rb") as file:
        for line in file:
            at += len(line)
            text = line.rstrip(b"\r\n")
            if len(line) == size and len(text) == letters and not has_ended and text.isalpha():
                length += letters  # nearly all lines
                continue
            if b"\r" in text:
                return None
            if text[:1] == b">":
                if offset:
                    found.append((name, Record(length, offset, letters, size)))
                try:
                    name = "".join(text[1:].decode().split()[:1])
                except UnicodeDecodeError:
                    return None
                length, offset, letters, size, has_ended = 0, at, 0, 0, False
                continue
            if not text:
                has_ended = True
                continue
            if has_ended or b" " in text or b"\t" in text or text[:1] == b";":
                return None
            if not letters:
                letters, size = len(text), len(line)
            # The last line may be shorter, and end without an end of line.
            ends = len(line) - len(text), size - letters
            has_ended = len(text) < letters or ends[0] != ends[1] or not ends[0]
            if len(text) > letters or ends[0] not in (0, ends[1]):
                return None
            length += len(text)
    if offset:
        found.append((name, Record(length, offset, letters, size)))
    return found


def _format_index(index: Iterable[tuple[str, Record]]) -> str:
    return "".join("\t".join(map(str, (name, *record))) + "\n" for name, record in index)


def _parse_index(text: str) -> list[tuple[str, Record]]:
    lines = [line.split("\t") for line in text.split("\n") if line]
    return [(name, Record(*map(int, numbers))) for name, *numbers in lines]


def _check_names(path: Path, names: list[str]) -> None:
    if "" in names:
        before = names[max(names.index("") - 1, 0)]
        where = f"after {before}" if before else "at its start"
        raise SeqcastError(f"{path}: `>` without a name {where}; each contig needs a name")
    for name in names:
        if not name.isprintable():
            raise SeqcastError(f"{path}: the name {name[:60]!r} holds what is no text; rename it")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SeqcastError(
            f"{path}: {list_some(twice)} stands more than once; each contig needs a name"
            " of its own (up to the first space)"
        )


def _describe_strange(path: Path, name: str, strange: np.ndarray, size: int) -> str:
    letters = sorted(set(strange.tobytes().decode("latin-1").upper()))
    listed = " ".join(letter if letter.isprintable() else repr(letter) for letter in letters[:10])
    if letters == ["U"]:
        what = "RNA; write T for U"
    elif set(letters) & set("EFILPQ"):
        what = "protein or text; wanted a genome"
    else:
        what = "not DNA; wanted A, C, G, T, N or IUPAC's other letters"
    return f"{path}: {strange.size:,} of {size:,} letters looked at in {name} are {listed}: {what}"
