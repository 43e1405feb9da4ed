"""`tracks.tsv`: the tracks that lie in a folder, a row a file."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.core.seal import AGAIN, read_table, write_table
from seqcast.data.targets import Targets

# What a folder of tracks lies on is made by `export`, which notices only what is gone.
GENOME_REMEDY = "delete it, run `snakemake export`, then the same command again"
OBSERVED, PREDICTED, SPREAD, RESIDUAL = "observed", "predicted", "spread", "residual"
# How much each base adds to the log of what a model predicts; `explain` computes them.
CONTRIBUTIONS = "contributions"
# What is predicted of both alleles of a variant; `variants` computes them.
REF, ALT = "REF", "ALT"
COLUMNS = ("file", "target", "model", "kind", "units", "sha256")


def make_row(path: Path, targets: Targets, target: int, model: str, kind: str) -> dict[str, str]:
    """Return the row of a track that was written, of one of the targets (its index)."""
    units, span = targets.units[target], targets.span[target]
    units = units if span == 1 else f"{units}, mean over {span} bp"
    cells = (path.name, targets.identifier[target], model, kind, units, sha256_of(path))
    return dict(zip(COLUMNS, cells, strict=True))


def list_file(path: Path, kind: str, target: str = "", model: str = "") -> dict[str, str]:
    """Return what the JSON of a step says of a file beside it; `target` is a slug."""
    cells = (path.name, target, model, kind, sha256_of(path))
    return dict(zip(("file", "target", "model", "kind", "sha256"), cells, strict=True))


def read_tracks(path: str | Path) -> list[dict[str, str]]:
    """Read the table as a dict a row."""
    return read_table(path, AGAIN)


def check_tracks(path: str | Path, files: Collection[Path], remedy: str) -> None:
    """Raise `SeqcastError` where tracks that a file lists are not there."""
    if missing := [file.name for file in files if not file.is_file()]:
        raise SeqcastError(
            f"{path}: {len(missing)} of {len(files)} tracks are not there, the first is"
            f" {missing[0]}; {remedy}"
        )


def write_tracks(path: str | Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table; it gets its name when it is whole."""
    write_table(Path(path), COLUMNS, rows)
