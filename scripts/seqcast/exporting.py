"""Export tracks for a genome browser, with the genome they lie on and a table that lists them."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.bigwig import Run, split_runs, write_bigwig
from seqcast.console import log, progress
from seqcast.dataset import Dataset, read_dataset
from seqcast.disk import make_room
from seqcast.fasta import write_fasta
from seqcast.predictions import Predictions, Stitch, read_predictions
from seqcast.provenance import find_damaged_files, sha256_of

OBSERVED, PREDICTED, SPREAD, RESIDUAL = "observed", "predicted", "spread", "residual"
COLUMNS = ("file", "target", "model", "kind", "units", "sha256")
LINE = 80  # letters of a line of FASTA


@dataclass(frozen=True)
class Track:
    """A track to write, of a target (its index): what was observed, or a kind of a model's."""

    file: str
    target: int
    model: str
    kind: str


class _Exporter:
    """Write the tracks of a run into a folder, one at a time."""

    def __init__(
        self, dataset_path: Path, predictions: Mapping[str, Path], folder: Path, residual: bool
    ) -> None:
        self.dataset, self.folder, self.residual = read_dataset(dataset_path), folder, residual
        self.predictions = {
            model: read_predictions(path, self.dataset) for model, path in predictions.items()
        }
        self.stitches = _make_stitches(self.predictions, self.dataset)
        self.bins = {model: stitch.bins for model, stitch in self.stitches.items()}
        self.bins[""] = np.unique(np.concatenate(list(self.bins.values())))
        contigs = self.dataset.contigs
        self.sizes = dict(zip(contigs.name, contigs.length.tolist(), strict=True))

    def tracks(self) -> list[Track]:
        """List all tracks of the run, target by target."""
        found = []
        for target, slug in enumerate(self.dataset.targets.slugs):
            found.append(Track(f"{slug}.{OBSERVED}.bw", target, "", OBSERVED))
            for model in self.predictions:
                for kind in self._kinds(model):
                    name = f"{slug}.{model}" if kind == PREDICTED else f"{slug}.{model}.{kind}"
                    found.append(Track(f"{name}.bw", target, model, kind))
        return found

    def _kinds(self, model: str) -> list[str]:
        spread = [SPREAD] if self.predictions[model].has_spread else []
        return [PREDICTED, *spread, *([RESIDUAL] if self.residual else [])]

    def write(self, track: Track) -> dict[str, str] | None:
        """Write a track and return its row of the table; None where no value of it is known."""
        path, targets = self.folder / track.file, self.dataset.targets
        span = targets.span[track.target]
        values = self._coverage_of(track) / span
        if not np.isfinite(values).any():
            log.warning("%s: left out, no value of it is known", track.file)
            return None
        runs = _make_runs(self.bins[track.model], values, self.dataset)
        write_bigwig(path, self.sizes, runs, self.dataset.bin_size)
        units = targets.units[track.target]
        units = units if span == 1 else f"{units}, mean over {span} bp"
        cells = (targets.identifier[track.target], track.model, track.kind, units)
        return dict(zip(COLUMNS, (track.file, *cells, sha256_of(path)), strict=True))

    def _coverage_of(self, track: Track) -> np.ndarray:
        """Return the values of a track's bins, in units of the dataset's coverage."""
        bins = self.bins[track.model]
        if track.kind == OBSERVED:
            return self.dataset.read_bins(bins, track.target)
        predictions, stitch = self.predictions[track.model], self.stitches[track.model]
        if track.kind == SPREAD:
            return stitch.average(predictions.read_spread(track.target))
        predicted = stitch.average(predictions.read(track.target))
        if track.kind == PREDICTED:
            return predicted
        return predicted - self.dataset.read_bins(bins, track.target)

    def has_genome(self) -> bool:
        """Say whether the genome is there and of its size."""
        path = self.folder / "genome.fa"
        beside = (path.with_name("genome.fa.fai"), path.with_name("genome.chrom.sizes"))
        return (
            path.is_file()
            and path.stat().st_size == self._genome_size
            and all(each.is_file() for each in beside)
        )

    def write_genome(self) -> None:
        """Write the contigs that have tracks, so that a browser has something to lay them on."""
        contigs, sequence = self.dataset.contigs, self.dataset.sequence

        def sequences() -> Iterator[tuple[str, np.ndarray]]:
            for index in self._contigs:
                first = contigs.first_base[index]
                yield contigs.name[index], sequence[first : first + contigs.length[index]]

        path, size = self.folder / "genome.fa", self._genome_size
        log.info("writing genome.fa: %d contigs, %.1f MB", len(self._contigs), size / 1e6)
        make_room(path.with_name(path.name + ".partial"), size)
        write_fasta(path, sequences(), LINE)

    @property
    def _contigs(self) -> list[int]:
        return [index for index, _ in _split_contigs(self.bins[""], self.dataset)]

    @property
    def _genome_size(self) -> int:
        """Bytes of the FASTA: a line with the name, and lines of sequence, a contig."""
        length = self.dataset.contigs.length[self._contigs]
        names = [self.dataset.contigs.name[index] for index in self._contigs]
        return int((length + -(-length // LINE)).sum()) + sum(
            len(f">{name}\n".encode()) for name in names
        )


def _make_stitches(predictions: Mapping[str, Predictions], dataset: Dataset) -> dict[str, Stitch]:
    """Make each model's stitch; models that predict the same windows share one."""
    stitches: dict[bytes, Stitch] = {}
    for each in predictions.values():
        if each.rows.tobytes() not in stitches:
            stitches[each.rows.tobytes()] = Stitch(each, dataset)
    return {model: stitches[each.rows.tobytes()] for model, each in predictions.items()}


def _split_contigs(bins: np.ndarray, dataset: Dataset) -> Iterator[tuple[int, slice]]:
    """Yield the index of each contig that has some of the bins (ascending), and which."""
    edges = np.searchsorted(bins, [*dataset.contigs.first_bin, dataset.bins])
    for index in np.flatnonzero(np.diff(edges)):
        yield int(index), slice(edges[index], edges[index + 1])


def _make_runs(bins: np.ndarray, values: np.ndarray, dataset: Dataset) -> Iterator[Run]:
    """Cut the values of bins (ascending) into runs, contig by contig."""
    for index, here in _split_contigs(bins, dataset):
        starts = (bins[here] - dataset.contigs.first_bin[index]) * dataset.bin_size
        name = dataset.contigs.name[index]
        yield from split_runs(name, starts, values[here], dataset.bin_size)


def export_tracks(
    dataset_path: Path,
    predictions: Mapping[str, Path],
    table_path: Path,
    *,
    residual: bool = False,
) -> None:
    """Write the tracks of all targets, the genome they lie on, and then the table.

    `predictions` maps the names of models to their files. For each target there is
    `<target>.observed.bw`, and for each model `<target>.<model>.bw`, `<target>.<model>.spread.bw`
    where it has replicates, and `<target>.<model>.residual.bw` (predicted less observed) where
    `residual` is asked for. Values are coverage divided by `span`: in the units of the track that
    was read, not clipped. Overlapping windows are averaged; so are their spreads, which bounds the
    standard deviation of the average from above.
    """
    table_path.parent.mkdir(parents=True, exist_ok=True)
    exporter = _Exporter(dataset_path, predictions, table_path.parent, residual)
    exporter.write_genome()
    tracks = exporter.tracks()
    _remove_strays(table_path.parent, tracks)
    rows = _write_all(exporter, tracks)
    _write_table(table_path, rows)
    source = exporter.dataset.source
    log.info("wrote %d tracks on the assembly: %s", len(rows), source.get("assembly", "unnamed"))


def mend_tracks(
    dataset_path: Path,
    predictions: Mapping[str, Path],
    table_path: Path,
    *,
    residual: bool = False,
) -> None:
    """Write the tracks of a table again that are missing or not as it lists them."""
    exporter = _Exporter(dataset_path, predictions, table_path.parent, residual)
    damaged, listed = set(find_damaged_files(table_path)), read_table(table_path)
    log.info("mending %s", ", ".join(sorted(damaged)) or "the genome")
    if not exporter.has_genome():
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
