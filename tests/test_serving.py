"""A folder is served to this machine, whole files and ranges of bytes."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.tracks.browser import serving

BODY = bytes(range(256)) * 3
# Only what hangs takes so long, however busy the machine.
SECONDS = 300
SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder = tmp_path_factory.mktemp("served") / "export"
    folder.mkdir()
    (folder.parent / "secret").write_text("secret")
    (folder.parent / "beside.bw").write_bytes(b"linked")
    (folder / "a b+ü.bw").write_bytes(BODY)
    (folder / "empty.bw").write_bytes(b"")
    (folder / "link.bw").symlink_to(folder.parent / "beside.bw")
    for name in ("index.html", "igv.min.js", "hub.txt", "splits.bed", "config.json", "genes.gtf"):
        (folder / name).write_text(name)
    with serving.make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address
        server.shutdown()


def ask(
    address: tuple[str, int], path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


ODD = "/a%20b%2B%C3%BC.bw"


def test_whole_files_are_served(address: tuple[str, int]) -> None:
    status, headers, body = ask(address, ODD)
    assert (status, body) == (200, BODY)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [("0-0", 0, 1), ("100-199", 100, 200), ("700-", 700, 768), ("-5", 763, 768), ("-9999", 0, 768)],
)
def test_ranges_are_served(address: tuple[str, int], header: str, start: int, end: int) -> None:
    status, headers, body = ask(address, ODD, {"Range": f"bytes={header}"})
    assert (status, body) == (206, BODY[start:end])
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/768"


@given(first=st.integers(0, 800), length=st.integers(1, 800))
def test_any_range_is_a_slice(address: tuple[str, int], first: int, length: int) -> None:
    status, headers, body = ask(address, ODD, {"Range": f"bytes={first}-{first + length - 1}"})
    assert status == (206 if first < len(BODY) else 416)
    assert body == BODY[first : first + length]
    assert int(headers["Content-Length"]) == len(body)


@pytest.mark.parametrize("header", ["768-", "900-999", "-0", "5-4"])
def test_ranges_without_bytes_are_refused(address: tuple[str, int], header: str) -> None:
    status, headers, body = ask(address, ODD, {"Range": f"bytes={header}"})
    assert (status, body) == (416, b"")
    assert headers["Content-Range"] == "bytes */768"


def test_an_empty_file_has_no_range(address: tuple[str, int]) -> None:
    assert ask(address, "/empty.bw")[0] == 200
    assert ask(address, "/empty.bw", {"Range": "bytes=0-9"})[0] == 416


@pytest.mark.parametrize("header", ["bytes=-", "bytes=0-1,5-6", "bytes=a-b", "lines=1-2", "x"])
def test_what_is_no_single_range_gets_the_whole(address: tuple[str, int], header: str) -> None:
    status, _, body = ask(address, ODD, {"Range": header})
    assert (status, body) == (200, BODY)


def test_head_has_headers_alone(address: tuple[str, int]) -> None:
    status, headers, body = ask(address, ODD, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "768", b"")
    status, headers, body = ask(address, ODD, {"Range": "bytes=1-4"}, "HEAD")
    assert (status, headers["Content-Length"], body) == (206, "4", b"")


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/x/../../secret", "//secret", "/..%2fsecret"]
)
@pytest.mark.parametrize("header", [{}, {"Range": "bytes=0-3"}])
def test_nothing_outside_is_served(
    address: tuple[str, int], path: str, header: dict[str, str]
) -> None:
    status, _, body = ask(address, path, header)
    assert status == 404
    assert b"secret" not in body.replace(b"File not found", b"")


def test_links_are_followed(address: tuple[str, int]) -> None:
    assert ask(address, "/link.bw", {"Range": "bytes=0-3"})[2] == b"link"


def test_a_file_is_no_folder(address: tuple[str, int]) -> None:
    assert ask(address, f"{ODD}/", {"Range": "bytes=0-3"})[0] == 404


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/igv.min.js", "text/javascript; charset=utf-8"),
        ("/hub.txt", "text/plain; charset=utf-8"),
        ("/splits.bed", "text/plain; charset=utf-8"),
        ("/config.json", "application/json"),
        ("/genes.gtf", "application/octet-stream"),
    ],
)
def test_files_are_called_what_they_are(address: tuple[str, int], path: str, kind: str) -> None:
    status, headers, _ = ask(address, path)
    assert (status, headers["Content-Type"]) == (200, kind)


def test_one_connection_serves_many_requests(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=SECONDS)
    for start in (5, 0, 200):
        connection.request("GET", ODD, headers={"Range": f"bytes={start}-{start + 9}"})
        assert connection.getresponse().read() == BODY[start : start + 10]
    connection.close()


def test_only_this_machine_is_served(address: tuple[str, int]) -> None:
    assert address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]", "[::1]:80"]
)
def test_names_of_this_machine_are_answered(address: tuple[str, int], host: str) -> None:
    assert ask(address, "/hub.txt", {"Host": host})[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "127.0.0.1.evil.example:8000",
            "localhost@evil.example",
            "localhost.",
            "",
        ),
        *("[::2]", "10.0.0.1", "localhost:8000:1", "localhost, evil.example", "localhost:x"),
    ],
)
def test_other_names_are_not_answered(address: tuple[str, int], host: str) -> None:
    # A page of elsewhere whose name was made to lead here could else read the folder.
    status, _, body = ask(address, "/hub.txt", {"Host": host})
    assert status == 421
    assert b"localhost" in body
    assert b"hub.txt" not in body
    if host:
        assert host.encode() not in body


@pytest.mark.parametrize("head", ["", "Host: localhost\r\nHost: evil.example\r\n"])
def test_a_request_for_no_name_or_two_is_not_answered(address: tuple[str, int], head: str) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"GET /hub.txt HTTP/1.1\r\n{head}\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("header", [{}, {"Range": "bytes=0-3"}])
@pytest.mark.parametrize(
    "path", ["/%00", "/hub.txt%00.html", "/" + 5000 * "a", "/%ed%a0%80", "/%ff"]
)
def test_names_that_no_file_can_have_are_not_there(
    address: tuple[str, int], path: str, header: dict[str, str], capfd: pytest.CaptureFixture
) -> None:
    assert ask(address, path, header)[0] == 404
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        (f"{4301 * '9'}-", 416, b""),
        (f"0-{4301 * '9'}", 206, BODY),
        (f"-{4301 * '9'}", 206, BODY),
        (f"{4301 * '0'}5-6", 206, BODY[5:7]),
    ],
)
def test_numbers_may_be_long(
    address: tuple[str, int], header: str, status: int, body: bytes, capfd: pytest.CaptureFixture
) -> None:
    found = ask(address, ODD, {"Range": f"bytes={header}"})
    assert (found[0], found[2]) == (status, body)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "BREW"])
def test_nothing_but_reading_is_known(address: tuple[str, int], method: str) -> None:
    assert ask(address, "/hub.txt", method=method)[0] == 501


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET /%s HTTP/1.1\r\n" % (70_000 * "a"), 414),
        ("GET / HTTP/1.1\r\nX: %s\r\n" % (70_000 * "a"), 431),
        ("GET / HTTP/1.1\r\n" + 200 * "X: y\r\n", 431),
        ("GET / HTTP/9.9\r\n", 505),
        ("\x16\x03\x01 TLS\r\n", 400),
    ],
    ids=["long line", "long header", "many headers", "version", "TLS"],
)
def test_requests_out_of_bounds_are_refused(
    address: tuple[str, int], request_: str, status: int, capfd: pytest.CaptureFixture
) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"{request_}Host: localhost\r\n\r\n".encode("latin-1"))
        answer = connection.recv(1000)
    assert f" {status} ".encode() in answer or f"Error code: {status}".encode() in answer
    assert capfd.readouterr().err == ""


def test_a_file_is_taken_for_nothing_else(address: tuple[str, int]) -> None:
    # A track with a script in it is no script, and no page of elsewhere may make a picture of one.
    headers = ask(address, ODD)[1]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """Return the address of a server that waits for half a second, for nothing."""
    monkeypatch.setattr(serving, "PATIENCE", 0.5)
    (tmp_path / "large.bw").write_bytes(bytes(1 << 26))
    with serving.make_server(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address
        server.shutdown()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_connections_that_wait_for_nothing_end(impatient: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(impatient, timeout=30) as connection:
        connection.sendall(sent)
        while connection.recv(1 << 16):
            pass


def test_a_drop_now_and_then_keeps_no_connection(impatient: tuple[str, int]) -> None:
    with socket.create_connection(impatient, timeout=0.1) as connection:
        for _ in range(300):  # half a minute
            try:
                connection.sendall(b"G")
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("still waited for")


def test_who_does_not_read_is_not_waited_for(impatient: tuple[str, int]) -> None:
    before = set(threading.enumerate())
    with socket.create_connection(impatient, timeout=30) as connection:
        connection.sendall(b"GET /large.bw HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1)
        for thread in set(threading.enumerate()) - before:
            thread.join(30)
            assert not thread.is_alive()


def test_a_taken_port_makes_way_for_the_next(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving.make_server(tmp_path, port) as server:
            assert port < server.server_port < port + serving.PORTS


def test_ports_can_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PORTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SeqcastError, match=f"from {port} on: all are taken"):
            serving.make_server(tmp_path, port)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeqcastError, match="none: there is no such folder"):
        serving.make_server(tmp_path / "none")


@pytest.mark.parametrize("arguments", [[], [".", "--port"], [".", "8000"], [".", "--port", "x"]])
def test_misuse_is_told(arguments: list[str]) -> None:
    with pytest.raises(SeqcastError, match="usage: python -m"):
        serving.main(arguments)


def test_it_starts_with_one_line_and_ends_quietly(tmp_path: Path) -> None:
    (tmp_path / "x.bw").write_bytes(BODY)
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "seqcast.tracks.browser.serving",
            str(tmp_path),
            "--port",
            "0",
        ],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = server.stdout.readline()
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line)[1])
    # Somebody who hangs up in the middle is no news either.
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(b"GET /x.bw HT")
    assert ask(("127.0.0.1", port), "/x.bw", {"Range": "bytes=2-3"})[2] == BODY[2:4]
    server.send_signal(signal.SIGINT)
    out, err = server.communicate(timeout=SECONDS)
    assert (server.returncode, out.strip(), err) == (0, "", "")
