"""What `explain` has found, as pages show it: which bases matter at which peaks.

The folder is specified in docs/formats.md. Contributions are read out of the bigWigs, so that
pages and other genome browsers show the same.
"""

import io
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.core.damage import refuse_damage
from seqcast.core.errors import SeqcastError
from seqcast.core.seal import read_sealed
from seqcast.tracks.browser.cutting import Region, read_values
from seqcast.tracks.browser.loci import Locus
from seqcast.tracks.table import CONTRIBUTIONS, check_tracks

# The most letters that can be read across a page.
CORE = 80
REMEDY = "run `snakemake explain` again"
_COLUMNS = ("contig", "start", "end", "split", "target", "model", "sum")
_TEXT = ("contig", "split", "target", "model", "method")


@dataclass(frozen=True)
class Peak(Locus):
    """A place where a model's prediction of a target was explained, and the contributions' sum."""

    target: str = ""
    model: str = ""
    split: str = ""
    sum: float = float("nan")


@dataclass(frozen=True)
class Explained:
    """A folder of `explain`: how it was made, and its bigWigs by target and model.

    What is called a target is one, or a group that was explained together; `names` has the name of
    each slug.
    """

    folder: Path
    method: str
    references: int
    radius: int
    delta: float
    both_strands: bool
    names: Mapping[str, str]
    files: Mapping[tuple[str, str], Path]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The table of regions, a row a region and target of a model."""
        path = self.folder / "summary.tsv"
        text, types = io.StringIO(read_sealed(path, REMEDY)), dict.fromkeys(_TEXT, str)
        table = pd.read_csv(text, sep="\t", dtype=types, keep_default_na=False, na_values=["nan"])
        if missing := [column for column in _COLUMNS if column not in table]:
            raise SeqcastError(
                f"{path}: found columns {', '.join(table)}, wanted {', '.join(missing)} too;"
                f" {REMEDY}"
            )
        table["target"] = table["target"].map(self.names)
        return table

    @property
    def targets(self) -> list[str]:
        """The names of what was explained."""
        return list(self.names.values())

    def count(self, target: str, model: str) -> int:
        """Return how many regions of a target were explained."""
        return len(self.regions_of(target, model))

    def find_model(self, target: str, models: Sequence[str]) -> str | None:
        """Return the first of the models, the best first, whose predictions of it are explained."""
        return next((each for each in models if (target, each) in self.files), None)

    def regions_of(self, target: str, model: str) -> pd.DataFrame:
        """Return the rows of the table whose sum is known, the largest first."""
        table = self.summary
        known = (table["target"] == target) & (table["model"] == model) & table["sum"].notna()
        return table[known].sort_values("sum", ascending=False, kind="stable")

    def find_strongest(
        self, target: str, model: str, most: int, contigs: Container[str]
    ) -> list[Peak]:
        """Return the peaks on some contigs with the largest sums, none of which share a base."""
        found: list[Peak] = []
        for row in self.regions_of(target, model).itertuples():
            name, why = f"{target}, base by base", f"explained: its letters sum to {row.sum:+.1f}"
            ends = int(row.start), int(row.end)
            peak = Peak(name, row.contig, *ends, why, target, model, row.split, float(row.sum))
            is_new = peak.chrom in contigs and not any(map(peak.touches, found))
            if is_new and len(found) < most:
                found.append(peak)
        return found

    def read(self, target: str, model: str, place: Locus) -> np.ndarray:
        """Read the contribution of each base of a place; NaN where none was computed."""
        region = Region(place.chrom, place.start, place.end, 1)
        return read_values(self.files[target, model], [region])[0]

    def narrow(self, peak: Peak) -> Peak:
        """Narrow a peak to the bases that matter most: as many as can be read as letters."""
        size = np.abs(np.nan_to_num(self.read(peak.target, peak.model, peak)))
        length = min(CORE, len(size))
        # What matters is to lie in the middle.
        start = int(np.convolve(size, np.bartlett(length + 2)[1:-1], "valid").argmax())
        return replace(peak, start=peak.start + start, end=peak.start + start + length)


def read_explained(path: str | Path) -> Explained:
    """Read `explain.json`, and see that the tracks it names are there.

    Raises SeqcastError where it is not what `explain` writes, or a track is missing.
    """
    path = Path(path)
    with refuse_damage(path, "is not what `explain` writes", REMEDY):
        said = json.loads(read_sealed(path, REMEDY))
        names = {each["target"]: each["name"] for each in said["targets"]}
        found = {
            (names[each["target"]], each["model"]): path.parent / each["file"]
            for each in said["files"]
            if each["kind"] == CONTRIBUTIONS
        }
        explained = Explained(
            folder=path.parent,
            method=str(said["method"]),
            references=int(said["references"] or 0),
            radius=int(said["radius"]),
            delta=float(said["delta"] or 0),
            both_strands=all(count == 2 for count in said["strands"].values()),
            names=names,
            files=found,
        )
    check_tracks(path, found.values(), REMEDY)
    return explained


def find_peaks(
    explained: Explained,
    models: Sequence[str],
    targets: Iterable[str],
    contigs: Container[str],
    most: int,
) -> list[Peak]:
    """Return where letters are worth a look: the strongest peak of each of the first targets.

    Only `contigs` are looked at. `models` and `targets` are the best first; of a target the first
    model that was explained.
    """
    peaks: list[Peak] = []
    for target in targets:
        model = explained.find_model(target, models)
        if model is not None and len(peaks) < most:
            peaks += map(explained.narrow, explained.find_strongest(target, model, 1, contigs))
    return peaks
