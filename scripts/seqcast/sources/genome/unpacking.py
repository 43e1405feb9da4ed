"""A FASTA of any making as a plain one: gzip unpacked, lines made equally long."""

import glob
import gzip
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from seqcast.core.console import log, progress
from seqcast.core.disk import is_gzip, written_whole
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import digest_samples
from seqcast.core.seal import AGAIN, check_seal, seal_beside

_OTHERS = {
    b"BZh": "is a bzip2 archive; unpack it",
    b"PK\x03\x04": "is a zip archive; unpack it",
    b"\xfd7zXZ": "is an xz archive; unpack it",
    b"\x28\xb5\x2f\xfd": "is a zstandard archive; unpack it",
    b"\x43\x27\x41\x1a": "is a 2bit file; make a FASTA of it with twoBitToFa",
    b"\x1a\x41\x27\x43": "is a 2bit file; make a FASTA of it with twoBitToFa",
    b"LOCUS": "is a GenBank file; make a FASTA of it",
    b"@": "looks like FASTQ: reads, not a genome",
}
# DNA as text packs to a fourth of its size, N to nothing.
_PACKED = 4
_BLOCK = 1 << 22
_WIDTH = 80
_BLANKS = " \t\n\v\f"
_WITHOUT_BLANKS = str.maketrans("", "", _BLANKS)


def check_kind(path: Path) -> None:
    """Raise `SeqcastError` where a file is not there, empty, or begins like no FASTA."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise SeqcastError(f"{path}: {what}; wanted a genome as FASTA")
    try:
        with gzip.open(path) if is_gzip(path) else open(path, "rb") as file:
            head = file.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise SeqcastError(f"{path}: cannot be read ({error}); copy or download it again") from None
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise SeqcastError(f"{path}: {what}")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise SeqcastError(f"{path}: is empty, wanted a genome as FASTA")
    if start[:1] == b"<":
        raise SeqcastError(f"{path}: is a web page, not FASTA; download the file itself")
    if start[:1] not in b">;":
        found = start.splitlines()[0][:30].decode("ascii", "replace")
        raise SeqcastError(
            f"{path}: begins with {found!r}, wanted `>` and a name; FASTA has such a line before"
            " each sequence"
        )


def unpack(path: Path, work: Path) -> Path:
    """Unpack gzip or bgzip into a folder and return the plain file; taken again where it is there.

    A changed archive is unpacked anew.
    """
    with open(path, "rb") as packed:
        size = path.stat().st_size
        label = f"unpacking {path.name}"

        def write(file: BinaryIO) -> None:
            """Write the plain file."""
            with gzip.open(packed) as content, progress(size, label, "bytes") as bar:
                while block := content.read(_BLOCK):
                    file.write(block)
                    bar.update(packed.tell() - bar.n)

        return _make(path, work, "fa", size * _PACKED, write)


def normalise(path: Path, work: Path) -> Path:
    """Write a FASTA again with lines of equal length and return it.

    For lines of many lengths, blanks in them, names in other encodings, old line ends.
    """
    log.info("%s: its lines are not of one length, or hold blanks; writing it again", path.name)

    def write(file: BinaryIO) -> None:
        """Write the plain file."""
        with open(path, encoding="latin-1", newline=None) as lines:
            _write_equal_lines(lines, file)

    return _make(path, work, "equal.fa", path.stat().st_size, write)


def _write_equal_lines(lines: Iterable[str], file: BinaryIO) -> None:
    rest = ""
    for number, line in enumerate(lines):
        line = line.strip(_BLANKS)
        if number == 0:
            line = line.removeprefix("\xef\xbb\xbf")
        if line.startswith(">"):
            file.write(f"{rest}\n".encode("latin-1") if rest else b"")
            file.write(f">{_decode(line[1:].strip(_BLANKS))}\n".encode())
            rest = ""
        elif not line.startswith(";"):
            rest += line.translate(_WITHOUT_BLANKS)
            whole = len(rest) // _WIDTH * _WIDTH
            cut = [rest[at : at + _WIDTH] for at in range(0, whole, _WIDTH)]
            file.write("".join(f"{each}\n" for each in cut).encode("latin-1"))
            rest = rest[whole:]
    file.write(f"{rest}\n".encode("latin-1") if rest else b"")


def _decode(name: str) -> str:
    """Return text that was read as Latin-1 as the UTF-8 that it may be."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeDecodeError:
        return name


def name_for(path: Path, work: Path, ending: str) -> Path:
    """Return the name of what is made of a file: of each file another, and once it is changed."""
    content = _shorten(f"{path.stat().st_mtime_ns} {digest_samples(path)}")
    return work / f"{_name_start(path)}.{content}.{ending}"


def _name_start(path: Path) -> str:
    return f"{stem_of(path)}.{_shorten(str(path.resolve()))}"


def _shorten(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def stem_of(path: Path) -> str:
    """Return the name of a FASTA without what says that it is one."""
    return re.sub(r"(\.(fa|fna|fasta))?(\.b?gz)?$", "", path.name)


def _make(
    path: Path, work: Path, ending: str, size: int, write: Callable[[BinaryIO], None]
) -> Path:
    """Write a file that gets its name when it is whole, with room for about `size` bytes."""
    made = name_for(path, work, ending)
    if made.is_file():
        check_seal(made, AGAIN)
        return made
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    if free < size:
        raise SeqcastError(
            f"{path}: takes about {size:,} bytes in {work}, where {free:,} are free; make room"
        )
    try:
        # Other jobs do so too.
        with written_whole(made, ending=f".{os.getpid()}.partial") as partial:
            with open(partial, "wb") as file:
                write(file)
            seal_beside(made, partial)
        # What was made of the file before it changed takes a genome's size each time.
        for other in work.glob(f"{glob.escape(_name_start(path))}.{'[0-9a-f]' * 8}.{ending}"):
            if other != made:
                other.unlink()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SeqcastError(
            f"{path}: cannot be unpacked ({error}); copy or download it again"
        ) from None
    return made
