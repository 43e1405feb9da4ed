"""What `explain` has found, in all that shows it; and pages where it has not been run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from explained_run import MOTIF, WIDTH, read_codes, write_explained
from fake_run import write_fake_dataset, write_fake_model
from test_hub import KNOWN, read_hub
from test_igv import read_session
from test_jbrowse import read_config

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.genome.codes import decode
from seqcast.report.contents import Contents
from seqcast.report.figures.logos import Logo, make_letter, plot_logos
from seqcast.report.page import write_report
from seqcast.report.results import ModelFiles
from seqcast.tracks.browser.contributions import put_contributions, read_all_tracks
from seqcast.tracks.browser.embedding import make_embedded
from seqcast.tracks.browser.explained import CORE, Explained, find_peaks, read_explained
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.shown import find_shown
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers
from seqcast.tracks.exporting import export_tracks
from seqcast.tracks.letters import LETTERS
from seqcast.tracks.table import CONTRIBUTIONS

TEMPLATES = Path(__file__).parents[1] / "workflow" / "report"
NAMES = ["CTCF", "REST", "plain"]
# The last of CTCF shares bases with the first, and no track lies on chr1.
SUMMITS = {
    "CTCF": [("chr3", 8_000), ("chr3", 30_000), ("chr1", 5_000), ("chr3", 8_500)],
    "REST": [("chr3", 20_000)],
}
WINDOW = Locus("best window", "chr3", 0, 16_384, "highest r")


@dataclass(frozen=True)
class Run:
    folder: Path
    dataset: Dataset
    models: Mapping[str, ModelFiles]
    explained: Explained

    @property
    def export(self) -> Path:
        return self.folder / "export"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("explained")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", NAMES)
    models = {
        name: write_fake_model(folder / name, dataset, rate, name=name, noise=noise)
        for name, noise in (("default", 0.5), ("course", 0.8))
    }
    predictions = {name: model.predictions for name, model in models.items()}
    export_tracks(folder / "dataset.h5", predictions, folder / "export" / "tracks.tsv")
    path = write_explained(folder / "explain", dataset, SUMMITS, models=["course", "default"])
    return Run(folder, dataset, models, read_explained(path))


def test_peaks_are_the_strongest_that_share_no_base(run: Run) -> None:
    peaks = run.explained.find_strongest("CTCF", "default", 3, ["chr1", "chr3"])
    assert [(peak.chrom, peak.start + WIDTH // 2) for peak in peaks] == SUMMITS["CTCF"][:3]
    assert peaks[0].sum > peaks[1].sum > peaks[2].sum
    assert len(run.explained.find_strongest("CTCF", "default", 3, ["chr3"])) == 2
    assert run.explained.find_strongest("plain", "default", 3, ["chr3"]) == []
    assert run.explained.find_model("CTCF", ["other", "default", "course"]) == "default"
    assert run.explained.find_model("plain", ["default"]) is None


def test_the_core_of_a_peak_holds_what_matters_in_its_middle(run: Run) -> None:
    (peak,) = run.explained.find_strongest("REST", "default", 1, ["chr3"])
    core = run.explained.narrow(peak)
    assert core.end - core.start == CORE
    assert core.start + CORE // 2 == pytest.approx(20_000 + len(MOTIF) // 2, abs=4)
    values = run.explained.read("REST", "default", core)
    assert values[20_000 - core.start :][: len(MOTIF)] == pytest.approx(MOTIF, abs=0.1)
    far = Locus("", "chr3", 40_000, 40_010)
    assert np.isnan(run.explained.read("REST", "default", far)).all()


def test_contributions_become_tracks_and_go_again(run: Run) -> None:
    put_contributions(run.export, run.explained)
    rows = [row for row in read_all_tracks(run.export) if row["kind"] == CONTRIBUTIONS]
    wanted = {(target, model) for target in SUMMITS for model in ("default", "course")}
    assert {(row["target"], row["model"]) for row in rows} == wanted
    assert all((run.export / row["file"]).stat().st_size for row in rows)
    put_contributions(run.export, None)
    assert CONTRIBUTIONS not in {row["kind"] for row in read_all_tracks(run.export)}
    assert not list(run.export.glob("contributions*"))


def test_other_browsers_show_them(run: Run) -> None:
    loci = [WINDOW, *find_peaks(run.explained, ["default"], NAMES, ["chr3"], 4)]
    write_browsers(
        View(run.export, title="my run", loci=loci, assembly="simulated", explained=run.explained),
        TEMPLATES / "browser.html.j2",
    )
    files = {row["file"] for row in read_all_tracks(run.export) if row["kind"] == CONTRIBUTIONS}
    _, _, *stanzas = read_hub(run.export / "hub.txt")
    logos = [stanza for stanza in stanzas if stanza.get("logo") == "on"]
    assert {stanza["bigDataUrl"] for stanza in logos} == files
    assert all(set(stanza) <= {*KNOWN, "logo"} for stanza in stanzas)
    assert all("log of coverage" in stanza["longLabel"] for stanza in logos)
    _, tracks = read_session(run.export / "igv_session.xml")
    bars = [track for track in tracks if track.get("id") in files]
    assert len(bars) == len(files)
    assert all(
        track.get("autoScale") == "true" and not track.get("autoscaleGroup") for track in bars
    )
    config = read_config(run.export / "config.json")
    opened = config["defaultSession"]["views"][0]["init"]["tracks"]
    assert len([name for name in opened if name.startswith("letters_")]) == len(files)
    page = (run.export / "index.html").read_text()
    assert page.count("base by base</b>") == 2


def test_best_targets_of_the_best_model_get_a_button(run: Run) -> None:
    shown = find_shown(run.export, run.dataset, run.models, explained=run.explained)
    peaks = [locus for locus in shown.loci if locus.why.startswith("explained")]
    ranked = [target for target in shown.targets if target in SUMMITS]
    assert [peak.target for peak in peaks] == ranked
    assert {peak.model for peak in peaks} == {"default"}
    assert shown.loci[-len(peaks) :] == tuple(peaks)


def test_a_page_without_room_for_bases_has_those_of_letters(run: Run) -> None:
    loci = [WINDOW, *find_peaks(run.explained, ["default"], NAMES, ["chr3"], 4)]
    shown, bin_size = {"models": ["default"]}, run.dataset.bin_size
    lean = make_embedded(
        View(run.export, loci, targets=NAMES, **shown, explained=run.explained),
        bin_size,
        most_bytes=1_350_000,
    )
    plain = make_embedded(View(run.export, loci[:1], targets=NAMES, **shown), bin_size)
    assert "The letters of the genome are not in this page." in lean.notes
    assert lean.has_letters
    assert not plain.has_letters
    tracks = [track for each in json.loads(lean.data)["targets"] for track in each["tracks"]]
    letters = [track for track in tracks if track["kind"] == CONTRIBUTIONS]
    assert [track["name"] for track in letters] == [f"{name} bases that matter" for name in SUMMITS]
    assert [len(track["regions"]) for track in letters] == [1, 1]
    assert [bool(locus.still) for locus in lean.loci] == [True, False, False]


def make_page(run: Run, folder: Path, explained: Explained | None) -> str:
    write_report(
        folder,
        TEMPLATES / "page.html.j2",
        Contents(run.dataset, run.models, tracks=run.export, explained=explained),
    )
    return (folder / "index.html").read_text()


def test_the_report_draws_and_explains_letters(
    run: Run, tmp_path: Path, blank_figures: None
) -> None:
    page = make_page(run, tmp_path, run.explained)
    assert sorted(path.name for path in tmp_path.glob("figures/bases_*")) == [
        "bases_1.png",
        "bases_2.png",
    ]
    bases = page.partition('<section id="bases">')[2].partition("</section>")[0]
    for words in (
        "CTCF, as default sees them: the 2 peaks with the largest sums of 4 explained regions.",
        "the peak with the largest sum of 1 explained region.",
        "within 250 bases of the summit",
        "held against 20 shuffled sequences",
        "by no more than 1e-05",
        "Explained were 10 regions, over all targets: 10 in test windows.",
    ):
        assert words in bases
    assert bases.count("What to look for:") == 1
    # What was explained before goes.
    page = make_page(run, tmp_path, None)
    assert "<code>snakemake explain</code>" in page
    assert not list(tmp_path.glob("figures/bases_*"))


@pytest.mark.parametrize(
    ("method", "words"), [("gradient", "gradient times input"), ("ism", "in silico mutagenesis")]
)
def test_a_letter_means_what_the_method_says(
    method: str, words: str, run: Run, tmp_path: Path, blank_figures: None
) -> None:
    path = write_explained(tmp_path / "explain", run.dataset, SUMMITS, method=method)
    page = make_page(run, tmp_path / "report", read_explained(path))
    assert words in page
    assert "convergence delta" not in page


def test_letters_hang_where_they_take_away() -> None:
    for base, outlines in LETTERS.items():
        up, down = (make_letter(base, 7, height).vertices for height in (0.5, -0.5))
        assert np.allclose(up[:, 1], -down[:, 1])
        assert up[:, 1].min() == pytest.approx(0, abs=1e-6)
        assert up[:, 1].max() == pytest.approx(0.5, abs=2e-3)
        assert 7 <= up[:, 0].min() < 7.1 < 7.8 < up[:, 0].max() <= 8
        assert len(up) == sum(len(outline) + 1 for outline in outlines)


def test_logos_hold_the_bases_of_the_genome(run: Run) -> None:
    edges, values = np.arange(0, 1025, 128), np.linspace(-0.55, 1, 10)
    bases = decode(read_codes(run.dataset, "chr3", 8_000, 10))
    nothing = np.full(8, np.nan)
    figure = plot_logos("t", [Logo("a place", 500, bases, values, edges, nothing, nothing)])
    letters, coverage = figure.axes
    drawn = {
        each.get_gid(): len(each.get_paths()) for each in letters.collections if each.get_gid()
    }
    assert drawn == {f"base {base}": bases.count(base) for base in set(bases)}
    assert "have no coverage of it here" in coverage.texts[0].get_text()
    low, high = letters.get_ylim()
    assert low < -0.5
    assert high > 1
    # What is next to nothing looks so.
    noise = Logo("a place", 500, bases, values / 10_000, edges, nothing, nothing)
    assert plot_logos("t", [noise]).axes[0].get_ylim()[1] >= 0.01


def test_what_is_damaged_is_said(run: Run, tmp_path: Path) -> None:
    path = write_explained(tmp_path / "explain", run.dataset, {"REST": SUMMITS["REST"]})
    said = json.loads(path.read_text())
    path.write_text(json.dumps({key: said[key] for key in said if key != "radius"}))
    with pytest.raises(SeqcastError, match=r"explain\.json: is not what `explain` writes"):
        read_explained(path)
    path.write_text(json.dumps(said))
    summary = tmp_path / "explain" / "summary.tsv"
    summary.write_text(summary.read_text().replace("\tsum\t", "\tother\t"))
    with pytest.raises(SeqcastError, match=r"summary\.tsv: found columns .* wanted sum too; run"):
        read_explained(path).find_strongest("REST", "default", 1, ["chr3"])
    (tmp_path / "explain" / said["files"][0]["file"]).unlink()
    with pytest.raises(
        SeqcastError, match=r"1 of 1 tracks are not there.* run `snakemake explain`"
    ):
        read_explained(path)
