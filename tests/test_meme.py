"""Motifs in MEME's text format: read back as written, and faults named."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.genome.meme import Motif, read_meme, write_meme

GOOD = """MEME version 4

ALPHABET= ACGT

MOTIF MA1 ONE
letter-probability matrix: alength= 4 w= 2 nsites= 7 E= 0
0.1 0.2 0.3 0.4
1 0 0 0
URL http://jaspar

MOTIF MA2

log-odds matrix: alength= 4 w= 1
1 2 3 4

letter-probability matrix: alength= 4 w= 1
0.25 0.25 0.25 0.25
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "motifs.meme"
    for raw in (GOOD.encode(), gzip.compress(GOOD.encode())):
        file.write_bytes(raw)
        one, two = read_meme(file)
        assert (one.id, one.name, one.sites) == ("MA1", "ONE", 7)
        np.testing.assert_allclose(one.probabilities, [[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0]])
        assert (two.id, two.name, two.probabilities.shape) == ("MA2", "MA2", (1, 4))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(tmp_path_factory, widths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    motifs = [
        Motif(f"M{number}", f"name{number}", rng.dirichlet(np.ones(4), width), number + 1)
        for number, width in enumerate(widths)
    ]
    file = tmp_path_factory.mktemp("meme") / "motifs.meme"
    write_meme(file, motifs)
    for one, other in zip(motifs, read_meme(file), strict=True):
        assert (one.id, one.name, one.sites) == (other.id, other.name, other.sites)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=2e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("URL http://jaspar\n\n", ""),
        (" w= 2 nsites= 7 E= 0", ""),
        ("w= 2 nsites= 7", "w=2 nsites=7"),
    ],
    ids=["close", "bare", "unspaced"],
)
def test_no_motif_is_lost_however_lines_are_spaced(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "motifs.meme"
    file.write_text(GOOD.replace(old, new))
    one, two = read_meme(file)
    assert (one.id, two.id) == ("MA1", "MA2")
    assert (one.probabilities.shape, two.probabilities.shape) == ((2, 4), (1, 4))
    assert one.sites == (7 if "nsites" in file.read_text() else 20)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (GOOD, "", "there is no MOTIF"),
        ("ACGT\n", "ACDEFGHIKLMNPQRSTVWY\n", "motifs of DNA"),
        ("MA2", "MA1", "two motifs are called MA1"),
        ("0.1 0.2 0.3 0.4", "0.1 0.2 0.3", "line 7: 3 numbers"),
        ("0.1 0.2 0.3 0.4", "10 20 30 40", "line 7: the numbers sum to 100"),
        ("0.1 0.2 0.3 0.4", "a b c d", "are no numbers"),
        ("w= 2", "w= 3", "2 rows; wanted w= 3"),
        ("1 0 0 0\n", "", "1 rows; wanted w= 2"),
        ("1 0 0 0\n", "1 0 0 0\n0 1 0 0\n", "3 rows; wanted w= 2"),
        ("0.1 0.2 0.3 0.4", "nan nan nan nan", "line 7: the numbers sum to nan"),
        ("nsites= 7", "nsites= many", "line 6: nsites= many is no number"),
        ("letter-probability matrix: alength= 4 w= 1\n", "", "MA2 has no letter-probability"),
    ],
    ids=[
        "empty",
        "protein",
        "twice",
        "three",
        "counts",
        "words",
        "short",
        "shorter",
        "longer",
        "nan",
        "sites",
        "odds",
    ],
)
def test_faults_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "motifs.meme"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(SeqcastError, match=said):
        read_meme(file)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "motifs.meme"
    file.write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(SeqcastError, match=r"motifs\.meme"):
        read_meme(file)
