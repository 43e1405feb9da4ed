"""Scale and clip from training bins, and their suggestion."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from genomes import write_genome as write_files
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.data import read_dataset
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings
from seqcast.settings.table import read_targets_table
from seqcast.sources.genome.scaling import BinStatistics, fill_targets
from seqcast.sources.genome.suggesting import fill_table, suggest_targets
from seqcast.sources.genome.writing import write_genome

RNG = np.random.default_rng(1)
BINS = np.float32(RNG.gamma(0.3, 40, 20_000))


def make_settings(**changes: Any) -> GenomeSettings:
    values = {"fasta": "g.fa", "targets": "t.tsv", "split": {"valid": ["a"], "test": ["b"]}}
    return GenomeSettings.model_validate(values | changes)


def make_targets(**columns: Any) -> Targets:
    """Make a table of one target whose scale is to be filled in."""
    plain = Targets.from_names(["one"], scale=[np.nan])
    return dataclasses.replace(plain, **{"span": (128,), **columns})


def fill(targets: Targets, bins: np.ndarray = BINS, **changes: Any) -> Targets:
    settings = make_settings(**changes)
    statistics = BinStatistics(1, bins.size, settings.clip_quantile)
    statistics.add(statistics.look_at(bins[None]))
    return fill_targets(settings, targets, statistics)


@given(
    st.lists(st.floats(0, 2**20, width=32), min_size=1, max_size=300),
    st.floats(0.01, 0.999),
    st.integers(1, 50),
    st.integers(0, 100),
)
def test_facts_are_numpys(values: list[float], quantile: float, step: int, spare: int) -> None:
    bins = np.array(values, dtype=np.float32)
    statistics = BinStatistics(2, bins.size + spare, quantile)
    for start in range(0, bins.size, step):
        part = bins[start : start + step]
        # The second target has an unknown bin beside each of the first's.
        both = np.stack([np.repeat(part, 2), np.repeat(part, 2)])
        both[:, 1::2] = np.nan
        statistics.add(statistics.look_at(both))
    exact = bins.astype(float)
    wanted = np.quantile(exact, quantile)
    for target in range(2):
        found = statistics.make_facts(target, quantile)
        np.testing.assert_allclose(found.quantile or 0.0, wanted, rtol=1e-9, atol=1e-30)
        np.testing.assert_allclose(found.mean, exact.mean(), rtol=1e-9)
        assert (found.bins, found.zeros) == (bins.size, int((bins == 0).sum()))
        assert found.highest == bins.max()
        if found.quantile:
            cut = np.minimum(exact, wanted).mean()
            np.testing.assert_allclose(found.clipped_mean, cut, rtol=1e-6)


@pytest.mark.parametrize("stat", ["sum", "mean", "median", "max"])
def test_training_sees_mean_one_and_nothing_above_the_clip(stat: str) -> None:
    span = 1 if stat in ("median", "max") else 128
    targets = fill(make_targets(sum_stat=(stat,), span=(span,)))
    seen = targets.to_training(BINS[:, None])
    assert seen.mean(dtype=float) == pytest.approx(1, rel=1e-5)
    assert seen.max() == np.float32(targets.clip[0])
    assert (seen == seen.max()).sum() == pytest.approx(0.0005 * BINS.size, abs=1)


def test_below_the_clip_coverage_comes_back() -> None:
    targets = fill(make_targets(clip_soft=(5.0,)))
    seen = targets.to_training(BINS[:, None])
    below = seen[:, 0] < targets.clip[0]
    assert 0.999 < below.mean() < 1
    back = targets.from_training(seen)[:, 0]
    np.testing.assert_allclose(back[below], BINS[below], rtol=2e-5, atol=1e-3)
    assert (back[~below] <= BINS[~below] * (1 + 1e-5)).all()


def test_what_the_table_gives_wins_each_by_itself() -> None:
    free = fill(make_targets())
    quantile = free.clip[0] / free.scale[0]
    only_scale = fill(make_targets(scale=(2.0,)))
    assert (only_scale.scale[0], only_scale.clip[0]) == (2.0, pytest.approx(2 * quantile))
    only_clip = fill(make_targets(clip=(32.0,)))
    # As in Basenji a clip is of values after the scale, which is 1 where nothing is said.
    assert (only_clip.scale, only_clip.clip) == ((1.0,), (32.0,))
    both = make_targets(scale=(2.0,), clip=(32.0,))
    assert fill(both) == both


def test_settings_turn_scale_and_clip_off() -> None:
    found = fill(make_targets(), scale="none", clip_quantile=None)
    assert (found.scale, found.clip) == ((1.0,), (None,))
    assert fill(make_targets(), clip_quantile=None).scale[0] == pytest.approx(1 / BINS.mean())


@pytest.mark.parametrize("stat", ["sum_sqrt", "mean_sqrt"])
def test_square_roots_keep_their_scale(stat: str) -> None:
    found = fill(make_targets(sum_stat=(stat,)))
    quantile = np.quantile(BINS.astype(float), 0.9995) / (128 if stat == "mean_sqrt" else 1)
    assert found.scale == (1.0,)
    assert found.clip[0] == pytest.approx(np.sqrt(1 + quantile) - 1, rel=1e-5)


def test_targets_that_are_zero_are_refused() -> None:
    with pytest.raises(SeqcastError, match="1 of 1 targets are 0 in every training bin: one;"):
        fill(make_targets(), np.zeros(1000, dtype=np.float32))


def test_nearly_empty_targets_are_not_clipped_to_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bins = np.zeros(100_000, dtype=np.float32)
    bins[:5] = 8
    found = fill(make_targets(), bins)
    assert (found.scale[0], found.clip[0]) == (pytest.approx(100_000 / 40), None)
    assert "99,995 of its 100,000 training bins are 0" in caplog.text


def test_suggestions_are_what_a_dataset_fills_in(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", columns={"two": {"scale": "0.5"}})
    settings, inputs = files.settings(clip_quantile=0.9), files.inputs()
    text = suggest_targets(settings, inputs, files.folder / "filled.tsv")
    write_genome(settings, inputs, tmp_path / "dataset.h5")
    targets = read_dataset(tmp_path / "dataset.h5").targets
    for place, row in enumerate(read_targets_table(files.folder / "filled.tsv")):
        assert row.scale == pytest.approx(targets.scale[place], rel=1e-3)
        assert row.clip == pytest.approx(targets.clip[place], rel=1e-3)
        assert f"{row.scale:.4g}" == f"{row.scale:g}"
    assert row.scale == 0.5
    lines = text.splitlines()
    assert lines[0].split() == ["target", "scale", "clip", "mean", "max", "zeros", "clipped"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("two: your scale; clip cuts the top 10 %")


def test_filled_tables_keep_all_else() -> None:
    table = "\tidentifier\tfile\tgenome\tclip\r\n0\tone\tone.bw\thg38\tNaN\r\n"
    targets = dataclasses.replace(Targets.from_names(["one"], scale=[0.25]), clip=(7.0,))
    wanted = "\tidentifier\tfile\tgenome\tclip\tscale\n0\tone\tone.bw\thg38\t7\t0.25\n"
    assert fill_table(table, targets) == wanted
