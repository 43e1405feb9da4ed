"""The page beside the tracks, in a real browser."""

import gzip
import http.server
import json
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import IS_DRAWN, OBSERVED_RGB, PREDICTED_RGB, Visit, count_pixels
from fake_run import write_fake_dataset, write_fake_model

from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.genome.fasta import write_fasta
from seqcast.settings.steps import ExportSettings
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.page import write_browser
from seqcast.tracks.browser.view import View
from seqcast.tracks.browser.writing import write_browsers
from seqcast.tracks.exporting import export_tracks
from seqcast.tracks.table import read_tracks, write_tracks

TEMPLATE = Path(__file__).parents[1] / "workflow" / "report" / "browser.html.j2"
ODD = "<b>a</b> & ü+"
LOCI = [
    Locus("best window", "chr3", 0, 16_384, "highest r; r 0.91"),
    Locus("my gene", "chr3", 30_000, 40_000, "a place of your own"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tracks of two targets and two models, one of them with spread."""
    folder = tmp_path_factory.mktemp("browser")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", [ODD, "b"])
    models = {
        name: write_fake_model(folder / name, dataset, rate, name=name, replicates=replicates)
        for name, replicates in (("default", 2), ("course", 1))
    }
    export_tracks(
        folder / "dataset.h5",
        {name: model.predictions for name, model in models.items()},
        folder / "export" / "tracks.tsv",
        ExportSettings(residual=True),
    )
    genes = "chr3\t31000\t32000\tABC1\nchr3\t35000\t36000\tXYZ2\n"
    (folder / "genes.bed.gz").write_bytes(gzip.compress(genes.encode()))
    write_page(folder / "export", annotation=[folder / "genes.bed.gz"], is_simulated=True)
    return folder / "export"


def write_page(folder: Path, **options: Any) -> None:
    settings = {"title": "my run", "loci": LOCI, "assembly": "simulated"} | options
    write_browser(View(folder, **settings), TEMPLATE)


def settle(seen: Visit) -> Visit:
    """Wait until the page is there and igv.js has drawn all that it shows."""
    seen.page.wait_for_selector("body[data-ready]")
    seen.page.evaluate(
        """() => { window.shown = document.getElementById("browser").igv;
             window.ours = () => shown.findTracks((track) => track.config?.kind); }"""
    )
    seen.wait_until(f"({IS_DRAWN})(shown)")
    seen.page.wait_for_load_state("networkidle")
    return seen


def find_tracks(seen: Visit) -> list[dict[str, Any]]:
    """Return kind, target and scale of the tracks of targets, from top to bottom."""
    return seen.page.evaluate(
        """() => shown.trackViews.map((view) => view.track)
             .filter((track) => track.config && track.config.kind)
             .map((track) => ({kind: track.config.kind, target: track.config.target,
               model: track.config.model, range: track.dataRange, scale: track.config.scale}))"""
    )


PLACE = """(() => { const frame = shown.referenceFrameList[0];
  return `${frame.chr}:${Math.round(frame.start) + 1}-${Math.round(frame.end)}`; })()"""


def where(seen: Visit) -> str:
    return seen.page.evaluate(PLACE)


def wait_for(seen: Visit, locus: str) -> None:
    seen.wait_until(f"(place) => {PLACE} === place", arg=locus)


def test_tracks_are_seen_and_nothing_else_is_asked_for(
    folder: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    seen = settle(visit(serve(folder)))
    seen.check_quiet()
    assert where(seen) == "chr3:1-16384"
    kinds = [(track["target"], track["kind"], track["model"]) for track in find_tracks(seen)]
    shown = [("observed", ""), ("predicted", "default"), ("predicted", "course")]
    assert kinds == [(target, *each) for target in (ODD, "b") for each in shown]
    picture = seen.screenshot("#browser")
    assert count_pixels(picture, OBSERVED_RGB) > 2_000
    assert count_pixels(picture, PREDICTED_RGB) > 2_000
    # A name is a name, whatever igv.js takes it for.
    labels = seen.page.locator(".igv-track-label").all_inner_texts()
    assert f"{ODD} predicted by course, reads" in labels
    # Units, legend and warning are words.
    text = seen.page.locator("body").inner_text()
    for word in ("observed", "predicted", "Simulated data.", "residual", "spread"):
        assert word in text
    assert "Stand-in" not in text


def test_a_click_on_a_place_goes_there(
    folder: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    seen = settle(visit(serve(folder)))
    first, second = seen.page.locator("[data-locus]").all()
    assert first.get_attribute("aria-current") == "true"
    assert second.inner_text().lower().split("\n") == [
        "my gene",
        "chr3:30,001-40,000",
        "a place of your own",
    ]
    second.click()
    wait_for(seen, "chr3:30001-40000")
    assert second.get_attribute("aria-current") == "true"
    assert first.get_attribute("aria-current") is None
    first.click()
    wait_for(seen, "chr3:1-16384")
    settle(seen).check_quiet()


def test_a_gene_is_found_by_its_name(
    folder: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    seen = settle(visit(serve(folder)))
    field = seen.page.locator(".igv-search-input")
    field.fill("xyz2")
    field.press("Enter")
    # Until a moment ago it ended before the gene.
    seen.wait_until("() => shown.referenceFrameList[0].end > 36_000")
    start, end = map(int, re.findall(r"\d+", where(seen).partition(":")[2]))
    assert 34_000 < start <= 35_001 <= 36_000 <= end < 38_000
    seen.check_quiet()


def test_a_target_has_one_scale(
    folder: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    seen = settle(visit(serve(folder)))
    tracks = find_tracks(seen)
    for target in (ODD, "b"):
        ranges = {json.dumps(each["range"]) for each in tracks if each["target"] == target}
        assert len(ranges) == 1
    assert tracks[0]["range"] != tracks[-1]["range"]
    seen.page.get_by_label("same everywhere").check()
    seen.wait_until(
        """() => { const track = ours()[0];
             return track.dataRange.max === track.config.scale[1]; }"""
    )
    held = find_tracks(seen)
    assert [[*each["range"].values()] for each in held] == [each["scale"] for each in held]
    seen.page.locator("[data-locus]").nth(1).click()
    wait_for(seen, "chr3:30001-40000")
    assert [each["range"] for each in find_tracks(settle(seen))] == [each["range"] for each in held]
    seen.page.get_by_label("fits the view").check()
    seen.wait_until(
        """(before) => ours()[0]
             .dataRange.max !== before""",
        arg=held[0]["range"]["max"],
    )
    seen.check_quiet()


def test_series_and_targets_are_switched(
    folder: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    seen = settle(visit(serve(folder)))
    seen.page.get_by_label("spread of default").check()
    seen.wait_until("() => ours().filter((track) => track.config.kind === 'spread').length === 2")
    # In its place, not below all others.
    assert [each["kind"] for each in find_tracks(settle(seen))] == [
        *("observed", "predicted", "predicted", "spread"),
        *("observed", "predicted", "predicted", "spread"),
    ]
    seen.page.locator("#targets summary").click()
    seen.page.get_by_role("button", name="None").click()
    seen.wait_until("() => ours().length === 0")
    assert seen.page.locator("#empty").is_visible()
    assert seen.page.locator("#count").inner_text() == "(0 of 2 on)"
    seen.page.get_by_label("b", exact=True).check()
    seen.wait_until("() => ours().length === 4")
    assert {each["target"] for each in find_tracks(settle(seen))} == {"b"}
    seen.check_quiet()


def test_from_disk_it_says_what_to_do(folder: Path, visit: Callable[..., Visit]) -> None:
    seen = visit((folder / "index.html").as_uri())
    assert "does not let a page that is opened from disk" in seen.page.inner_text("#from-disk")
    assert f"seqcast.tracks.browser.serving {folder}" in seen.page.inner_text("#from-disk pre")
    assert not seen.page.locator("#app").is_visible()
    assert seen.requests == [(folder / "index.html").as_uri()]
    seen.check_quiet()


def test_a_server_without_ranges_is_told(folder: Path, visit: Callable[..., Visit]) -> None:
    class Plain(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Plain, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen = visit(f"http://127.0.0.1:{server.server_port}/")
        seen.page.wait_for_selector("#message", state="visible")
        assert "use `make browse`" in seen.page.inner_text("#message")
        seen.check_quiet()
        server.shutdown()


def write_many(folder: Path, sizes: dict[str, int], targets: int) -> None:
    """Write tracks of noise over all contigs; all targets share a file."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    write_fasta(
        folder / "genome.fa", [(name, rng.integers(0, 4, size)) for name, size in sizes.items()]
    )
    for kind in ("observed", "predicted"):
        runs = [
            Run(name, 0, rng.gamma(1, 3, sizes[name] // 128).astype(np.float32))
            for name in sorted(sizes, key=str.encode)
        ]
        write_bigwig(folder / f"{kind}.bw", sizes, runs, 128)
    row = {"units": "reads", "sha256": "0" * 64}
    rows = [
        row | {"file": f"{kind}.bw", "target": f"t{place}", "model": model, "kind": kind}
        for place in range(targets)
        for kind, model in (("observed", ""), ("predicted", "default"))
    ]
    for each in rows:
        name = f"{each['target']}.{each['kind']}.bw"
        (folder / name).symlink_to(each["file"])
        each["file"] = name
    write_tracks(folder / "tracks.tsv", rows)


def test_of_many_targets_the_best_are_on(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    write_many(tmp_path / "many", {"chr1": 65_536}, 60)
    scores = {f"t{place}": place / 60 for place in range(59)} | {"t59": float("nan")}
    write_page(tmp_path / "many", loci=[], scores=scores)
    seen = settle(visit(serve(tmp_path / "many"), height=1600))
    assert [each["target"] for each in find_tracks(seen)][::2] == [
        f"t{place}" for place in range(58, 46, -1)
    ]
    assert seen.page.inner_text("#count") == "(12 of 60 on)"
    seen.page.locator("#targets summary").click()
    seen.page.locator("#find").fill("T3")
    names = seen.page.locator("#list li").all_inner_texts()
    assert [name.split()[0] for name in names] == [*(f"t{n}" for n in range(39, 29, -1)), "t3"]
    assert names[0].split() == ["t39", "r", "0.65"]
    seen.page.get_by_label("t3 r 0.05", exact=True).check()
    seen.wait_until("() => ours().length === 26")
    assert find_tracks(settle(seen))[-1]["target"] == "t3"
    seen.page.locator("#find").fill("nothing of this kind")
    assert seen.page.inner_text("#more") == "No target has that in its name."
    seen.page.get_by_role("button", name="The best 12").click()
    seen.wait_until("() => ours().length === 24")
    seen.check_quiet()


def test_a_stand_in_of_many_contigs_is_shown_and_told(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    sizes = {f"window_{place}": 2_048 for place in range(2_000)} | {"HLA-A*01:01": 2_048}
    write_many(tmp_path / "many", sizes, 2)
    loci = [
        Locus("best", "window_1999", 0, 2_048),
        Locus("odd", "HLA-A*01:01", 100, 1_500),
        Locus("bases", "window_7", 100, 200),
    ]
    write_page(tmp_path / "many", loci=loci, is_stand_in=True, assembly="stand-in")
    seen = settle(visit(serve(tmp_path / "many"), 800, 600))
    assert "Stand-in assembly." in seen.page.inner_text("header")
    assert where(seen) == "window_1999:1-2048"
    assert count_pixels(seen.screenshot("#browser"), OBSERVED_RGB) > 2_000
    assert not seen.page.locator(".igv-chromosome-select-widget-container").is_visible()
    for place, locus in enumerate(loci):
        seen.page.locator("[data-locus]").nth(place).click()
        wait_for(seen, locus.place.replace(",", ""))
        settle(seen)
        assert seen.page.locator("[aria-current]").inner_text().lower().startswith(locus.name)
    # Letters are shown where they can be read.
    bases = "() => shown.findTracks('type', 'sequence').length === "
    seen.wait_until(bases + "1")
    seen.check_quiet()


def test_a_long_list_of_contigs_is_read(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    # Of 40,000 contigs the list in a bigWig is as long as of 2,000 with such names: igv.js as it
    # comes gives up at 800 kB.
    sizes = {f"c{place:0400}": 2_048 for place in range(2_000)}
    write_many(tmp_path / "many", sizes, 1)
    write_page(tmp_path / "many", loci=[Locus("last", max(sizes), 0, 2_048)])
    seen = settle(visit(serve(tmp_path / "many")))
    assert count_pixels(seen.screenshot("#browser"), OBSERVED_RGB) > 2_000
    seen.check_quiet()


def test_chromosomes_can_be_seen_side_by_side(
    tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    write_many(tmp_path / "few", {f"chr{n}": 200_000 for n in (1, 2, 3)}, 1)
    write_page(tmp_path / "few", loci=[])
    seen = settle(visit(serve(tmp_path / "few")))
    assert where(seen) == "chr1:1-200000"
    seen.page.locator(".igv-chromosome-select-widget-container select").select_option("all")
    seen.wait_until("() => shown.referenceFrameList[0].chr === 'all'")
    assert count_pixels(settle(seen).screenshot("#browser"), PREDICTED_RGB) > 2_000
    assert seen.page.locator("[aria-current]").count() == 0
    seen.check_quiet()


def test_the_page_links_to_what_lies_beside_it(
    folder: Path, tmp_path: Path, visit: Callable[..., Visit], serve: Callable[[Path], str]
) -> None:
    assert "config.json" not in (folder / "index.html").read_text()
    copy = tmp_path / "export"
    copy.mkdir()
    for path in folder.glob("*.*"):
        if path.is_file():
            (copy / path.name).symlink_to(path)
    (copy / "index.html").unlink()
    (copy / "igv.min.js").unlink()
    write_browsers(View(copy, title="my run", loci=LOCI, assembly="simulated"), TEMPLATE)
    seen = settle(visit(serve(copy)))
    links = [each.get_attribute("href") for each in seen.page.locator("footer a").all()]
    assert {"igv_session.xml", "hub.txt", "config.json", "tracks.tsv"} <= set(links)
    assert all((copy / link).is_file() for link in links)
    assert read_tracks(copy / "tracks.tsv") == read_tracks(folder / "tracks.tsv")
    seen.check_quiet()
