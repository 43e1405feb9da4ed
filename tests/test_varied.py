"""What variants do, in all that shows it; and pages where none were scored."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from fake_run import write_fake_dataset, write_fake_model
from pyfaidx import Fasta
from varied_pages import BIN, write_varied

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.report.contents import Contents
from seqcast.report.figures.effects import Effects, plot_effects
from seqcast.report.page import write_report
from seqcast.report.results import ModelFiles
from seqcast.report.variant_letters import _read_logos
from seqcast.tracks.browser.contributions import put_alleles, read_alleles
from seqcast.tracks.browser.embedding import make_embedded
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.shown import find_shown
from seqcast.tracks.browser.varied import (
    VariantPlace,
    Varied,
    find_variants,
    name_variant,
    read_varied,
    shorten,
)
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers
from seqcast.tracks.exporting import export_tracks
from seqcast.tracks.table import ALT, OBSERVED, REF, read_tracks

TEMPLATES = Path(__file__).parents[1] / "workflow" / "report"
NAMES = ["CTCF", "REST", "plain"]
# The first changes two targets; each target has tracks of two, and none lies on chr1.
PLACES = [
    ("chr3", 30_000, "C", "CTGCG"),
    ("chr3", 20_000, "G", "T"),
    ("chr3", 50_000, "A", "G"),
    ("chr1", 5_000, "T", "A"),
]
LFC = np.array([[-1.8, 1.5, 0.1], [0.4, -0.2, 0.3], [-0.1, 0.0, -0.05], [0.0, 0.01, 0.2]])
WINDOW = Locus("best window", "chr3", 0, 16_384, "highest r")


@dataclass(frozen=True)
class Run:
    folder: Path
    dataset: Dataset
    model: ModelFiles
    varied: Varied

    @property
    def export(self) -> Path:
        return self.folder / "export"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("varied")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", NAMES)
    model = write_fake_model(folder / "default", dataset, rate, name="default", noise=0.5)
    export_tracks(
        folder / "dataset.h5", {"default": model.predictions}, folder / "export" / "tracks.tsv"
    )
    path = write_varied(folder / "variants", dataset, LFC, PLACES, flipped=1, left_out=["symbolic"])
    return Run(folder, dataset, model, read_varied(path))


def find_places(run: Run, most: int = 4) -> list[VariantPlace]:
    return find_variants(run.varied, ["default"], {"chr3": 98_304}, NAMES, most)


def test_each_target_shows_its_largest_first_and_each_variant_once(run: Run) -> None:
    assert [name_variant(row) for row in run.varied.rank("default")] == [
        "chr3:30,001 C>CTGCG",
        "chr3:20,001 G>T",
        "chr1:5,001 T>A",
    ]
    places = find_places(run)
    assert [(place.name, place.target) for place in places] == [
        ("chr3:30,001 C>CTGCG", "CTCF"),
        ("chr3:20,001 G>T", "CTCF"),
    ]
    assert places[0].why == "variant: 3.5 times less CTCF (lfc -1.80)"
    assert (places[0].start, places[0].end) == (28_000, 32_000)
    assert (places[0].spot.start, places[0].spot.end) == (30_000, 30_001)
    assert len(find_places(run, 1)) == 1
    assert shorten("ACGTACGTACGTA") == "ACGTACGT…(13)"


def test_alleles_become_tracks_and_go_again(run: Run) -> None:
    put_alleles(run.export, run.varied)
    rows = read_alleles(run.export)
    assert {(row["target"], row["kind"]) for row in rows} == {
        (name, kind) for name in NAMES for kind in (REF, ALT)
    }
    assert all((run.export / row["file"]).stat().st_size for row in rows)
    put_alleles(run.export, None)
    assert read_alleles(run.export) == []
    assert not list(run.export.glob("variants*"))


def test_the_browser_has_a_button_a_variant_and_both_alleles_off_at_first(run: Run) -> None:
    shown = find_shown(run.export, run.dataset, {"default": run.model}, varied=run.varied)
    places = [locus for locus in shown.loci if isinstance(locus, VariantPlace)]
    assert places == find_places(run)
    write_browsers(
        View(
            run.export,
            title="my run",
            loci=[WINDOW, *places],
            assembly="simulated",
            varied=run.varied,
        ),
        TEMPLATES / "browser.html.j2",
    )
    page = (run.export / "index.html").read_text()
    assert page.count("data-target=") == len(places)
    assert 'data-target="CTCF"' in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    series = {each["kind"]: each["on"] for each in data["series"]}
    assert series == {"observed": True, "predicted": True, REF: False, ALT: False}
    (spots,) = [track for track in data["options"]["tracks"] if track["id"] == "top variants"]
    assert [each["name"] for each in spots["features"]] == [place.name for place in places]


def test_the_report_holds_both_alleles_at_the_variants(run: Run) -> None:
    loci = [WINDOW, *find_places(run)]
    options, bin_size = {"models": ["default"]}, run.dataset.bin_size
    embedded = make_embedded(
        View(run.export, loci, targets=NAMES, **options, varied=run.varied), bin_size
    )
    assert embedded.has_alleles
    data = json.loads(embedded.data)
    assert set(data["alleles"]) == {place.target for place in loci[1:]}
    ref, alt = data["alleles"]["CTCF"]
    assert [track["name"] for track in (ref, alt)] == [
        "CTCF predicted with REF",
        "CTCF predicted with ALT",
    ]
    assert ref["ranges"][0][1] == 4
    assert alt["ranges"][0][1] == 1
    assert [locus.target for locus in embedded.loci][:2] == ["", "CTCF"]
    assert not make_embedded(
        View(run.export, loci[:1], targets=NAMES, **options), bin_size
    ).has_alleles


def make_page(run: Run, folder: Path, varied: Varied | None, truth: str | Path = "") -> str:
    write_report(
        folder,
        TEMPLATES / "page.html.j2",
        Contents(
            run.dataset, {"default": run.model}, tracks=run.export, varied=varied, effects=truth
        ),
    )
    page = (folder / "index.html").read_text()
    return page.partition('<section id="variants">')[2].partition("</section>")[0]


def test_letters_of_variants_are_those_of_the_genome_about_them(run: Run) -> None:
    row = run.varied.rank("default")[0]
    observed = {each["target"]: run.export / each["file"] for each in
                read_tracks(run.export / "tracks.tsv") if each["kind"] == OBSERVED}  # fmt: skip
    with Fasta(str(run.export / "genome.fa"), rebuild=False) as genome:
        ref, alt = _read_logos(run.varied, row, genome, observed, BIN)
        assert ref.start == 30_000 - 40
        assert ref.bases == genome["chr3"][29_960:30_040].seq.upper()
        assert (ref.contributions.argmax(), alt.contributions.argmax()) == (40, 40)
        assert (ref.contributions[40], alt.contributions[40]) == (1, 0.25)
        assert np.nanmax(ref.predicted) == 4
        assert np.nanmax(alt.predicted) == 1
        # Where letters lie elsewhere, as at a contig's end, they are not shown.
        moved = row | {"summit": row["summit"] + 1}
        varied = replace(run.varied, said=run.varied.said | {"top": [moved, row]})
        assert _read_logos(varied, moved, genome, observed, BIN) == []


def write_truth(path: Path, radius: int) -> Path:
    lines = ["contig\tposition\tref\talt\ttarget\tradius\tlfc\tin_site"]
    for (contig, base, ref, alt), values in zip(PLACES, LFC, strict=True):
        for name, lfc in zip(NAMES, values.tolist(), strict=True):
            cells = (contig, base + 1, ref, alt, name, radius, 2 * lfc, "CTCF" * (ref == "C"))
            lines.append("\t".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_report_says_what_was_scored_and_shows_the_largest(
    run: Run, tmp_path: Path, blank_figures: None
) -> None:
    section = make_page(run, tmp_path, run.varied)
    # One of the three lies on a contig without tracks.
    assert sorted(path.name for path in tmp_path.glob("figures/variants_*")) == [
        "variants_effects.png",
        "variants_letters_1.png",
        "variants_letters_2.png",
    ]
    assert "chr3:30,001 C&gt;CTGCG changes CTCF by lfc -1.80." in section
    for words in (
        "my.vcf.gz has 5 rows with 5 ALT alleles; 4 were scored.",
        "Left out: 1 symbolic, such as &lt;DEL&gt;.",
        "1 are flipped: the genome has what the file calls ALT.",
        "1 change a target at least two-fold",
        "within 250 bases",
        "<dt><code>lfc_window</code></dt>",
        "chr3:30,001 C&gt;CTGCG",
        ">-1.80<",
    ):
        assert words in section
    assert "true lfc" not in section
    assert ">q</abbr>" not in section
    # What was scored before goes.
    section = make_page(run, tmp_path, None)
    assert "snakemake variants --config" in section
    assert not list(tmp_path.glob("figures/variants_*"))


def test_of_a_simulation_predicted_effects_stand_against_true_ones(
    run: Run, tmp_path: Path, blank_figures: None
) -> None:
    truth = write_truth(tmp_path / "truth.tsv", 250)
    section = make_page(run, tmp_path / "report", run.varied, truth)
    assert "true lfc" in section
    assert ">-3.60<" in section
    assert "r: CTCF 1.00, REST 1.00, plain 1.00." in section
    assert (tmp_path / "report/figures/variants_truth.png").is_file()
    # Of another radius nothing is known.
    section = make_page(run, tmp_path / "other", run.varied, write_truth(truth, 1024))
    assert "true lfc" not in section


@pytest.mark.parametrize("rows", [0, 10, 100_000])
def test_effects_of_any_number_are_drawn(rows: int) -> None:
    lfc = np.random.default_rng(0).normal(0, 0.1, rows)
    top = lfc[np.argsort(-np.abs(lfc))][:2]
    one = Effects("a $ target", lfc, top, np.full(len(top), np.nan), "chr1:5 A>C")
    axes = plot_effects([one], "t").axes[0]
    dots = [len(each.get_offsets()) for each in axes.collections if len(each.get_offsets()) > 2]
    assert sum(dots) <= 2_000
    assert axes.get_xlim()[0] <= -0.25
    if rows:
        assert axes.get_xlim()[1] > np.abs(lfc).max() or axes.get_xlim()[0] < -np.abs(lfc).max()


def test_a_file_without_any_scored_variant_is_said(
    run: Run, tmp_path: Path, blank_figures: None
) -> None:
    path = write_varied(
        tmp_path / "variants", run.dataset, LFC[:0], [], left_out=["symbolic", "unknown contig"]
    )
    section = make_page(run, tmp_path / "report", read_varied(path))
    assert "2 ALT alleles; 0 were scored." in section
    assert "1 unknown contig" in section
    assert "<table" not in section
    assert not list(tmp_path.glob("report/figures/variants_*"))


def test_what_is_damaged_is_said(run: Run, tmp_path: Path) -> None:
    path = write_varied(tmp_path / "variants", run.dataset, LFC, PLACES)
    said = json.loads(path.read_text())
    path.write_text(json.dumps({key: said[key] for key in said if key != "top"}))
    with pytest.raises(SeqcastError, match=r"variants\.json: is not what `variants` writes"):
        read_varied(path)
    path.write_text(json.dumps(said))
    (tmp_path / "variants" / said["files"][0]["file"]).unlink()
    with pytest.raises(
        SeqcastError, match=r"1 of 6 tracks are not there.*run `snakemake variants`"
    ):
        read_varied(path)
