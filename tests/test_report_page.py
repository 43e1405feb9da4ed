"""The page as a file: well-formed, small with any number of targets, its tables at work."""

import base64
import json
import re
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from chromium import Visit
from fake_run import write_fake_baseline, write_fake_dataset, write_fake_model

from seqcast.data.targets import Targets
from seqcast.report.contents import Contents
from seqcast.report.page import write_report
from seqcast.report.ranking import make_ranking
from seqcast.tracks.browser.embedding import EmbeddedBrowser

TEMPLATE = Path(__file__).parent.parent / "workflow" / "report" / "page.html.j2"
VOID = {"meta", "img", "input", "br", "hr", "link"}
# What a browser would close without a word where another begins.
CLOSED_BY = {"p": {"p", "ul", "ol", "table", "figure", "section", "div", "pre", "h2", "h3"}}


class Strict(HTMLParser):
    """Parse HTML and note every element that is not closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.children: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]
        self.faults += [f"id {name} twice" for name in set(self.ids) if self.ids.count(name) > 1]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.faults.append(f"<{tag}> has an attribute twice")
        if self.open and tag in CLOSED_BY.get(self.open[-1], ()):
            self.faults.append(f"<{tag}> in <{self.open[-1]}>")
        self.ids += [value for name, value in attrs if name == "id"]
        self.children.append((self.open[-1] if self.open else "", tag))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes <{(self.open or ['nothing'])[-1]}>")
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]


def write_page(folder: Path, count: int, models: int = 1, **options: object) -> str:
    names = [f"CNhs{10_000 + place}" for place in range(count)]
    targets = Targets(
        identifier=tuple(names),
        description=tuple(f"CAGE: adipocyte <b>, donor {place}" for place in range(count)),
        strand_pair=tuple(range(count)),
        scale=(1.0,) * count,
        units=("reads",) * count,
    )
    dataset, rate = write_fake_dataset(
        folder / "d.h5", names, bins=16, windows=(1, 1, 2), targets=targets
    )
    files = {}
    for place in range(models):
        fake = write_fake_model(folder / f"m{place}", dataset, rate, noise=0.4 + 0.2 * place)
        files[f"m{place}"] = fake
    metrics = files["m0"].metrics
    kmers = write_fake_baseline(folder / "baseline.kmers/metrics.tsv", metrics)
    write_report(
        folder / "report",
        TEMPLATE,
        Contents(
            dataset,
            files,
            baselines={"kmers": kmers},
            run={"data": {"seq.h5": "d" * 64}, "config": {"run": "demo"}},
            validation={"warnings": ["<zero>"], "notices": ["a & b"]},
            **options,
        ),
    )
    return (folder / "report/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Write a page of 600 targets and two models."""
    folder = tmp_path_factory.mktemp("many")
    return folder / "report/index.html", write_page(folder, 600, 2)


@pytest.mark.parametrize(("count", "models"), [(1, 1), (14, 3)])
def test_page_is_well_formed(tmp_path, count, models):
    html = write_page(tmp_path, count, models, tracks=tmp_path / "export")
    assert html.startswith("<!doctype html>\n<html lang=")
    assert Strict(html).faults == []


def test_page_of_many_targets_is_well_formed_and_small(many):
    _, html = many
    parsed = Strict(html)
    assert parsed.faults == []
    assert len(html.encode()) < 1_200_000
    assert parsed.children.count(("tbody", "tr")) < 350
    assert html.count("<img ") == 3 + 3 + 3 + 2


def test_every_table_has_a_caption_and_every_picture_words(many):
    _, html = many
    for table in re.findall(r"<table.*?</table>", html, flags=re.DOTALL):
        assert re.search(r"<caption>\s*\w", table)
    images = re.findall(r"<img [^>]*>", html)
    assert all(re.search(r'alt="[^"]{30,}"', image) for image in images)
    assert all(re.search(r'width="\d+" height="\d+"', image) for image in images)
    assert html.count("What to look for:") == html.count("If it is not so:") == len(images)


def test_strict_parser_finds_faults():
    assert Strict("<p><b>a</p></b>").faults
    assert Strict("<p>a<table></table></p>").faults
    assert Strict("<div><p>a</div>").faults
    assert Strict('<i id="a"></i><i id="a"></i>').faults
    assert not Strict('<p id="a">a<br>b</p>').faults


def test_sections_come_in_the_order_of_a_reader(many):
    _, html = many
    assert re.findall(r'<section id="(\w+)"', html) == [
        "verdict", "metrics", "tracks", "bases", "motifs", "variants", "scatter", "calibration",
        "errors", "correlations", "training", "open", "data", "run",
    ]  # fmt: skip


@pytest.mark.usefixtures("blank_figures")
def test_browser_stands_first_among_the_tracks(tmp_path):
    browser = EmbeddedBrowser("igv &&", "{}", (), (), (), ("a note",))
    html = write_page(tmp_path, 1, browser=browser)
    tracks = html[html.index('<section id="tracks">') :]
    assert tracks.index("a note") < tracks.index(">igv &&</script>") < tracks.index("<figure>\n")
    assert "There is but one target" in html


@pytest.mark.usefixtures("blank_figures")
def test_only_scripts_of_ours_are_allowed(tmp_path):
    html = write_page(tmp_path, 14, browser=EmbeddedBrowser("igv &&", "{}", (), (), (), ()))
    policy = html.partition('Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.count("'unsafe-inline'") == 1
    assert "style-src 'unsafe-inline'" in policy
    scripts = [*re.findall(r"<script>(.*?)</script>", html, re.DOTALL), "igv &&"]
    digests = [base64.b64encode(sha256(each.encode()).digest()).decode() for each in scripts]
    assert len(digests) == 3
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(digests)


def test_table_shows_a_dozen_and_holds_the_rest(many):
    _, html = many
    start = html.index('<div class="ranking">')
    table = html[start : html.index("</script>", start)]
    rows = re.findall(r'<td class="number">(\d+)</td><th scope="row">([^<]+)', table)
    assert [int(rank) for rank, _ in rows[:4]] == [1, 2, 3, 4]
    assert int(rows[-1][0]) == 600
    assert len(rows) == 12
    rest = json.loads(table[table.index("<script") :].partition(">")[2])
    assert len(rest) == 600 - 12
    names = {name for _, name in rows} | {row[1] for row in rest}
    assert names == {f"CNhs{10_000 + place}" for place in range(600)}
    heads = table.count('<th scope="col"') - 2
    assert {len(row[3].split("|")) for row in rest} == {heads}


@pytest.mark.parametrize("most", [0, 3_000, 12_000, 10**9])
def test_ranking_keeps_what_there_is_room_for(most):
    r = np.random.default_rng(0).random(200)
    r[7] = np.nan
    targets = Targets.from_names([f"t{place}" for place in range(200)])
    described = ["liver"] * 200
    targets = Targets(**{**vars(targets), "description": tuple(described)})
    ranking = make_ranking(r, targets, [["0.5", "0.1*"]] * 200, most)
    assert [row.rank for row in ranking.rows] == sorted(row.rank for row in ranking.rows)
    assert ranking.rows[0].target == f"t{np.nanargmax(r)}"
    assert ranking.found == len(ranking.rows) + len(ranking.rest) <= ranking.total == 200
    assert len(json.dumps(ranking.rest, separators=(",", ":"))) <= max(most, 2)
    if most == 10**9:
        assert ranking.found == 200
        assert {row[2] for row in ranking.rest} == {"liver"}
    ranks = [row[0] for row in ranking.rest]
    assert ranks == sorted(ranks)
    if ranking.found < 200:
        assert {row[2] for row in ranking.rest} <= {""}


def test_tables_sort_and_find_any_target_in_a_browser(many, visit: Callable[..., Visit]) -> None:
    path, _ = many
    seen = visit(path.as_uri())
    table = seen.page.locator(".ranking").first
    rows, names = table.locator("tbody tr"), table.locator("tbody th")
    assert rows.count() == 12
    table.locator("input").fill("cnhs10377")
    assert names.all_inner_texts() == ["CNhs10377\nCAGE: adipocyte <b>, donor 377"]
    assert "1 of 600 targets" in table.locator(".found").inner_text()
    table.locator("input").fill("DONOR 11")
    assert rows.count() == 1 + 10
    table.locator("input").fill("")
    assert rows.count() == 12
    table.locator("button.all").click()
    assert rows.count() == 500
    head = table.locator("thead tr:last-child th:nth-child(3)")
    head.locator("button").click()
    column = table.locator("tbody td:nth-child(3)").all_inner_texts()
    values = [float(text.strip("*")) for text in column if text.strip("*") != "\u2013"]
    assert values == sorted(values, reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    seen.check_quiet()
