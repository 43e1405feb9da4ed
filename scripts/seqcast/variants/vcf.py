"""Rows of a VCF or BCF, whatever they hold, in the order of the genome.

Of VCF the lines themselves are kept, so that what is written again is what was read; BCF becomes
lines by pysam.
"""

import gzip
import heapq
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pysam

from seqcast.core.console import log, progress
from seqcast.core.damage import refuse_damage
from seqcast.core.disk import written_whole
from seqcast.core.errors import SeqcastError

_AGAIN = "wanted VCF or BCF, plain, gzip or bgzip; copy or download it again"
_BCF = b"BCF\2"
_HEADER = "#CHROM"
COLUMNS = 8  # that every row of a VCF has
# Rows that are sorted at once.
_CHUNK = 200_000
# Bytes of a file that are others keep their value on the way through text.
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}
Order = Callable[[str, int], tuple]


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file; `position` counts from 1, `alts` are as written."""

    line: str
    contig: str
    position: int
    identifier: str
    ref: str
    alts: tuple[str, ...]


@dataclass(frozen=True)
class Vcf:
    """A VCF or BCF that was opened: the lines of its header, the last with the columns."""

    path: Path
    header: tuple[str, ...]
    is_binary: bool

    @property
    def contigs(self) -> list[str]:
        """The contigs that the header names."""
        start = "##contig=<ID="
        lines = [line for line in self.header if line.startswith(start)]
        return [line.removeprefix(start).split(",")[0].rstrip(">") for line in lines]

    def read(self, label: str = "") -> Iterator[Row]:
        """Yield all rows in the file's order; with a label, say how far reading is.

        Raises `SeqcastError` naming the first line that is none.
        """
        lines = self._read_records() if self.is_binary else self._read_lines(label)
        for number, line in lines:
            if line and not line.removeprefix("\ufeff").startswith("#"):
                yield _parse(self.path, number, line)

    def _read_lines(self, label: str) -> Iterator[tuple[int, str]]:
        size = self.path.stat().st_size
        with (
            refuse_damage(self.path, "cannot be read", _AGAIN),
            open(self.path, "rb") as raw,
            _unpack(raw) as file,
            progress(size if label else 0, label, "bytes") as bar,
        ):
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip(b"\r\n").decode(**_TEXT)
                if label and number % 1000 == 0:
                    bar.update(raw.tell() - bar.n)

    def _read_records(self) -> Iterator[tuple[int, str]]:
        with refuse_damage(self.path, "cannot be read", _AGAIN), _open_binary(self.path) as file:
            for number, record in enumerate(file, start=1):
                yield number, str(record).rstrip("\n")


def open_vcf(path: Path) -> Vcf:
    """Open a VCF or BCF, plain, gzip or bgzip, whatever its name is.

    Raises `SeqcastError` where it is none.
    """
    path = Path(path)
    with refuse_damage(path, "cannot be read", _AGAIN):
        with open(path, "rb") as raw, _unpack(raw) as file:
            is_binary = file.read(len(_BCF)) == _BCF
        if is_binary:
            with _open_binary(path) as records:
                return Vcf(path, tuple(str(records.header).splitlines()), is_binary)
        with open(path, "rb") as raw, _unpack(raw) as file:
            header = []
            for line in file:
                header.append(line.rstrip(b"\r\n").decode(**_TEXT).removeprefix("\ufeff"))
                if not header[-1].startswith("##"):
                    break
    if not header or not header[-1].startswith(_HEADER):
        found = header[-1][:40] if header else "nothing"
        raise SeqcastError(
            f"{path}: found {found!r}, wanted the header of a VCF, which ends with a line"
            f" `{_HEADER} POS ID REF ALT QUAL FILTER INFO`, columns separated by tabs"
        )
    return Vcf(path, tuple(header), is_binary)


def find_sorted(vcf: Vcf, order: Order, output: Path) -> tuple[Vcf, int]:
    """Return a VCF whose rows are in order, and how many there are.

    It is the file itself where each contig comes in one piece and positions ascend, else what is
    written to `output`, in memory that does not grow with the file. Rows that are equal stay in
    their order.
    """
    count = 0
    is_sorted = True
    seen = set()
    contig = None
    position = 0
    for row in vcf.read(f"reading {vcf.path.name}"):
        if row.contig != contig:
            is_sorted &= row.contig not in seen
            contig, position = row.contig, 0
            seen.add(contig)
        is_sorted &= position <= row.position
        position, count = row.position, count + 1
    if is_sorted:
        output.unlink(missing_ok=True)
        return vcf, count
    log.info("%s: is not sorted; sorting %s rows", vcf.path.name, f"{count:,}")
    with written_whole(output) as partial, ExitStack() as stack:
        runs = [stack.enter_context(each) for each in _sort_runs(vcf, order, output.parent)]
        rows = (_parse_all(vcf.path, run) for run in runs)
        merged = heapq.merge(*rows, key=lambda row: order(row.contig, row.position))
        write_lines(partial, vcf.header, (row.line for row in merged))
    return open_vcf(output), count


def _sort_runs(vcf: Vcf, order: Order, folder: Path) -> Iterator[BinaryIO]:
    """Yield files of sorted lines, each as long as fits in memory."""
    rows = vcf.read(f"sorting {vcf.path.name}")
    while chunk := list(islice(rows, _CHUNK)):
        chunk.sort(key=lambda row: order(row.contig, row.position))
        run = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        run.writelines(f"{row.line}\n".encode(**_TEXT) for row in chunk)
        run.seek(0)
        yield run


def _parse_all(path: Path, lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        yield _parse(path, number, line.rstrip(b"\n").decode(**_TEXT))


def write_lines(path: Path, header: Iterable[str], lines: Iterable[str]) -> None:
    """Write a VCF as bgzip."""
    with pysam.BGZFile(str(path), "wb") as file:
        for line in header:
            file.write(f"{line}\n".encode(**_TEXT))
        for line in lines:
            file.write(f"{line}\n".encode(**_TEXT))


def _unpack(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(2)
    raw.seek(0)
    return gzip.open(raw) if magic == b"\x1f\x8b" else raw


def _open_binary(path: Path) -> pysam.VariantFile:
    # What it has to say of a header's faults, it would write past the log.
    pysam.set_verbosity(0)
    return pysam.VariantFile(str(path))


def _parse(path: Path, number: int, line: str) -> Row:
    cells = line.split("\t", 5)
    if len(cells) < 5 or not cells[1].isdecimal():
        raise SeqcastError(
            f"{path}: row {number:,} is {line[:60]!r}, wanted contig, position, ID, REF and ALT,"
            " separated by tabs"
        )
    contig, position, identifier, ref, alt = cells[:5]
    return Row(line, contig, int(position), identifier, ref, tuple(alt.split(",")))
