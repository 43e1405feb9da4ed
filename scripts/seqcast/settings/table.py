"""The targets table as its user wrote it: a TSV with the columns of Basenji's."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from seqcast.core.errors import SeqcastError, suggest
from seqcast.settings.section import Section, is_url

_NEEDED = ("identifier", "file")


class TargetRow(Section):
    """A target: one track and how it is read."""

    index: int | None = None
    """The name that `strand_pair` of another row calls this one by; not given: the row's place."""
    identifier: str = Field(min_length=1)
    """Short name, unique."""
    file: str = Field(min_length=1)
    """bigWig: URL, or path, absolute or from the table's folder."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest that the file must have."""
    clip: PositiveFloat | None = None
    """Largest value that training sees, after `scale`."""
    clip_soft: PositiveFloat | None = None
    """Above this, values are compressed to their square root."""
    scale: PositiveFloat | None = None
    """What values are multiplied by before training."""
    sum_stat: Literal["sum", "mean", "sum_sqrt", "mean_sqrt", "median", "max"] = "sum"
    """How the bases of a bin become one value."""
    strand_pair: int | None = None
    """`index` of the same assay on the other strand; its own, or none: no strands."""
    description: str = ""
    """What people read."""
    units: str = "coverage"
    """Units of the track."""
    replicate: str | None = None
    """bigWig of an independent replicate, for the noise ceiling."""
    replicate_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest that the replicate must have."""
    replicate_included: bool = False
    """Whether the track is a sum that holds the replicate."""

    @model_validator(mode="after")
    def _replicate(self) -> "TargetRow":
        if self.replicate_included and not self.replicate:
            raise ValueError("replicate_included is true, but replicate names no file")
        return self

    @property
    def files(self) -> tuple[tuple[str, str | None], ...]:
        """The row's bigWigs, each with the digest it must have."""
        both = ((self.file, self.sha256), (self.replicate, self.replicate_sha256))
        return tuple((file, digest) for file, digest in both if file)


def read_targets_table(path: str | Path) -> tuple[TargetRow, ...]:
    """Read and check a targets table; relative paths in it are taken from its own folder.

    Columns of other programs are let pass. Raises `SeqcastError` with one line for each fault.
    """
    path = Path(path)
    lines = _read_lines(path)
    faults = []
    rows = []
    for number, cells in lines:
        try:
            rows.append(_place(TargetRow.model_validate(cells), path.parent))
        except ValidationError as error:
            for fault in error.errors():
                where = ".".join(map(str, fault["loc"])) or "row"
                message = fault["msg"].removeprefix("Value error, ")
                faults.append(f"{path}: line {number}: {where}: {message} ({fault['input']!r})")
    faults = faults or _find_faults(path, rows)
    if faults:
        raise SeqcastError("\n".join(faults))
    return tuple(rows)


def parse_table(text: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the columns of a TSV, and its rows by column with the line each stands on.

    Cells may be quoted, as in CSV, within a line. Blank lines and those that begin with `#` are
    passed over. Raises ValueError, which begins with the line, where cells do not fit the columns.
    """
    columns: list[str] | None = None
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            # Line by line: a quotation mark left open would make one cell of all that follows.
            (cells,) = csv.reader([line], delimiter="\t", strict=True)
        except csv.Error as error:
            raise ValueError(f"line {number}: the quotation marks do not pair ({error})") from None
        if columns is None:
            columns = cells
            continue
        if any(cells[len(columns) :]):
            raise ValueError(f"line {number}: has {len(cells)} cells for {len(columns)} columns")
        rows.append((number, dict(zip(columns, cells, strict=False))))
    return columns or [], rows


def _read_lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the filled cells of each row that are ours, with the row's line in the file."""
    try:
        # utf-8-sig: Excel begins a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError("it holds a NUL byte, as no text does")
        columns, rows = parse_table(text)
    except (OSError, ValueError) as error:
        raise SeqcastError(f"{path}: cannot be read as a targets table ({error})") from None
    # pandas leaves the name of its index column empty.
    names = [name.strip() or "index" for name in columns]
    for name in _NEEDED:
        if name not in names:
            hint = suggest(name, names)
            if len(names) == 1:
                hint = "; columns are separated by tabs, not spaces"
            raise SeqcastError(
                f"{path}: found columns {', '.join(names) or 'none'}, wanted {name!r} too{hint}"
            )
    for name in TargetRow.model_fields:
        if names.count(name) > 1:
            raise SeqcastError(f"{path}: column {name!r} stands {names.count(name)} times")
    lines = []
    for number, row in rows:
        cells = {names[columns.index(key)]: cell.strip() for key, cell in row.items()}
        ours = {key: cells[key] for key in TargetRow.model_fields if _is_given(key, cells)}
        if any(cells.values()):
            lines.append((number, ours))
    if not lines:
        raise SeqcastError(f"{path}: has no targets, wanted one row a track")
    return lines


def _is_given(column: str, cells: Mapping[str, str]) -> bool:
    """Say whether a cell says anything: pandas writes NaN for those that are empty."""
    cell = cells.get(column, "")
    return bool(cell) and (column in _NEEDED or cell.lower() not in ("nan", "na", "none"))


def _place(row: TargetRow, folder: Path) -> TargetRow:
    """Take relative paths from the table's folder."""
    changed = {
        key: value if is_url(value) else str(folder / value)
        for key in ("file", "replicate")
        if (value := getattr(row, key))
    }
    return row.model_copy(update={**changed, "description": row.description or row.identifier})


def _find_faults(path: Path, rows: list[TargetRow]) -> list[str]:
    """Return what is wrong between rows: names that are not unique, pairs that do not meet."""
    faults = []
    names = [row.identifier for row in rows]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            faults.append(f"{path}: identifier {name!r} stands {names.count(name)} times")
    labels = [row.index if row.index is not None else at for at, row in enumerate(rows)]
    if len(set(labels)) < len(labels):
        return [*faults, f"{path}: the same index stands twice; number the rows from 0"]
    for label, row in zip(labels, rows, strict=True):
        if row.strand_pair is None:
            continue
        if row.strand_pair not in labels:
            faults.append(
                f"{path}: {row.identifier!r} has strand_pair {row.strand_pair}, which is no row's"
                f" index (they are {labels[0]} to {labels[-1]}); add that row, or put its own"
                f" {label}"
            )
            continue
        back = rows[labels.index(row.strand_pair)]
        if back.strand_pair != label:
            faults.append(
                f"{path}: {row.identifier!r} has strand_pair {row.strand_pair}, but"
                f" {back.identifier!r} has {back.strand_pair}; wanted {label}"
            )
    return faults


def pair_strands(rows: tuple[TargetRow, ...]) -> tuple[int, ...]:
    """Return the place of each row's other strand, its own where it has none."""
    labels = [row.index if row.index is not None else at for at, row in enumerate(rows)]
    return tuple(
        at if row.strand_pair is None else labels.index(row.strand_pair)
        for at, row in enumerate(rows)
    )
