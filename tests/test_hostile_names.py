"""Names that others chose, in every place that a page or a file shows one: they are text."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from chromium import Visit
from explained_run import write_explained
from fake_run import write_fake_baseline, write_fake_dataset, write_fake_model

from seqcast.core.printable import to_printable
from seqcast.data import read_dataset
from seqcast.data.targets import Targets
from seqcast.report.contents import Contents
from seqcast.report.page import write_report
from seqcast.tracks.browser.embedding import make_embedded
from seqcast.tracks.browser.explained import find_peaks, read_explained
from seqcast.tracks.browser.igvjs import read_igv_js
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.serving import make_server
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers
from seqcast.tracks.exporting import export_tracks
from seqcast.tracks.table import read_tracks

TEMPLATES = Path(__file__).parents[1] / "workflow" / "report"
HOSTILE = (
    """<img src=q onerror="window.pwned=1">"'></script><script>window.pwned=2</script>{{7*7}}"""
)
# In places where a blank ends a name.
WORD = "<img/src=q/onerror=window.pwned=3>"
NAMES = [
    HOSTILE,
    "<svg onload=window.pwned=4> $\\frac{ \x1b]0;title\x07\x1b[31m\ttab\nline\u202e",
    "jexl:pwned",
]
CONTIGS = ("<svg/onload=window.pwned=5>", "plain", WORD)
PLACE = Locus(HOSTILE, WORD, 0, 16_384, HOSTILE)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a run's tracks and pages, with such names wherever one can be."""
    folder = tmp_path_factory.mktemp("hostile")
    targets = replace(
        Targets.from_names(NAMES), description=(HOSTILE,) * 3, units=(HOSTILE, "reads", HOSTILE)
    )
    dataset, rate = write_fake_dataset(
        folder / "dataset.h5",
        NAMES,
        targets=targets,
        contigs=CONTIGS,
        source={"kind": "genome", "assembly": HOSTILE, HOSTILE: [HOSTILE]},
    )
    fake = write_fake_model(folder / "m", dataset, rate)
    export = folder / "export"
    export_tracks(folder / "dataset.h5", {"m": fake.predictions}, export / "tracks.tsv")
    annotation = write_annotation(folder)
    summits = {NAMES[0]: [(WORD, 4_000)], dataset.targets.identifier[1]: [(WORD, 9_000)]}
    explained = read_explained(write_explained(folder / "explain", dataset, summits, models=["m"]))
    peaks = find_peaks(explained, ["m"], dataset.targets.identifier, [WORD], 4)
    write_browsers(
        View(
            export,
            title=HOSTILE,
            loci=[PLACE, *peaks],
            assembly=HOSTILE,
            annotation=annotation,
            explained=explained,
            command=HOSTILE,
        ),
        TEMPLATES / "browser.html.j2",
    )
    embedded = make_embedded(
        View(
            export,
            [PLACE, *peaks],
            targets=dataset.targets.identifier,
            assembly=HOSTILE,
            annotation=annotation,
            explained=explained,
            command=HOSTILE,
        ),
        bin_size=dataset.bin_size,
    )
    write_report(
        folder / "report",
        TEMPLATES / "page.html.j2",
        Contents(
            dataset,
            {"m": fake},
            baselines={HOSTILE: write_fake_baseline(folder / "kmers/metrics.tsv", fake.metrics)},
            run={
                **dict.fromkeys(("run", "created", "command", "commit", HOSTILE), HOSTILE),
                "versions": {HOSTILE: HOSTILE},
                "data": {HOSTILE: {HOSTILE: HOSTILE}},
                "config": {HOSTILE: {HOSTILE: [HOSTILE]}},
            },
            validation={
                "warnings": [HOSTILE],
                "notices": [HOSTILE],
                "contigs": {HOSTILE: 1},
                "left_out": {HOSTILE: HOSTILE},
                "splits": {HOSTILE: [HOSTILE]},
                "dropped_for": {HOSTILE: 1},
            },
            title=HOSTILE,
            tracks=export,
            browser=embedded,
            explained=explained,
        ),
    )
    return folder


def write_annotation(folder: Path) -> list[Path]:
    """Write genes all over the place that is shown, in files whose names are hostile as well."""
    bed, gff = folder / f"{HOSTILE.replace('/', '')}.bed", folder / "<i onclick=pwned>.gff3"
    head = f"track name='{WORD}' description='{HOSTILE}' url='javascript:window.pwned=6//$$'\n"
    bed.write_text(f"{head}{WORD}\t0\t16384\t{WORD}\t0\t+\n")
    values = f"ID={WORD};Name={WORD};note={WORD}"
    gff.write_text(f"##gff-version 3\n{WORD}\t{WORD}\tgene\t1\t16384\t.\t+\t.\t{values}\n")
    return [bed, gff]


@pytest.fixture
def served(run: Path, serve: Callable[[Path], str]) -> str:
    return serve(run / "export")


def press(seen: Visit, browser: str, kind: str, *, label: bool = False) -> str:
    """Press on each track of a kind, or on its label; return what igv.js then shows, as text."""
    ports = seen.page.evaluate_handle(
        f"""{browser}.trackViews.filter((view) => view.track.type === "{kind}")
             .map((view) => view.viewports[0].$viewport[0])"""
    )
    popovers, texts = seen.page.locator(".igv-ui-popover"), []
    for port in ports.get_properties().values():
        node = port.as_element()
        if label:
            node.query_selector(".igv-track-label").click(force=True)
        else:
            node.click(force=True, position={"x": 400, "y": 22})
        seen.page.wait_for_timeout(600)  # igv.js waits for a second click
        texts += [each.inner_text() for each in popovers.all() if each.is_visible()]
    return "\n".join(texts)


def check_side_by_side(seen: Visit, browser: str, panels: int, label: str) -> None:
    """Show a contig several times side by side: the labels over the panels are text."""
    place = f"{WORD}:1-9000"
    seen.page.evaluate(f"(places) => {browser}.search(places)", " ".join([place] * panels))
    labels = seen.page.locator(".igv-multi-locus-ruler-label")
    assert [text.strip() for text in labels.all_inner_texts()] == [label] * panels


def check_alert(seen: Visit) -> None:
    """Look for a place that is nowhere: what is said of it is text."""
    place = f"no {HOSTILE}"
    seen.page.locator(".igv-search-input").fill(place)
    seen.page.locator(".igv-search-input").press("Enter")
    alert = seen.page.locator(".igv-ui-alert-dialog-container:visible")
    alert.wait_for()
    body = alert.locator(".igv-ui-alert-dialog-body-copy")
    assert body.inner_text() == f"Unrecognized locus: {place}"
    alert.get_by_text("OK").dispatch_event("click")  # a popover may lie over it


def check_picture(text: str) -> None:
    """Read a picture that igv.js saves: names are text in it, and no element."""
    picture = ElementTree.fromstring(text)
    assert HOSTILE in "".join(picture.itertext())
    names = [each.tag.removeprefix("{http://www.w3.org/2000/svg}") for each in picture.iter()]
    assert set(names) <= {"svg", "defs", "clipPath", "g", "rect", "path", "text"}
    assert names.count("svg") == 1


def check(seen: Visit) -> None:
    assert seen.page.evaluate("window.pwned") is None
    seen.check_quiet()


def test_nothing_runs_in_a_report(run: Path, visit: Callable[..., Visit]) -> None:
    seen = visit((run / "report" / "index.html").as_uri())
    seen.page.locator(".window").scroll_into_view_if_needed()
    seen.page.wait_for_selector(".window[aria-busy=false]")
    text = seen.page.locator("body").inner_text()
    assert text.count(HOSTILE) > 12
    labels = seen.page.locator(".igv-track-label").all_inner_texts()
    assert [label for label in labels if HOSTILE in label]
    assert f"{HOSTILE} bases that matter" in labels
    shown = press(seen, "embedded.browser", "annotation")
    assert HOSTILE in shown
    assert WORD in shown
    assert "data:" not in press(seen, "embedded.browser", "annotation", label=True)
    press(seen, "embedded.browser", "wig")
    check_side_by_side(seen, "embedded.browser", 2, f"{WORD}\u00a08,999 bp")
    check_alert(seen)
    seen.page.locator(".ranking input").first.fill("<img")
    assert seen.page.locator(".ranking tbody th").first.inner_text().startswith(HOSTILE)
    seen.page.select_option(".choice select", "1")
    check(seen)


def test_nothing_runs_beside_the_tracks(served: str, visit: Callable[..., Visit]) -> None:
    seen = visit(served)
    seen.page.wait_for_selector("body[data-ready]")
    seen.page.wait_for_load_state("networkidle")
    assert seen.page.locator("h1").inner_text() == HOSTILE
    labels = seen.page.locator(".igv-track-label").all_inner_texts()
    assert f"{HOSTILE} observed, {HOSTILE}" in labels
    assert f"{HOSTILE} bases that matter, log of coverage" in labels
    assert f"{HOSTILE}, base by base" in seen.page.locator("[data-locus] b").all_inner_texts()
    igv = "document.getElementById('browser').igv"
    shown = press(seen, igv, "annotation")
    assert shown.count(f"Name\u00a0\u00a0\u00a0{WORD}\n") == 2
    press(seen, igv, "annotation", label=True)
    assert re.search("^Value:\\s+[0-9.]+$", press(seen, igv, "wig"), re.MULTILINE)
    check_alert(seen)
    check_picture(seen.page.evaluate(f"{igv}.toSVG()"))
    # Where there is no room for the place over its panel, its length is said.
    check_side_by_side(seen, igv, 2, f"{WORD}\u00a08,999 bp")
    seen.page.set_viewport_size({"width": 2600, "height": 900})
    check_side_by_side(seen, igv, 2, f"{WORD}:1-9,000\u00a0\u00a0(8,999 bp)")
    seen.page.locator("#targets summary").click()
    assert HOSTILE in seen.page.locator("#list").inner_text()
    check(seen)


@pytest.fixture
def visit_other(
    run: Path, tmp_path: Path, visit: Callable[..., Visit]
) -> Iterator[Callable[[str], Visit]]:
    """Return what opens the page with an igv.js in which something is called `another`."""
    for path in (run / "export").iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "igv.min.js").unlink()
    with make_server(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def open_page(name: str) -> Visit:
            text = read_igv_js().replace(name, "another")
            (tmp_path / "igv.min.js").write_text(text, encoding="utf-8")
            return visit(f"http://127.0.0.1:{server.server_port}/")

        yield open_page
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "missed"),
    [
        ("createBrowser", "createBrowser"),
        ("present", "present"),
        ("getMultiLocusLabelBPLengthOnly", "getMultiLocusLabelBPLengthOnly"),
        ("referenceFrameList", "getMultiLocusLabel"),
    ],
)
def test_where_names_cannot_be_kept_text_there_is_no_browser(
    name: str, missed: str, visit_other: Callable[[str], Visit]
) -> None:
    seen = visit_other(name)
    seen.page.wait_for_selector("#message", state="visible")
    said = seen.page.inner_text("#message")
    assert said.startswith(f"igv.js has no {missed}: it is damaged, or not the version that")
    assert not seen.page.locator("#app").is_visible()
    check(seen)


def test_no_script_runs_even_where_a_name_is_html(visit_other: Callable[[str], Visit]) -> None:
    seen = visit_other("trackclick")
    seen.page.wait_for_selector("body[data-ready]")
    press(seen, "document.getElementById('browser').igv", "annotation")
    assert seen.page.locator(".igv-ui-popover img").count()
    assert seen.page.evaluate("window.pwned") is None
    assert not seen.outside


def test_nothing_runs_in_a_figure(run: Path, visit: Callable[..., Visit]) -> None:
    figures = sorted((run / "report" / "figures").glob("*.svg"))
    assert len(figures) > 4
    seen = visit(figures[0].as_uri())
    for figure in figures:
        seen.page.goto(figure.as_uri())
        check(seen)


def test_files_keep_their_lines_and_cells(run: Path) -> None:
    targets = read_dataset(run / "dataset.h5").targets
    assert targets.identifier[0] == HOSTILE
    assert r"\x1b]0;title\x07\x1b[31m\ttab\nline\u202e" in targets.identifier[1]
    table = (run / "export" / "tracks.tsv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 2 * len(NAMES)
    assert {line.count("\t") for line in table} == {table[0].count("\t")}
    assert {row["target"] for row in read_tracks(run / "export/tracks.tsv")} == set(
        targets.identifier
    )
    for name in ("tracks.tsv", "hub.txt", "config.json", "igv_session.xml", "splits.bed"):
        text = (run / "export" / name).read_text(encoding="utf-8")
        assert to_printable(text, keep="\n\t") == text, name
    assert not re.search("[<>]", (run / "export" / "hub.txt").read_text().replace(WORD, ""))
    assert '"jexl:pwned' not in (run / "export" / "config.json").read_text()
    session = ElementTree.parse(run / "export" / "igv_session.xml").getroot()
    assert f"{HOSTILE} observed" in [each.get("name") for each in session.iter("Track")]
