"""Predictions do not depend on where windows lie, how many at once, or what parts there are."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import BIN, CROP, NETWORK, TARGETS, WINDOW, predict
from whole_genome import EDGE, TRAINING, Lab, make_genome, make_lab, read_raw

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data.targets import Targets
from seqcast.genome.codes import N, reverse_complement
from seqcast.nn import Network
from seqcast.nn.checkpoint import write_model
from seqcast.predict.genome_tracks.predicting import predict_part
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import GenomeTracksSettings, PredictSettings

# chr2 ends within a bin and is longer than a window, chr3 is shorter than one.
LENGTHS = {"chr1": 1600, "chr2": 777, "chr3": 100, "chr4": 16}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"), make_genome(LENGTHS))


def predict_whole(lab: Lab, contig: str, **changes) -> np.ndarray:
    """Predict a contig as one window, N where it ends: no edges, nothing joined."""
    codes = lab.genome[contig]
    margin = lab.network.crop * BIN
    padded = np.full(-(-codes.size // BIN) * BIN + 2 * margin, N, dtype=np.uint8)
    padded[margin : margin + codes.size] = codes
    return predict(lab.network, padded[None], **changes)[0]


def test_tiles_say_what_one_long_window_says(lab: Lab) -> None:
    found = lab.predicted()
    assert list(found) == sorted(LENGTHS)
    for contig in ("chr1", "chr2"):  # shorter ones have more N after them
        assert np.allclose(found[contig], predict_whole(lab, contig), rtol=1e-5)


def test_short_contigs_are_padded_with_n(lab: Lab) -> None:
    codes = np.full(WINDOW, N, dtype=np.uint8)
    codes[CROP * BIN : CROP * BIN + 100] = lab.genome["chr3"]
    wanted = predict(lab.network, codes[None])[0, : -(-100 // BIN)]
    assert np.allclose(lab.predicted()["chr3"], wanted, rtol=1e-5)
    assert lab.predicted()["chr4"].shape == (1, len(TARGETS))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_batches_do_not_show(lab: Lab, size: int) -> None:
    wanted, found = lab.predicted(), lab.predicted(predict={"batch_size": size})
    for contig in LENGTHS:
        assert np.allclose(found[contig], wanted[contig], rtol=1e-5)


@pytest.mark.parametrize("part", [1, 800, 1000])
def test_parts_do_not_show(lab: Lab, part: int) -> None:
    plan = lab.plan(part=part)
    assert len(plan.parts) > 1
    wanted, found = lab.predicted(), lab.read(plan, lab.predict(plan, member=f"p{part}"))
    assert list(found) == list(wanted)
    for contig in LENGTHS:
        assert np.allclose(found[contig], wanted[contig], rtol=1e-5)


def test_shift_zero_is_no_shift(lab: Lab) -> None:
    wanted, found = lab.predicted(), lab.predicted(shifts=[0, 0])
    assert all(np.allclose(found[contig], wanted[contig], rtol=1e-5) for contig in LENGTHS)


def test_shifts_are_averaged(lab: Lab, tmp_path: Path) -> None:
    found = lab.predicted(shifts=[-5, 3])["chr1"]
    wanted = []
    for shift in (-5, 3):
        moved = np.roll(lab.genome["chr1"], -shift)
        other = make_lab(tmp_path / str(shift), {"chr1": moved})
        wanted.append(other.predicted()["chr1"])
    inner = slice(4, -4)  # what was rolled in at the ends is not what lies there
    assert np.allclose(found[inner], np.mean(wanted, axis=0)[inner], rtol=1e-5)
    assert not np.allclose(found[inner], lab.predicted()["chr1"][inner], rtol=1e-3)


def test_the_other_strand_swaps_pairs(lab: Lab, tmp_path: Path) -> None:
    """What both strands say together of the turned genome is what they say of it, turned."""
    turned = {"chr1": reverse_complement(lab.genome["chr1"])}
    options = {"predict": {"strands": "both"}}
    # In the units of the training, as targets of a pair may be scaled apart.
    found = make_lab(tmp_path, turned).predicted(**options)["chr1"] * TARGETS.scaling.factor
    wanted = lab.predicted(**options)["chr1"] * TARGETS.scaling.factor
    assert np.allclose(found[::-1][:, list(TARGETS.strand_pair)], wanted, rtol=1e-5)
    assert not np.allclose(wanted, lab.predicted()["chr1"] * TARGETS.scaling.factor, rtol=1e-3)


def watch_predictions(monkeypatch: pytest.MonkeyPatch, look: Callable[[np.ndarray], None]) -> None:
    """Have somebody look at the windows of each prediction."""
    predict_them = Predictor.predict

    def watch(predictor: Predictor, codes: np.ndarray) -> np.ndarray:
        look(codes)
        return predict_them(predictor, codes)

    monkeypatch.setattr(Predictor, "predict", watch)


def test_n_has_no_value_and_is_not_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes = make_genome({"chr1": 3200})["chr1"]
    codes[400:2500] = N
    lab = make_lab(tmp_path, {"chr1": codes})
    seen = []

    watch_predictions(monkeypatch, lambda codes: seen.append(len(codes)))
    caplog.set_level(logging.INFO, log.name)
    monkeypatch.setattr(log, "propagate", True)
    plan = lab.plan()
    found = lab.read(plan, lab.predict(plan))["chr1"]
    known = np.ones(200, dtype=bool)
    known[25:156] = False  # of bin 156 a quarter is N
    assert np.isfinite(found).all(axis=1).tolist() == known.tolist()
    lab_tiles = -(-(200 - 2 * EDGE) // (WINDOW // BIN - 2 * CROP - 2 * EDGE))
    assert 0 < sum(seen) < lab_tiles
    assert f"{lab_tiles - sum(seen)} of N alone were skipped" in caplog.text


def test_a_genome_of_n_alone_is_no_failure(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, {"chr1": np.full(5000, N, dtype=np.uint8)})
    assert np.isnan(lab.predicted()["chr1"]).all()


def test_a_part_has_the_layout_of_its_plan(lab: Lab) -> None:
    plan = lab.plan(part=1000)
    paths = lab.predict(plan, member="layout")
    for part, values in zip(plan.parts, read_raw(plan, paths), strict=True):
        assert values.shape == (len(TARGETS), part.bins)
        assert np.isfinite(values).all()
    assert not list(lab.folder.rglob("*.partial"))


def test_windows_have_the_length_of_the_training(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    watch_predictions(monkeypatch, lambda codes: seen.append(codes.shape[1]))
    part = lab.plan().parts[0]
    for facts in ({}, {"window": 512}):
        write_model(tmp_path / "m.safetensors", lab.network, facts)
        model = TrainedModel(
            tmp_path / "m.safetensors", lab.dataset.path, PredictSettings(), TRAINING
        )
        genome = lab.folder / "genome.fa"
        predict_part(model, GenomeTracksSettings(), part, genome, tmp_path / "p.h5")
    assert set(seen) == {WINDOW, 512}


def test_a_model_of_other_bins_is_refused(lab: Lab, tmp_path: Path) -> None:
    settings = NETWORK.model_copy(update={"downsample": NETWORK.downsample[:1]})
    other = make_lab(tmp_path, lab.genome)
    odd = Lab(other.folder, other.dataset, Network(settings, TARGETS, CROP), other.genome)
    with pytest.raises(SeqcastError, match=r"has 4 bases a bin, but .* has 16"):
        odd.predicted()
    few = Network(NETWORK, Targets.from_names(["one"]), CROP)
    odd = Lab(other.folder, other.dataset, few, other.genome)
    with pytest.raises(SeqcastError, match=r"has 1 targets, but .* has 3"):
        odd.predicted()


def test_a_model_that_predicts_no_numbers_is_refused(lab: Lab, tmp_path: Path) -> None:
    broken = make_lab(tmp_path, lab.genome)
    with torch.no_grad():
        broken.network.head.bias[1] = torch.nan
    with pytest.raises(SeqcastError, match="values that are not finite"):
        broken.predicted()
    assert not list(tmp_path.rglob("*.h5.partial"))


def test_a_fasta_that_changed_is_refused(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, make_genome({"chr1": 1000}))
    path = tmp_path / "genome.fa"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(SeqcastError, match="is damaged"):
        lab.predicted()
    # As of a genome of the user's own, which a large one is a link to.
    path.with_name(".genome.fa.b2").unlink()
    with pytest.raises(SeqcastError, match="not the one that was indexed"):
        lab.predicted()
    path.unlink()
    with pytest.raises(SeqcastError, match="is not there"):
        lab.predicted()
