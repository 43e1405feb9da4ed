import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fake_run import write_fake_dataset, write_fake_model

from seqcast.errors import SeqcastError
from seqcast.report import ModelFiles, read_results, write_report
from seqcast.report.tables import MOST_ROWS, format_yaml, make_metrics_table
from seqcast.report.verdict import find_best, format_score, make_headline, make_sentences

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

    def handle_endtag(self, tag):
        self._skips -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._skips:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.elements if name == tag]


def make_report(folder: Path, names: list[str], models=("default",), **options) -> Page:
    constant = options.pop("constant", ())
    ceiling = options.pop("ceiling", True)
    dataset, rate = write_fake_dataset(folder / "d.h5", names, bins=32, constant=constant)
    files = {
        name: ModelFiles(
            **vars(
                write_fake_model(
                    folder / name, dataset, rate, name=name, noise=0.5 + place, ceiling=ceiling
                )
            ),
            training={"device": "cpu", "seconds": 75.0, "receptive_field": 16_551},
        )
        for place, name in enumerate(models)
    }
    write_report(folder / "report", dataset, files, template=TEMPLATE, **options)
    return Page((folder / "report" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def two_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    page = make_report(
        folder,
        [HOSTILE, "H3K27ac", "NA"],
        ("wide", "default"),
        constant=(1,),
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
    assert all(load.startswith("data:image/png;base64,") for load in loads)
    assert not page.all("link")
    assert not re.search(r"url\(|@import|https?://", html)
    links = [attrs["href"] for attrs in page.all("a")]
    assert [link for link in links if not link.startswith("#")] == ["../export"]


def test_every_picture_has_words(two_models):
    _, page = two_models
    images = page.all("img")
    assert len(images) == 2 + 2 * 4
    assert all(len(image["alt"]) > 30 for image in images)
    assert page.text.count("What to look for:") == page.text.count("If it is not so:") == 10


def test_figures_are_files_of_fixed_names(two_models):
    folder, _ = two_models
    kinds = ("scatter", "window_best", "window_median", "window_worst")
    wanted = {f"{model}.{kind}.png" for model in ("wide", "default") for kind in kinds}
    wanted |= {"learning_curves.png", "metrics.png"}
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
    assert re.search(r"mean over 3 targets: 0\.\d\d of a possible 0\.\d\d \(\d+ %\)", lines[2])
    assert lines[3].endswith(
        "snakemake --cores 8 --resources gpu=1 --configfile config/course.yaml"
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


def test_page_of_74_targets_shows_all_and_stays_small(tmp_path):
    make_report(tmp_path, [f"CHIP:H3K{place}me3" for place in range(74)], run=RUN)
    path = tmp_path / "report" / "index.html"
    page = Page(path.read_text(encoding="utf-8"))
    assert path.stat().st_size < 5_000_000
    assert len(page.all("img")) == 2 + 4 + 7
    assert "Targets ranked 73 to 74" in page.text
    assert len(list((tmp_path / "report" / "figures").iterdir())) == 6


def test_nothing_defined_still_makes_a_page(tmp_path):
    page = make_report(tmp_path, ["flat", "even"], constant=(0, 1))
    assert "Nothing can be said yet" in page.text
    assert "undefined" in (tmp_path / "report" / "summary.txt").read_text()


@pytest.fixture
def result(tmp_path):
    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a", "b"], bins=32)
    files = ModelFiles(**vars(write_fake_model(tmp_path / "model", dataset, rate)))
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
    results.metrics["pearson_r"], results.metrics["ceiling_pearson_r"] = r, ceiling
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
    empty.metrics["pearson_r"] = np.nan
    good.metrics["pearson_r"] = -0.9
    assert find_best([empty, good]) is good


def test_training_windows_among_the_predicted_are_said(tmp_path):

    dataset, rate = write_fake_dataset(tmp_path / "d.h5", ["a", "b"], bins=32)
    files = ModelFiles(**vars(write_fake_model(tmp_path / "model", dataset, rate)))
    dataset.windows["split"][:] = 0
    results = read_results("model", files, dataset)
    assert make_headline(results, dataset).startswith("On windows partly known from training")
    assert make_sentences(results, dataset, [], 1)[0].startswith("Caution")


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
    table = pd.read_csv(files.history, sep="\t").drop(columns="valid_loss")
    table.to_csv(files.history, sep="\t", index=False)
    with pytest.raises(SeqcastError, match="wanted valid_loss too"):
        read_results("model", files, dataset)


def test_table_of_thousands_shows_the_best_and_counts_the_rest(result):
    _, _, results = result
    count = 5_313
    metrics = pd.DataFrame(
        {"target": [str(place) for place in range(count)], "pearson_r": np.arange(count) / count}
    )
    object.__setattr__(results, "metrics", metrics)
    table = make_metrics_table(results)
    assert table["total"] == count
    assert [row["target"] for row in table["rows"]] == [
        str(count - 1 - place) for place in range(MOST_ROWS)
    ]


@pytest.mark.parametrize("word", ["course", "false", "null", "1e-3", "a: b", "é", "", "yes", "12"])
def test_config_is_written_as_yaml_that_reads_back(word):
    config = {"run": word, "train": {}, "data": {"valid": ["chr4", word], "n": 1, "x": None}}
    assert yaml.safe_load(format_yaml(config)) == config


@pytest.mark.parametrize(
    "caption",
    ["workflow", "page", "first_look", "learning_curves", "metrics", "metrics_table", "scatter",
     "window"],
)  # fmt: skip
def test_captions_are_there_for_snakemakes_report(caption):
    text = (REPORT / f"{caption}.rst").read_text(encoding="utf-8")
    assert len(text) > 100


def test_captions_say_what_to_look_for_and_what_to_do():
    for name in ("first_look", "learning_curves", "metrics", "scatter", "window"):
        text = (REPORT / f"{name}.rst").read_text(encoding="utf-8")
        assert "**What to look for:**" in text
        assert "**If it is not so:**" in text
