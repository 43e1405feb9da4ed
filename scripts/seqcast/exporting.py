"""Export predicted and observed tracks, with the genome they lie on and a table that lists them."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.bigwig import Run, split_runs, write_bigwig
from seqcast.console import log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.genome import write_fasta
from seqcast.predictions import Stitch, read_predictions
from seqcast.provenance import find_damaged_files, sha256_of

OBSERVED = "observed"
COLUMNS = ("file", "target", "kind", "units", "sha256")


@dataclass(frozen=True)
class _Places:
    """Bins of the dataset's coverage, by contig: index of the contig, start in bases."""

    bins: np.ndarray
    contig: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, bins: np.ndarray, dataset: Dataset) -> "_Places":
        contig = np.searchsorted(dataset.contigs.first_bin, bins, side="right") - 1
        start = (bins - dataset.contigs.first_bin[contig]) * dataset.bin_size
        return cls(bins, contig, start)

    def runs(self, values: np.ndarray, dataset: Dataset) -> Iterator[Run]:
        """Cut the values of all bins into runs, contig by contig."""
        for index in np.unique(self.contig):
            here = self.contig == index
            name = dataset.contigs.name[index]
            yield from split_runs(name, self.start[here], values[here], dataset.bin_size)


@dataclass(frozen=True)
class Track:
    """A track to write: a target's observed coverage, or what a model predicts of it."""

    file: str
    target: int
    kind: str


class _Exporter:
    """Write the tracks of a run into a folder, one at a time."""

    def __init__(self, dataset_path: Path, predictions: Mapping[str, Path], folder: Path) -> None:
        self.dataset, self.folder = read_dataset(dataset_path), folder
        self.predictions = {
            model: read_predictions(path, self.dataset) for model, path in predictions.items()
        }
        self.stitches = {
            model: Stitch(each, self.dataset) for model, each in self.predictions.items()
        }
        bins = np.unique(np.concatenate([stitch.bins for stitch in self.stitches.values()]))
        self.places = {
            model: _Places.of(each.bins, self.dataset) for model, each in self.stitches.items()
        }
        self.places[OBSERVED] = _Places.of(bins, self.dataset)
        contigs = self.dataset.contigs
        self.sizes = dict(zip(contigs.name, contigs.length.tolist(), strict=True))

    def tracks(self) -> list[Track]:
        """List all tracks of the run."""
        return [
            Track(f"{slug}.{kind}.bw", index, kind)
            for index, slug in enumerate(self.dataset.targets.slugs)
            for kind in (OBSERVED, *self.predictions)
        ]

    def write(self, track: Track) -> dict[str, str] | None:
        """Write a track and return its row of the table; None where no value of it is known."""
        places, path = self.places[track.kind], self.folder / track.file
        if track.kind == OBSERVED:
            values = np.asarray(self.dataset.coverage[places.bins, track.target])
        else:
            predicted = self.predictions[track.kind].read(track.target)
            values = self.stitches[track.kind].average(predicted)
        if not np.isfinite(values).any():
            log.warning("%s: left out, no value of it is known", track.file)
            return None
        write_bigwig(path, self.sizes, places.runs(values, self.dataset), self.dataset.bin_size)
        targets = self.dataset.targets
        cells = (targets.identifier[track.target], track.kind, targets.units[track.target])
        return dict(zip(COLUMNS, (track.file, *cells, sha256_of(path)), strict=True))

    def write_genome(self) -> None:
        """Write the contigs that have tracks, so that a browser has something to lay them on."""
        contigs, sequence = self.dataset.contigs, self.dataset.sequence

        def sequences() -> Iterator[tuple[str, np.ndarray]]:
            for index in np.unique(self.places[OBSERVED].contig):
                first = contigs.first_base[index]
                yield contigs.name[index], sequence[first : first + contigs.length[index]]

        write_fasta(self.folder / "genome.fa", sequences())


def export_tracks(dataset_path: Path, predictions: Mapping[str, Path], table_path: Path) -> None:
    """Write `<target>.observed.bw`, `<target>.<model>.bw`, the genome, and then the table.

    `predictions` maps the names of models to their files. Values are in the units of the input;
    overlapping windows are averaged.
    """
    table_path.parent.mkdir(parents=True, exist_ok=True)
    exporter = _Exporter(dataset_path, predictions, table_path.parent)
    exporter.write_genome()
    tracks = exporter.tracks()
    _remove_strays(table_path.parent, tracks)
    _write_table(table_path, _write_all(exporter, tracks))
    source = exporter.dataset.source
    log.info("wrote %d tracks on the assembly: %s", len(tracks), source.get("assembly", "unnamed"))


def mend_tracks(dataset_path: Path, predictions: Mapping[str, Path], table_path: Path) -> None:
    """Write the tracks of a table again that are missing or not as it lists them."""
    exporter = _Exporter(dataset_path, predictions, table_path.parent)
    damaged, listed = set(find_damaged_files(table_path)), read_table(table_path)
    log.info("mending %s", ", ".join(sorted(damaged)) or "the genome")
    exporter.write_genome()
    tracks = [track for track in exporter.tracks() if track.file in damaged]
    mended = {row["file"]: row for row in _write_all(exporter, tracks)}
    rows = [mended.get(row["file"], row) for row in listed]
    # Unchanged, the table keeps its time, and nothing that hangs on it is made anew.
    if rows != listed:
        _write_table(table_path, rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read `tracks.tsv` as a dict a row."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _write_all(exporter: _Exporter, tracks: list[Track]) -> list[dict[str, str]]:
    rows = []
    with progress(len(tracks), "export", "tracks") as bar:
        for track in tracks:
            rows.append(exporter.write(track))
            bar.update(1)
    return [row for row in rows if row]


def _remove_strays(folder: Path, tracks: list[Track]) -> None:
    """Remove tracks of an earlier run of other targets or models: no table would list them."""
    wanted = {track.file for track in tracks}
    for path in folder.glob("*.bw"):
        if path.name not in wanted:
            path.unlink()


def _write_table(path: Path, rows: list[dict[str, str]]) -> None:
    partial = path.with_name(path.name + ".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)
