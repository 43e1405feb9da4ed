"""Training in bfloat16 comes to what float32 comes to."""

import csv
from pathlib import Path

import pytest
from tiny import NETWORKS, make_task

from seqcast.data import Dataset
from seqcast.training import train


# With few windows a batch, normalisation makes much of small differences.
@pytest.mark.parametrize(("kind", "rate", "share"), [("gated", 3e-3, 5e-3), ("pooled", 1e-3, 0.02)])
def test_bfloat16_comes_to_the_same_validation_loss(
    tmp_path: Path, tiny_dataset: Dataset, kind: str, rate: float, share: float
) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        task = make_task(
            tmp_path / precision, tiny_dataset, NETWORKS[kind], epochs=12, batch_size=2,
            device="cpu", precision=precision, threads=1, clip_norm=1.0, learning_rate=rate,
        )  # fmt: skip
        train(task)
        with open(task.history, newline="") as file:
            rows = [row for row in csv.DictReader(file, delimiter="\t") if row["valid_loss"]]
        losses[precision] = [float(row["valid_loss"]) for row in rows]
    first, *_, last = losses["float32"]
    # Of what was learned, the difference is a small part.
    assert 0 < abs(losses["bfloat16"][-1] - last) < share * (first - last)
