"""`windows.tsv`: where the windows of a file lie in a genome, a row a placement.

The format is specified in docs/formats.md.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from seqcast.core.disk import check_format
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import read_sealed, write_sealed
from seqcast.sources.basenji.placing import Place, Places

FORMAT = "seqcast-placements"
FORMAT_VERSION = 1
PLACED, AMBIGUOUS, MISSING, BLANK = "placed", "ambiguous", "missing", "blank"
COLUMNS = {
    "split": str,
    "row": "int64",
    "status": str,
    "contig": str,
    "start": "int64",
    "end": "int64",
    "strand": str,
    "places": "int64",
    "unknown": "int64",
    "shared": "float64",
}
_HEADER = ("format", "format_version", "assembly", "order", "order_was", "window")
# A call of its own: what follows an edited message in one call would count as changed too.
_REMEDY = "delete it, run `snakemake locate`, then the same command again"


@dataclass(frozen=True)
class Placements:
    """Where windows of `window` bases lie in `assembly`, named by its FASTA.

    `order` is the order of the bases in which they match, `order_was` the one taken before;
    `lengths` has all contigs. `windows` has the columns of COLUMNS, rows in the order of split and
    row: one for each exact placement of a window, one for a window without. Starts and ends are
    0-based, half-open and on the plus strand. `places` counts the exact placements (a thousand are
    listed at most), `unknown` the bases that are N in the window or there. `shared` is the share of
    a missing window's known bases that lie in 32-mers which its nearest place has too; NaN where
    there is none, or it was not looked for.
    """

    assembly: str
    order: str
    order_was: str
    window: int
    lengths: dict[str, int]
    windows: pd.DataFrame

    def to_places(self) -> Places:
        """Return what a dataset needs: the windows that lie in exactly one place."""
        table = self.windows[self.windows["status"] == PLACED]
        columns = (table[key].tolist() for key in ("split", "row", "contig", "start", "strand"))
        return Places(
            assembly=self.assembly,
            order=self.order,
            chrom_sizes=self.lengths,
            found={
                (split, row): Place(contig, start, strand)
                for split, row, contig, start, strand in zip(*columns, strict=True)
            },
        )

    @property
    def statuses(self) -> dict[str, int]:
        """Count the windows by status."""
        return first_rows(self)["status"].value_counts().to_dict()


def first_rows(placements: Placements) -> pd.DataFrame:
    """Return one row a window: the first of its placements."""
    return placements.windows.drop_duplicates(["split", "row"])


def write_placements(path: str | Path, placements: Placements) -> None:
    """Write the table; it gets its name when it is whole."""
    path = Path(path)
    values = (FORMAT, FORMAT_VERSION, *(getattr(placements, key) for key in _HEADER[2:]))
    header = [f"#{key}\t{value}\n" for key, value in zip(_HEADER, values, strict=True)]
    header += [f"#contig\t{name}\t{length}\n" for name, length in placements.lengths.items()]
    table = placements.windows.to_csv(
        sep="\t", index=False, columns=list(COLUMNS), float_format="%.6f", lineterminator="\n"
    )
    write_sealed(path, "".join(header) + table)


def read_placements(path: str | Path) -> Placements:
    """Read and check what `write_placements` wrote; raises `SeqcastError` where it is not that."""
    path = Path(path)
    try:
        text = read_sealed(path, _REMEDY)
        header, lengths, lines = _read_header(text)
        wanted = int(header.get("format_version", 0))
        check_format(path, {**header, "format_version": wanted}, (FORMAT, FORMAT_VERSION), _REMEDY)
        windows = pd.read_csv(
            io.StringIO(text), sep="\t", skiprows=lines, dtype=COLUMNS, keep_default_na=False,
            na_values={"shared": [""]}, quoting=3,
        )  # fmt: skip
        placements = Placements(
            assembly=header["assembly"],
            order=header["order"],
            order_was=header["order_was"],
            window=int(header["window"]),
            lengths=lengths,
            windows=windows[list(COLUMNS)],
        )
    except (OSError, ValueError, KeyError) as error:
        raise SeqcastError(f"{path}: is no table of placed windows ({error}); {_REMEDY}") from None
    _check(path, placements)
    return placements


def _read_header(text: str) -> tuple[dict[str, str], dict[str, int], int]:
    """Return the keys, the contigs' lengths, and the number of lines of the header."""
    header = {}
    lengths = {}
    lines = 0
    for line in io.StringIO(text):
        if not line.startswith("#"):
            break
        key, *values = line[1:].rstrip("\n").split("\t")
        if key == "contig":
            lengths[values[0]] = int(values[1])
        elif values:
            header[key] = values[0]
        lines += 1
    return header, lengths, lines


def _check(path: Path, placements: Placements) -> None:
    """Refuse placements that are not whole windows within the assembly's contigs."""
    table = placements.windows
    statuses = table["status"].isin((PLACED, AMBIGUOUS, MISSING, BLANK))
    at_place = table["status"].isin((PLACED, AMBIGUOUS))
    length = table["contig"].map(placements.lengths)
    whole = (table["end"] - table["start"] == placements.window) & (table["start"] >= 0)
    wrong = ~statuses | (at_place & ~(whole & (table["end"] <= length)))
    if wrong.any():
        row = table[wrong].iloc[0]
        raise SeqcastError(
            f"{path}: {int(wrong.sum()):,} rows are not within the assembly, first {row['split']}"
            f" {row['row']} at {row['contig']}:{row['start']}-{row['end']}; {_REMEDY}"
        )
