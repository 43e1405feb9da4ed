"""Serve a folder to the browsers of this machine alone.

`python -m seqcast.tracks.browser.serving FOLDER`.

Genome browsers read small pieces out of large files. For that a server must understand requests
for a range of bytes (RFC 9110, section 14), which Python's own does not.

Links out of the folder are followed: a large genome is linked into it.
"""

import os
import re
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRINUSE
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from seqcast.core.errors import SeqcastError

PORT, PORTS = 8000, 100
# Seconds that a connection is kept without a request, or a request without progress.
PATIENCE = 30.0
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# Any port: one may be led here from another machine, by `ssh -L`.
_OWN_NAMES = re.compile(r"(?i)(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_PIECE = 1 << 16


class FolderHandler(SimpleHTTPRequestHandler):
    """Answer GET and HEAD for the files of a folder, whole or a range of bytes."""

    protocol_version = "HTTP/1.1"
    # Not what this machine thinks of an ending, and the same everywhere.
    extensions_map = {
        "": "application/octet-stream",
        **dict.fromkeys((".html", ".htm"), "text/html; charset=utf-8"),
        **dict.fromkeys((".bed", ".fa", ".fai", ".sizes", ".txt"), "text/plain; charset=utf-8"),
        ".tsv": "text/tab-separated-values; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".xml": "application/xml",
        ".png": "image/png",
        ".svg": "image/svg+xml",
    }
    _left: int | None = None

    server: "FolderServer"

    def handle_one_request(self) -> None:
        """Answer a request; a connection without one ends after a while."""
        self.server.await_progress(self.connection)
        super().handle_one_request()

    def finish(self) -> None:
        """End a connection."""
        self.server.await_nothing(self.connection)
        super().finish()

    def parse_request(self) -> bool:
        """Read what is asked for, and refuse it where it is asked of another name.

        A page of elsewhere can make its own name lead to this machine and then read what is
        answered to it ("DNS rebinding"); to a name of this machine it cannot.
        """
        if not super().parse_request():
            return False
        asked = self.headers.get_all("Host", [])
        if len(asked) == 1 and _OWN_NAMES.fullmatch(asked[0].strip()):
            return True
        port = self.server.server_port
        why = f"This is only answered as localhost or 127.0.0.1: http://localhost:{port}/"
        self.send_error(HTTPStatus.MISDIRECTED_REQUEST, explain=why)
        return False

    def send_head(self) -> BinaryIO | None:
        """Send status and headers; return what the body is read from, None where there is none."""
        self._left, path = None, self.translate_path(self.path)
        # Not pathlib's, which fails where a name is none that a file can have.
        if not os.path.exists(path):  # noqa: PTH110
            self.send_error(HTTPStatus.NOT_FOUND, "File not found")
            return None
        wanted = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        # What is no single range of bytes may be ignored: the whole file answers it, too.
        if not wanted or wanted[0] == "bytes=-" or not _is_readable(path):
            return super().send_head()
        file = open(path, "rb")  # noqa: SIM115
        size = os.fstat(file.fileno()).st_size
        start, end = _parse_range(wanted[1], wanted[2], size)
        if start >= end:
            file.close()
            return self._send_unsatisfiable(size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        file.seek(start)
        self._left = end - start
        return file

    def _send_unsatisfiable(self, size: int) -> None:
        self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def end_headers(self) -> None:
        """End the headers; tracks that are made again are to be seen at once.

        Browsers must not take a file for a script that is none, nor show any on other pages.
        """
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def copyfile(self, source: BinaryIO, outputfile: BinaryIO) -> None:
        """Send the body, no more than was said in the headers, to who goes on reading."""
        left = sys.maxsize if self._left is None else self._left
        while left and (piece := source.read(min(left, _PIECE))):
            self.server.await_progress(self.connection)
            outputfile.write(piece)
            left -= len(piece)

    def log_message(self, *_: object) -> None:
        """Say nothing: a browser asks for thousands of pieces."""


class FolderServer(ThreadingHTTPServer):
    """Serve a folder on the loopback address; a browser that hangs up is no news."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: Callable[..., FolderHandler]) -> None:
        self._deadlines: dict[socket.socket, float] = {}
        super().__init__(address, handler)

    def await_progress(self, connection: socket.socket) -> None:
        """Keep a connection for a while from now on."""
        self._deadlines[connection] = time.monotonic() + PATIENCE

    def await_nothing(self, connection: socket.socket) -> None:
        """Forget a connection."""
        self._deadlines.pop(connection, None)

    def service_actions(self) -> None:
        """End the connections whose time is over; the threads that wait for them go on."""
        now = time.monotonic()
        for connection, deadline in list(self._deadlines.items()):
            if now > deadline:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Report what went wrong with a request, unless it is that nobody waits any more."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _is_readable(path: str) -> bool:
    return not path.endswith("/") and Path(path).is_file() and os.access(path, os.R_OK)


def _parse_range(first: str, last: str, size: int) -> tuple[int, int]:
    """Return start and end of a range, half-open; without a first byte it is the end."""
    # Python reads no number of more than 4,300 digits; no file ends behind one of 18.
    start, end = (int(f"0{digits.lstrip('0')[:19]}") for digits in (first, last))
    if not first:
        return max(size - end, 0), size
    return start, min(end + 1, size) if last else size


def make_server(folder: str | Path, port: int = PORT) -> FolderServer:
    """Make a server of a folder on the first free port from `port` on; 0 takes any.

    It listens on 127.0.0.1 only. Raises SeqcastError where there is no such folder or no port.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SeqcastError(f"{folder}: there is no such folder; make it with `snakemake browse`")
    handler = partial(FolderHandler, directory=str(folder))
    for each in range(port, min(port + PORTS, 1 << 16) if port else 1):
        try:
            return FolderServer(("127.0.0.1", each), handler)
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise SeqcastError(f"port {each}: {error.strerror}; choose another") from None
    raise SeqcastError(f"ports from {port} on: all are taken; choose another with --port")


def main(arguments: list[str]) -> None:
    """Serve until Ctrl-C: `FOLDER [--port N]`."""
    folder, *rest = arguments or [""]
    option, port = rest or ("--port", str(PORT)) if len(rest) in (0, 2) else ("", "")
    if not folder or option != "--port" or not port.isdecimal():
        raise SeqcastError("usage: python -m seqcast.tracks.browser.serving FOLDER [--port N]")
    with make_server(folder, int(port)) as server:
        print(f"{folder}: http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SeqcastError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print()
