"""The table of tracks lists what lies beside it, and what is damaged is written again."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pyfaidx
import pytest
from tiny import (
    BIN,
    CROP,
    LENGTHS,
    count_unpacked,
    make_contigs,
    read_whole,
    write_many,
    write_tiny,
)

from seqcast.core.provenance import find_damaged_files, sha256_of
from seqcast.core.seal import write_sealed
from seqcast.data import Dataset
from seqcast.data.predictions import PredictionWriter, Stitch, read_predictions
from seqcast.data.targets import Targets
from seqcast.genome.codes import encode
from seqcast.settings.steps import ExportSettings
from seqcast.tracks.exporting import export_tracks, repair_tracks
from seqcast.tracks.table import read_tracks

SLUGS = ("peaks", "starts-plus", "starts-minus")


@pytest.fixture
def predictions(tmp_path: Path, tiny_dataset: Dataset) -> dict[str, Path]:
    """Write what two models predict: one of the test windows, one of valid too."""
    paths = {}
    for seed, (name, splits) in enumerate({"a": ["test"], "b": ["valid", "test"]}.items()):
        rows = np.concatenate([tiny_dataset.rows_of(split) for split in splits])
        shape = (len(rows), tiny_dataset.output_bins, 3)
        values = np.random.default_rng(seed).gamma(1, 5, shape).astype(np.float32)
        paths[name] = tmp_path / f"{name}.h5"
        options = {"model": name, "checkpoint_digest": ""}
        with PredictionWriter(paths[name], tiny_dataset, rows, **options) as out:
            out.add(values)
            out.finish()
    return paths


@pytest.fixture
def table(tmp_path: Path, tiny_dataset: Dataset, predictions: dict[str, Path]) -> Path:
    path = tmp_path / "export" / "tracks.tsv"
    export_tracks(tiny_dataset.path, predictions, path)
    # What a test does to a file comes later than this, however coarse the clock.
    for each in path.parent.iterdir():
        os.utime(each, ns=(0, each.stat().st_mtime_ns - 10**10))
    return path


def read(path: Path) -> dict[str, dict[int, float]]:
    with pybigtools.open(str(path)) as file:
        return {
            name: {start: value for start, _, value in file.records(name)} for name in file.chroms()
        }


def make_contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_table_lists_every_track(table: Path) -> None:
    rows = read_tracks(table)
    wanted = {f"{slug}.{kind}.bw" for slug in SLUGS for kind in ("observed", "a", "b")}
    assert {row["file"] for row in rows} == wanted
    assert len(rows) == 9
    names = {path.name for path in table.parent.iterdir() if not path.name.startswith(".")}
    assert names == wanted | {
        "tracks.tsv",
        "genome.fa",
        "genome.fa.fai",
        "genome.chrom.sizes",
        "splits.bed",
    }
    for row in rows:
        assert row["sha256"] == sha256_of(table.parent / row["file"])
        assert row["units"] == "reads"
        assert row["file"].endswith(f".{row['model'] or 'observed'}.bw")
    assert [(row["model"], row["kind"]) for row in rows[:3]] == [
        ("", "observed"),
        ("a", "predicted"),
        ("b", "predicted"),
    ]
    assert rows[3]["target"] == "starts +"


def test_tracks_hold_the_averaged_predictions(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    found = read(table.parent / "starts-minus.b.bw")
    assert set(found) == {"chr2", "chr3"}
    each = read_predictions(predictions["b"], tiny_dataset)
    stitch = Stitch(each, tiny_dataset)
    wanted = stitch.average(each.read(2)).astype(np.float32)
    values = [value for name in ("chr2", "chr3") for value in found[name].values()]
    assert np.array_equal(np.array(values, np.float32), wanted)
    assert next(iter(found["chr3"])) == CROP * BIN
    assert set(read(table.parent / "starts-minus.a.bw")) == {"chr3"}


def test_observed_tracks_have_gaps_where_nothing_is_known(
    table: Path, tiny_dataset: Dataset
) -> None:
    found = read(table.parent / "starts-plus.observed.bw")
    for name, first in zip(("chr2", "chr3"), tiny_dataset.contigs.first_bin[1:], strict=True):
        bins = LENGTHS[name] // BIN
        column = np.asarray(read_whole(tiny_dataset.cells)[first : first + bins, 1])
        wanted = {
            place * BIN: float(column[place])
            for place in range(CROP, bins - CROP)
            if not np.isnan(column[place])
        }
        assert found[name] == wanted
        assert len(wanted) == bins - 2 * CROP - 3


@pytest.fixture
def ensemble(tmp_path: Path, tiny_dataset: Dataset) -> Path:
    """Write what a model of several replicates predicts of all windows, its spread too."""
    rows, path = tiny_dataset.rows_of("all"), tmp_path / "c.h5"
    shape = (len(rows), tiny_dataset.output_bins, 3)
    values, spread = np.random.default_rng(9).gamma(1, 5, (2, *shape)).astype(np.float32)
    options = {"model": "c", "checkpoint_digest": "", "spread": True}
    with PredictionWriter(path, tiny_dataset, rows, **options) as out:
        out.add(values, spread)
        out.finish()
    return path


def find_values(track: dict[str, dict[int, float]], dataset: Dataset) -> np.ndarray:
    """Return a track's value of each bin of the dataset, NaN where it has none."""
    found = np.full(dataset.bins, np.nan)
    for name, values in track.items():
        first = dataset.contigs.first_bin[dataset.contigs.name.index(name)]
        for start, value in values.items():
            found[first + start // BIN] = value
    return found


def test_spread_and_residual_are_tracks_of_their_own(
    tmp_path: Path, tiny_dataset: Dataset, predictions: dict[str, Path], ensemble: Path
) -> None:
    table = tmp_path / "export" / "tracks.tsv"
    models = {"a": predictions["a"], "c": ensemble}
    export_tracks(tiny_dataset.path, models, table, ExportSettings(residual=True))
    rows = read_tracks(table)
    names = ("observed", "a", "a.residual", "c", "c.spread", "c.residual")
    assert [row["file"] for row in rows[:6]] == [f"peaks.{name}.bw" for name in names]
    kinds = ("observed", "predicted", "residual", "predicted", "spread", "residual")
    assert tuple(row["kind"] for row in rows[:6]) == kinds
    assert [row["model"] for row in rows[:6]] == ["", "a", "a", "c", "c", "c"]

    def values(name: str) -> np.ndarray:
        return find_values(read(table.parent / f"starts-plus.{name}.bw"), tiny_dataset)

    each = read_predictions(ensemble, tiny_dataset)
    stitch = Stitch(each, tiny_dataset)
    wanted = stitch.average(each.read_spread(1)).astype(np.float32)
    assert np.array_equal(values("c.spread")[stitch.bins], wanted)
    # Where nothing was observed there is no residual, though there is a prediction.
    residual = values("c") - values("observed")
    np.testing.assert_allclose(values("c.residual"), residual, rtol=1e-5, atol=1e-5)
    assert np.isnan(residual[stitch.bins]).sum() == 9
    assert np.nanmin(residual) < 0 < np.nanmax(residual)


def test_tracks_that_are_no_longer_asked_for_are_removed(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    export_tracks(tiny_dataset.path, predictions, table, ExportSettings(residual=True))
    assert len(list(table.parent.glob("*.residual.bw"))) == 6
    export_tracks(tiny_dataset.path, predictions, table)
    assert not list(table.parent.glob("*.residual.bw"))


def test_repairing_brings_back_residual_and_spread(
    tmp_path: Path, tiny_dataset: Dataset, ensemble: Path
) -> None:
    table = tmp_path / "export" / "tracks.tsv"
    export_tracks(tiny_dataset.path, {"c": ensemble}, table, ExportSettings(residual=True))
    before = make_contents(table.parent)
    for name in ("peaks.c.residual.bw", "peaks.c.spread.bw"):
        (table.parent / name).unlink()
    repair_tracks(tiny_dataset.path, {"c": ensemble}, table, ExportSettings(residual=True))
    assert make_contents(table.parent) == before


@pytest.mark.parametrize("lost", ["genome.fa", "genome.fa.fai", "genome.chrom.sizes", "cut"])
def test_repairing_brings_back_the_genome(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path], lost: str
) -> None:
    before, genome = make_contents(table.parent), table.parent / "genome.fa"
    if lost == "cut":
        genome.write_bytes(genome.read_bytes()[:-1])
    else:
        (table.parent / lost).unlink()
    repair_tracks(tiny_dataset.path, predictions, table)
    assert make_contents(table.parent) == before
    written = genome.stat().st_mtime_ns
    repair_tracks(tiny_dataset.path, predictions, table)
    assert genome.stat().st_mtime_ns == written


def test_a_genome_for_which_there_is_no_room_is_refused(
    tmp_path: Path,
    tiny_dataset: Dataset,
    predictions: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = {}

    def refuse(path: Path, size: int) -> None:
        sizes[path.name] = size
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("seqcast.core.disk.make_room", refuse)
    with pytest.raises(OSError, match="No space left"):
        export_tracks(tiny_dataset.path, predictions, tmp_path / "export" / "tracks.tsv")
    assert sizes == {"genome.fa.partial": 6 + 777 + 10 + 6 + 512 + 7}
    assert list((tmp_path / "export").iterdir()) == []


def write_input(path: Path) -> None:
    """Write a bigWig with a value a base."""
    rng = np.random.default_rng(4)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(LENGTHS.items()))
        for name, length in LENGTHS.items():
            values = rng.gamma(0.5, 40, length).astype(np.float32)
            file.addEntries(name, 0, values=values, span=1, step=1)


def read_input(path: Path, name: str, length: int, resolution: int) -> np.ndarray:
    """Sum a bigWig to cells, the last bin filled with nothing: (cells, 1) float32."""
    padded = np.zeros(-(-length // BIN) * BIN)
    with pyBigWig.open(str(path)) as file:
        padded[:length] = file.values(name, 0, length, numpy=True)
    return padded.reshape(-1, resolution).sum(axis=1, keepdims=True).astype(np.float32)


@pytest.mark.parametrize("resolution", [BIN, BIN // 4])
def test_tracks_are_in_the_units_of_the_bigwig_that_was_read(
    tmp_path: Path, resolution: int
) -> None:
    write_input(tmp_path / "input.bw")
    targets = replace(Targets.from_names(["chip"]), span=(BIN,), scale=(3.0,), clip=(20.0,))
    contigs = {
        name: (codes, read_input(tmp_path / "input.bw", name, codes.size, resolution))
        for name, (codes, _) in make_contigs().items()
    }
    dataset = write_tiny(tmp_path / "d.h5", contigs, targets=targets, resolution=resolution)
    rows = dataset.rows_of("all")
    predicted = np.random.default_rng(2).gamma(1, 300, (len(rows), dataset.output_bins, 1))
    options = {"model": "a", "checkpoint_digest": ""}
    with PredictionWriter(tmp_path / "a.h5", dataset, rows, **options) as out:
        out.add(predicted.astype(np.float32))
        out.finish()
    table = tmp_path / "export" / "tracks.tsv"
    export_tracks(dataset.path, {"a": tmp_path / "a.h5"}, table)

    found = read(table.parent / "chip.observed.bw")
    with pyBigWig.open(str(tmp_path / "input.bw")) as file:
        for name in LENGTHS:
            wanted = [file.stats(name, at, at + BIN, exact=True)[0] for at in found[name]]
            np.testing.assert_allclose(list(found[name].values()), wanted, rtol=3e-7)
            # Nothing is scaled or clipped.
            assert max(wanted) > 30
    each = read_predictions(tmp_path / "a.h5", dataset)
    stitch = Stitch(each, dataset)
    tracks = find_values(read(table.parent / "chip.a.bw"), dataset)[stitch.bins]
    np.testing.assert_allclose(tracks, stitch.average(each.read(0)) / BIN, rtol=1e-7)
    assert {row["units"] for row in read_tracks(table)} == {"coverage, mean over 16 bp"}


def test_each_kind_is_read_once_however_many_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = write_many(tmp_path / "d.h5", 65)
    rows, options = dataset.rows_of("all"), {"model": "c", "checkpoint_digest": "", "spread": True}
    shape = (2, len(rows), dataset.output_bins, len(dataset.targets))
    with PredictionWriter(tmp_path / "c.h5", dataset, rows, **options) as out:
        out.add(*np.random.default_rng(9).gamma(1, 5, shape).astype(np.float32))
        out.finish()
    counts, table = count_unpacked(monkeypatch), tmp_path / "export" / "tracks.tsv"
    settings = ExportSettings(residual=True)
    export_tracks(dataset.path, {"c": tmp_path / "c.h5"}, table, settings)
    # What is predicted is read for its own tracks and for the residuals.
    assert sorted(n for (name, _), n in counts.items() if name == "c.h5") == [1, 1, 2, 2]
    wanted = [
        f"t{target}.{kind}.bw"
        for target in range(65)
        for kind in ("observed", "c", "c.spread", "c.residual")
    ]
    assert [row["file"] for row in read_tracks(table)] == wanted
    # A repair goes to the groups of what is gone.
    before = make_contents(table.parent)
    for name in ("t3.c.bw", "t5.c.bw", "t64.c.spread.bw"):
        (table.parent / name).unlink()
    counts.clear()
    repair_tracks(dataset.path, {"c": tmp_path / "c.h5"}, table, settings)
    assert [n for (name, _), n in counts.items() if name == "c.h5"] == [1, 1]
    assert make_contents(table.parent) == before


def test_the_genome_is_what_the_tracks_lie_on(table: Path, tiny_dataset: Dataset) -> None:
    with pyfaidx.Fasta(str(table.parent / "genome.fa")) as fasta:
        assert list(fasta.keys()) == ["chr2", "chr3"]
        first = tiny_dataset.contigs.first_base[1]
        wanted = tiny_dataset.codes[first : first + LENGTHS["chr2"]]
        assert np.array_equal(encode(str(fasta["chr2"])), wanted)


def test_nothing_is_damaged_after_an_export(table: Path) -> None:
    assert find_damaged_files(table) == []


def damage(folder: Path) -> list[str]:
    """Delete one track, cut one short, change one byte of another."""
    (folder / "peaks.a.bw").unlink()
    cut = folder / "peaks.observed.bw"
    cut.write_bytes(cut.read_bytes()[:-1])
    changed = folder / "starts-plus.b.bw"
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    return ["peaks.a.bw", "peaks.observed.bw", "starts-plus.b.bw"]


def test_what_is_deleted_cut_or_changed_is_found(table: Path) -> None:
    damaged = damage(table.parent)
    assert find_damaged_files(table) == damaged
    # Written again as it was, a track is whole though it is younger than the table.
    (table.parent / "peaks.b.bw").write_bytes((table.parent / "peaks.b.bw").read_bytes())
    assert "peaks.b.bw" not in find_damaged_files(table)


def test_repairing_brings_back_every_byte(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    before, written = make_contents(table.parent), table.stat().st_mtime_ns
    untouched = table.parent / "starts-minus.a.bw"
    time = untouched.stat().st_mtime_ns
    damage(table.parent)
    repair_tracks(tiny_dataset.path, predictions, table)
    assert make_contents(table.parent) == before
    assert find_damaged_files(table) == []
    assert table.stat().st_mtime_ns == written
    assert untouched.stat().st_mtime_ns == time


def test_repairing_lists_what_came_out_otherwise(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    text = table.read_text()
    digest = read_tracks(table)[1]["sha256"]
    write_sealed(table, text.replace(digest, "0" * 64))
    os.utime(table, (1, 1))
    repair_tracks(tiny_dataset.path, predictions, table)
    assert table.read_text() == text


def test_exporting_again_is_the_same_and_removes_strays(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    before = make_contents(table.parent)
    (table.parent / "gone.a.bw").write_text("of an earlier run")
    (table.parent / "notes.txt").write_text("mine")
    export_tracks(tiny_dataset.path, predictions, table)
    assert make_contents(table.parent) == before | {"notes.txt": b"mine"}
    export_tracks(tiny_dataset.path, {"a": predictions["a"]}, table)
    assert not (table.parent / "peaks.b.bw").exists()
    assert len(read_tracks(table)) == 6
