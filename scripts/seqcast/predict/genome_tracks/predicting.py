"""Predict a part of a genome, window by window."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.provenance import sha256_of
from seqcast.predict.genome_tracks.parts import PartWriter
from seqcast.predict.genome_tracks.plan import Part
from seqcast.predict.genome_tracks.tiling import Tile, Tiling
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.sources.genome.fasta import Fasta, open_indexed

# Windows of N alone wait for a batch of others, in this many batches' room.
_BATCHES = 8


class Window(NamedTuple):
    """A window that lies in a genome; `codes` reaches further on either side, for the shifts.

    `is_known` says of each kept bin whether its bases are.
    """

    tile: Tile
    codes: np.ndarray
    is_known: np.ndarray


@dataclass(frozen=True)
class TilePredictor:
    """A predictor, and how a genome is cut into windows for it."""

    predictor: Predictor
    tiling: Tiling
    shifts: tuple[int, ...] = (0,)

    @property
    def reach(self) -> int:
        """Bases that a window is moved by at most."""
        return max(map(abs, self.shifts))

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Predict windows, (windows, window + 2 reach) codes; the mean over shifts.

        The result is (windows, bins, targets) float32, unscaled.
        """
        size = self.tiling.window * self.tiling.bin_size
        total: np.ndarray | float = 0.0
        for shift in self.shifts:
            start = self.reach + shift
            total = total + self.predictor.predict(codes[:, start : start + size])
        return np.asarray(total / len(self.shifts), dtype=np.float32)

    def predict_tiles(self, windows: list[Window]) -> list[np.ndarray]:
        """Return the kept bins of each window, (bins, targets), NaN where they are not known.

        Windows without a known bin are not computed.
        """
        wanted = [window for window in windows if window.is_known.any()]
        targets = len(self.predictor.targets)
        predicted = iter(self.predict(np.stack([each.codes for each in wanted])) if wanted else ())
        found = []
        for window in windows:
            tile = window.tile
            values = np.full((tile.end - tile.first, targets), np.nan, dtype=np.float32)
            if window.is_known.any():
                kept = next(predicted)[tile.first - tile.start : tile.end - tile.start]
                values[window.is_known] = kept[window.is_known]
            found.append(values)
        return found


def predict_part(
    model: TrainedModel, tracks: GenomeTracksSettings, part: Part, genome: Path, output: Path
) -> None:
    """Predict the bins of a part and write them block by block, whatever its size.

    `genome` is a plain FASTA with its index beside it. Windows have the length that the model was
    trained on.
    """
    predictor, *_ = model.open()
    size = predictor.bin_size
    tiling = Tiling.from_window(predictor.window, size, predictor.crop, tracks.edge_bins)
    tiles = TilePredictor(predictor, tiling, tracks.shifts)
    origin = {"model": model.name, "checkpoint_digest": sha256_of(model.path)}
    with PartWriter(output, part, predictor.targets, origin) as out:
        _write_part(out, part, open_indexed(genome), tiles, f"{part.name} by {model.name}")
        out.finish()


def _write_part(
    out: PartWriter, part: Part, fasta: Fasta, tiles: TilePredictor, title: str
) -> None:
    lengths = fasta.lengths
    total = sum(tiles.tiling.count_tiles(span, lengths[span.contig]) for span in part.spans)
    start, skipped = time.monotonic(), 0
    with progress(total, title, "windows") as bar:
        for block in _split_blocks(find_windows(part, fasta, tiles), tiles.predictor.batch_size):
            out.add(np.concatenate(tiles.predict_tiles(block)))
            skipped += sum(not each.is_known.any() for each in block)
            bar.update(len(block))
    seconds = time.monotonic() - start
    log.info(
        "%s: %s windows in %s (%.1f windows/s)%s",
        title,
        f"{total - skipped:,}",
        format_seconds(seconds),
        (total - skipped) / seconds,
        f"; {skipped:,} of N alone were skipped" if skipped else "",
    )


def find_windows(part: Part, fasta: Fasta, tiles: TilePredictor) -> Iterator[Window]:
    """Yield the windows of a part, span by span."""
    tiling, reach = tiles.tiling, tiles.reach
    for span in part.spans:
        length = fasta.index[span.contig].rlen
        for tile in tiling.list_tiles(span, length):
            codes = tiling.read_codes(fasta, span.contig, tile, reach)
            yield Window(tile, codes, tiling.mark_known(codes, tile, length, reach))


def _split_blocks(windows: Iterator[Window], batch_size: int) -> Iterator[list[Window]]:
    """Yield windows in turn, as many at once as hold a batch to compute."""
    block: list[Window] = []
    known = 0
    for window in windows:
        block.append(window)
        known += bool(window.is_known.any())
        if known == batch_size or len(block) == _BATCHES * batch_size:
            yield block
            block, known = [], 0
    if block:
        yield block
