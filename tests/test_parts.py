"""Work done in parts: what is there is kept, what is not what is wanted is done again."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from seqcast.core.errors import SeqcastError
from seqcast.core.parts import PartFormat

FORMAT = PartFormat("some-part", "some-parts", 1, "is of something else")


class Part(NamedTuple):
    name: str
    digest: str
    size: int = 2


def complete(folder: Path, parts: list[Part], killed_after: int = 1000) -> list[str]:
    """Do parts, whose content is their digest, and return the names of those that were done."""
    done: list[str] = []

    def do(part: Part, update: Callable[[int], object]) -> dict[str, np.ndarray]:
        if len(done) == killed_after:
            raise KeyboardInterrupt
        done.append(part.name)
        update(part.size)
        return {"values": np.array([float(part.digest)]), "rows": np.arange(3)}

    FORMAT.complete(folder, parts, do, "some", "things")
    return done


def test_only_what_is_missing_is_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "seqcast")
    parts = [Part(str(number), f"{number}") for number in range(4)]
    with pytest.raises(KeyboardInterrupt):
        complete(tmp_path, parts, killed_after=3)
    (tmp_path / "1.h5").write_bytes((tmp_path / "1.h5").read_bytes()[:-1])
    (tmp_path / "stray.h5").touch()
    parts[2] = Part("2", "7")
    assert complete(tmp_path, parts) == ["1", "2", "3"]
    assert "some: 2 of 8 things are done already" in caplog.text
    assert "s for each of 6 things, about" in caplog.text
    assert sorted(path.name for path in tmp_path.glob("*.h5")) == [f"{n}.h5" for n in range(4)]
    assert complete(tmp_path, parts) == []
    found = FORMAT.read(tmp_path / "2.h5", "7")
    assert {name: (array.dtype.str, array.tolist()) for name, array in found.items()} == {
        "values": ("<f4", [7.0]),
        "rows": ("<i8", [0, 1, 2]),
    }
    with pytest.raises(SeqcastError, match=r"2\.h5: is of something else; delete it"):
        FORMAT.read(tmp_path / "2.h5", "2")


def complete_slowly(folder: Path, parts: list[Part]) -> None:
    FORMAT.complete(folder, parts, lambda *_: time.sleep(0.05) or {"one": np.ones(9)}, "a", "b")


def test_a_run_that_is_killed_keeps_its_parts(tmp_path: Path) -> None:
    parts = [Part(str(number), "0") for number in range(100)]
    process = get_context("spawn").Process(target=complete_slowly, args=(tmp_path, parts))
    process.start()
    while process.is_alive() and len(list(tmp_path.glob("*.h5"))) < 2:
        time.sleep(0.01)
    process.kill()
    process.join()
    kept = len(list(tmp_path.glob("*.h5")))
    assert 2 <= kept < 100
    assert len(complete(tmp_path, parts)) == 100 - kept


def test_a_list_says_which_parts_there_are(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    FORMAT.write_list(path, ["a", "b"], {"model": "m"})
    parts, facts = FORMAT.read_list(path, tuple)
    assert (parts, facts["model"]) == (("a", "b"), "m")
    with pytest.raises(SeqcastError, match=r"parts\.json: is no list of parts"):
        FORMAT.read_list(path, int)
