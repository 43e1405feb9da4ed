"""What is explained, where, and the files that come of it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pybigtools
import pytest
import torch
from parity import find_parity
from tiny import BIN, CROP, LENGTHS, NETWORKS, TARGETS, WINDOW, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, Dataset, make_windows
from seqcast.data.predictions import PredictionWriter
from seqcast.data.targets import Targets
from seqcast.explain import explaining
from seqcast.explain.explaining import Explainer, explain_member
from seqcast.explain.layout import Layout
from seqcast.explain.parts import read_list, read_part
from seqcast.explain.regions import (
    Region,
    choose_regions,
    find_explained,
    read_regions,
    write_regions,
)
from seqcast.explain.writing import Member, make_runs, write_explained
from seqcast.nn import Network
from seqcast.nn.checkpoint import write_model
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel
from seqcast.settings import TrainSettings
from seqcast.settings.steps import ExplainSettings, PredictSettings

WIDTH, RADIUS = 64, 20
SETTINGS = ExplainSettings(width=WIDTH, radius=RADIUS, most=4, method="gradient")
TRAINING = TrainSettings(device="cpu", threads=1)
PREDICT = PredictSettings(strands="both")


def make_region(contig: str, summit: int, **changes: object) -> Region:
    start = min(max(summit - WIDTH // 2, 0), LENGTHS[contig] - WIDTH)
    region = Region("peaks", contig, start, start + WIDTH, summit, "test", -1, "one")
    return replace(region, **changes)


def write_predictions(path: Path, dataset: Dataset) -> Path:
    """Write predictions of the test windows: what was observed, without gaps."""
    rows = dataset.rows_of("test")
    with PredictionWriter(path, dataset, rows, model="m", checkpoint_digest="") as out:
        for row in rows:
            out.add(np.nan_to_num(dataset.coverage_of(int(row)), nan=1.0)[None])
        out.finish()
    return path


class Run:
    """A tiny run whose models are explained in a folder."""

    def __init__(self, folder: Path, members: tuple[str, ...] = ("default",)) -> None:
        self.folder, self.members = folder, members
        folder.mkdir(parents=True, exist_ok=True)
        self.dataset = write_tiny(folder / "dataset.h5")
        self.regions = folder / "parts/regions.tsv"
        for seed, name in enumerate(members):
            torch.manual_seed(seed)
            network = Network(NETWORKS["pooled"], TARGETS, CROP)
            write_model(folder / f"{name}.safetensors", network, {})

    def choose(self, settings: ExplainSettings = SETTINGS, bed: Path | None = None) -> list[Region]:
        paths = [] if bed else [write_predictions(self.folder / "p.h5", self.dataset)]
        choose_regions(settings, self.dataset.path, paths, self.regions, bed=bed)
        return read_regions(self.regions)

    def list_of(self, name: str) -> Path:
        return self.folder / "parts" / name / "parts.json"

    def explain(self, settings: ExplainSettings = SETTINGS) -> None:
        for name in self.members:
            fold = int(name[-1]) - 1 if ".f" in name else 0
            path = self.folder / f"{name}.safetensors"
            model = TrainedModel(path, self.dataset.path, PREDICT, TRAINING, fold, name)
            explain_member(model, settings, self.regions, self.list_of(name))

    def join(self, settings: ExplainSettings = SETTINGS) -> dict:
        output = self.folder / "explain/explain.json"
        output.parent.mkdir(exist_ok=True)
        lists = {name: self.list_of(name) for name in self.members}
        is_folded = any(".f" in name for name in self.members)
        write_explained(
            output, self.dataset.path, self.regions, {"default": lists}, settings,
            is_folded=is_folded,
        )  # fmt: skip
        return json.loads(output.read_text())

    def read_summary(self) -> list[dict[str, str]]:
        with open(self.folder / "explain/summary.tsv", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_targets_are_named_alone_or_in_groups() -> None:
    assert [each.slug for each in find_explained(TARGETS, "all")] == list(TARGETS.slugs)
    found = find_explained(TARGETS, ("starts +", ("peaks", "starts-minus")))
    assert [each.targets for each in found] == [(1,), (0, 2)]
    assert found[1].slug == "peaks-and-starts-minus"
    with pytest.raises(SeqcastError, match=r"there is no target 'peak' \(did you mean 'peaks'"):
        find_explained(TARGETS, ("peak",))


def test_peaks_are_the_strongest_of_what_was_held_out(run: Run) -> None:
    found = run.choose()
    here = [each for each in found if each.target == "peaks"]
    assert 0 < len(here) <= 4
    assert {each.contig for each in found} == {"chr3"}
    assert {each.split for each in found} == {"test"}
    summits = sorted(each.summit for each in here)
    assert min(np.diff(summits), default=99) > 2 * RADIUS
    coverage = run.dataset.coverage("chr3", 0, 512)[:, 0]
    assert here[0].summit // BIN == np.nanargmax(coverage)
    assert all(each.end - each.start == WIDTH for each in found)


def test_a_bed_file_says_where(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    bed = run.folder / "my.narrowPeak"
    lines = [
        "chr1\t0\t30\tat the end\t0\t.\t0\t-1\t-1\t3",
        "2\t700\t777\t.\t0\t.\t0\t-1\t-1\t-1",  # another name of chr2, summit in the middle
        "chrX\t0\t10",
        "chr3\t600\t700",
    ]
    bed.write_text("\n".join(lines) + "\n")
    found = run.choose(bed=bed)
    first, second = found[:2]
    assert len(found) == 2 * len(TARGETS)
    assert (first.contig, first.start, first.summit, first.split) == ("chr1", 0, 3, "none")
    assert (second.contig, second.end, second.summit) == ("chr2", 738 + 32, 738)
    assert "left out 1 regions on chrX" in caplog.text
    assert "past the end of chr3" in caplog.text
    bed.write_text("chrX\t0\t10\n")
    with pytest.raises(SeqcastError, match="none of 1 regions can be explained"):
        run.choose(bed=bed)


@pytest.mark.parametrize(
    ("contig", "summit", "start", "bins"),
    [
        ("chr1", 500, 368, [7, 8, 9]),
        ("chr1", 3, -CROP * BIN, [2, 3]),  # at the start: the window's crop lies outside
        ("chr2", 776, 560, [12, 13]),  # the last bin is cut short
    ],
)
def test_windows_lie_as_those_of_whole_genomes(
    run: Run, contig: str, summit: int, start: int, bins: list[int]
) -> None:
    layout = Layout.from_region(make_region(contig, summit), run.dataset, WINDOW, RADIUS)
    assert (layout.start, layout.window, layout.bins) == (start, WINDOW, bins)
    region = make_region(contig, summit)
    codes = layout.read_codes(region, run.dataset)
    own = run.dataset.sequence(contig, region.start, region.end)
    assert np.array_equal(codes[layout.positions], own)


def test_a_region_wider_than_a_window_gets_a_longer_one(run: Run) -> None:
    region = replace(make_region("chr1", 500), start=200, end=800)
    layout = Layout.from_region(region, run.dataset, WINDOW, RADIUS)
    assert layout.window % BIN == 0
    assert 0 <= layout.positions.start < layout.positions.stop <= layout.window


def test_files_hold_the_same_in_their_own_ways(run: Run) -> None:
    regions = run.choose()
    run.explain()
    said = run.join()
    assert said["method"] == "gradient"
    assert {"regions.bed", "peaks.default.contributions.bw"} <= {e["file"] for e in said["files"]}
    folder, here = run.folder / "explain", [r for r in regions if r.target == "peaks"]
    ohe, attr = (np.load(folder / f"peaks.default.{kind}.npz")["arr_0"] for kind in ("ohe", "attr"))
    assert ohe.shape == attr.shape == (len(here), 4, WIDTH)
    rows = [row for row in run.read_summary() if row["target"] == "peaks"]
    beds = (folder / "peaks.regions.bed").read_text().splitlines()
    with pybigtools.open(str(folder / "peaks.default.contributions.bw")) as track:
        for region, own, values, row, bed in zip(here, ohe, attr, rows, beds, strict=True):
            codes = run.dataset.sequence(region.contig, region.start, region.end)
            assert np.array_equal(own.argmax(0)[codes < 4], codes[codes < 4])
            assert np.array_equal(own.sum(0), codes < 4)
            assert not values[:, codes == 4].any()
            projected = (values * own).sum(0)
            assert float(row["sum"]) == pytest.approx(projected.sum(), abs=1e-5)
            assert [row["contig"], row["start"], row["end"]] == bed.split("\t")[:3]
            shown = track.values(region.contig, region.summit, region.summit + 3, fillna=None)
            at = region.summit - region.start
            np.testing.assert_allclose(shown, projected[at : at + 3], rtol=1e-5, atol=1e-7)
            layout = Layout.from_region(region, run.dataset, WINDOW, RADIUS)
            bins = layout.start // BIN + np.array(layout.bins)
            observed = run.dataset.coverage(region.contig, bins[0] * BIN, (bins[-1] + 1) * BIN)
            if row["observed"]:
                assert float(row["observed"]) == pytest.approx(observed[:, 0].mean(), rel=1e-4)


def test_a_notebook_explains_a_place(run: Run) -> None:
    predictor = Predictor.open(run.folder / "default.safetensors", device="cpu")
    explainer = Explainer(predictor, run.dataset, SETTINGS)
    found = explainer.explain_place("chr1", 500, "peaks")
    assert found.values.shape == (WIDTH, 4)
    assert np.isfinite(found.explained)
    with pytest.raises(SeqcastError, match=r"chr9:500 is not in .*; it has chr1, chr2, chr3"):
        explainer.explain_place("chr9", 500, "peaks")


def test_a_snapshot_of_the_course_is_explained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As `predict.checkpoint` gives it; it knows no targets, and was trained on one strand."""
    rng = np.random.default_rng(1)
    contigs = {
        name: (rng.integers(0, 4, 8_192, dtype=np.uint8), rng.poisson(2, (64, 10)).astype("f4"))
        for name in ("chr1", "chr2", "chr3")
    }
    windows = [make_windows([place], [0], 8_192, split) for place, split in enumerate(SPLITS)]
    dataset = write_tiny(
        tmp_path / "dataset.h5", contigs, windows=np.concatenate(windows), bin_size=128, crop=0,
        targets=Targets.from_names([f"t{place}" for place in range(10)]),
    )  # fmt: skip
    bed, regions = tmp_path / "one.bed", tmp_path / "regions.tsv"
    bed.write_text(f"chr3\t{4_000}\t{4_000 + WIDTH}\n")
    settings = SETTINGS.model_copy(update={"method": "deeplift", "targets": ("t3",)})
    choose_regions(settings, dataset.path, [], regions, bed=bed)
    snapshot, parts_list = find_parity("chainer_snapshot.npz"), tmp_path / "parts/parts.json"
    caplog.set_level("INFO", "seqcast")
    model = TrainedModel(snapshot, dataset.path, PredictSettings(), TRAINING)
    explain_member(model, settings, regions, parts_list)
    assert "predicts from one strand, which is explained" in caplog.text
    (part,), _ = read_list(parts_list)
    values = read_part(tmp_path / "parts" / f"{part.name}.h5", part)
    assert values.values.shape == (1, 4, WIDTH)
    assert np.abs(values.values).max() > 0
    assert 0 < values.delta[0] < 1e-3


def test_overlaps_are_split_half_way() -> None:
    one, other = make_region("chr1", 500), make_region("chr1", 520)
    values = np.stack([np.full(WIDTH, 1.0), np.full(WIDTH, 2.0)])
    runs = list(make_runs([other, one], values[::-1]))
    assert [(each.start, len(each.values), each.values[0]) for each in runs] == [
        (468, 42, 1.0),
        (510, 42, 2.0),
    ]


def test_replicates_have_tracks_of_their_own_and_a_spread(tmp_path: Path) -> None:
    run = Run(tmp_path, ("default.r1", "default.r2"))
    run.choose()
    run.explain()
    run.join()
    folder = tmp_path / "explain"
    region = run.choose()[0]
    stem, at = f"{region.target}.default", (region.contig, region.summit, region.summit + 5)
    values = []
    for name in ("default.r1", "default.r2", "default"):
        path = folder / f"{region.target}.{name}.contributions.bw"
        with pybigtools.open(str(path)) as track:
            values.append(track.values(*at, fillna=None))
    np.testing.assert_allclose(np.mean(values[:2], axis=0), values[2], rtol=1e-4, atol=1e-7)
    with pybigtools.open(str(folder / f"{stem}.spread.bw")) as track:
        spread = np.std(values[:2], axis=0, ddof=1)
        np.testing.assert_allclose(track.values(*at, fillna=None), spread, rtol=1e-4, atol=1e-7)


def test_with_folds_who_held_a_region_out_explains_it(tmp_path: Path) -> None:
    run = Run(tmp_path, ("default.f1", "default.f2"))
    run.regions.parent.mkdir()
    write_regions(run.regions, [make_region("chr1", 300 + k, fold=k) for k in (0, 1, -1)])
    run.explain()
    run.join()
    first, second = (Member(run.list_of(name)) for name in run.members)
    assert [first.read("peaks", row) is None for row in range(3)] == [False, True, False]
    assert [second.read("peaks", row) is None for row in range(3)] == [True, False, False]
    attr = np.load(tmp_path / "explain/peaks.default.attr.npz")["arr_0"]
    assert np.array_equal(attr[0], first.read("peaks", 0).values)
    assert np.array_equal(attr[1], second.read("peaks", 1).values)
    mean = (first.read("peaks", 2).values + second.read("peaks", 2).values) / 2
    np.testing.assert_allclose(attr[2], mean, rtol=1e-6, atol=1e-9)
    assert len(list((tmp_path / "explain").glob("*.bw"))) == 1


def test_finished_parts_are_kept_and_the_bytes_are_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(explaining, "_PART", 2)
    run.choose()
    run.explain()
    run.join()

    def read() -> dict[str, bytes]:
        files = [*run.folder.rglob("explain/*"), *run.folder.rglob("parts/default/*")]
        return {path.name: path.read_bytes() for path in files}

    whole = read()
    parts = sorted((run.folder / "parts/default").glob("*.h5"))
    times = {path: path.stat().st_mtime_ns for path in parts}
    # What a kill leaves: some parts, half of another, no list.
    run.list_of("default").unlink()
    parts[0].unlink()
    parts[1].with_name(f"{parts[1].name}.partial").write_bytes(b"half")
    parts[1].write_bytes(parts[1].read_bytes()[:-1])
    run.explain()
    assert f"of {sum(1 for _ in read_regions(run.regions))} regions are done already" in caplog.text
    assert all(path.stat().st_mtime_ns == times[path] for path in parts[2:])
    run.join()
    assert read() == whole

    # Another width is another thing to explain.
    run.choose(other := SETTINGS.model_copy(update={"width": 48}))
    run.explain(other)
    assert not any(path.exists() and path.stat().st_mtime_ns == times[path] for path in parts)


def test_contributions_that_do_not_add_up_are_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "TOLERANCE", 0.0)
    run.choose(settings := SETTINGS.model_copy(update={"method": "deeplift", "references": 2}))
    with pytest.raises(SeqcastError, match=r"lack .* wanted 0 at most: .* set explain.method: ism"):
        run.explain(settings)


def test_regions_come_back_as_they_were_written(tmp_path: Path) -> None:
    regions = [make_region("chr1", 500), make_region("chr2", 700, fold=2, name="a b")]
    write_regions(tmp_path / "regions.tsv", regions)
    assert read_regions(tmp_path / "regions.tsv") == regions
