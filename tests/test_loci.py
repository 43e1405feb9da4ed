"""Places worth a look: out of the windows, and the user's own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import BIN, write_fake_dataset, write_fake_model
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.data.predictions import Predictions, read_predictions
from seqcast.report.results import ModelFiles
from seqcast.tracks.browser.loci import Locus, find_loci, parse_loci

SIZES = {"chr1": 50_000, "chrM": 16_000, "HLA-A*01:01": 3_000}


@pytest.mark.parametrize(
    ("entry", "locus"),
    [
        ("chr1:1,000-20,000", Locus("chr1:1,000-20,000", "chr1", 999, 20_000)),
        ("GAL1-10 = chr1:1-50000", Locus("GAL1-10", "chr1", 0, 50_000)),
        ("a=b=chrM:5-5", Locus("a=b", "chrM", 4, 5)),
        ("chrM", Locus("chrM", "chrM", 0, 16_000)),
        ("=chr1:3-4", Locus("chr1:3-4", "chr1", 2, 4)),
        ("x=HLA-A*01:01:10-20", Locus("x", "HLA-A*01:01", 9, 20)),
        ("HLA-A*01:01", Locus("HLA-A*01:01", "HLA-A*01:01", 0, 3_000)),
    ],
)
def test_own_places_are_read_as_browsers_write_them(entry: str, locus: Locus) -> None:
    (found,) = parse_loci([entry], SIZES)
    assert (found.name, found.chrom, found.start, found.end) == (
        *(locus.name, locus.chrom, locus.start, locus.end),
    )
    assert found.why


@given(st.sampled_from(sorted(SIZES)), st.data())
def test_a_place_says_where_it_is(chrom: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, SIZES[chrom] - 1))
    end = data.draw(st.integers(start + 1, SIZES[chrom]))
    (found,) = parse_loci([Locus("", chrom, start, end).place], SIZES)
    assert (found.chrom, found.start, found.end) == (chrom, start, end)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (
            "chr2:1-9",
            r"'chr2:1-9': these tracks have no contig 'chr2', but 3 \(chr1, chrM, HLA-A\*01:01\)",
        ),
        ("zzz", r"these tracks have no contig 'zzz', but 3 \(.*\); wanted a place such as"),
        ("chr1:0-9", "wanted 1 <= start <= end <= 50,000, the length of chr1"),
        ("chr1:9-3", "wanted 1 <= start <= end"),
        ("chr1:9-50,001", "wanted 1 <= start <= end <= 50,000"),
        ("chr1:,-,", "wanted 1 <= start"),
        ("", "these tracks have no contig ''"),
    ],
)
def test_a_bad_place_is_named(entry: str, told: str) -> None:
    with pytest.raises(SeqcastError, match=r"browse\.loci: 1 of 2 cannot be shown.*" + told):
        parse_loci(["chr1:1-2", entry], SIZES)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Predictions, ModelFiles]:
    folder = tmp_path_factory.mktemp("loci")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", ["a", "b"], constant=(1,))
    model = write_fake_model(folder / "default", dataset, rate)
    return dataset, read_predictions(model.predictions, dataset), model


def test_windows_are_ranked_by_r(run: tuple[Dataset, Predictions, ModelFiles]) -> None:
    dataset, predictions, model = run
    table = pd.read_csv(model.windows, sep="\t").sort_values("pearson_r", ascending=False)
    loci = find_loci(model.windows, predictions, dataset)
    for name, row in (("best", 0), ("median", len(table) // 2), ("worst", -1)):
        (locus,) = [each for each in loci if f"{name} window" in each.name.lower()]
        wanted = table.iloc[row]
        assert (locus.chrom, locus.start, locus.end) == (*wanted[["contig", "start", "end"]],)
        assert locus.why.endswith(f"r {wanted['pearson_r']:.2f}")
    assert loci[0].name.startswith("Best")


def test_strength_and_error_are_those_of_the_values(
    run: tuple[Dataset, Predictions, ModelFiles],
) -> None:
    dataset, predictions, model = run
    # Target b is constantly zero: it has no say.
    x = np.stack([dataset.coverage_of(int(row))[:, 0] for row in predictions.rows])
    y = np.stack([predictions.read_window(place)[:, 0] for place in range(len(x))])
    loci = find_loci(model.windows, predictions, dataset)
    for name, values in (("strongest", x.mean(axis=1)), ("error", np.abs(x - y).mean(axis=1))):
        (locus,) = [each for each in loci if name in each.name.lower()]
        assert locus.start == predictions.start[values.argmax()]
        assert f"{values.max() / x.mean():.1f} times the mean coverage" in locus.why


def test_a_window_is_listed_once(tmp_path: Path) -> None:
    dataset, rate = write_fake_dataset(tmp_path / "dataset.h5", ["a"], windows=(2, 1, 1))
    model = write_fake_model(tmp_path / "default", dataset, rate)
    predictions = read_predictions(model.predictions, dataset)
    (locus,) = find_loci(model.windows, predictions, dataset)
    assert locus.name == "Best window, median window, worst window, strongest window, largest error"
    assert locus.place == f"chr3:1-{128 * BIN:,}"


def test_windows_without_r_come_last(
    run: tuple[Dataset, Predictions, ModelFiles], tmp_path: Path
) -> None:
    dataset, predictions, model = run
    table = pd.read_csv(model.windows, sep="\t")
    known = table.copy()
    known.loc[known.index[:4], "pearson_r"] = np.nan
    for name, frame in (("some", known), ("none", known.assign(pearson_r=np.nan))):
        frame.to_csv(tmp_path / name, sep="\t", index=False, na_rep="nan")
    some = find_loci(tmp_path / "some", predictions, dataset)
    ranked = [each for each in some if "best" in each.name.lower() or "worst" in each.name.lower()]
    assert {each.start for each in ranked} <= set(table["start"][4:])
    none = find_loci(tmp_path / "none", predictions, dataset)
    assert all(each.why.endswith("r unknown") for each in none)


def test_a_table_of_other_windows_is_refused(
    run: tuple[Dataset, Predictions, ModelFiles], tmp_path: Path
) -> None:
    dataset, predictions, model = run
    pd.read_csv(model.windows, sep="\t")[:3].to_csv(tmp_path / "w.tsv", sep="\t", index=False)
    with pytest.raises(SeqcastError, match="found 3 windows, wanted the 6 of"):
        find_loci(tmp_path / "w.tsv", predictions, dataset)
