"""The demo's network: the distal target needs one that sees far, and motifs do what they should."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from tiny import read_whole

from seqcast.data import read_dataset
from seqcast.data.predictions import Stitch, read_predictions
from seqcast.evaluate.metrics import pearson_r
from seqcast.genome.meme import read_meme, write_meme
from seqcast.motifs.effects_writing import ANY, write_effects
from seqcast.motifs.measuring import measure_member
from seqcast.predict.inference import predict_dataset
from seqcast.predict.trained import TrainedModel
from seqcast.report.motifs import Motifs, describe_motifs, read_motifs
from seqcast.settings import Settings, read_network, read_settings
from seqcast.settings.steps import MotifsSettings
from seqcast.sources.simulated import write_simulated
from seqcast.training import Task, train

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
IN_COMPANY = ("TATA", "HSF1", "YY1", "ZNF143")
DISTAL, LOCAL = "PolII-like:distal", "CAGE-like:wt +"


@dataclass(frozen=True)
class Demo:
    """The demo's data and its network, trained, whose model lies in `far`; r of each target."""

    folder: Path
    settings: Settings
    data: Path
    r: dict[str, float]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Train the demo's network on its data."""
    settings = read_settings(yaml.safe_load(CONFIG.read_text()))
    folder = tmp_path_factory.mktemp("demo")
    data = folder / "dataset.h5"
    write_simulated(settings.dataset, data, folder / "truth.h5", folder / "motifs.bed")
    r = train_and_predict(settings.network("default"), folder / "far", data, settings)
    return Demo(folder, settings, data, r)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_dilation_is_what_sees_the_enhancer(demo: Demo) -> None:
    near = demo.settings.network("default").model_dump()
    for block in near["dilated"]:
        block["dilation"] = 1
    folder = demo.folder / "near"
    r = {
        "far": demo.r,
        "near": train_and_predict(read_network(near), folder, demo.data, demo.settings),
    }
    # Both find promoters; only the dilated network knows which of them have their enhancer.
    assert r["near"][LOCAL] > r["far"][LOCAL] - 0.05
    assert r["far"][DISTAL] > r["near"][DISTAL] + 0.05


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_motifs_do_what_the_simulation_says(demo: Demo) -> None:
    folder, meme = demo.folder / "motifs", demo.folder / "motifs/motifs.meme"
    folder.mkdir()
    known = read_meme(demo.data.with_name("motifs.meme"))
    write_meme(meme, sorted(known, key=lambda motif: motif.name not in IN_COMPANY))
    parts = folder / "parts/effects/default/parts.json"
    model = TrainedModel(
        demo.folder / "far/model.safetensors", demo.data, demo.settings.predict,
        demo.settings.training("default"),
    )  # fmt: skip
    asked = MotifsSettings(backgrounds=60, pairs=len(IN_COMPANY))
    measure_member(model, asked, demo.settings.explain.radius, meme, parts)
    write_effects(folder / "effects.json", demo.data, meme, {"default": {"default": parts}})
    motifs = read_motifs(folder)
    effects = motifs.effects.pivot(index="motif", columns="target", values="effect")
    effects.index = effects.index.map(motifs.names)
    # Each factor's track has its own motif as the strongest, and far above the second.
    for motif, target in (
        ("CTCF", "ChIP-like-CTCF"),
        ("REST", "ChIP-like-REST"),
        ("ZNF143", "ChIP-like-ZNF143"),
        ("TATA", "CAGE-like-wt-plus"),
        ("TATA", "CAGE-like-heat-plus"),
        ("YY1", "PolII-like-distal"),
    ):
        others = effects[target].drop(motif)
        assert effects[target][motif] > np.log(5), (motif, target)
        assert others.max() < effects[target][motif] - np.log(3), (motif, target)
    # Rules with ranks: NRF1 opens chromatin the most; of the broad mark ZNF143 makes most.
    assert effects["DNase-like-cell-A"].idxmax() == "NRF1"
    assert list(effects["Histone-like-broad"].nlargest(2).index) == ["ZNF143", "NRF1"]
    # Promoters have a strand, and a heat-shock element does nothing by itself.
    assert abs(effects["CAGE-like-wt-minus"]["TATA"]) < np.log(1.5)
    assert effects.loc["HSF1"].abs().max() < np.log(1.5)
    heat, wt, distal = (
        read_synergy(motifs, *each)
        for each in (
            ("TATA", "HSF1", "CAGE-like-heat-plus"),
            ("TATA", "HSF1", "CAGE-like-wt-plus"),
            ("YY1", "ZNF143", "PolII-like-distal"),
        )
    )
    # Within 150 bases of its promoter, and with heat alone; 3 to 10 kb from an enhancer.
    assert heat["low"][80] > np.log(1.3)
    assert heat["synergy"][80] > wt["synergy"][80] + np.log(1.3)
    assert heat["synergy"].loc[480:].abs().max() < np.log(1.1)
    assert distal["low"][[3840, 5120]].min() > np.log(1.05)
    assert distal["synergy"][[3840, 5120]].min() > distal["synergy"][[640, 960, 1280]].max()
    assert (
        "HSF1"
        in describe_motifs(demo.folder, motifs, [SimpleNamespace(name="default")]).courses.alt
    )


def read_synergy(motifs: Motifs, first: str, second: str, target: str) -> pd.DataFrame:
    """Return synergy and its interval by distance."""
    ids = {name: motif for motif, name in motifs.names.items()}
    here = motifs.pairs[motifs.pairs["arrangement"] == ANY].set_index(["first", "second", "target"])
    return here.loc[(ids[first], ids[second], target)].set_index("distance").sort_index()


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
    predict_dataset(TrainedModel(task.model, data, settings.predict, training), output)
    dataset = read_dataset(data)
    predictions = read_predictions(output, dataset)
    stitch, r = Stitch(predictions, dataset), {}
    for index, name in enumerate(dataset.targets.identifier):
        observed = np.asarray(read_whole(dataset.cells)[stitch.bins, index])
        known = ~np.isnan(observed)
        r[name] = pearson_r(stitch.average(predictions.read(index))[known], observed[known])
    print(folder.name, {name: round(value, 3) for name, value in r.items()})
    return r
