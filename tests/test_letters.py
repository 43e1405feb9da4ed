"""Letters in our pages, looked at in a real browser: the right ones, in place, colour and size."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chromium import Visit, count_pixels
from explained_run import MOTIF, read_codes, write_explained
from fake_run import write_fake_dataset, write_fake_model
from PIL import Image, ImageColor, ImageDraw

from seqcast.genome.codes import decode
from seqcast.report.contents import Contents
from seqcast.report.page import write_report
from seqcast.tracks.browser.embedding import make_embedded
from seqcast.tracks.browser.explained import find_peaks, read_explained
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.options import COLOURS as KINDS
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers
from seqcast.tracks.exporting import export_tracks
from seqcast.tracks.letters import COLOURS, LETTERS, Outline
from seqcast.tracks.table import CONTRIBUTIONS

TEMPLATES = Path(__file__).parents[1] / "workflow" / "report"
NAMES = ["CTCF", "<b>REST</b>"]
SUMMITS = {NAMES[0]: [("chr3", 8_000), ("chr3", 30_000)], NAMES[1]: [("chr3", 20_000)]}
WINDOW = Locus("best window", "chr3", 0, 16_384, "highest r")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a run's tracks and its two pages, with peaks that were explained."""
    folder = tmp_path_factory.mktemp("letters")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", NAMES)
    fake, export = write_fake_model(folder / "default", dataset, rate), folder / "export"
    export_tracks(folder / "dataset.h5", {"default": fake.predictions}, export / "tracks.tsv")
    explained = read_explained(write_explained(folder / "explain", dataset, SUMMITS))
    loci = [WINDOW, *find_peaks(explained, ["default"], NAMES, ["chr3"], 4)]
    shown = {"title": "my run", "assembly": "simulated", "explained": explained}
    write_browsers(View(export, loci=loci, **shown), TEMPLATES / "browser.html.j2")
    bin_size = dataset.bin_size
    write_report(
        folder / "report",
        TEMPLATES / "page.html.j2",
        Contents(
            dataset,
            {"default": fake},
            tracks=export,
            browser=make_embedded(
                View(export, loci, targets=NAMES, explained=explained), bin_size=bin_size
            ),
            explained=explained,
        ),
    )
    bases = decode(read_codes(dataset, "chr3", 8_000, len(MOTIF)))
    (folder / "motif").write_text(bases)
    return folder


@pytest.fixture
def address(run: Path, serve: Callable[[Path], str]) -> str:
    return serve(run / "export")


def go_to_motif(seen: Visit, igv: str) -> None:
    """Go as near as igv.js goes, where letters are large; `igv` is the browser of a page."""
    seen.page.evaluate(f"() => {{ window.shown = {igv}; shown.search('chr3:7,986-8,025'); }}")
    seen.wait_until(
        """() => { window.letters = shown.findTracks((track) =>
             track.config?.kind === "contributions")[0];
             const here = Math.round(shown.referenceFrameList[0].end) === 8_025;
             return here && letters.trackView.viewports[0].featureCache?.features?.[0]?.base; }"""
    )


def read_cells(seen: Visit, first: int, count: int) -> list[np.ndarray]:
    """Return what is seen of bases of the track of letters, (y, x, rgb) each."""
    box = seen.page.evaluate(
        """() => { const port = letters.trackView.viewports[0].$viewport[0];
             port.scrollIntoView({ block: "center" });
             const { x, y, height } = port.getBoundingClientRect();
             const frame = shown.referenceFrameList[0];
             return [x, y, height, frame.start, frame.bpPerPixel]; }"""
    )
    x, y, height, start, step = box
    picture = seen.screenshot()
    edges = [round(x + (first + place - start) / step) for place in range(count + 1)]
    rows = slice(round(y), round(y + height))
    return [picture[rows, left:right] for left, right in pairwise(edges)]


def draw(outlines: list[Outline], value: float, ends: list[float], cell: np.ndarray) -> np.ndarray:
    """Draw a letter as it should be in a cell of so much room, (y, x), true where it is."""
    (low, high), (height, width) = ends, cell.shape[:2]
    image = Image.new("L", (8 * width, 8 * height))
    for place, outline in enumerate(outlines):
        y_of = [(height - 1) * (high - up * value) / (high - low) for _, up in outline]
        points = [(0.96 * width * x, y) for (x, _), y in zip(outline, y_of, strict=True)]
        points = [(8 * x, 8 * y) for x, y in points]
        ImageDraw.Draw(image).polygon(points, fill=0 if place else 255)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX)) > 127


def find_likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share that two shapes have in common of all that is in either."""
    return float((one & other).sum() / (one | other).sum())


def find_unlike(seen: Visit, bases: str) -> list[str]:
    """Look at each letter of the motif, its shape and its colour; return those that are not so."""
    ends = seen.page.evaluate("[letters.dataRange.min, letters.dataRange.max]")
    values = seen.page.evaluate(
        """(first) => letters.trackView.viewports[0].featureCache.features
             .filter((each) => each.start >= first && each.start < first + 10)
             .map((each) => [each.base, each.value])""",
        8_000,
    )
    assert "".join(base for base, _ in values) == bases
    unlike = []
    for (base, value), cell in zip(values, read_cells(seen, 8_000, len(MOTIF)), strict=True):
        colour = np.array(ImageColor.getrgb(COLOURS[base]))
        # Nearer to the letter's colour than to white.
        found = np.abs(cell.astype(int) - colour).max(axis=-1) < (255 - colour).max() / 2
        turned = [[(across, 1 - up) for across, up in outline] for outline in LETTERS[base]]
        likeness = find_likeness(found, draw(LETTERS[base], value, ends, cell))
        other = find_likeness(found, draw(turned, value, ends, cell))
        # A C is the same both ways.
        if likeness < 0.65 or (base != "C" and likeness < other + 0.1):
            unlike.append(f"{base} {value:.2f}: {likeness:.2f}, upside down {other:.2f}")
    return unlike


def check_motif(seen: Visit, bases: str) -> None:
    """Wait until the letters of the motif are as they should be."""
    assert set(bases) == set("ACGT")
    seen.wait_until_seen(lambda _: not find_unlike(seen, bases), "body")


def test_letters_are_seen_where_one_zooms_in(
    run: Path, address: str, visit: Callable[..., Visit]
) -> None:
    seen = visit(address)
    seen.page.wait_for_selector("body[data-ready]")
    # From afar bars: violet, and no letter's green.
    bar = ImageColor.getrgb(KINDS[CONTRIBUTIONS])
    seen.wait_until_seen(lambda picture: count_pixels(picture, bar) > 20, "#browser")
    buttons = seen.page.locator("[data-locus]")
    assert buttons.count() == 3
    buttons.nth(1).click()
    go_to_motif(seen, "document.getElementById('browser').igv")
    check_motif(seen, (run / "motif").read_text())
    assert count_pixels(seen.screenshot("#browser"), bar) < 20
    # A name is a name.
    labels = seen.page.locator(".igv-track-label").all_inner_texts()
    assert f"{NAMES[1]} bases that matter, log of coverage" in labels
    assert f"{NAMES[1]}, base by base".lower() in buttons.nth(2).inner_text().lower()
    seen.check_quiet()


def test_letters_are_seen_in_the_report(run: Path, visit: Callable[..., Visit]) -> None:
    page = (run / "report" / "index.html").as_uri()
    seen = visit(page)
    seen.page.locator(".window").scroll_into_view_if_needed()
    seen.page.wait_for_selector(".window[aria-busy=false]")
    seen.page.locator(".places button").nth(1).click()
    seen.page.wait_for_selector(".places button:nth-child(2)[aria-pressed=true]")
    go_to_motif(seen, "document.getElementById('embedded').browser")
    check_motif(seen, (run / "motif").read_text())
    seen.check_quiet()
    assert seen.requests == [page]
