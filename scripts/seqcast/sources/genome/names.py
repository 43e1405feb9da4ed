"""Contig names of different makers that mean the same: `chrI`, `I`, `NC_001133.9`."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqcast.core.disk import read_unpacked
from seqcast.core.errors import SeqcastError, list_some

Aliases = Mapping[str, frozenset[str]]
"""Each name with all that mean the same, itself among them."""

_LISTED = 20
_NO_NAME = {"", "na", "n/a", "none", "."}


@dataclass(frozen=True)
class Matches:
    """A file's contigs and the FASTA's: `names` maps the FASTA's name to the file's own.

    `by_prefix` and `by_alias` are those of the FASTA's names that the file spells otherwise;
    `unknown` those of the file's names that the FASTA does not have.
    """

    names: Mapping[str, str]
    by_prefix: tuple[str, ...] = ()
    by_alias: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def match_names(known: Sequence[str], names: Iterable[str], aliases: Aliases) -> Matches:
    """Find which of the FASTA's contigs, `known`, each of a file's names means.

    The same name comes first, then the alias table, then names that differ by a `chr` in front,
    then chrM and MT. A name that could mean several contigs stays unknown, and so does a second
    name for the same one.
    """
    ways: dict[str, Callable[[str], Iterable[str]]] = {
        "alias": lambda name: aliases.get(name, ()),
        "prefix": lambda name: (_without_prefix(name),),
        "mitochondrion": lambda name: ("MT",) if is_mitochondrion(name) else (),
    }
    own = dict.fromkeys(names)
    found = {name: name for name in known if name in own}
    by: dict[str, list[str]] = {}
    for way, keys_of in ways.items():
        taken = set(found.values())
        open_to = [name for name in known if name not in found]
        added = _match(open_to, [name for name in own if name not in taken], keys_of)
        by[way] = list(added)
        found |= added
    taken = set(found.values())
    return Matches(
        {name: found[name] for name in known if name in found},
        (*by["prefix"], *by["mitochondrion"]),
        tuple(by["alias"]),
        tuple(name for name in own if name not in taken),
    )


def _match(
    known: Sequence[str], names: Sequence[str], keys_of: Callable[[str], Iterable[str]]
) -> dict[str, str]:
    """Return the names that share a key with one contig alone, by that contig."""
    meant_by: dict[str, set[str]] = {}
    for contig in known if names else ():
        for key in keys_of(contig):
            meant_by.setdefault(key, set()).add(contig)
    added: dict[str, str] = {}
    for name in names if meant_by else ():
        meant = set().union(*(meant_by.get(key, set()) for key in keys_of(name)))
        if len(meant) == 1:
            added.setdefault(meant.pop(), name)
    return added


def is_mitochondrion(name: str) -> bool:
    """Say whether a name is one of those that UCSC and Ensembl give the mitochondrion."""
    return _without_prefix(name) in ("M", "MT")


def suggest_contig(name: str, known: Sequence[str]) -> str:
    """Return `` (did you mean 'chrI'?)`` for a contig that is surely meant, else what there is.

    Names that only look alike are not suggested: chr16 is not chrX.
    """
    meant = match_names(known, [name], {}).names
    same = [each for each in known if each.lower() == name.lower()]
    near = list(meant) or same
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f"; it has {list_some(known, _LISTED)}"


def read_aliases(path: Path) -> Aliases:
    """Read a table of contig names that mean the same, plain or gzip, as UCSC's chromAlias.

    Either a line per contig with a name in each column, under a first line `# ucsc  assembly
    genbank ...`; or a line per alias: `alias  chrom  source`. Raises `SeqcastError` where it is
    no such table.
    """
    rows = _read_rows(Path(path))
    # In the second layout the third column says where a name is from: `genbank` is no name.
    later = Counter(cell for row in rows for cell in row[2:])
    groups: dict[str, set[str]] = {}
    for row in rows:
        names = {*row[:2], *(cell for cell in row[2:] if later[cell] == 1)}
        names = {name for name in names if name.lower() not in _NO_NAME}
        whole = names.union(*(groups.get(name, ()) for name in names))
        for name in whole:
            groups[name] = whole
    return {name: frozenset(group) for name, group in groups.items()}


def _read_rows(path: Path) -> list[list[str]]:
    try:
        text = read_unpacked(path).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SeqcastError(f"{path}: cannot be read as a table of aliases ({error})") from None
    lines = [
        line for line in re.split("\r\n|\r|\n", text) if line.strip() and not line.startswith("#")
    ]
    separator = "\t" if any("\t" in line for line in lines) else None
    rows = [[cell.strip() for cell in line.split(separator)] for line in lines]
    alone = [line for line, row in zip(lines, rows, strict=True) if len(row) < 2]
    if alone or not rows:
        found = (
            f"{len(alone):,} lines with one name, such as {alone[0][:40]!r}" if alone else "none"
        )
        raise SeqcastError(
            f"{path}: found {found}, wanted lines of names that mean the same, separated by tabs,"
            " as in UCSC's chromAlias.txt"
        )
    return rows


def _without_prefix(name: str) -> str:
    return name[3:] if name[:3].lower() == "chr" else name
