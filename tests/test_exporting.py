"""The table of tracks lists what lies beside it, and what is damaged is written again."""

import os
from pathlib import Path

import numpy as np
import pybigtools
import pyfaidx
import pytest
from tiny import BIN, CROP, LENGTHS

from seqcast.dataset import Dataset
from seqcast.exporting import export_tracks, mend_tracks, read_table
from seqcast.genome import encode
from seqcast.predictions import PredictionWriter, Stitch, read_predictions
from seqcast.provenance import find_damaged_files, sha256_of

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
    rows = read_table(table)
    wanted = {f"{slug}.{kind}.bw" for slug in SLUGS for kind in ("observed", "a", "b")}
    assert {row["file"] for row in rows} == wanted
    assert len(rows) == 9
    assert {path.name for path in table.parent.iterdir()} == wanted | {
        "tracks.tsv",
        "genome.fa",
        "genome.fa.fai",
        "genome.chrom.sizes",
    }
    for row in rows:
        assert row["sha256"] == sha256_of(table.parent / row["file"])
        assert row["units"] == "reads"
        assert row["file"].endswith(f".{row['kind']}.bw")
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
        column = np.asarray(tiny_dataset.coverage[first : first + bins, 1])
        wanted = {
            place * BIN: float(column[place])
            for place in range(CROP, bins - CROP)
            if not np.isnan(column[place])
        }
        assert found[name] == wanted
        assert len(wanted) == bins - 2 * CROP - 3


def test_the_genome_is_what_the_tracks_lie_on(table: Path, tiny_dataset: Dataset) -> None:
    with pyfaidx.Fasta(str(table.parent / "genome.fa")) as fasta:
        assert list(fasta.keys()) == ["chr2", "chr3"]
        first = tiny_dataset.contigs.first_base[1]
        wanted = tiny_dataset.sequence[first : first + LENGTHS["chr2"]]
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


def test_mending_brings_back_every_byte(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    before, written = make_contents(table.parent), table.stat().st_mtime_ns
    untouched = table.parent / "starts-minus.a.bw"
    time = untouched.stat().st_mtime_ns
    damage(table.parent)
    mend_tracks(tiny_dataset.path, predictions, table)
    assert make_contents(table.parent) == before
    assert find_damaged_files(table) == []
    assert table.stat().st_mtime_ns == written
    assert untouched.stat().st_mtime_ns == time


def test_mending_lists_what_came_out_otherwise(
    table: Path, tiny_dataset: Dataset, predictions: dict[str, Path]
) -> None:
    text = table.read_text()
    digest = read_table(table)[1]["sha256"]
    table.write_text(text.replace(digest, "0" * 64))
    os.utime(table, (1, 1))
    mend_tracks(tiny_dataset.path, predictions, table)
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
    assert len(read_table(table)) == 6
