"""Numbers of a report as cells of a table: short heads, definitions, digits."""

from dataclasses import dataclass

from seqcast.evaluate.metrics import DEFINITIONS

MISSING = "\u2013"
_WHOLE = ("peaks", "bins", "blocks")
_HEADS = {
    "pearson_r": "r",
    "pearson_r_low": "r low",
    "pearson_r_high": "r high",
    "pearson_r_log1p": "r log1p",
    "pearson_r_log1p_low": "r log1p low",
    "pearson_r_log1p_high": "r log1p high",
    "clipped_pearson_r": "clipped r",
    "clipped_pearson_r_log1p": "clipped r log1p",
    "pearson_r_log1p_as_read": "r log1p as read",
    "spearman_r": "Spearman",
    "r2": "R²",
    "poisson_loss": "loss",
    "poisson_loss_keras": "loss Keras",
    "baseline_poisson_loss": "mean's loss",
    "baseline_poisson_loss_keras": "mean's loss Keras",
    "across_pearson_r": "across r",
    "across_pearson_r_log1p": "across r log1p",
    "within_pearson_r": "within r",
    "within_pearson_r_log1p": "within r log1p",
    "peak_auroc": "AUROC",
    "peak_auprc": "AUPRC",
    "specific_pearson_r": "specific r",
    "ceiling_pearson_r": "ceiling r",
    "ceiling_pearson_r_log1p": "ceiling r log1p",
    "control_pearson_r": "control r",
    "control_pearson_r_log1p": "control r log1p",
}


@dataclass(frozen=True)
class Column:
    """A column of a table; `definition` explains it where it is shown; a group may begin there."""

    key: str
    head: str
    definition: str
    digits: int = 3
    first: bool = False


def make_columns() -> tuple[Column, ...]:
    """Return all columns of `metrics.tsv` but the target, in their order."""
    return tuple(
        Column(key, _HEADS.get(key, key.replace("_", " ")), text, 0 if key in _WHOLE else 3)
        for key, text in DEFINITIONS.items()
        if key != "target"
    )
