"""The tables that an evaluation writes, and what it says of them in the log."""

from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.core.seal import write_sealed
from seqcast.data.predictions import Predictions

_SHOWN = {
    "target": "target",
    "pearson_r": "r",
    "ceiling_pearson_r": "ceiling",
    "pearson_r_log1p": "r log1p",
    "ceiling_pearson_r_log1p": "ceiling log1p",
    "control_pearson_r_log1p": "control log1p",
    "spearman_r": "Spearman",
    "within_pearson_r_log1p": "within log1p",
    "deviance_explained": "dev. expl.",
    "ratio_of_sums": "ratio",
}
_MOST_ROWS = 24


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as TSV, six digits; it gets its name when it is whole."""
    write_sealed(path, table.to_csv(sep="\t", index=False, float_format="%.6g", na_rep="nan"))


def make_window_table(predictions: Predictions, r: np.ndarray) -> pd.DataFrame:
    """Return a row a predicted window: where it lies, and its `r` (windows,)."""
    return pd.DataFrame(
        {
            "place": np.arange(len(predictions.rows)),
            "contig": predictions.contig,
            "start": predictions.start,
            "end": predictions.end,
            "pearson_r": r,
        }
    )


def format_summary(table: pd.DataFrame) -> list[str]:
    """Return lines for the log: the main metrics of each target, and their means.

    Columns without a single value are left out.
    """
    shown = table[list(_SHOWN)].rename(columns=_SHOWN).dropna(axis="columns", how="all")
    text = shown.to_string(
        index=False, float_format="%.3f", max_rows=_MOST_ROWS, na_rep="-", justify="right"
    )
    means = [
        f"{head} {_format_mean(table, column)}{_format_references(table, column)}"
        for column, head in (("pearson_r", "r"), ("pearson_r_log1p", "r of log1p"))
    ]
    return [*text.splitlines(), f"mean over {len(table)} targets: " + ", ".join(means)]


def _format_references(table: pd.DataFrame, column: str) -> str:
    """Return what the mean r is held against: ceiling and control, where there are any."""
    found = [
        f"{kind} {_format_mean(table, f'{kind}_{column}')}"
        for kind in ("ceiling", "control")
        if table[f"{kind}_{column}"].notna().any()
    ]
    return f" ({', '.join(found)})" if found else ""


def _format_mean(table: pd.DataFrame, column: str) -> str:
    """Return the mean over targets that have a value, saying how many where some have none."""
    count = int(table[column].notna().sum())
    of = "" if count in (0, len(table)) else f" of {count}"
    return f"{table[column].mean():.3f}{of}"
