import base64
import gzip
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from chromium import OBSERVED_RGB, PREDICTED_RGB, Visit, count_pixels
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seqcast.core.errors import SeqcastError
from seqcast.core.templates import render
from seqcast.genome.bigwig import Run, write_bigwig
from seqcast.genome.fasta import write_fasta
from seqcast.tracks.browser.budget import MOST_TARGETS, Plan, make_plan
from seqcast.tracks.browser.cutting import (
    Region,
    align_regions,
    cut_features,
    make_reference,
    make_regions,
    read_values,
    to_codes,
)
from seqcast.tracks.browser.embedding import (
    MOST_BYTES,
    EmbeddedBrowser,
    escape_json,
    escape_script,
    make_embedded,
)
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.browser.view import View
from seqcast.tracks.table import COLUMNS, write_tracks

TEMPLATE = Path(__file__).parents[1] / "workflow" / "report" / "embedded.html.j2"
# What the report allows, as its template writes it.
POLICY = re.search(
    r"{% set scripts .*?<meta [^\n]+>", TEMPLATE.with_name("page.html.j2").read_text(), re.DOTALL
)[0]
BIN, OFFSET = 50, 20
SIZES = {"chr1": 40_000, "chr:2": 20_013}
TARGETS = [f"target {place}" for place in range(6)]
LOCI = [
    Locus("best window", "chr1", 5_020, 9_020, "highest r; r 0.90"),
    Locus("worst window", "chr1", 30_020, 34_020, "lowest r; r 0.10"),
    Locus("<mine>", "chr:2", 12_345, 20_013, "a place & more"),
]


def from_codes(codes: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the values (bins,) that codes stand for, as the page does it; NaN where unknown."""
    values = low + codes.astype(float) * ((high - low) / 65_534)
    return np.where(codes == 65_535, np.nan, values)


def write_folder(folder: Path, models: tuple[str, ...] = ("default",)) -> Path:
    """Write tracks whose bins begin at 20; the first thousand bases have no values."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    sequences = [(name, rng.integers(0, 4, size).astype(np.uint8)) for name, size in SIZES.items()]
    write_fasta(folder / "genome.fa", sequences)
    rows = []
    for place, target in enumerate(TARGETS):
        for model in ("", *models):
            file = f"{place}.{model or 'observed'}.bw"
            start = 1000 + OFFSET
            runs = [
                Run(name, start, rng.gamma(2, 5, -(-(size - start) // BIN)).astype(np.float32))
                for name, size in sorted(SIZES.items())
            ]
            write_bigwig(folder / file, SIZES, runs, BIN)
            kind = "predicted" if model else "observed"
            rows.append(dict(zip(COLUMNS, (file, target, model, kind, "reads", ""), strict=True)))
    write_tracks(folder / "tracks.tsv", rows)
    splits = "chr1\t0\t20000\ttrain\t0\t.\t0\t20000\t0,0,0\nchr1\t20000\t40000\ttest\n"
    (folder / "splits.bed").write_text(splits)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("embedded") / "export")


@pytest.fixture(scope="module")
def embedded(folder: Path) -> EmbeddedBrowser:
    return make_embedded(View(folder, LOCI, targets=TARGETS, assembly="tiny genome"), bin_size=BIN)


@pytest.fixture(scope="module")
def page(folder: Path, embedded: EmbeddedBrowser) -> Path:
    """Return a page with the browser below what is seen at first."""
    shutil.copytree(TEMPLATE.parent, folder.parent / "templates")
    template = folder.parent / "templates" / "short.html.j2"
    template.write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Report</title>"
        f"<link rel='icon' href='data:,'>{POLICY}</head>"
        "<body><h1>Report</h1><div style='height: 1500px'></div>{% include 'embedded.html.j2' %}"
        "</body></html>"
    )
    path = folder.parent / "page with a blank.html"
    path.write_text(render(template, {"embedded": embedded}), encoding="utf-8")
    return path


def codes_of(embedded: EmbeddedBrowser, target: int, track: int) -> list[np.ndarray]:
    """Return the values of the regions of a track, (bins,) each, as the page reads them."""
    data = json.loads(embedded.data)
    chosen = data["targets"][target]["tracks"][track]
    codes = np.frombuffer(base64.b64decode(chosen["codes"]), dtype="<u2")
    bins = [-(-(end - start) // step) for _, start, end, step in data["regions"]]
    parts = np.split(codes, np.cumsum(bins)[:-1])
    return [from_codes(part, *ends) for part, ends in zip(parts, chosen["ranges"], strict=True)]


finite = st.floats(-1e6, 1e9, width=32)


@given(arrays(np.float32, st.integers(1, 50), elements=finite | st.just(np.nan) | st.just(np.inf)))
def test_codes_are_close_and_keep_what_is_unknown(values: np.ndarray) -> None:
    codes, low, high = to_codes(values)
    back = from_codes(codes, low, high)
    known = np.isfinite(values)
    assert (np.isfinite(back) == known).all()
    # The last term is the rounding of the test's own arithmetic.
    error = np.abs(back - values.astype(float))[known]
    assert (error <= (high - low) / 131_068 + 1e-9 * max(abs(low), abs(high))).all()


def test_zero_stays_zero() -> None:
    codes, low, high = to_codes(np.array([0.0, 1e-3, 12345.678]))
    assert from_codes(codes, low, high)[0] == 0
    assert from_codes(*to_codes(np.zeros(3))).tolist() == [0, 0, 0]
    # Too small to be parted into heights: in float32, then in any.
    assert from_codes(*to_codes(np.array([1e-45], dtype=np.float32)))[0] == pytest.approx(1e-45)
    assert from_codes(*to_codes(np.array([5e-324])))[0] == 0


def test_places_that_overlap_share_a_region() -> None:
    places = [Locus("b", "chr1", 500, 900), Locus("a", "chr1", 100, 600), Locus("c", "x", 0, 90)]
    assert make_regions(places, 10, 100) == [
        Region("chr1", 100, 900, 10),
        Region("x", 0, 90, 10),
    ]


@given(st.integers(1, 10_000_000), st.integers(1, 2048))
def test_long_places_get_wider_bins(length: int, most: int) -> None:
    (region,) = make_regions([Locus("", "chr1", 7, 7 + length)], 128, most)
    assert region.bins <= most
    assert region.step % 128 == 0
    assert region.step == 128 or -(-length // (region.step - 128)) > most


def test_bins_are_those_of_the_tracks(folder: Path) -> None:
    path = folder / "0.observed.bw"
    asked = [Region("chr1", 2_000, 2_500, BIN), Region("chr1", 0, 500, BIN)]
    aligned = align_regions(path, asked, BIN)
    assert [each.start for each in aligned] == [1_970, 0]
    alone = read_values(path, [Region("chr1", 1_970, 2_020, 1)])[0]
    values = read_values(path, aligned)
    assert values[0][0] == pytest.approx(alone[0])
    assert np.ptp(alone) == 0
    assert np.isnan(values[1]).all()


def test_wider_bins_are_means_and_the_last_ends_with_the_chromosome(folder: Path) -> None:
    path = folder / "0.observed.bw"
    narrow, wide = (
        read_values(path, [Region("chr:2", 18_020, 20_020, step)])[0] for step in (BIN, 4 * BIN)
    )
    assert wide == pytest.approx(narrow.reshape(-1, 4).mean(axis=1), rel=0.2)
    assert wide[:-1] == pytest.approx(narrow.reshape(-1, 4).mean(axis=1)[:-1])
    assert np.isfinite(narrow[-1])
    assert np.isnan(read_values(path, [Region("chrX", 0, 100, BIN)])[0]).all()


def test_the_page_holds_the_values_of_the_tracks(folder: Path, embedded: EmbeddedBrowser) -> None:
    first = codes_of(embedded, target=2, track=1)[0]
    wanted = read_values(folder / "2.default.bw", [Region("chr1", 5_020, 9_020, BIN)])[0]
    assert first == pytest.approx(wanted, abs=np.ptp(wanted) / 60_000)
    last = json.loads(embedded.data)["regions"][-1]
    assert last == ["chr_2", 12_320, 20_013, BIN]


def test_the_genome_is_sparse_but_true(folder: Path) -> None:
    regions = [Region("chr1", 100, 200, BIN), Region("chr:2", 0, 100, BIN)]
    text = unpack(make_reference(folder / "genome.fa", regions, SIZES, bases=True)).splitlines()
    assert text[::2] == [">chr1:101-200 @len=40000", ">chr_2:1-100 @len=20013"]
    whole = "".join((folder / "genome.fa").read_text().split(">")[1].splitlines()[1:])
    assert text[1] == whole[100:200]
    text = unpack(make_reference(folder / "genome.fa", regions, SIZES, bases=False)).splitlines()
    assert text == [">chr1:101-102 @len=40000", "N", ">chr_2:1-2 @len=20013", "N"]


def unpack(address: str) -> str:
    return gzip.decompress(base64.b64decode(address.partition("base64,")[2])).decode()


def test_only_features_that_touch_are_cut_out(tmp_path: Path) -> None:
    regions = [Region("chr1", 100, 200, BIN)]
    bed, gff = tmp_path / "genes.bed", tmp_path / "genes.gff3.gz"
    bed.write_text("track name=x\nchr1\t50\t100\tleft\nchr1\t99\t101\tin\nchr2\t100\t200\tother\n")
    assert unpack(cut_features(bed, regions)).split("\t")[3] == "in"
    lines = [f"chr1\t.\tgene\t{start}\t{start}\t.\t+\t.\tID={start}" for start in (100, 101, 201)]
    gff.write_bytes(gzip.compress("\n".join(["##gff-version 3", *lines]).encode()))
    assert unpack(cut_features(gff, regions, of_bed=False)) == lines[1]
    assert cut_features(bed, [Region("chr3", 0, 9, BIN)]) == ""


def test_scripts_and_data_cannot_end_their_element() -> None:
    code = escape_script('x = "</script><!-- </SCRIPT>"')
    assert not re.search("</script|<!--", code, re.IGNORECASE)
    data = escape_json({"name": "</script><!--\u2028"})
    assert "<" not in data
    assert json.loads(data) == {"name": "</script><!--\u2028"}


def test_targets_and_models_are_ranked(tmp_path: Path) -> None:
    models = ("a", "b", "c", "d", "e")
    folder = write_folder(tmp_path / "export", models)
    ranked = [TARGETS[3], "not there", TARGETS[0]]
    browser = make_embedded(View(folder, LOCI, targets=ranked, models=models[::-1]), bin_size=BIN)
    assert browser.targets == (TARGETS[3], TARGETS[0])
    names = [track["name"] for track in json.loads(browser.data)["targets"][0]["tracks"]]
    assert names == ["target 3 observed", *(f"target 3 predicted by {m}" for m in "edcb")]
    assert "Here are the 4 best of 5 models." in browser.notes
    assert "predicted by e" in browser.loci[0].alt


def test_what_is_missing_is_said_plainly(folder: Path) -> None:
    with pytest.raises(SeqcastError, match="no place to show"):
        make_embedded(View(folder, [replace(LOCI[0], chrom="chr9")], targets=TARGETS), bin_size=BIN)
    with pytest.raises(SeqcastError, match="no track of the run's targets"):
        make_embedded(View(folder, LOCI, targets=["other"]), bin_size=BIN)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "export")
    (folder / "1.default.bw").unlink()
    with pytest.raises(SeqcastError, match=r"1 of 13 files are missing or damaged, 1\.default\.bw"):
        make_embedded(View(folder, LOCI, targets=TARGETS), bin_size=BIN)


def test_a_stand_in_assembly_is_called_one(folder: Path) -> None:
    browser = make_embedded(View(folder, LOCI, targets=TARGETS, is_stand_in=True), bin_size=BIN)
    assert "stand-ins" in render(TEMPLATE, {"embedded": browser})


@pytest.mark.parametrize(("loci", "models"), [(6, 1), (12, 1), (12, 4), (40, 4)])
def test_plans_fit_thousands_of_targets_and_long_windows(loci: int, models: int) -> None:
    places = [Locus("", f"chr{place}", 0, 131_072) for place in range(loci)]
    rows = {str(target): [{}] * (1 + models) for target in range(5313)}
    most = MOST_BYTES - 1_350_000
    plan = make_plan(places, rows, 128, most)
    bins = 131_072 // make_regions(places[:1], 128, plan.bins)[0].step
    shown, files = min(loci, plan.loci), plan.targets * (1 + models)
    assert shown * (files * bins * 8 / 3 + plan.bases * 131_072 * 0.42) < most
    assert plan.targets >= 4
    assert (plan == Plan()) == (loci == 6)


def test_a_page_that_is_too_large_gets_less(folder: Path, embedded: EmbeddedBrowser) -> None:
    most = len(embedded.igv_js)
    less = make_embedded(View(folder, LOCI, targets=TARGETS), bin_size=BIN, most_bytes=most)
    assert embedded.bytes < MOST_BYTES
    assert not embedded.notes
    assert len(less.data) < len(embedded.data)
    assert len(less.targets) == MOST_TARGETS // 3
    said = {"Here are the 4 best of 6 targets.", "The letters of the genome are not in this page."}
    assert said <= set(less.notes)


# In a real browser, as a reader has it.


@pytest.fixture(scope="module")
def served(page: Path) -> Iterator[str]:
    """Return the address of the page over http."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(page.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{page.name.replace(' ', '%20')}"
    server.shutdown()
    thread.join()
    server.server_close()


def wait(seen: Visit, tracks: int) -> None:
    """Scroll to the browser and wait until so many tracks of coverage are drawn."""
    seen.page.locator(".window").scroll_into_view_if_needed()
    seen.page.wait_for_selector(".window[aria-busy=false]")
    names = seen.page.locator(".igv-track-label").all_inner_texts()
    assert sum(" observed" in name or " predicted" in name for name in names) == tracks


@pytest.mark.parametrize("where", ["disk", "http"])
def test_it_opens_anywhere(
    where: str, page: Path, visit: Callable[..., Visit], request: pytest.FixtureRequest
) -> None:
    address = page.as_uri() if where == "disk" else request.getfixturevalue("served")
    seen = visit(address)
    seen.page.wait_for_timeout(200)
    assert seen.page.evaluate("typeof igv") == "undefined", "it starts only when it is seen"
    wait(seen, 8)
    seen.wait_until_seen(lambda picture: count_pixels(picture, OBSERVED_RGB) > 1000, ".window")
    seen.wait_until_seen(lambda picture: count_pixels(picture, PREDICTED_RGB) > 1000, ".window")
    seen.check_quiet()
    assert seen.requests == [address]


def test_buttons_go_to_places_and_say_where_one_is(page: Path, visit: Callable[..., Visit]) -> None:
    seen = visit(page.as_uri())
    wait(seen, 8)
    find = seen.page.locator("input.igv-search-input")
    assert find.input_value() == "chr1:5,021-9,020"
    seen.page.get_by_role("button", name="<mine> a place & more").click()
    seen.page.wait_for_selector(".places button:last-child[aria-pressed=true]")
    assert find.input_value() == "chr_2:12,346-20,013"
    assert seen.page.locator("[aria-pressed=true]").count() == 1
    seen.wait_until_seen(lambda picture: count_pixels(picture, PREDICTED_RGB) > 1000, ".window")
    find.fill("chr1:20,000-21,000")
    find.press("Enter")
    assert "make browse" in seen.page.locator(".said:not(:empty)").inner_text()
    assert seen.page.locator("[aria-pressed=true]").count() == 0
    seen.wait_until_seen(
        lambda picture: count_pixels(picture, OBSERVED_RGB) < 50, ".window .igv-column"
    )
    seen.check_quiet()


def test_letters_are_there(page: Path, visit: Callable[..., Visit], folder: Path) -> None:
    seen = visit(page.as_uri())
    wait(seen, 8)
    script = "embedded.browser.genome.getSequence('chr1', 6000, 6010)"
    letters = seen.page.evaluate(script)
    whole = "".join((folder / "genome.fa").read_text().split(">")[1].splitlines()[1:])
    assert letters == whole[6000:6010]


def test_targets_are_chosen_and_share_a_scale(page: Path, visit: Callable[..., Visit]) -> None:
    seen = visit(page.as_uri())
    wait(seen, 8)
    options = seen.page.locator("select option").all_inner_texts()
    assert options == ["the best 4", "all 6", *TARGETS]
    # Faster than it can follow: the last one counts.
    for choice in ("5", "all", "3"):
        seen.page.select_option("select", choice)
    wait(seen, 2)
    found = "embedded.browser.findTracks((track) => track.type === 'wig')"
    ranges = seen.page.evaluate(f"{found}.map((track) => [track.name, track.dataRange])")
    assert [name for name, _ in ranges] == ["target 3 observed", "target 3 predicted"]
    assert ranges[0][1] == ranges[1][1]
    assert ranges[0][1]["max"] > 1
    seen.check_quiet()


def test_the_view_can_be_saved(page: Path, visit: Callable[..., Visit]) -> None:
    seen = visit(page.as_uri())
    wait(seen, 8)
    seen.page.get_by_text("Save Image").first.click()
    with seen.page.expect_download() as saved:
        seen.page.get_by_text("PNG").last.click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    seen.check_quiet()


def test_paper_gets_pictures(page: Path, visit: Callable[..., Visit]) -> None:
    seen = visit(page.as_uri())
    still = seen.page.locator(".stills img").first
    # There for who hears the page, though not seen.
    assert seen.page.get_by_role("img", name="Observed coverage of target 0").count() == 3
    assert seen.page.locator(".stills").bounding_box()["width"] <= 1
    seen.page.emulate_media(media="print")
    assert still.bounding_box()["width"] > 500
    assert not seen.page.locator(".interactive").is_visible()
    seen.page.emulate_media(media="screen")
    seen.page.get_by_role("button", name="Show the pictures").click()
    assert still.bounding_box()["width"] > 500
    assert count_pixels(seen.screenshot(".stills img"), PREDICTED_RGB) > 100


def test_without_scripts_there_are_pictures(page: Path, visit: Callable[..., Visit]) -> None:
    seen = visit(page.as_uri(), java_script_enabled=False)
    assert seen.page.locator(".stills img").first.bounding_box()["width"] > 500
    assert seen.page.get_by_text("needs JavaScript").is_visible()
    assert not seen.page.locator(".interactive").is_visible()


def test_where_it_cannot_start_there_are_pictures(
    tmp_path: Path, page: Path, visit: Callable[..., Visit]
) -> None:
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    # What is not the igv.js that the page was written with is not run.
    broken.write_text(text.replace("window.igv=function()", "window.no=function()"), "utf-8")
    seen = visit(broken.as_uri())
    seen.page.locator(".window").scroll_into_view_if_needed()
    assert "could not start" in seen.page.locator(".said.warn").inner_text()
    assert seen.page.locator(".stills img").first.bounding_box()["width"] > 500
    assert seen.errors == []
