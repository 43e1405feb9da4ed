"""Where the window of a variant lies: on a fixed grid, whatever else is in the file."""

from dataclasses import dataclass

from seqcast.data import Dataset

# Centres of windows are half of what a window predicts apart; half of that may an allele be.
_HALF = 2


@dataclass(frozen=True)
class Grid:
    """Windows of `window` bases, `crop` bins of which at either side are seen and not predicted."""

    window: int
    bin_size: int
    crop: int

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> "Grid":
        """Make the grid of a dataset's windows."""
        return cls(dataset.window, dataset.bin_size, dataset.crop)

    @property
    def bins(self) -> int:
        """Bins that a window predicts."""
        return self.window // self.bin_size - 2 * self.crop

    @property
    def step(self) -> int:
        """Bases from one centre to the next."""
        return max(self.bins // _HALF, 1) * self.bin_size

    @property
    def longest(self) -> int:
        """Bases that an allele may have: with that it ends well within its window."""
        return self.step // _HALF

    def compute_start(self, position: int, length: int) -> int:
        """Return the first base of a position's window, on a contig of so many bases.

        It is the window whose centre is nearest; at the contig's ends it is moved inside, as those
        of whole genomes are. Where the contig is shorter, or bins are cropped, it begins before it.
        """
        centre = (position + self.step // 2) // self.step * self.step // self.bin_size
        whole = -(-length // self.bin_size)
        last = max(whole + self.crop - self.window // self.bin_size, -self.crop)
        half = self.window // self.bin_size // 2
        return min(max(centre - half, -self.crop), last) * self.bin_size

    def mark_known(self, start: int, length: int) -> slice:
        """Return which predicted bins of a window from `start` on lie on the contig."""
        margin, size = start + self.crop * self.bin_size, self.bin_size
        return slice(max(-(margin // size), 0), min(self.bins, -(-(length - margin) // size)))

    def list_near(self, start: int, first: int, end: int, known: slice) -> slice:
        """Return which of the known bins touch the bases from `first` to `end`, one at least."""
        margin, size = start + self.crop * self.bin_size, self.bin_size
        low = min(max((first - margin) // size, known.start), known.stop - 1)
        return slice(low, max(min(-(-(end - margin) // size), known.stop), low + 1))
