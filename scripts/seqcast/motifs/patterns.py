"""Patterns that TF-MoDISco found in a target: read out of its file, trimmed, measured."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np

from seqcast.core.damage import refuse_damage
from seqcast.core.hdf5 import Draft, open_hdf5
from seqcast.core.seal import AGAIN
from seqcast.genome.meme import compute_information
from seqcast.motifs.arrays import Region

FORMAT, FORMAT_VERSION = "seqcast-patterns", 1
TABLE, MATRICES = "patterns.tsv", "patterns.h5"
SIGNS = ("pos", "neg")
COLUMNS = (
    "id", "target", "model", "sign", "motif", "name", "seqlets", "regions", "contribution",
    "offset_q25", "offset_median", "offset_q75", "match", "match_name", "p", "q", "width",
    "consensus",
)  # fmt: skip
# Below this q a pattern is called what the database's motif is called.
NAMED = 0.01
# Flanks below this share of the largest contribution are cut, as TF-MoDISco's own report does, and
# those with less information, in bits: weak patterns have flanks of noise.
_TRIM, INFORMATIVE = 0.3, 0.5
# So many informative bases make a motif.
_ENOUGH = 4


@dataclass(frozen=True, eq=False)
class Pattern:
    """A pattern of one target: `ppm` shares of A, C, G, T and `cwm` mean contributions, (width, 4).

    `seqlets` and `regions` are how many it was made of and lies in; `offsets` (seqlets,) where
    their middles lie, in bases right of the summit.
    """

    id: str
    target: str
    model: str
    sign: str
    seqlets: int
    regions: int
    offsets: np.ndarray
    ppm: np.ndarray
    cwm: np.ndarray

    @property
    def contribution(self) -> float:
        """The mean sum of the contributions of its bases."""
        return float(self.cwm.sum())

    @property
    def is_motif(self) -> bool:
        """Say whether enough of its bases are always the same."""
        return bool((compute_information(self.ppm) >= INFORMATIVE).sum() >= _ENOUGH)

    def turn(self) -> "Pattern":
        """Return it as it reads on the other strand."""
        return replace(self, ppm=self.ppm[::-1, ::-1], cwm=self.cwm[::-1, ::-1])


def count_patterns(path: Path) -> int:
    """Return how many patterns a file of TF-MoDISco has; an empty file has none."""
    with refuse_damage(path, "is not what TF-MoDISco writes", AGAIN):
        return sum(1 for _ in _open_groups(path))


def read_patterns(
    path: Path, target: str, model: str, looked_at: Sequence[Region]
) -> list[Pattern]:
    """Read the patterns of a target out of a file of TF-MoDISco; an empty file has none.

    `looked_at` are the regions that it looked at, row by row.
    """
    with refuse_damage(path, "is not what TF-MoDISco writes", AGAIN):
        return [
            _read(group, f"{target}.{model}.{sign}.{number}", target, model, sign, looked_at)
            for sign, number, group in _open_groups(path)
        ]


def _open_groups(path: Path) -> Iterator[tuple[str, int, h5py.Group]]:
    if not path.stat().st_size:
        return
    with h5py.File(path, "r") as file:
        for sign in SIGNS:
            groups = file.get(f"{sign}_patterns", {})
            for name in sorted(groups, key=lambda name: int(name.rpartition("_")[2])):
                yield sign, int(name.rpartition("_")[2]), groups[name]


def _read(
    group: h5py.Group, id_: str, target: str, model: str, sign: str, looked_at: Sequence[Region]
) -> Pattern:
    ppm, cwm = (group[key][()].astype(float) for key in ("sequence", "contrib_scores"))
    first, end = find_core(ppm, cwm)
    starts, ends, rows, is_reversed = (
        group[f"seqlets/{key}"][()] for key in ("start", "end", "example_idx", "is_revcomp")
    )
    middle = (first + end) / 2
    inside = np.where(is_reversed, ends - middle, starts + middle)
    summits = np.array([looked_at[row].summit - looked_at[row].start for row in rows.tolist()])
    shares = ppm[first:end] / ppm[first:end].sum(axis=1, keepdims=True)
    return Pattern(
        id_, target, model, sign, len(rows), len(set(rows.tolist())), inside - summits, shares,
        cwm[first:end],
    )  # fmt: skip


def find_core(ppm: np.ndarray, cwm: np.ndarray) -> tuple[int, int]:
    """Return first base and end of what matters of a pattern, (width, 4), without flanks.

    Where nothing is informative that is what contributes.
    """
    size = np.abs(cwm).sum(axis=1)
    does = size >= _TRIM * size.max()
    kept = np.flatnonzero(does & (compute_information(ppm) >= INFORMATIVE))
    kept = kept if len(kept) else np.flatnonzero(does)
    return int(kept[0]), int(kept[-1]) + 1


class _Writer(Draft):
    def write(self, patterns: Sequence[Pattern]) -> None:
        """Write all of them and give the file its name."""
        self._file.attrs.update(format=FORMAT, format_version=FORMAT_VERSION)
        for pattern in patterns:
            group = self._file.create_group(pattern.id)
            group.attrs["seqlets"] = pattern.seqlets
            group["ppm"], group["cwm"] = pattern.ppm, pattern.cwm
        self._keep()


def write_matrices(path: Path, patterns: Sequence[Pattern]) -> None:
    """Write the matrices of patterns, a group each."""
    with _Writer(path, 0) as writer:
        writer.write(patterns)


def read_matrices(
    path: Path, ids: Iterable[str], remedy: str = AGAIN
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read `ppm` and `cwm`, (width, 4) each, of some patterns, by id."""
    with open_hdf5(path, (FORMAT, FORMAT_VERSION), remedy) as file:
        return {name: (file[name]["ppm"][()], file[name]["cwm"][()]) for name in ids}
