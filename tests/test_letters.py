"""Letters in the genome browser, looked at in a real one: the right ones, in place and colour."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium import IS_DRAWN, Visit, count_pixels
from explained_run import write_explained
from fake_run import write_fake_dataset, write_fake_model

from seqcast.browser.explained import Explained, find_peaks, read_explained
from seqcast.browser.loci import Locus
from seqcast.browser.serving import make_server
from seqcast.browser.writing import write_browsers
from seqcast.exporting import export_tracks

TEMPLATE = Path(__file__).parents[1] / "workflow" / "report" / "browser.html.j2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("letters")
    dataset, rate = write_fake_dataset(folder / "dataset.h5", ["CTCF", "REST"])
    fake = write_fake_model(folder / "default", dataset, rate)
    export_tracks(
        folder / "dataset.h5", {"default": fake.predictions}, folder / "export/tracks.tsv"
    )
    summits = {"CTCF": [("chr3", 8_000), ("chr3", 30_000)], "REST": [("chr3", 20_000)]}
    explained = read_explained(write_explained(folder / "explain", dataset, summits))
    peaks = find_peaks(explained, ["default"], ["CTCF", "REST"], 6)
    write_browsers(
        folder / "export",
        TEMPLATE,
        title="my run",
        loci=[Locus("best window", "chr3", 0, 16_384, "highest r"), *peaks],
        assembly="simulated",
        explained=explained,
    )
    return folder / "export"


def test_x(folder, visit):
    with make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        seen = visit(f"http://127.0.0.1:{server.server_port}/")
        seen.page.wait_for_selector("body[data-ready]")
        seen.page.wait_for_load_state("networkidle")
        seen.page.screenshot(path="/tmp/far.png")
        seen.page.locator("[data-locus]").nth(1).click()
        seen.page.wait_for_timeout(2500)
        seen.page.screenshot(path="/tmp/near.png")
        seen.check_quiet()
        server.shutdown()
