"""Read and write motifs in MEME's minimal text format, which JASPAR gives.

https://meme-suite.org/meme/doc/meme-format.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.disk import read_unpacked, write_text
from seqcast.core.errors import SeqcastError

_WANTED = "wanted motifs in MEME's text format, as JASPAR gives them"
# Files are rounded, to two digits at worst.
_TOLERANCE = 0.05
_MATRIX = "letter-probability matrix"
_KEY = re.compile(r"(\w+)\s*=\s*(\S+)")
_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+]?\d+)?")
# The bases that each letter of a consensus allows.
IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT",
    "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Motif:
    """A motif: `probabilities` of A, C, G, T at each position, (width, 4) float64, rows sum to 1.

    `id` is its accession (MA0139.2), `name` what people call it (CTCF); `sites` is how many sites
    it was counted from.
    """

    id: str
    name: str
    probabilities: np.ndarray
    sites: int = 20


def read_meme(path: str | Path) -> list[Motif]:
    """Read the motifs of a MEME file, plain or gzip, in its order.

    Raises `SeqcastError` where there is none, where two have one id, or where a matrix is not of
    probabilities of four letters.
    """
    with refuse_damage(path, "motifs", f"{_WANTED}; copy or download it again"):
        text = read_unpacked(path).decode()
    lines = list(enumerate(text.splitlines(), start=1))
    alphabet = next((line.split("=", 1)[1].strip() for _, line in lines if "ALPHABET=" in line), "")
    if alphabet not in ("", "ACGT"):
        raise SeqcastError(f"{path}: ALPHABET= {alphabet}; wanted ACGT: motifs of DNA")
    motifs = list(_parse(path, lines))
    if not motifs:
        raise SeqcastError(f"{path}: there is no MOTIF in it; {_WANTED}")
    seen: set[str] = set()
    for motif in motifs:
        if motif.id in seen:
            raise SeqcastError(f"{path}: two motifs are called {motif.id}; rename one")
        seen.add(motif.id)
    return motifs


def write_meme(path: Path, motifs: Sequence[Motif]) -> None:
    """Write motifs as a MEME file, with uniform background."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: + -", ""]
    lines += ["Background letter frequencies", "A 0.25 C 0.25 G 0.25 T 0.25"]
    for motif in motifs:
        lines += ["", f"MOTIF {motif.id} {motif.name}"]
        width = len(motif.probabilities)
        lines += [
            f"letter-probability matrix: alength= 4 w= {width} nsites= {motif.sites} E= 0",
            *(" ".join(f"{each:.6f}" for each in row) for row in motif.probabilities),
        ]
    write_text(path, "\n".join(lines) + "\n")


def from_consensus(consensus: str) -> np.ndarray:
    """Return the probabilities of a consensus in IUPAC letters, (width, 4)."""
    allowed = np.array([[base in IUPAC[letter] for base in "ACGT"] for letter in consensus])
    return allowed / allowed.sum(axis=1, keepdims=True)


def compute_information(probabilities: np.ndarray) -> np.ndarray:
    """Return what each position of shares (width, 4) tells, in bits from 0 to 2, (width,).

    Schneider & Stephens 1990, without their correction for few sites.
    """
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return 2 + (probabilities * logs).sum(axis=1)


def to_consensus(probabilities: np.ndarray) -> str:
    """Return the consensus of probabilities (width, 4) in IUPAC letters.

    A base alone where it is above a half and twice the second, two where they are above three
    quarters together, else N (Cavener 1987).
    """
    letters = {frozenset(bases): letter for letter, bases in IUPAC.items()}
    found = []
    for row in probabilities:
        order = np.argsort(-row, kind="stable")
        first, second = row[order[:2]]
        count = 1 if first > 0.5 and first > 2 * second else 2 if first + second > 0.75 else 4
        found.append(letters[frozenset("ACGT"[base] for base in order[:count])])
    return "".join(found)


def _parse(path: str | Path, lines: list[tuple[int, str]]) -> Iterator[Motif]:
    starts = [at for at, (_, line) in enumerate(lines) if line.startswith("MOTIF")]
    for start, end in pairwise([*starts, len(lines)]):
        number, words = lines[start][0], lines[start][1].split()[1:]
        if not words:
            raise SeqcastError(f"{path}: line {number}: a MOTIF without a name; {_WANTED}")
        own = iter(lines[start + 1 : end])
        # There may be log-odds before the probabilities.
        header = next((line for line in own if line[1].startswith(_MATRIX)), None)
        if header is None:
            raise SeqcastError(
                f"{path}: line {number}: {words[0]} has no letter-probability matrix; {_WANTED}"
            )
        keys = dict(_KEY.findall(header[1]))
        rows = takewhile(lambda line: line[1].strip() and not line[1].startswith("URL"), own)
        sites = keys.get("nsites", "20")
        if not _NUMBER.fullmatch(sites):
            raise SeqcastError(f"{path}: line {header[0]}: nsites= {sites} is no number; {_WANTED}")
        yield Motif(
            words[0],
            words[1] if len(words) > 1 else words[0],
            _to_probabilities(f"{path}: motif {words[0]}", list(rows), keys.get("w")),
            int(float(sites)),
        )


def _to_probabilities(motif: str, lines: list[tuple[int, str]], width: str | None) -> np.ndarray:
    if not lines or width not in (None, str(len(lines))):
        raise SeqcastError(f"{motif}: {len(lines)} rows; wanted w= {width or 1}; {_WANTED}")
    values = []
    for number, line in lines:
        row = line.split()
        try:
            values.append([float(each) for each in row])
        except ValueError:
            raise SeqcastError(
                f"{motif}: line {number}: {' '.join(row)!r} are no numbers"
            ) from None
        if len(row) != 4:
            raise SeqcastError(
                f"{motif}: line {number}: {len(row)} numbers; wanted 4: of A, C, G and T"
            )
        # Said so that it is not true of nan.
        if not (min(values[-1]) >= 0 and abs(sum(values[-1]) - 1) <= _TOLERANCE):
            raise SeqcastError(
                f"{motif}: line {number}: the numbers sum to {sum(values[-1]):g}; wanted"
                " probabilities of A, C, G and T, whose sum is 1"
            )
    matrix = np.array(values)
    return matrix / matrix.sum(axis=1, keepdims=True)
