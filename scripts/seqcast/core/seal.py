"""Seals: a digest of every byte of a file, written with it and checked before it is read.

The digest stands near the start of the file, after a mark, and its own digits count as zeros. A
file that must stay plain for others has its digest in a hidden file beside it. What has neither is
taken as it is. Specified in docs/formats.md.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from seqcast.core.console import progress
from seqcast.core.damage import refuse_damage
from seqcast.core.disk import check_format, written_whole
from seqcast.core.errors import SeqcastError

# BLAKE2b, because it takes one or two seconds a GB on processors of any age.
MARK, DIGITS = "seqcast-blake2b:", 64
# What is written where the digest will be.
BLANK = MARK + "0" * DIGITS
# The first so many bytes of a file hold the mark and the digest, or it has none.
ROOM = 512
# What makes a file anew where nothing else of the run hangs on its date.
AGAIN = "delete it and run the same command again"
# Smaller files are read as fast as it takes to find out that they were.
REMEMBERED_FROM = 1 << 24
_BLOCK = 1 << 22


def seal(path: Path) -> None:
    """Write the digest of a file that has a BLANK into it, before the file gets its name."""
    with open(path, "r+b") as file:
        at = _find_seal(file)
        if at is None:
            raise ValueError(f"{path}: has no room for a seal")
        digest = _digest(file, at)
        file.seek(at)
        file.write(digest)


def seal_beside(path: Path, partial: Path) -> None:
    """Write the digest of `partial`, which is about to be called `path`, into a file beside it."""
    with open(partial, "rb") as file:
        line = f"{_digest(file).decode()}  {path.name}\n"
    # Other jobs may unpack the same file at the same time.
    with written_whole(_beside(path), ending=f".{os.getpid()}.partial") as draft:
        draft.write_text(line)


def write_sealed(path: Path, text: str) -> None:
    """Write a text that a later step reads; it gets its name when it is whole."""
    with written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")
        seal_beside(path, partial)


def read_sealed(path: str | Path, remedy: str) -> str:
    """Read a text and hold it against its seal, if it has one; see `check_seal`."""
    check_seal(path, remedy)
    return Path(path).read_bytes().decode()


def write_json(path: Path, wanted: tuple[str, int], content: Mapping[str, Any]) -> None:
    """Write facts of a format and its version, which stand before them."""
    content = {"format": wanted[0], "format_version": wanted[1], **content}
    write_sealed(path, json.dumps(content, indent=1) + "\n")


def read_json(path: str | Path, wanted: tuple[str, int], what: str, remedy: str) -> dict[str, Any]:
    """Read the facts that `write_json` wrote, with their format and version.

    Raises `SeqcastError` where the file is damaged or of another kind than `what` it should be.
    """
    text = read_sealed(path, remedy)
    with refuse_damage(path, f"is no {what}", remedy):
        content = json.loads(text)
        check_format(Path(path), content, wanted, remedy)
        return content


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table of columns parted by tabs, with their names above."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_sealed(path, text.getvalue())


def read_table(path: str | Path, remedy: str) -> list[dict[str, str]]:
    """Read the rows of a table that `write_table` wrote, all as text."""
    text = io.StringIO(read_sealed(path, remedy), newline="")
    return list(csv.DictReader(text, delimiter="\t"))


def check_seal(path: str | Path, remedy: str) -> bool:
    """Refuse a file that is not, byte for byte, what was written; say whether it has a seal at all.

    `remedy` says what makes the file anew in its run. A large file of a run that was right is not
    read again while its size, times and inode stay. Takes one or two seconds a GB. Raises
    `SeqcastError` where the file is damaged, `OSError` where it cannot be read.
    """
    path = Path(path)
    if _is_remembered(path):
        return True
    with open(path, "rb") as file:
        stamp, at = _stamp(os.fstat(file.fileno())), _find_seal(file)
        if at is not None:
            file.seek(at)
            wanted = file.read(DIGITS)
        # A link to a file has the seal of that file.
        elif (beside := _beside(path.resolve())).is_file():
            wanted = beside.read_bytes()[:DIGITS]
        else:
            return False
        found = _digest(file, at)
    if found != wanted:
        raise damaged(path, remedy)
    _remember(path, stamp)
    return True


def damaged(path: Path, remedy: str) -> SeqcastError:
    """Return the error that says that a file is not what was written, and what to do."""
    if _find_memory(path) is None:
        remedy = "make it anew, or copy it again from where it was made"
    return SeqcastError(f"{path}: is damaged, its bytes are not those that were written; {remedy}")


def remember(path: Path) -> None:
    """Note that a file of a run is right, as it was written just now."""
    _remember(path, _stamp(path.stat()))


def _find_seal(file: BinaryIO) -> int | None:
    """Return where the digest begins, None where there is no mark."""
    file.seek(0)
    at = file.read(ROOM).find(MARK.encode())
    return None if at < 0 else at + len(MARK)


def _digest(file: BinaryIO, at: int | None = None) -> bytes:
    """Return the digest of a file in hexadecimal, its own digits at `at` taken for zeros."""
    size, first = os.fstat(file.fileno()).st_size, 0
    total, block = blake2b(digest_size=DIGITS // 2), memoryview(bytearray(min(size, _BLOCK)))
    file.seek(0)
    with progress(size, f"checking {Path(file.name).name}", "bytes") as bar:
        while count := file.readinto(block):
            # The digest lies in the first block, ROOM being less than one.
            if at is not None and not first:
                block[at : at + DIGITS] = b"0" * DIGITS
            total.update(block[:count])
            first += count
            bar.update(count)
    return total.hexdigest().encode()


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.b2")


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _find_memory(path: Path) -> Path | None:
    """Return where a run keeps the stamp of a file of its own; None of any other file."""
    # Jobs run in the folder that `results/` lies in. Elsewhere nothing is written. A link, as of
    # `results/` to another disk, stays what it is called.
    results, path = Path.cwd() / "results", Path(os.path.abspath(path))  # noqa: PTH100
    if not path.is_relative_to(results) or len(path.relative_to(results).parts) < 2:
        return None
    run, *inside = path.relative_to(results).parts
    return Path(results, run, ".seals", *inside)


def _is_remembered(path: Path) -> bool:
    memory = _find_memory(path)
    try:
        return memory is not None and memory.read_text() == _stamp(path.stat())
    except (OSError, ValueError):
        return False


def _remember(path: Path, stamp: str) -> None:
    memory = _find_memory(path)
    if memory is None or path.stat().st_size < REMEMBERED_FROM:
        return
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        # Other jobs may check the file at the same time.
        with written_whole(memory, ending=f".{os.getpid()}.partial") as partial:
            partial.write_text(stamp)
    except OSError:
        # A folder that may not be written to: the file is read again next time.
        return
