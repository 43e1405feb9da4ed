"""A real browser for tests: what a page asks for, what it logs and what is seen of it.

`visit` is a fixture (conftest.py knows it): `seen = visit(address)` opens a page in a fresh profile
and returns what happens there. Tests that use it skip, saying so, where no Chromium is installed.
"""

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageColor

from seqcast.tracks import style
from seqcast.tracks.browser.serving import make_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OBSERVED_RGB, PREDICTED_RGB = map(ImageColor.getrgb, (style.OBSERVED, style.PREDICTED))
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
# The last one makes sure that what must not leave the machine does not, and is seen to fail.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
# Only what hangs takes so long, however busy the machine.
SECONDS = 300
# Says of a browser of igv.js whether what it has read is drawn.
IS_DRAWN = """(browser) => browser.trackViews.every((view) => view.viewports.every(
  (port) => !port.isVisible() || !view.track.url || port.canvas))"""
LOCAL = ("http://127.0.0.1:", "file:", "data:", "blob:", "about:")


def rgb(colour: tuple[int, ...]) -> str:
    """Write a colour as IGV and UCSC take it."""
    return ",".join(map(str, colour))


@dataclass
class Visit:
    """A page and what it did since it was opened.

    `requests` are addresses, `messages` what it logged as a warning or an error, `errors` its
    uncaught exceptions, `failed` addresses that gave no file.
    """

    page: "Page"
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """Return the addresses asked for that are not on this machine."""
        return [each for each in self.requests if not each.startswith(LOCAL)]

    def check_quiet(self) -> None:
        """Fail where a request left the machine or failed, or anything was complained of."""
        said = [*self.failed, *self.errors, *self.messages]
        assert not self.outside, f"asked for outside: {self.outside}"
        assert not said, f"complained of: {said}"

    def screenshot(self, selector: str = "", **options: Any) -> np.ndarray:
        """Return what is seen of the page, or of its first match of a selector, (y, x, rgb)."""
        seen = self.page.locator(selector).first if selector else self.page
        return np.asarray(Image.open(io.BytesIO(seen.screenshot(**options))).convert("RGB"))

    def wait_until(self, expression: str, arg: Any = None) -> None:
        """Ask the page until it is so.

        Playwright's own `wait_for_function` asks by `eval`, which the pages' policy forbids.
        """
        end = time.monotonic() + SECONDS
        while not self.page.evaluate(expression, arg):
            assert time.monotonic() < end, f"never so: {expression}"
            self.page.wait_for_timeout(50)

    def wait_until_seen(self, is_so: Callable[[np.ndarray], bool], selector: str) -> None:
        """Look at a selector's first match until it is so: what is drawn is seen frames later."""
        end = time.monotonic() + SECONDS
        while not is_so(self.screenshot(selector)):
            assert time.monotonic() < end, f"{selector} does not come to look as it should"
            self.page.wait_for_timeout(50)


def count_pixels(picture: np.ndarray, colour: tuple[int, int, int], tolerance: int = 24) -> int:
    """Count the pixels of a picture, (y, x, rgb), that are nearly of a colour."""
    distance = np.abs(picture.astype(int) - np.array(colour)).max(axis=-1)
    return int((distance <= tolerance).sum())


# Not for the whole session: its event loop would be in the way of tests that run one of their own.
@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """Return a headless Chromium, or skip."""
    if PROGRAM is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=PROGRAM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: "Browser") -> Iterator[Callable[..., Visit]]:
    """Return what opens an address: `visit(address, width=1400, height=900, **context)`."""
    contexts = []

    def open_page(address: str, width: int = 1400, height: int = 900, **options: Any) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(1000 * SECONDS)
        contexts.append(context)
        seen = Visit(context.new_page())
        context.on("request", lambda request: seen.requests.append(request.url))
        context.on("requestfailed", lambda request: seen.failed.append(request.url))
        context.on("response", lambda answer: _note_failure(seen, answer))
        seen.page.on("console", lambda message: _note_message(seen, message))
        seen.page.on("pageerror", lambda error: seen.errors.append(error.stack or str(error)))
        seen.page.goto(address)
        return seen

    yield open_page
    for context in contexts:
        context.close()


def _note_failure(seen: Visit, answer: Any) -> None:
    if answer.status >= 400:
        seen.failed.append(f"{answer.status} {answer.url}")


def _note_message(seen: Visit, message: Any) -> None:
    if message.type in ("warning", "error"):
        seen.messages.append(f"{message.type}: {message.text}")


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Return what serves a folder and returns its address."""
    servers = []

    def start(folder: Path) -> str:
        servers.append(make_server(folder, 0))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
