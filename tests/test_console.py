"""A user's error is one line; any other keeps its traceback in the log."""

import errno
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from seqcast.core.console import format_seconds, log, progress, step
from seqcast.core.errors import SeqcastError, suggest

SCRIPTS = Path(__file__).parents[1] / "scripts"


def own_handlers() -> list[logging.Handler]:
    """Return the handlers of the log that are not pytest's."""
    return [
        each for each in log.handlers if type(each).__module__.startswith(("logging", "seqcast"))
    ]


def fail(path: Path, error: BaseException) -> None:
    with step("train", path):
        raise error


def test_messages_are_shown_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "logs" / "train.log"
    with step("train", path):
        log.info("epoch %d", 1)
    for text in (path.read_text(), capsys.readouterr().err):
        assert text.startswith("[train] epoch 1\n[train] done in ")
    assert own_handlers() == []
    with step("train"):
        log.info("without a file")
    assert "without a file" in capsys.readouterr().err


def test_modules_are_not_searched_for_garbage() -> None:
    program = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > before))\n"
        "from seqcast.core.console import step\n"
        "with step('train'):\n"
        "    before = gc.get_freeze_count()\n"
        "    kept = [[] for _ in range(1000)]\n"
        "print(before > 10_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]


def test_a_users_error_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "train.log"
    with pytest.raises(SystemExit) as caught:
        fail(path, SeqcastError("seq.h5: found 3, wanted 4"))
    assert caught.value.code == 1
    assert caught.value.__suppress_context__
    wanted = "[train] error: seq.h5: found 3, wanted 4\n"
    assert path.read_text() == capsys.readouterr().err == wanted
    assert own_handlers() == []


def test_a_step_may_be_called_by_any_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with step("download a%20{b}%s.bw", tmp_path / "a.log"), progress(2, "a%20{b}", "B") as bar:
        log.info("from %s", "http://x/a%20{b}.bw")
        bar.delay = 0
        bar.update(1)
        bar.refresh()
    assert (tmp_path / "a.log").read_text().startswith("[download a%20{b}%s.bw] from http://x/a%20")
    assert "a%20{b}:  50%" in capsys.readouterr().err


def test_several_faults_are_a_line_each(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        fail(tmp_path / "a.log", SeqcastError("one\ntwo"))
    assert (tmp_path / "a.log").read_text() == "[train] error: one\n[train] error: two\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EFBIG])
def test_a_full_disk_is_a_users_error(tmp_path: Path, code: int) -> None:
    with pytest.raises(SystemExit) as caught:
        fail(tmp_path / "a.log", OSError(code, "Not today", "d.h5"))
    assert caught.value.code == 1
    assert (tmp_path / "a.log").read_text() == "[train] error: d.h5: Not today\n"
    with pytest.raises(SystemExit):
        fail(tmp_path / "a.log", OSError(code, "Not today"))
    assert (tmp_path / "a.log").read_text() == "[train] error: writing: Not today\n"


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("by zero"), OSError(errno.EIO, "broken"), KeyError("x")]
)
def test_any_other_error_keeps_its_traceback(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(SystemExit) as caught:
        fail(tmp_path / "a.log", error)
    text = (tmp_path / "a.log").read_text()
    assert "Traceback (most recent call last)" in text
    assert "raise error" in text
    assert type(error).__name__ in text
    assert own_handlers() == []
    assert caught.value.code == 1


def test_an_interrupt_goes_through(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail(tmp_path / "a.log", KeyboardInterrupt())
    assert own_handlers() == []


def test_warnings_become_messages(tmp_path: Path) -> None:
    with step("train", tmp_path / "a.log"):
        warnings.simplefilter("always")
        warnings.warn("mind the gap", stacklevel=1)
    assert "[train] warning: mind the gap\n" in (tmp_path / "a.log").read_text()


def test_steps_say_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    logging.getLogger().addHandler(root := logging.StreamHandler())
    try:
        for _ in range(2):
            with step("train", tmp_path / "a.log"):
                log.info("once")
    finally:
        logging.getLogger().removeHandler(root)
    assert capsys.readouterr().err.count("once") == 2
    assert (tmp_path / "a.log").read_text().count("once") == 1


def test_progress_counts() -> None:
    with progress(3, "train", "windows") as bar:
        bar.update(2)
        assert (bar.n, bar.total, bar.unit) == (2, 3, " windows")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (3.16, "3.2 s"),
        (59.9, "59.9 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (90_000, "25 h 00 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_suggestions() -> None:
    assert suggest("epoch", ["epochs", "seed"]) == " (did you mean 'epochs'?)"
    assert suggest("zzz", ["epochs", "seed"]) == ""


# A device on which every write fails as on a full disk.
FULL = Path("/dev/full")


def test_a_full_disk_that_holds_the_log_is_said_once(capsys: pytest.CaptureFixture) -> None:
    with step("train", FULL):
        for epoch in range(3):
            log.info("epoch %d", epoch)
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [f"[train] epoch {epoch}" for epoch in range(3)]
    assert said[3].startswith("[train] done in ")
    assert said[4:] == [
        "[train] warning: /dev/full: No space left on device; this log may lack lines"
    ]
    assert own_handlers() == []


def test_a_full_disk_that_holds_log_and_results_is_one_line(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        fail(FULL, OSError(errno.ENOSPC, "No space left on device", "dataset.h5"))
    assert caught.value.code == 1
    assert capsys.readouterr().err == "[train] error: dataset.h5: No space left on device\n"
    assert own_handlers() == []


def test_a_log_that_cannot_be_opened_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit), step("train", tmp_path):
        pass
    assert capsys.readouterr().err == f"[train] error: {tmp_path}: Is a directory\n"
    assert own_handlers() == []


def test_work_goes_on_where_nothing_can_be_shown() -> None:
    work = (
        "import sys\n"
        "from seqcast.core.console import log, progress, step\n"
        "with step('train'):\n"
        "    with progress(3, 'train', 'windows') as bar:\n"
        "        bar.mininterval = bar.delay = 0\n"
        "        for _ in range(3):\n"
        "            bar.update(1)\n"
        "            log.info('window')\n"
        "sys.stdout.write('whole')\n"
    )
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", work],
            env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
        )
    assert (done.returncode, done.stdout) == (0, "whole")


def test_names_are_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.log"
    with step("100%d of \x1b[2Jit", path):
        log.info("reading %s", "\x1b]0;title\x07 a\tb \N{RIGHT-TO-LEFT OVERRIDE}ü 雪")
    wanted = r"[100%d of \x1b[2Jit] reading \x1b]0;title\x07 a\tb \u202eü 雪"
    assert path.read_text(encoding="utf-8").splitlines()[0] == wanted
    assert capsys.readouterr().err.splitlines()[0] == wanted
