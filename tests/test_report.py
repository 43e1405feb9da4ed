import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fake_run import write_fake_baseline, write_fake_dataset, write_fake_model

from seqcast.core.errors import SeqcastError
from seqcast.data.targets import Targets
from seqcast.evaluate.metrics import DEFINITIONS
from seqcast.report.contents import Contents
from seqcast.report.page import write_report
from seqcast.report.results import read_results
from seqcast.report.sentences import make_sentences
from seqcast.report.tables import format_yaml
from seqcast.report.verdict import format_score, make_headline, rank

REPORT = Path(__file__).parent.parent / "workflow" / "report"
TEMPLATE = REPORT / "page.html.j2"
HOSTILE = "<script>alert('x')</script> & \"quotes\" $x$"
RUN = {
    "run": "demo",
    "config": {"run": "demo", "models": {"default": {}}},
    "versions": {"numpy": "2.4.6"},
    "commit": "0123abcd",
    "dirty": True,
    "data": {"seq.h5": "d" * 64},
    "command": ["snakemake", "report"],
    "created": "2026-01-02T03:04:05+00:00",
}


class Page(HTMLParser):
    """Elements of a page and the text in it, without scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self._skips = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._skips += tag in ("script", "style")
        self.text += " " if tag in ("td", "th", "li") else ""

    def handle_endtag(self, tag):
        self._skips -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._skips:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.elements if name == tag]


def make_report(folder: Path, names: list[str], models=("default",), **options) -> Page:
    constant = options.pop("constant", ())
    fake = {key: options.pop(key) for key in ("ceiling", "replicates") if key in options}
    data = {key: options.pop(key) for key in ("folds", "source", "targets") if key in options}
    factors = options.pop("baselines", {})
    dataset, rate = write_fake_dataset(folder / "d.h5", names, bins=32, constant=constant, **data)
    files = {}
    for place, name in enumerate(models):
        model = write_fake_model(
            folder / name, dataset, rate, name=name, noise=0.5 + 0.2 * place, **fake
        )
        training = {"device": "cpu", "seconds": 75.0, "receptive_field": 16_551}
        files[name] = replace(model, training=training)
    baselines = {
        name: write_fake_baseline(folder / f"baseline.{name}/metrics.tsv", model.metrics, factor)
        for name, factor in factors.items()
    }
    write_report(
        folder / "report", TEMPLATE, Contents(dataset, files, baselines=baselines, **options)
    )
    return Page((folder / "report" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def two_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")  # the second a mean of two, against two baselines
    page = make_report(
        folder,
        [HOSTILE, "H3K27ac", "NA"],
        ("wide", "default"),
        constant=(1,),
        replicates=2,
        baselines={"gc": 0.3, "kmers": 0.8},
        run=RUN,
        validation={"warnings": ["H3K27ac: all <zero>"]},
        tracks=folder / "export",
    )
    return folder / "report", page


def test_page_loads_nothing_from_anywhere(two_models):
    folder, page = two_models
    html = (folder / "index.html").read_text(encoding="utf-8")
    loads = [attrs["src"] for _, attrs in page.elements if attrs.get("src")]
    assert loads
    assert all(re.match(r"data:image/(png|svg\+xml);base64,", load) for load in loads)
    assert not page.all("link")
    assert not re.search(r"url\(|@import|https?://", html)
    links = [attrs["href"] for attrs in page.all("a")]
    outside = [link for link in links if not link.startswith("#")]
    assert "../export" in outside
    tables = {"metrics.tsv", "wide.r1.metrics.tsv", "default.r2.metrics.tsv"}
    assert tables <= {link.rpartition("/")[2] for link in outside}
    assert all((folder / link).is_file() for link in outside if link != "../export")


def test_every_picture_has_words(two_models):
    _, page = two_models
    images = page.all("img")
    assert len(images) == 3 + 3 + 2 + 3
    assert all(len(image["alt"]) > 30 for image in images)
    assert page.text.count("What to look for:") == page.text.count("If it is not so:") == 11


def test_figures_are_files_of_fixed_names(two_models):
    folder, _ = two_models
    wanted = {"wide.scatter.png", "default.scatter.png", "comparison.svg", "metrics.svg"}
    wanted |= {f"window_{kind}.png" for kind in ("best", "median", "worst")}
    wanted |= {"learning_curves.svg", "calibration.svg", "errors.svg", "correlations.svg"}
    assert {path.name for path in (folder / "figures").iterdir()} == wanted
    assert {path.name for path in folder.iterdir()} == {"figures", "index.html", "summary.txt"}


def test_hostile_names_stay_text(two_models):
    _, page = two_models
    assert len(page.all("script")) == 1
    assert HOSTILE in page.text
    assert "all <zero>" in page.text


def test_anchors_of_the_sections_exist(two_models):
    _, page = two_models
    ids = {attrs.get("id") for attrs in page.all("section")}
    assert {attrs["href"][1:] for attrs in page.all("a") if attrs["href"][0] == "#"} == ids


def test_page_says_what_was_run_and_what_the_data_are(two_models):
    _, page = two_models
    for said in (
        "snakemake report",
        "0123abcd with uncommitted changes",
        "d" * 64,
        "run: demo",
        "1 min 15 s",
        "16,551 bases",
        "12 (train 4, valid 2, test 6)",
        "The check of the data gave 1 warning",
        "NA",
    ):
        assert said in page.text


def test_summary_has_four_lines_with_paths_score_and_next_command(two_models):
    folder, _ = two_models
    lines = (folder / "summary.txt").read_text().splitlines()
    assert len(lines) == 4
    assert str(folder / "index.html") in lines[0]
    assert str(folder.parent / "export") in lines[1]
    # One of them is predicted as a constant, and has no r.
    score = r"best model, wide, mean over 2 of 3 targets: 0\.\d\d of a possible 0\.\d\d \(\d+ %\)"
    assert re.search(score + r", k-mer ridge 0\.\d\d; of raw coverage 0\.\d\d of", lines[2])
    assert lines[3].endswith(
        ".venv/bin/snakemake --cores all --resources gpu=1 --configfile config/yeast.yaml"
    )


def test_bare_minimum_makes_a_page(tmp_path):
    page = make_report(tmp_path, ["only"], ceiling=False)
    for said in (
        "How high r could be at all is not known",
        "No tracks were exported",
        "The data were not checked",
        "How this run was made is not recorded",
    ):
        assert said in page.text
    assert len((tmp_path / "report" / "summary.txt").read_text().splitlines()) == 3


def test_members_stand_below_their_ensemble_and_baselines_in_grey(two_models):
    folder, _ = two_models
    html = (folder / "index.html").read_text(encoding="utf-8")
    table = html[html.index('<table class="models">') :]
    rows = re.findall(r'<tr class="(\w+)"><th scope="row">([^<]+)', table)
    assert [(kind, name.strip()) for kind, name in rows] == [
        ("model", "wide"),
        ("replicate", "wide.r1"),
        ("replicate", "wide.r2"),
        ("model", "default"),
        ("replicate", "default.r1"),
        ("replicate", "default.r2"),
        ("baseline", "k-mer ridge"),
        ("baseline", "GC content"),
        ("baseline", "training mean everywhere"),
        ("baseline", "ceiling (noise)"),
    ]


def test_every_table_head_is_explained(two_models):
    _, page = two_models
    heads = [attrs["title"] for attrs in page.all("abbr")]
    assert heads
    assert all(len(title) > 15 for title in heads)
    for column in DEFINITIONS:
        assert column in page.text or column == "target"


@pytest.mark.usefixtures("blank_figures")
def test_captions_speak_of_a_ceiling_only_where_there_is_one(two_models, tmp_path):
    _, page = two_models
    assert "An upright tick is the ceiling" in page.text
    assert "The band is one standard deviation" in page.text
    bare = make_report(tmp_path, ["a", "b"], ceiling=False)
    assert "upright tick" not in bare.text
    assert "The band" not in bare.text
    assert "An r alone is neither good nor bad" in bare.text


@pytest.mark.usefixtures("blank_figures")
def test_genome_says_what_was_used_and_left_out(tmp_path):
    validation = {
        "warnings": [],
        "notices": ["contigs are matched: I is chrI"],
        "contigs": {"chr1": 1, "chr2": 1},
        "left_out": {"chrM": "excluded", "chr9": "lacks PolII", "chr8": "lacks PolII"},
        "splits": {"valid": ["chr2"], "test": ["chr3"]},
        "masked": 0.0234,
        "dropped_for": {"too much N": 3},
    }
    targets = replace(Targets.from_names(["a", "b"], units="cuts"), span=(128, 128))
    page = make_report(
        tmp_path,
        ["a", "b"],
        source={"kind": "genome", "assembly": "sacCer3"},
        targets=targets,
        validation=validation,
        tracks="export",
    )
    text = " ".join(page.text.split())
    for said in (
        "contigs used 2 (chr1, chr2)",
        "contigs left out 1 (chrM): excluded",
        "2 (chr9, chr8): lacks PolII",
        "held out for test 1 (chr3)",
        "2.3 % of the bases",
        "windows dropped 3: too much N",
        "contigs are matched: I is chrI",
        "units cuts",
        "in the units of your bigWig files",
        "snakemake genome_tracks",
    ):
        assert said in text, said
    images = [image["alt"] for image in page.all("img")]
    assert any(re.search(r"best window, chr3:[\d,]+-[\d,]+, observed", alt) for alt in images)


@pytest.mark.usefixtures("blank_figures")
def test_constant_targets_are_said_to_be_grey(two_models, tmp_path):
    _, page = two_models
    assert "Grey: a target is constant there" in page.text
    assert "Grey:" not in make_report(tmp_path, ["a", "b", "c", "d"]).text


def test_diagnostics_say_their_numbers_for_each_model(two_models):
    _, page = two_models
    text = " ".join(page.text.split())
    assert re.search(r"Where most is predicted, it is [\d.]+ \(wide\), [\d.]+ \(default\) t", text)
    assert re.search(r"the error is [\d.]+ \(wide\), [\d.]+ \(default\) times that", text)
    assert re.search(r"The mean over pairs is r -?[\d.]+ observed and r -?[\d.]+ predicted", text)


@pytest.mark.usefixtures("blank_figures")
def test_folds_are_windows_that_no_training_saw(tmp_path):
    page = make_report(tmp_path, ["a", "b"], folds=3)
    assert "On windows it has never seen" in page.text
    assert "the one of 3 trainings that held it out" in page.text
    assert "each held out once in 3 folds" in page.text


def test_nothing_defined_still_makes_a_page(tmp_path):
    page = make_report(tmp_path, ["flat", "even"], constant=(0, 1))
    assert "Nothing can be said yet" in page.text
    assert "undefined" in (tmp_path / "report" / "summary.txt").read_text()


@pytest.fixture
def result(tmp_path):
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a", "b"], bins=32)
    files = write_fake_model(tmp_path / "model", dataset, rate)
    return dataset, files, read_results("model", files, dataset)


@pytest.mark.parametrize(
    ("r", "ceiling", "said"),
    [
        (0.71, 0.83, "0.71 of a possible 0.83 (86\u00a0%)"),
        (0.71, float("nan"), "0.71"),
        (-0.1, 0.5, "-0.10 of a possible 0.50 (-20\u00a0%)"),
    ],
)
def test_score_is_said_against_its_ceiling(result, r, ceiling, said):
    dataset, _, results = result
    results.metrics["pearson_r_log1p"], results.metrics["ceiling_pearson_r_log1p"] = r, ceiling
    assert format_score(results) == said
    assert ("hardly at all" in make_headline(results, dataset)) == (r < 0)


def test_mean_leaves_out_what_is_undefined(result):
    _, _, results = result
    results.metrics["pearson_r"] = [0.5, np.nan]
    assert results.mean("pearson_r") == 0.5


def test_best_median_and_worst_window_leave_out_the_undefined(result):
    _, _, results = result
    results.windows["pearson_r"] = [0.1, 0.5, np.nan, 0.9, 0.3, 0.7]
    assert results.find_windows() == {"best": 3, "median": 1, "worst": 0}
    results.windows["pearson_r"] = np.nan
    assert set(results.find_windows().values()) <= set(range(6))


def test_best_model_is_the_one_with_an_r(result):
    dataset, files, good = result
    empty = read_results("empty", files, dataset)
    empty.metrics["pearson_r_log1p"] = np.nan
    good.metrics["pearson_r_log1p"] = -0.9
    assert rank([empty, good]) == [good, empty]


def test_training_windows_among_the_predicted_are_said(tmp_path):

    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a", "b"], bins=32)
    files = write_fake_model(tmp_path / "model", dataset, rate)
    dataset.windows["split"][:] = 0
    results = read_results("model", files, dataset)
    assert make_headline(results, dataset).startswith("On windows partly known from training")
    assert make_sentences([results], [], dataset, [])[0].startswith("Caution")


def test_metrics_of_other_targets_are_refused(result):
    dataset, files, _ = result
    table = pd.read_csv(files.metrics, sep="\t")
    table.iloc[::-1].to_csv(files.metrics, sep="\t", index=False)
    with pytest.raises(SeqcastError, match=r"metrics\.tsv: found 2 targets"):
        read_results("model", files, dataset)


def test_windows_of_other_predictions_are_refused(result):
    dataset, files, _ = result
    table = pd.read_csv(files.windows, sep="\t")
    table.iloc[:2].to_csv(files.windows, sep="\t", index=False)
    with pytest.raises(SeqcastError, match=r"windows\.tsv: found 2 windows, wanted the 6"):
        read_results("model", files, dataset)


def test_table_without_a_column_is_refused(result):
    dataset, files, _ = result
    history = files.histories["default"]
    pd.read_csv(history, sep="\t").drop(columns="valid_loss").to_csv(history, sep="\t")
    with pytest.raises(SeqcastError, match="wanted valid_loss too"):
        read_results("model", files, dataset)


@pytest.mark.parametrize("word", ["course", "false", "null", "1e-3", "a: b", "é", "", "yes", "12"])
def test_config_is_written_as_yaml_that_reads_back(word):
    config = {"run": word, "train": {}, "data": {"valid": ["chr4", word], "n": 1, "x": None}}
    assert yaml.safe_load(format_yaml(config)) == config


@pytest.mark.parametrize(
    "caption",
    ["workflow", "page", "first_look", "learning_curves", "comparison", "metrics", "metrics_table",
     "scatter", "window", "calibration", "errors", "correlations"],
)  # fmt: skip
def test_captions_are_there_for_snakemakes_report(caption):
    text = (REPORT / f"{caption}.rst").read_text(encoding="utf-8")
    assert len(text) > 100


def test_captions_say_what_to_look_for_and_what_to_do():
    for name in (
        "first_look", "learning_curves", "comparison", "metrics", "scatter", "window",
        "calibration", "errors", "correlations",
    ):  # fmt: skip
        text = (REPORT / f"{name}.rst").read_text(encoding="utf-8")
        assert "**What to look for:**" in text
        assert "**If it is not so:**" in text
