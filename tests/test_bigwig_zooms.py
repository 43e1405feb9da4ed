"""Zoom levels of a bigWig hold what the values do, in every record and every reader."""

from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast.genome.bigwig import Run, layout, split_runs, write_bigwig

FIELDS = ("bases_covered", "min_val", "max_val", "sum", "sum_squares")
Bases = dict[str, np.ndarray]


def make_bases(seed: int, lengths: dict[str, int], bin_size: int) -> Bases:
    """Return values by base (NaN: none): bins on no common grid, in runs with gaps between."""
    random, found = np.random.default_rng(seed), {}
    for name in sorted(lengths):
        found[name], at = np.full(lengths[name], np.nan, np.float32), 0
        while at < lengths[name]:
            for value in random.gamma(1, 1, random.integers(1, 200)):
                found[name][at : at + bin_size] = value
                at += bin_size
            at += int(random.choice([1, bin_size, 70 * bin_size]))
    return found


def write(path: Path, bases: Bases, bin_size: int) -> None:
    """Write values that are the same on all bases of a bin."""
    runs = []
    for name, values in bases.items():
        known = np.isfinite(values)
        firsts = np.flatnonzero(known & ~np.append(False, known[:-1]))
        lasts = np.flatnonzero(known & ~np.append(known[1:], False))
        for first, last in zip(firsts, lasts, strict=True):
            starts = np.arange(first, last + 1, bin_size)
            runs += split_runs(name, starts, values[starts], bin_size)
    write_bigwig(path, {name: len(values) for name, values in bases.items()}, runs, bin_size)


def summarise(values: np.ndarray) -> list[float]:
    """Return what a record of these bases must hold, in the order of `FIELDS`."""
    known = values[np.isfinite(values)].astype(np.float64)
    return [known.size, known.min(), known.max(), known.sum(), (known**2).sum()]


def check_records(path: Path, bases: Bases, bin_size: int) -> dict[int, int]:
    """Compare all records of all levels with the values; return how many there are by level."""
    counts = {}
    with pybigtools.open(str(path)) as file:
        for reduction in file.zooms():
            counts[reduction] = 0
            for name, values in bases.items():
                records = list(file.zoom_records(reduction, name))
                counts[reduction] += len(records)
                places = np.array([record[:2] for record in records])
                found = [[record[field] for field in FIELDS] for *_, record in records]
                wanted = [summarise(values[start:end]) for start, end in places]
                np.testing.assert_allclose(found, wanted, rtol=1e-6)
                # Nothing is left out, nothing counted twice.
                assert (places[1:, 0] >= places[:-1, 1]).all()
                assert sum(each[0] for each in found) == np.isfinite(values).sum()
                assert (places[:, 1] - places[:, 0] <= reduction).all()
        total = file.info()["summary"]
    every = np.concatenate(list(bases.values())).astype(np.float64)
    every = every[np.isfinite(every)]
    assert total["basesCovered"] == every.size
    assert (total["min"], total["max"]) == (every.min(), every.max())
    assert total["sum"] == pytest.approx(every.sum(), rel=1e-12)
    if every.size > 1:
        assert total["std"] == pytest.approx(every.std(ddof=1), rel=1e-6, abs=1e-6)
    return counts


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10_000), min_size=1),
    st.sampled_from([1, 3, 10, 128]),
    st.sampled_from([2, 256]),
    st.sampled_from([100, 1 << 16]),
)
def test_each_record_holds_its_bases(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    lengths: dict[str, int],
    bin_size: int,
    fanout: int,
    batch: int,
) -> None:
    path = tmp_path_factory.mktemp("zooms") / "a.bw"
    bases = make_bases(seed, lengths, bin_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_FANOUT", fanout)
        patch.setattr("seqcast.genome.bigwig.runs._BATCH", batch)
        write(path, bases, bin_size)
    check_records(path, bases, bin_size)


@pytest.mark.parametrize("fanout", [3, 256])
def test_levels_of_several_blocks_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fanout: int
) -> None:
    monkeypatch.setattr(layout, "_FANOUT", fanout)
    bases = make_bases(1, {"chr1": 300_000, "chr10": 20, "chr2": 150_000}, 5)
    write(tmp_path / "a.bw", bases, 5)
    counts = check_records(tmp_path / "a.bw", bases, 5)
    assert counts[80] > 4 * 1023
    assert list(counts) == [80 * 4**level for level in range(len(counts))]
    assert len(counts) > 5


def test_an_index_of_several_levels_is_right(tmp_path: Path) -> None:
    """More than 64 K records, whose blocks (and those of the data) do not fit one node."""
    values = np.random.default_rng(1).random(1_100_000, dtype=np.float32)
    size = 10 * len(values)
    write_bigwig(
        tmp_path / "a.bw", {"c": size}, split_runs("c", 10 * np.arange(len(values)), values, 10), 10
    )
    with pybigtools.open(str(tmp_path / "a.bw")) as file:
        means = [record["sum"] / 160 for *_, record in file.zoom_records(160, "c")]
        np.testing.assert_allclose(means, values.reshape(-1, 16).mean(axis=1), rtol=1e-5)
        some = file.values("c", size - 500_000, size, bins=50_000, fillna=None, exact=True)
    np.testing.assert_array_equal(some, values[-50_000:])


@pytest.mark.parametrize("statistic", ["mean", "min", "max", "coverage"])
def test_pybigwig_gets_right_answers_of_each_level(tmp_path: Path, statistic: str) -> None:
    bases = make_bases(2, {"chr1": 2_000_000, "chr2": 700_000}, 10)
    write(tmp_path / "a.bw", bases, 10)
    summarise_base = {
        "mean": np.nanmean,
        "min": np.nanmin,
        "max": np.nanmax,
        "coverage": lambda values, axis: np.isfinite(values).mean(axis),
    }[statistic]
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        levels = file.header()["nLevels"]
        assert levels >= 6
        for level in range(levels):
            # pyBigWig takes the coarsest level of which two records fit into what is asked for.
            each = 2 * 160 * 4**level
            for name, values in bases.items():
                count = min(len(values) // each, 500)
                if not count:
                    continue
                found = file.stats(name, 0, count * each, type=statistic, nBins=count)
                rows = values[: count * each].reshape(count, each).astype(np.float64)
                known = np.isfinite(rows).any(axis=1)
                wanted = summarise_base(rows[known], axis=1)
                got = np.array(found, dtype=np.float64)
                np.testing.assert_allclose(got[known], wanted, rtol=1e-5)
                assert not (got[~known] > 0).any()


def test_of_whole_chromosomes_readers_get_the_mean(tmp_path: Path) -> None:
    bases = make_bases(3, {"chr1": 900_000, "chr2": 70_000}, 10)
    write(tmp_path / "a.bw", bases, 10)
    with (
        pyBigWig.open(str(tmp_path / "a.bw")) as first,
        pybigtools.open(str(tmp_path / "a.bw")) as second,
    ):
        for name, values in bases.items():
            mean = np.nanmean(values.astype(np.float64))
            assert first.stats(name)[0] == pytest.approx(mean, rel=1e-5)
            (other,) = second.values(name, 0, len(values), bins=1, fillna=None)
            assert other == pytest.approx(mean, rel=1e-5)


def test_levels_end_where_they_would_not_get_shorter(tmp_path: Path) -> None:
    for bins, levels in ((1, 1), (16, 1), (17, 2), (64, 2), (65, 3)):
        runs = split_runs("c", 10 * np.arange(bins), np.ones(bins), 10)
        write_bigwig(tmp_path / "a.bw", {"c": 10_000}, runs, 10)
        with pybigtools.open(str(tmp_path / "a.bw")) as file:
            assert file.zooms() == [160 * 4**level for level in range(levels)]


def test_sums_that_no_float_holds_stay_finite(tmp_path: Path) -> None:
    runs = split_runs("c", 10 * np.arange(20), np.full(20, 3e38), 10)
    write_bigwig(tmp_path / "a.bw", {"c": 200}, runs, 10)
    with pybigtools.open(str(tmp_path / "a.bw")) as file:
        for *_, record in file.zoom_records(160, "c"):
            assert np.isfinite([record[field] for field in FIELDS]).all()


def test_pybigwig_still_writes_wrong_zoom_levels(tmp_path: Path) -> None:
    """Why there is an own writer: once this fails, pyBigWig may be asked to write again."""
    values = np.arange(300, dtype=np.float32)
    file = pyBigWig.open(str(tmp_path / "theirs.bw"), "w")
    file.addHeader([("c", 3000)])
    file.addEntries("c", 0, values=values, span=10, step=10)
    file.close()
    write_bigwig(tmp_path / "ours.bw", {"c": 3000}, [Run("c", 0, values)], 10)
    means = {}
    for name in ("theirs", "ours"):
        with pyBigWig.open(str(tmp_path / f"{name}.bw")) as file:
            means[name] = file.stats("c")[0]
    assert means["ours"] == pytest.approx(149.5)
    # The last record of the level is empty.
    assert means["theirs"] != pytest.approx(149.5, rel=0.05)


def test_pybigtools_still_writes_wrong_zoom_levels(tmp_path: Path) -> None:
    """Why it only reads: it counts bases without a value."""
    intervals = [("c", start, start + 10, 1.0) for start in (*range(0, 1000, 10), 5000)]
    pybigtools.open(str(tmp_path / "a.bw"), "w").write({"c": 6000}, intervals)
    with pybigtools.open(str(tmp_path / "a.bw")) as file:
        records = file.zoom_records(file.zooms()[0], "c")
        assert sum(each["bases_covered"] for *_, each in records) != 1010
