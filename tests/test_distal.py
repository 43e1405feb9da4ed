"""The distal target needs a network that sees far."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from seqcast.data import read_dataset
from seqcast.data.predictions import Stitch, read_predictions
from seqcast.evaluate.metrics import pearson_r
from seqcast.predict.inference import predict_dataset
from seqcast.settings import read_network, read_settings
from seqcast.sources.simulated import write_simulated
from seqcast.training import Task, train

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
DISTAL, LOCAL = "PolII-like:distal", "CAGE-like:wt +"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_dilation_is_what_sees_the_enhancer(tmp_path: Path) -> None:
    settings = read_settings(yaml.safe_load(CONFIG.read_text()))
    data = tmp_path / "dataset.h5"
    write_simulated(settings.dataset, data, tmp_path / "truth.h5", tmp_path / "motifs.bed")
    far = settings.network("default")
    near = far.model_dump()
    for block in near["dilated"]:
        block["dilation"] = 1
    r = {
        name: train_and_predict(model, tmp_path / name, data, settings)
        for name, model in (("far", far), ("near", read_network(near)))
    }
    # Both find promoters; only the dilated network knows which of them have their enhancer.
    assert r["near"][LOCAL] > r["far"][LOCAL] - 0.05
    assert r["far"][DISTAL] > r["near"][DISTAL] + 0.05


def train_and_predict(model, folder: Path, data: Path, settings) -> dict[str, float]:
    folder.mkdir()
    training = settings.training("default")
    task = Task(
        network=model,
        training=training,
        dataset=data,
        model=folder / "model.safetensors",
        history=folder / "history.tsv",
        checkpoints=folder / "checkpoints",
    )
    train(task)
    output = folder / "predictions.h5"
    predict_dataset(settings.predict, training, folder / "model.safetensors", data, output)
    dataset = read_dataset(data)
    predictions = read_predictions(output, dataset)
    stitch, r = Stitch(predictions, dataset), {}
    for index, name in enumerate(dataset.targets.identifier):
        observed = np.asarray(dataset.cells[stitch.bins, index])
        known = ~np.isnan(observed)
        r[name] = pearson_r(stitch.average(predictions.read(index))[known], observed[known])
    print(folder.name, {name: round(value, 3) for name, value in r.items()})
    return r
