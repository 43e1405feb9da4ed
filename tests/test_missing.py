"""Bases without an entry in a bigWig: no coverage, or with `missing: unknown` an unknown one."""

import dataclasses
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import pyBigWig
import pytest
from genomes import LENGTHS, GenomeFiles, make_codes, make_coverage, write_track
from genomes import write_genome as write_files
from hypothesis import example, given
from hypothesis import strategies as st
from tiny import read_whole

from seqcast.core.errors import SeqcastError
from seqcast.data import read_dataset
from seqcast.evaluate.baselines import write_baseline
from seqcast.evaluate.evaluating import evaluate
from seqcast.settings import GenomeSettings, read_settings
from seqcast.settings.steps import EvaluateSettings
from seqcast.sources.findings import Validation
from seqcast.sources.genome.suggesting import suggest_targets
from seqcast.sources.genome.writing import write_genome
from seqcast.sources.validation import make_verdict
from seqcast.sources.validation.genome import validate_genome

COVERAGE = make_coverage(make_codes(LENGTHS))
Coverage = dict[str, np.ndarray]


def keep(coverage: Coverage, stretches: list[tuple[str, int, int]]) -> Coverage:
    """Return coverage that is 0 outside some stretches."""
    kept = {name: np.zeros_like(values) for name, values in coverage.items()}
    for name, start, end in stretches:
        kept[name][start:end] = coverage[name][start:end]
    return kept


def drop_zeros(path: Path, coverage: Coverage, *, names: bool) -> None:
    """Write a track again without its zeros, and without the names of contigs that are all 0."""
    sparse = {name: np.where(values > 0, values, np.nan) for name, values in coverage.items()}
    if names:
        sparse = {name: values for name, values in sparse.items() if np.isfinite(values).any()}
    write_track(path, sparse)


def run(files: GenomeFiles, **changes: Any) -> tuple[Validation, str, bytes, bytes]:
    """Return the validation and, of files that fit, what `suggest` says, dataset, replicates."""
    settings, inputs = files.settings(**changes), files.inputs()
    found = validate_genome(settings, inputs)
    # pyBigWig overlooks a file's largest value where it comes first.
    targets = tuple(dataclasses.replace(target, max=0.0) for target in found.targets)
    # The forecast of the disk is made of the sizes of the bigWigs, which zeros make larger.
    found = dataclasses.replace(found, targets=targets, forecast={})
    if found.refusals:
        return found, "", b"", b""
    said = suggest_targets(settings, inputs, files.folder / "suggested.tsv")
    paths = [files.folder / "d.h5", files.folder / "r.h5"]
    write_genome(settings, inputs, paths[0], replicates=paths[1])
    dataset, replicates = (path.read_bytes() for path in paths)
    for path in paths:
        path.unlink()
    return found, said, dataset, replicates


STRETCHES = st.lists(
    st.tuples(st.sampled_from(list(LENGTHS)), st.integers(0, 2000), st.integers(1, 4096)).map(
        lambda each: (each[0], each[1], each[1] + each[2])
    ),
    max_size=6,
)
ALL = [(name, 0, length) for name, length in LENGTHS.items()]
FEW = [("chr1", 60, 90), ("chr2", 1000, 1020), ("chr3", 300, 400)]


@hypothesis.settings(max_examples=6)
@given(STRETCHES, STRETCHES, st.booleans())
@example(FEW, FEW, True)
@example(ALL, FEW, False)
@example(ALL, [("chr1", 0, 9)], True)
@example(FEW, [], False)
def test_whether_zeros_are_stored_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[tuple[str, int, int]],
    replicate: list[tuple[str, int, int]],
    names: bool,
) -> None:
    # Models and all that follows are made of these two files and nothing else of the source.
    coverage, other = keep(COVERAGE, first + FEW[:1]), keep(COVERAGE, replicate + FEW[:1])
    files = write_files(
        tmp_path_factory.mktemp("missing") / "files",
        tracks={"one": coverage, "two": COVERAGE, "rep": other},
        columns={"one": {"replicate": "rep.bw"}},
    )
    files.table.write_text("".join(files.table.read_text().splitlines(keepends=True)[:3]))
    stored = run(files)
    drop_zeros(files.folder / "one.bw", coverage, names=names)
    drop_zeros(files.folder / "rep.bw", other, names=names)
    drop_zeros(files.folder / "two.bw", COVERAGE, names=names)
    assert run(files) == stored


def test_a_sparse_track_loses_no_window(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", tracks={"one": keep(COVERAGE, FEW)})
    drop_zeros(files.folder / "one.bw", files.tracks["one"], names=False)
    found, *_ = run(files)
    assert found.windows == {"train": 31, "valid": 16, "test": 13}
    assert found.dropped_for == {}
    write_genome(files.settings(), files.inputs(), tmp_path / "d.h5")
    dataset = read_dataset(tmp_path / "d.h5")
    assert [len(dataset.rows_of(split)) for split in found.windows] == [31, 16, 13]
    assert found.targets[0].mean == pytest.approx(
        sum(values.sum() for values in files.tracks["one"].values()) / sum(LENGTHS.values())
    )


@pytest.mark.parametrize("stored", [True, False])
def test_contigs_on_which_a_track_is_empty_are_not_trained_on(tmp_path: Path, stored: bool) -> None:
    lengths = {**LENGTHS, "chr4": 3000, "chr5": 3000}
    coverage = make_coverage(make_codes(lengths))
    coverage["chr4"] = np.zeros(3000)
    files = write_files(tmp_path / "files", lengths, {"one": coverage})
    if not stored:
        without = {name: values for name, values in coverage.items() if name != "chr4"}
        write_track(files.folder / "one.bw", without, {"chr4": 3000})
    found, *_ = run(files)
    assert list(found.contigs) == ["chr1", "chr2", "chr3", "chr5"]
    assert found.left_out["chr4"] == "no coverage in one"
    assert "1 of 6 contigs left out (no coverage in one): chr4" in found.notices
    found, *_ = run(files, split={"valid": ["chr2"], "test": ["chr4"]})
    assert "test holds out chr4, which cannot be used (no coverage in one)" in found.refusals[0]


def test_many_reasons_are_told_in_few_lines(tmp_path: Path) -> None:
    lengths = {f"chr{n}": 400 for n in range(1, 16)}
    coverage = make_coverage(make_codes(lengths))
    tracks = {f"t{n}": {**coverage, f"chr{n}": np.zeros(400)} for n in range(4, 16)}
    files = write_files(tmp_path / "files", lengths, tracks)
    found, *_ = run(files)
    assert found.refusals == ()
    assert found.left_out == {f"chr{n}": f"no coverage in t{n}" for n in range(4, 16)}
    assert sum("left out" in text for text in found.notices) == 9
    assert "4 more contigs left out, each listed with its reason in validation.json" in (
        found.notices
    )


def test_stored_nan_counts_as_no_entry_and_is_told(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files", tracks={"one": COVERAGE})
    values = {name: each.copy() for name, each in COVERAGE.items()}
    values["chr1"][800:900] = 0
    write_track(files.folder / "one.bw", values)
    zero, *rest = run(files)
    stored = {name: each.copy() for name, each in values.items()}
    stored["chr1"][800:900] = np.nan
    with pyBigWig.open(str(files.folder / "one.bw"), "w") as file:
        file.addHeader(list(LENGTHS.items()))
        for name, each in stored.items():
            file.addEntries(name, 0, values=each.tolist(), span=1, step=1)
    found, *others = run(files)
    assert others == rest
    assert found.targets == zero.targets
    assert "one.bw: 100 bases with NaN, as if without an entry: they count as 0" in found.notices


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> GenomeFiles:
    """Return files of an array: `one` lacks two stretches and chr4, `two` a part of one of them."""
    lengths = {**LENGTHS, "chr4": 1600}
    coverage = make_coverage(make_codes(lengths))
    one = {name: values.copy() for name, values in coverage.items() if name != "chr4"}
    two = {name: values.copy() for name, values in coverage.items()}
    one["chr1"][1000:2002] = one["chr1"][3000:3004] = np.nan
    two["chr1"][1200:1800] = np.nan
    tracks = {"one": one, "two": two}
    return write_files(tmp_path_factory.mktemp("probes") / "files", lengths, tracks)


def test_where_entries_lack_nothing_is_known_of_that_track(
    probes: GenomeFiles, tmp_path: Path
) -> None:
    write_genome(probes.settings(missing="unknown"), probes.inputs(), tmp_path / "d.h5")
    dataset = read_dataset(tmp_path / "d.h5")
    assert dataset.contigs.name == ("chr1", "chr2", "chr3", "chr4")
    assert dataset.source["missing"] == "unknown"
    values = read_whole(dataset.cells)[: 4096 // 4]
    lacking = np.zeros((1024, 2), dtype=bool)
    # Half of the cell from 2,000 on is known: its bases count twice.
    lacking[250:500, 0] = lacking[750, 0] = lacking[300:450, 1] = True
    lacking[10:12] = True  # N in 40-50
    np.testing.assert_array_equal(np.isnan(values), lacking)
    assert values[500, 0] == 2 * probes.tracks["one"]["chr1"][2002:2004].sum()
    last = read_whole(dataset.cells)[dataset.contigs.first_bin[3] * 4 :]
    assert np.isnan(last[:, 0]).all()
    assert np.isfinite(last[12:400, 1]).all()
    bins = dataset.read_bins(np.arange(256))
    assert np.flatnonzero(np.isnan(bins[:, 0])).tolist() == [2, *range(62, 125), 187]


def test_the_verdict_counts_the_windows_of_the_run(probes: GenomeFiles, tmp_path: Path) -> None:
    settings = probes.settings(missing="unknown")
    found = validate_genome(settings, probes.inputs())
    # Of the windows every 128 bases, those from 1,280 to 1,536 lie where neither has entries.
    assert found.dropped_for == {"windows without a bin that any track has entries in (3 train)": 3}
    known = sum(np.isfinite(values).sum() for values in probes.tracks["one"].values())
    assert found.targets[0].covered == known / sum(LENGTHS.values())
    assert "has values on" in make_verdict(found)
    write_genome(settings, probes.inputs(), tmp_path / "d.h5")
    dataset = read_dataset(tmp_path / "d.h5")
    assert dataset.source["dropped_windows"] == {"no entries": {"train": 3}}
    counts = {split: len(dataset.rows_of(split)) for split in found.windows}
    assert counts == dict(found.windows)
    first = dataset.windows[dataset.windows["contig"] == 0]
    assert not {1280, 1408, 1536} & set(first["start"].tolist())


def test_bins_that_a_track_lacks_are_in_none_of_its_metrics(
    probes: GenomeFiles, tmp_path: Path
) -> None:
    # chr1 is the test split: the tracks know different bins of it.
    settings = probes.settings(missing="unknown", split={"valid": ["chr2"], "test": ["chr1"]})
    write_genome(settings, probes.inputs(), tmp_path / "d.h5")
    write_baseline("gc", tmp_path / "d.h5", tmp_path / "p.h5", split="test", windows=None)
    paths = [tmp_path / f"{name}.tsv" for name in ("metrics", "windows")]
    evaluate(tmp_path / "p.h5", tmp_path / "d.h5", *paths, settings=EvaluateSettings())
    metrics = pd.read_csv(paths[0], sep="\t", index_col="target")
    bins = read_dataset(tmp_path / "d.h5").read_bins(np.arange(256))
    assert metrics["bins"].tolist() == (~np.isnan(bins)).sum(axis=0).tolist() == [191, 217]
    assert np.isfinite(metrics["pearson_r"]).all()


def test_a_split_without_entries_is_refused_before_any_work(
    probes: GenomeFiles, tmp_path: Path
) -> None:
    few = {"chr1": COVERAGE["chr1"], "chr2": COVERAGE["chr2"]}
    files = write_files(tmp_path / "files", tracks={"one": few})
    write_track(files.folder / "one.bw", few, LENGTHS)
    (refusal,) = validate_genome(files.settings(missing="unknown"), files.inputs()).refusals
    assert "test have no windows (13 left out for no entries)" in refusal


def test_the_key_that_went_is_explained() -> None:
    values = {"fasta": "a", "targets": "t", "split": {"valid": ["a"], "test": ["b"]}}
    with pytest.raises(SeqcastError, match=r"^config: dataset\.max_no_data: is no longer a key"):
        read_settings({"dataset": {"source": "genome", **values, "max_no_data": 0.5}})
    assert GenomeSettings.model_validate(values).missing == "zero"
