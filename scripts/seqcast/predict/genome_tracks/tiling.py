"""Windows laid over a contig so that each bin is predicted once, from well inside a window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N, count_edge_bins
from seqcast.sources.genome.fasta import Fasta


class Span(NamedTuple):
    """Bins of a contig to predict, `first` to `end`; bin 0 begins at base 0."""

    contig: str
    first: int
    end: int

    @property
    def bins(self) -> int:
        """How many bins."""
        return self.end - self.first


class Tile(NamedTuple):
    """A window: the bin its predictions begin at, and those of its bins that are kept."""

    start: int
    first: int
    end: int


@dataclass(frozen=True)
class Tiling:
    """How windows are laid, all but `bin_size` in bins.

    A network sees `window` bins and predicts all but `crop` at either side; of these `edge` at
    either side are left to the neighbouring window, or thrown away.
    """

    bin_size: int
    window: int
    crop: int
    edge: int

    @classmethod
    def from_window(
        cls, window: int, bin_size: int, crop: int, edge_bins: int | None = None
    ) -> "Tiling":
        """Make a tiling of windows of `window` bases; `count_edge_bins` is what is edge by default.

        Raises `SeqcastError` where the edges leave nothing.
        """
        bins = window // bin_size - 2 * crop
        edge = count_edge_bins(bins) if edge_bins is None else edge_bins
        if bins - 2 * edge < 1:
            raise SeqcastError(
                f"genome_tracks.edge_bins is {edge}, which leaves nothing of the {bins} bins that a"
                f" window of {window:,} bases predicts; set {max((bins - 1) // 2, 0)} or less"
            )
        return cls(bin_size, window // bin_size, crop, edge)

    @property
    def predicted(self) -> int:
        """Bins that a window predicts."""
        return self.window - 2 * self.crop

    @property
    def step(self) -> int:
        """Bins from one window to the next."""
        return self.predicted - 2 * self.edge

    def count_bins(self, length: int) -> int:
        """Return how many bins a contig of `length` bases has; the last may be cut short."""
        return -(-length // self.bin_size)

    def list_tiles(self, span: Span, length: int) -> Iterator[Tile]:
        """Yield windows whose kept bins are those of the span, in order, each once.

        A window never lies further out than it must: at a contig's ends it is moved inside, and
        its bins are kept up to the end. What fits in one window is in its middle.
        """
        last = max(self.count_bins(length) - self.predicted, 0)
        first = span.first
        while first < span.end:
            rest = span.end - first
            before = self.edge if rest > self.step else (self.predicted - rest) // 2
            start = min(max(first - before, 0), last)
            kept = start + self.predicted - (self.edge if start < last else 0)
            end = min(kept, span.end)
            yield Tile(start, first, end)
            first = end

    def count_tiles(self, span: Span, length: int) -> int:
        """Return how many windows a span takes."""
        return sum(1 for _ in self.list_tiles(span, length))

    def read_codes(self, fasta: Fasta, contig: str, tile: Tile, reach: int = 0) -> np.ndarray:
        """Read a window's sequence, with `reach` bases more at either side; N outside the contig.

        The result is (window x bin_size + 2 reach,) uint8.
        """
        start = (tile.start - self.crop) * self.bin_size - reach
        end = start + self.window * self.bin_size + 2 * reach
        length = fasta.index[contig].rlen
        codes = np.full(end - start, N, dtype=np.uint8)
        codes[max(-start, 0) : max(min(end, length) - start, 0)] = fasta.read(
            contig, max(start, 0), min(end, length)
        )
        return codes

    def mark_known(self, codes: np.ndarray, tile: Tile, length: int, reach: int = 0) -> np.ndarray:
        """Say of each kept bin of a window whether half of its bases or more are known.

        `codes` is what `read_codes` returned, `length` the contig's; a bin that the contig's end
        cuts short is asked for the bases that it has.
        """
        begin = reach + (self.crop + tile.first - tile.start) * self.bin_size
        here = codes[begin : begin + (tile.end - tile.first) * self.bin_size]
        known = (here != N).reshape(-1, self.bin_size).sum(axis=1)
        bases = np.minimum(length - np.arange(tile.first, tile.end) * self.bin_size, self.bin_size)
        return 2 * known >= bases
