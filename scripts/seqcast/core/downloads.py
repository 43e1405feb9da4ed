"""Downloads that end in a whole, checked file, or in one line that says why not.

The file grows under `<name>.partial`. A cut connection is resumed there, also by a later run,
where the server's Last-Modified date proves that it is still the same file: the date is kept as the
partial file's own and sent back as `If-Range`. A server that knows no ranges sends the file anew.
"""

import errno
import ftplib
import os
import re
import time
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import pooch
import requests

from seqcast.core.console import log, progress
from seqcast.core.disk import give_name
from seqcast.core.errors import SeqcastError

_CHUNK_BYTES = 1 << 16
# Statuses that another attempt may pass.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_HTML = (b"<!doctype html", b"<html")


def download(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    named_by: str = "dataset.file",
    attempts: int = 5,
    wait: float = 2.0,
    timeout: float = 60.0,
) -> str:
    """Download a file, check it, and return its SHA-256 digest.

    Tries `attempts` times with `wait` seconds between, doubled each time; `timeout` is the longest
    silence of the server in seconds, `size` the bytes that the file must have, `named_by` where the
    URL stands in the config. A file already there is kept where its size and digest are right.
    Raises `SeqcastError` where the server refuses, is not reached, sends something else, or the
    disk is full.
    """
    path = Path(path)
    if (sha256 or size) and path.is_file():
        digest, fault = _check(path, sha256, size, named_by)
        if not fault:
            return digest
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    for attempt in range(1, attempts + 1):
        try:
            _fetch(url, partial, size, named_by, timeout)
            break
        except (requests.RequestException, OSError) as error:
            reason = _explain(error, partial, named_by)
            if attempt == attempts:
                tried = f"after {attempts} attempts: " if attempts > 1 else ""
                raise SeqcastError(
                    f"{url}: {tried}{reason}; {_remedy(partial, named_by)}"
                ) from None
            pause = wait * 2 ** (attempt - 1)
            log.warning("%s: %s; next attempt in %g s", url, reason, pause)
            time.sleep(pause)
    digest, fault = _check(partial, sha256, size, named_by)
    if fault:
        partial.unlink()
        raise SeqcastError(f"{url}: {fault}")
    give_name(partial, path)
    return digest


def _fetch(url: str, partial: Path, size: int | None, named_by: str, timeout: float) -> None:
    """Make one attempt, going on where the partial file ends if the server allows it."""
    if url.startswith("ftp://"):
        _fetch_ftp(url, partial, timeout)
        return
    transfer = _Transfer(url, partial, size, named_by)
    with progress(1, partial.name.removesuffix(".partial"), "B") as bar:
        bar.unit, bar.unit_scale = "B", True
        fetch = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=_CHUNK_BYTES,
            timeout=timeout,
            headers=transfer.headers,
            hooks={"response": transfer.check},
        )
        transfer.run(fetch)


def _fetch_ftp(url: str, partial: Path, timeout: float) -> None:
    """Make one attempt over FTP, always from the start."""
    try:
        pooch.FTPDownloader(timeout=timeout)(url, str(partial), None)
    except (ftplib.Error, EOFError) as error:
        raise requests.RequestException(str(error)) from None


class _Transfer:
    """One request that writes to the partial file; `check` sees the answer before its content."""

    def __init__(self, url: str, partial: Path, size: int | None, named_by: str) -> None:
        self.url = url
        self.partial = partial
        self.size = size
        self.named_by = named_by
        self.response: requests.Response | None = None
        # Compressed on the way, lengths and ranges would be of something else than the file.
        self.headers = {"Accept-Encoding": "identity"}
        self.start = partial.stat().st_size if partial.exists() else 0
        if self.start:
            self.headers["Range"] = f"bytes={self.start}-"
            self.headers["If-Range"] = formatdate(partial.stat().st_mtime, usegmt=True)

    def run(self, fetch: pooch.HTTPDownloader) -> None:
        """Fetch to the end of the partial file, which gets the date of the server's."""
        try:
            with open(self.partial, "ab") as self.file:
                fetch(self.url, self.file, None)
        finally:
            if self.response is not None:
                self.response.close()
                self._keep_date(self.response)
            if self.partial.exists() and not self.partial.stat().st_size:
                self.partial.unlink()

    def check(self, response: requests.Response, **_: object) -> None:
        """Refuse what cannot be the file, before any of it is written."""
        if response.is_redirect:
            return
        self.response = response
        if response.status_code == 416:  # nothing comes after what there is: begin anew
            self.file.truncate(0)
        if response.status_code >= 400:
            if response.status_code not in (*_PASSING, 416):
                raise SeqcastError(f"{self.url}: {_name_status(response)}; see {self.named_by}")
            return
        if response.status_code != 206:
            self.start = 0
            self.file.truncate(0)
        elif not _is_rest(response, self.start):
            self.file.truncate(0)
            raise SeqcastError(
                f"{self.url}: the server sends another part of the file than was asked for"
                f" ({response.headers.get('Content-Range', 'it does not say which')});"
                f" {_remedy(self.partial, self.named_by)}"
            )
        length = response.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            response.headers.pop("Content-Length", None)  # the progress bar counts on it
            return
        whole = self.start + int(length)
        if self.size and whole != self.size:
            raise SeqcastError(f"{self.url}: {_size_fault(whole, self.size, self.named_by)}")

    def _keep_date(self, response: requests.Response) -> None:
        date = response.headers.get("Last-Modified")
        if date and response.ok and self.partial.exists():
            try:
                seconds = parsedate_to_datetime(date).timestamp()
                os.utime(self.partial, (seconds, seconds))
            except (ValueError, TypeError, OverflowError):
                return  # no date: the next attempt begins anew


def _is_rest(response: requests.Response, start: int) -> bool:
    """Say whether a part of a file is what is missing of it: all from byte `start` on."""
    said = response.headers.get("Content-Range", "")
    if start and not said:
        return True  # some servers leave it out
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", said)
    if found is None or int(found[1]) != start:
        return False
    return found[3] == str(int(found[2]) + 1) or (found[3] == "*" and start > 0)


def _name_status(response: requests.Response) -> str:
    return f"the server answers {response.status_code} {response.reason or ''}".rstrip()


def _explain(error: Exception, partial: Path, named_by: str) -> str:
    """Say in a few words what went wrong in an attempt; raise what no attempt will change."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _name_status(error.response)
    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    have = partial.stat().st_size if partial.exists() else 0
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the connection was cut after {have:,} bytes"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    if isinstance(error, requests.RequestException):
        raise SeqcastError(f"{error}; see {named_by}") from None
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        raise SeqcastError(
            f"{partial}: the disk or a quota is full after {have:,} bytes ({error.strerror}); make"
            " room and run again"
        ) from None
    if isinstance(error, PermissionError):
        raise SeqcastError(f"{partial}: may not be written ({error.strerror})") from None
    return f"the connection failed ({error})"


def _remedy(partial: Path, named_by: str) -> str:
    if partial.exists() and partial.stat().st_size:
        return "run again, it goes on where it stopped if the server allows it"
    return f"run again later, or download it by other means and give its path in {named_by}"


def _check(path: Path, sha256: str | None, size: int | None, named_by: str) -> tuple[str, str]:
    """Return the digest of a file and what is wrong with it, or nothing."""
    found = path.stat().st_size
    digest = pooch.file_hash(str(path), alg="sha256")
    if size and found != size:
        return digest, _size_fault(found, size, named_by)
    if sha256 in (None, digest):
        return digest, ""
    with open(path, "rb") as file:
        page = file.read(64).lstrip().lower().startswith(_HTML)
    what = " (it is a web page)" if page else ""
    return digest, (
        f"its sha256 is {digest}{what}, {_beside(named_by, 'sha256')} says {sha256}; see which is"
        " right"
    )


def _size_fault(found: int, wanted: int, named_by: str) -> str:
    said = _beside(named_by, "bytes")
    return f"has {found:,} bytes, {said} says {wanted:,}; see which is right"


def _beside(named_by: str, key: str) -> str:
    """Return what a file's digest or size is called: a key of its section, a cell of its row."""
    return f"dataset.{key}" if named_by == "dataset.file" else f"{named_by}: {key}"
