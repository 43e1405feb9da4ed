"""Downloads against a local server that misbehaves in every way a server does."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from seqcast.core.downloads import download
from seqcast.core.errors import SeqcastError

BODY = np.random.default_rng(5).bytes(700_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
DATE = "Sat, 29 Oct 1994 19:43:31 GMT"

Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler, cut: int | None = None, date: str = DATE) -> None:
    """Send the file from where it is asked for, ending after `cut` bytes."""
    start = 0
    asked = handler.headers.get("Range")
    if asked and handler.headers.get("If-Range") == date:
        start = int(asked.removeprefix("bytes=").rstrip("-"))
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(BODY) - start))
    handler.send_header("Last-Modified", date)
    handler.end_headers()
    handler.wfile.write(BODY[start:][:cut])


def cut(handler: BaseHTTPRequestHandler) -> None:
    whole(handler, cut=300_000)


def cut_another_day(handler: BaseHTTPRequestHandler) -> None:
    whole(handler, cut=300_000, date="Sun, 30 Oct 1994 19:43:31 GMT")


def no_ranges(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(BODY)


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def odd_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "abc")
    handler.send_header("Last-Modified", "yesterday")
    handler.end_headers()
    handler.wfile.write(BODY)


def part_unasked(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(206)
    handler.send_header("Content-Length", "10")
    handler.send_header("Content-Range", "bytes 0-9/1000")
    handler.end_headers()
    handler.wfile.write(BODY[:10])


def page(handler: BaseHTTPRequestHandler) -> None:
    body = b"<!DOCTYPE html><p>Sign in</p>"
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def moved(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere.h5")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


class Server:
    """Answers requests in the order of `answers`, the last one for ever; notes what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.headers.get("Range"))
                answers = server.answers
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/seq.h5"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def get(server: Server, path: Path, **options: object) -> str:
    return download(server.url, path, attempts=3, wait=0.0, timeout=300.0, **options)


def test_whole_file_arrives(server: Server, tmp_path: Path) -> None:
    server.answers = [moved, whole]
    path = tmp_path / "new" / "seq.h5"
    assert get(server, path, sha256=SHA256, size=len(BODY)) == SHA256
    assert path.read_bytes() == BODY
    assert names(path.parent) == ["seq.h5"]


def test_right_file_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "seq.h5").write_bytes(BODY)
    assert get(server, tmp_path / "seq.h5", sha256=SHA256) == SHA256
    assert server.asked == []


def test_cut_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.answers = [cut, whole]
    assert get(server, tmp_path / "seq.h5") == SHA256
    first, second = server.asked
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").rstrip("-")) <= 300_000


def test_later_run_resumes_where_an_earlier_one_ended(server: Server, tmp_path: Path) -> None:
    server.answers = [cut, status(503)]
    with pytest.raises(SeqcastError, match="run again, it goes on where it stopped"):
        get(server, tmp_path / "seq.h5")
    assert names(tmp_path) == ["seq.h5.partial"]
    server.answers = [whole]
    assert get(server, tmp_path / "seq.h5") == SHA256
    assert server.asked[-1] is not None


def test_changed_file_is_not_glued_to_the_old_one(server: Server, tmp_path: Path) -> None:
    server.answers = [cut_another_day, whole]
    assert get(server, tmp_path / "seq.h5") == SHA256


@pytest.mark.parametrize("leftover", [b"", b"x" * 10, b"x" * 2_000_000])
def test_stale_partial_file_does_no_harm(server: Server, tmp_path: Path, leftover: bytes) -> None:
    (tmp_path / "seq.h5.partial").write_bytes(leftover)
    server.answers = [no_ranges]
    assert get(server, tmp_path / "seq.h5") == SHA256


def test_range_past_the_end_starts_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "seq.h5.partial").write_bytes(b"x")
    server.answers = [status(416), whole]
    assert get(server, tmp_path / "seq.h5") == SHA256


def test_headers_that_are_no_numbers_and_no_dates_are_passed_over(
    server: Server, tmp_path: Path
) -> None:
    server.answers = [odd_headers]
    assert get(server, tmp_path / "seq.h5") == SHA256


def test_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.answers = [status(503), status(429), whole]
    assert get(server, tmp_path / "seq.h5") == SHA256


@pytest.mark.parametrize(
    ("answers", "options", "asked", "message"),
    [
        ([status(503)], {}, 3, "after 3 attempts: the server answers 503 Service Unavailable"),
        ([status(404)], {}, 1, "the server answers 404 Not Found; see dataset.file"),
        ([cut, cut, status(500)], {}, 3, "after 3 attempts: the server answers 500"),
        ([whole], {"size": 7}, 1, "has 700,000 bytes, dataset.bytes says 7"),
        ([no_ranges], {"size": 7}, 1, "has 700,000 bytes, dataset.bytes says 7"),
        ([whole], {"sha256": "0" * 64}, 1, f"its sha256 is {SHA256}, dataset.sha256 says 000"),
        ([page], {"sha256": SHA256}, 1, "it is a web page"),
        (
            [part_unasked],
            {},
            1,
            "sends another part of the file than was asked for (bytes 0-9/1000)",
        ),
        ([status(404)], {"named_by": "t.tsv: a"}, 1, "404 Not Found; see t.tsv: a"),
        ([page], {"sha256": SHA256, "named_by": "t.tsv: a"}, 1, "t.tsv: a: sha256 says"),
        ([status(500)], {"named_by": "dataset.mask"}, 3, "give its path in dataset.mask"),
    ],
)
def test_failure_is_one_line_and_leaves_no_file(
    server: Server,
    tmp_path: Path,
    answers: list[Answer],
    options: dict[str, object],
    asked: int,
    message: str,
) -> None:
    server.answers = answers
    with pytest.raises(SeqcastError) as caught:
        get(server, tmp_path / "seq.h5", **options)
    assert message in str(caught.value)
    assert str(caught.value).startswith(server.url)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == asked
    assert not (tmp_path / "seq.h5").exists()


def test_connection_that_is_always_cut_says_so(server: Server, tmp_path: Path) -> None:
    server.answers = [lambda handler: whole(handler, cut=0)]
    with pytest.raises(SeqcastError, match="the connection was cut after 0 bytes"):
        get(server, tmp_path / "seq.h5")
    assert names(tmp_path) == []


def test_wrong_file_does_not_replace_a_good_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "seq.h5").write_bytes(b"good")
    server.answers = [page]
    with pytest.raises(SeqcastError, match="has 29 bytes"):
        get(server, tmp_path / "seq.h5", size=len(BODY))
    assert (tmp_path / "seq.h5").read_bytes() == b"good"
    assert names(tmp_path) == ["seq.h5"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/seq.h5", "the server cannot be reached"),
        ("http://[/seq.h5", "see dataset.file"),
    ],
)
def test_unreachable_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(SeqcastError, match=message):
        download(url, tmp_path / "seq.h5", attempts=2, wait=0.0)
    assert names(tmp_path) == []


def test_full_disk_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    server.answers = [whole]
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from seqcast.core.downloads import download\n"
        "from seqcast.core.errors import SeqcastError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try: download(sys.argv[1], Path(sys.argv[2]), wait=0.0)\n"
        "except SeqcastError as error: print(error)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, server.url, str(tmp_path / "seq.h5")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the disk or a quota is full after 200,000 bytes" in found.stdout
    assert len(found.stdout.splitlines()) == 1
    assert len(server.asked) == 1
    assert not (tmp_path / "seq.h5").exists()
