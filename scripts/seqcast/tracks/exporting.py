"""Export tracks for a genome browser, with the genome they lie on and a table that lists them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import find_damaged_files
from seqcast.data import Dataset, read_dataset
from seqcast.data.by_target import read_observed
from seqcast.data.predictions import Predictions, Stitch, read_predictions
from seqcast.data.splits import write_splits
from seqcast.genome.bigwig import Run, split_runs, write_bigwig
from seqcast.genome.fasta import write_fasta
from seqcast.settings.steps import ExportSettings
from seqcast.sources.genome.fasta import Fasta
from seqcast.tracks.files import name_track, remove_strays
from seqcast.tracks.table import (
    OBSERVED,
    PREDICTED,
    RESIDUAL,
    SPREAD,
    make_row,
    read_tracks,
    write_tracks,
)

LINE = 80  # letters of a line of FASTA
_DEFAULTS = ExportSettings()


@dataclass(frozen=True)
class Track:
    """A track to write, of a target (its index): what was observed, or a kind of a model's."""

    file: str
    target: int
    model: str
    kind: str


class _Exporter:
    """Write the tracks of a run into a folder, kind by kind of a group of targets."""

    def __init__(
        self,
        dataset_path: Path,
        predictions: Mapping[str, Path],
        folder: Path,
        settings: ExportSettings,
        genome: Fasta | None,
    ) -> None:
        self.dataset, self.folder = read_dataset(dataset_path), folder
        self.settings, self.genome = settings, genome
        self.predictions = {
            model: read_predictions(path, self.dataset) for model, path in predictions.items()
        }
        self.stitches = _make_stitches(self.predictions, self.dataset)
        self.bins = {model: stitch.bins for model, stitch in self.stitches.items()}
        self.bins[""] = np.unique(np.concatenate(list(self.bins.values())))
        largest = max(self.predictions.values(), key=lambda each: len(each.rows))
        self.groups = largest.find_groups()
        self.sizes = self.dataset.contigs.chrom_sizes
        self.chroms = _find_chroms(self.bins[""], self.dataset)
        self._index = {chrom: at for at, chrom in enumerate(self.dataset.contigs.chrom)}

    def tracks(self) -> list[Track]:
        """List all tracks of the run, target by target."""
        found = []
        for target, slug in enumerate(self.dataset.targets.slugs):
            kinds = [("", OBSERVED)]
            kinds += [(model, kind) for model in self.predictions for kind in self._kinds(model)]
            found += [Track(name_track(slug, *each), target, *each) for each in kinds]
        return found

    def _kinds(self, model: str) -> list[str]:
        spread = [SPREAD] if self.predictions[model].has_spread else []
        return [PREDICTED, *spread, *([RESIDUAL] if self.settings.residual else [])]

    def write(self, tracks: Sequence[Track]) -> Iterator[dict[str, str] | None]:
        """Write tracks of a model and kind, of neighbouring targets; yield the row of each.

        None stands for a track of which no value is known.
        """
        first = tracks[0]
        targets = slice(first.target, tracks[-1].target + 1)
        values = self._read(first.model, first.kind, targets)
        wanted = {track.target: track for track in tracks}
        for target, coverage in enumerate(values, start=first.target):
            if target in wanted:
                yield self._write(wanted[target], coverage)

    def _write(self, track: Track, coverage: np.ndarray) -> dict[str, str] | None:
        path, targets = self.folder / track.file, self.dataset.targets
        values = coverage / targets.span[track.target]
        if not np.isfinite(values).any():
            log.warning("%s: left out, no value of it is known", track.file)
            return None
        runs = _make_runs(self.bins[track.model], values, self.dataset)
        write_bigwig(path, self.sizes, runs, self.dataset.bin_size)
        return make_row(path, targets, track.target, track.model, track.kind)

    def _read(self, model: str, kind: str, targets: slice) -> Iterator[np.ndarray]:
        """Yield each target's values, (bins,), in units of the dataset's coverage."""
        if kind in (OBSERVED, RESIDUAL):
            observed = read_observed(self.dataset, self.bins[model], targets)
        if kind == OBSERVED:
            yield from observed
            return
        predictions, stitch = self.predictions[model], self.stitches[model]
        read = predictions.read_spread if kind == SPREAD else predictions.read
        for place, values_NB in enumerate(read(targets)):
            average = stitch.average(values_NB)
            yield average - observed[place] if kind == RESIDUAL else average

    def has_genome(self) -> bool:
        """Say whether the genome is there and of its size."""
        path = self.folder / "genome.fa"
        beside = (path.with_name("genome.fa.fai"), path.with_name("genome.chrom.sizes"))
        return (
            path.is_file()
            and path.stat().st_size == self._genome_size
            and all(each.is_file() for each in beside)
            and path.with_name("splits.bed").is_file()
        )

    def write_genome(self) -> None:
        """Write the chromosomes that have tracks, and the stretches of each split on them."""
        path, size = self.folder / "genome.fa", self._genome_size
        log.info("writing genome.fa: %d contigs, %.1f MB", len(self.chroms), size / 1e6)
        write_fasta(path, ((chrom, self._codes_of(chrom)) for chrom in self.chroms), LINE, size)
        write_splits(self.folder / "splits.bed", self.dataset, self.chroms)

    def _codes_of(self, chrom: str) -> np.ndarray:
        """Return a whole chromosome; the dataset may have but pieces of it."""
        if self.genome:
            return self.genome.codes(chrom)
        contigs, index = self.dataset.contigs, self._index[chrom]
        first = contigs.first_base[index]
        return self.dataset.codes[first : first + contigs.length[index]]

    @property
    def _genome_size(self) -> int:
        """Bytes of the FASTA: a line with the name, and lines of sequence, a chromosome."""
        lengths = [self.sizes[chrom] for chrom in self.chroms]
        names = sum(len(f">{chrom}\n".encode()) for chrom in self.chroms)
        return names + sum(length + -(-length // LINE) for length in lengths)


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


def _find_chroms(bins: np.ndarray, dataset: Dataset) -> list[str]:
    """Return the chromosomes of bins (ascending), in the genome's order.

    Raises `SeqcastError` where no window has a place; where some have none, says how many.
    """
    contigs = dataset.contigs
    found = dict.fromkeys(contigs.chrom[index] for index, _ in _split_contigs(bins, dataset))
    unplaced = sum(not contigs.chrom[index] for index, _ in _split_contigs(bins, dataset))
    if unplaced:
        log.warning(
            "%d predicted windows have no place in the genome: the tracks leave them out", unplaced
        )
    if not any(found):
        raise SeqcastError(
            f"{dataset.path}: none of the predicted windows has a place in the genome, so there is"
            " nothing to draw tracks on; see results of `snakemake locate`"
        )
    return [chrom for chrom in contigs.chrom_sizes if chrom in found]


def _make_runs(bins: np.ndarray, values: np.ndarray, dataset: Dataset) -> Iterator[Run]:
    """Cut the values of bins (ascending) into runs, by chromosome (in byte order) and start.

    Where bins of two pieces of a chromosome overlap, those of the first stay.
    """
    contigs, end = dataset.contigs, dict.fromkeys(dataset.contigs.chrom, 0)
    for index, here in sorted(
        _split_contigs(bins, dataset),
        key=lambda piece: (contigs.chrom[piece[0]].encode(), contigs.offset[piece[0]]),
    ):
        chrom = contigs.chrom[index]
        if not chrom:
            continue
        first = contigs.offset[index] - contigs.first_bin[index] * dataset.bin_size
        starts = first + bins[here] * dataset.bin_size
        free = starts >= end[chrom]
        yield from split_runs(chrom, starts[free], values[here][free], dataset.bin_size)
        end[chrom] = max(end[chrom], int(starts[-1]) + dataset.bin_size)


def export_tracks(
    dataset_path: Path,
    predictions: Mapping[str, Path],
    table_path: Path,
    settings: ExportSettings = _DEFAULTS,
    genome: Fasta | None = None,
) -> None:
    """Write the tracks of all targets, the genome they lie on, and then the table.

    `predictions` maps the names of models to their files. For each target there is
    one that was observed, and for each model one that is predicted, its spread where it has
    replicates, and predicted less observed where the settings ask for it; `name_track` says what
    they are called. Whole chromosomes are taken out of `genome`, which is needed where the dataset
    has pieces of them. Values are coverage divided by `span`: in the units of the track that
    was read, not clipped. Overlapping windows are averaged; so are their spreads, which bounds the
    standard deviation of the average from above.
    """
    table_path.parent.mkdir(parents=True, exist_ok=True)
    exporter = _Exporter(dataset_path, predictions, table_path.parent, settings, genome)
    exporter.write_genome()
    tracks = exporter.tracks()
    remove_strays(table_path.parent, {track.file for track in tracks})
    rows = _write_all(exporter, tracks)
    write_tracks(table_path, rows)
    source = exporter.dataset.source
    log.info("wrote %d tracks on the assembly: %s", len(rows), source.get("assembly", "unnamed"))


def repair_tracks(
    dataset_path: Path,
    predictions: Mapping[str, Path],
    table_path: Path,
    settings: ExportSettings = _DEFAULTS,
    genome: Fasta | None = None,
) -> None:
    """Write the tracks of a table again that are missing or not as it lists them."""
    exporter = _Exporter(dataset_path, predictions, table_path.parent, settings, genome)
    damaged, listed = set(find_damaged_files(table_path)), read_tracks(table_path)
    log.info("repairing %s", ", ".join(sorted(damaged)) or "the genome")
    if not exporter.has_genome():
        exporter.write_genome()
    tracks = [track for track in exporter.tracks() if track.file in damaged]
    repaired = {row["file"]: row for row in _write_all(exporter, tracks)}
    rows = [repaired.get(row["file"], row) for row in listed]
    # Unchanged, the table keeps its time, and nothing that hangs on it is made anew.
    if rows != listed:
        write_tracks(table_path, rows)


def _write_all(exporter: _Exporter, tracks: list[Track]) -> list[dict[str, str]]:
    """Write tracks so that files are gone through once a model and kind; return rows in order."""
    rows = {}
    with progress(len(tracks), "export", "tracks") as bar:
        for group in exporter.groups:
            together: dict[tuple[str, str], list[Track]] = {}
            for track in tracks:
                if group.start <= track.target < group.stop:
                    together.setdefault((track.model, track.kind), []).append(track)
            for each in together.values():
                for track, row in zip(each, exporter.write(each), strict=True):
                    rows[track.file] = row
                    bar.update(1)
    return [row for track in tracks if (row := rows[track.file])]
