"""`history.tsv`: how a training went."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from seqcast.seal import write_sealed

ROWS_AN_EPOCH = 5
COLUMNS = ("epoch", "step", "train_loss", "valid_loss", "learning_rate", "seconds")


@dataclass
class History:
    """The learning history: a row five times an epoch."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self,
        epoch: float,
        step: int,
        train: float,
        valid: float | None,
        learning_rate: float,
        seconds: float,
    ) -> None:
        """Add a row; `valid` is None but at the end of an epoch."""
        shown = "" if valid is None else f"{valid:.6f}"
        rate = f"{learning_rate:.6g}"
        self.rows.append((f"{epoch:.3f}", str(step), f"{train:.6f}", shown, rate, f"{seconds:.2f}"))

    def write(self, path: Path) -> None:
        """Write all rows."""
        text = io.StringIO(newline="")
        csv.writer(text, delimiter="\t", lineterminator="\n").writerows([COLUMNS, *self.rows])
        write_sealed(path, text.getvalue())


def find_marks(steps: int) -> set[int]:
    """Return the steps of an epoch after which there is a row, but its last."""
    return {round(steps * k / ROWS_AN_EPOCH) for k in range(1, ROWS_AN_EPOCH)} - {steps}
