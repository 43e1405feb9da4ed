"""What a model predicts of both alleles of a variant, in windows of the grid."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqcast.genome.codes import encode
from seqcast.predict.predictor import KeptWindow, Predictor
from seqcast.variants.grid import Grid
from seqcast.variants.parts import Site
from seqcast.variants.scores import Ruler, Scores, average, join

# Substitutions that are computed in one go.
_GROUP = 32
# So many bases, or the next of these, are taken as changed: others are given as they are.
_LENGTHS = 4


@dataclass(frozen=True)
class Window:
    """A window's first base, and codes that reach further on either side by `margin`."""

    contig: str
    start: int
    codes: np.ndarray
    margin: int

    @property
    def own(self) -> np.ndarray:
        """The codes of the window itself."""
        return self.codes[self.margin : len(self.codes) - self.margin]


@dataclass(frozen=True)
class Effects:
    """A predictor, and what variants are scored with; `radius` is in bases."""

    predictor: Predictor
    grid: Grid
    radius: int
    shifts: tuple[int, ...] = (0,)

    @property
    def ruler(self) -> Ruler:
        """What predictions are measured with."""
        targets = self.predictor.targets
        return Ruler(targets.mean_T, self.grid.bin_size, targets.from_training)

    def compute_margin(self, sites: Sequence[Site]) -> int:
        """Return how far beyond a window its alleles need the sequence."""
        moved = max(abs(len(site.ref) - len(site.alt)) for site in sites)
        return moved + max(map(abs, self.shifts))

    def score(self, window: Window, sites: Sequence[Site], length: int) -> Scores:
        """Score alleles of one window, on a contig of so many bases; in their order."""
        return average(
            [self._score_moved(self._move(window, by), sites, length) for by in self.shifts]
        )

    def predict_both(self, window: Window, site: Site) -> tuple[np.ndarray, np.ndarray]:
        """Return what is predicted of REF and ALT, (K, N, T) rates in training units each.

        Both are aligned with REF's bins; see `align`.
        """
        kept = self.predictor.keep(window.own)
        ref_KNT = kept.predict_strands()
        ((_, alt_KSNT),) = self._predict(window, kept, ref_KNT, [site])
        return ref_KNT, alt_KSNT[:, 0]

    def list_near(self, window: Window, site: Site, length: int) -> list[int]:
        """Return the bins within the radius, counted from the window's start, cropped ones too."""
        known = self.grid.mark_known(window.start, length)
        near, first = self._list_near(window, site, known), self.grid.crop + known.start
        return list(range(near.start + first, near.stop + first))

    def _move(self, window: Window, by: int) -> Window:
        if not by:
            return window
        margin = window.margin - abs(by)
        first = abs(by) + by
        codes = window.codes[first : len(window.codes) - 2 * abs(by) + first]
        return Window(window.contig, window.start + by, codes, margin)

    def _score_moved(self, window: Window, sites: Sequence[Site], length: int) -> Scores:
        known = self.grid.mark_known(window.start, length)
        kept = self.predictor.keep(window.own)
        ref_KNT = kept.predict_strands()
        first = window.start + (self.grid.crop + known.start) * self.grid.bin_size
        rows, found = [], []
        for some, alt_KSNT in self._predict(window, kept, ref_KNT, sites):
            near = [self._list_near(window, sites[row], known) for row in some]
            found.append(
                self.ruler.measure(ref_KNT[:, None, known], alt_KSNT[:, :, known], near, first)
            )
            rows += some
        scores = join(found)
        return Scores(*(each[np.argsort(rows)] for each in vars(scores).values()))

    def _list_near(self, window: Window, site: Site, known: slice) -> slice:
        """Return the bins within the radius, counted from the first that is known."""
        end = site.start + max(len(site.ref), 1)
        near = self.grid.list_near(window.start, site.start - self.radius, end + self.radius, known)
        return slice(near.start - known.start, near.stop - known.start)

    def _predict(
        self, window: Window, kept: KeptWindow, ref_KNT: np.ndarray, sites: Sequence[Site]
    ) -> Iterator[tuple[list[int], np.ndarray]]:
        """Yield some of the alleles, by index in the list, and what is predicted of them."""
        groups: dict[int, list[int]] = {}
        for row, site in enumerate(sites):
            if site.ref == site.alt:
                yield [row], ref_KNT[:, None]
            elif site.is_substitution:
                groups.setdefault(_round_up(len(site.ref)), []).append(row)
            else:
                yield [row], self._predict_moved(window, site)[:, None]
        for width, rows in groups.items():
            for at in range(0, len(rows), _GROUP):
                some = rows[at : at + _GROUP]
                yield (
                    some,
                    self._predict_changed(window, kept, [sites[each] for each in some], width),
                )

    def _predict_changed(
        self, window: Window, kept: KeptWindow, sites: Sequence[Site], width: int
    ) -> np.ndarray:
        """Predict substitutions, each as a change of so many bases."""
        own, starts = window.own, []
        # One alone would be computed by another routine, which rounds otherwise.
        changed = np.empty((max(len(sites), 2), width), dtype=np.uint8)
        for row, site in enumerate(sites):
            at = site.start - window.start
            starts.append(min(at, len(own) - width))
            changed[row] = own[starts[-1] :][:width]
            changed[row, at - starts[-1] :][: len(site.alt)] = encode(site.alt)
        changed[len(sites) :] = changed[0]
        starts += starts[:1] * (len(changed) - len(sites))
        return kept.predict_each(starts, changed)[:, : len(sites)]

    def _predict_moved(self, window: Window, site: Site) -> np.ndarray:
        """Predict an allele that moves what follows it, (K, N, T), bins aligned with REF's.

        Once what lies to its left is in its place, once what lies to its right; each bin takes the
        values of its own side, that of the allele both by shares.
        """
        grid, at = self.grid, site.start - window.start + window.margin
        whole = [window.codes[:at], encode(site.alt), window.codes[at + len(site.ref) :]]
        codes, size = np.concatenate(whole), len(window.own)
        grown = len(site.alt) - len(site.ref)
        starts = [window.margin, window.margin + grown]
        left_KNT, right_KNT = self.predictor.predict_strands(
            np.stack([codes[start : start + size] for start in starts])
        ).transpose(1, 0, 2, 3)
        first = window.start + grid.crop * grid.bin_size
        return align(left_KNT, right_KNT, site, first, grid.bin_size)


def align(
    left_KNT: np.ndarray, right_KNT: np.ndarray, site: Site, first: int, size: int
) -> np.ndarray:
    """Lay both predictions of a moved sequence on the bins of REF, the first from base `first` on.

    In `left` all before the allele lies where it does in REF, in `right` all behind it. REF's bases
    are split in the allele's middle; a bin is the mean of its bases, those of the left with the
    value of their bin in `left`, or of the one where the allele begins if they were deleted, and
    so on the right. The bin of an insertion is the mean over itself and the whole bins within.
    """
    bins, end = left_KNT.shape[1], site.start + len(site.ref)
    starts = first + size * np.arange(bins)
    share_N1 = np.clip((site.start + len(site.ref) // 2 - starts) / size, 0, 1)[:, None]
    begins = min(max((site.start - 1 - first) // size, 0), bins - 1)
    ends = min(max((end - first) // size, 0), bins - 1)
    from_left = left_KNT[:, np.minimum(np.arange(bins), begins)]
    from_right = right_KNT[:, np.maximum(np.arange(bins), ends)]
    aligned = (share_N1 * from_left + (1 - share_N1) * from_right).astype(left_KNT.dtype)
    inner = slice(begins + 1, (site.start + len(site.alt) - first) // size)
    within = left_KNT[:, inner]
    if len(site.alt) > len(site.ref) and within.shape[1]:
        here = min(max((site.start - first) // size, 0), bins - 1)
        total = aligned[:, here] + within.sum(1)
        aligned[:, here] = total / (1 + within.shape[1])
    return aligned


def _round_up(length: int) -> int:
    width = 1
    while width < length:
        width *= _LENGTHS
    return width
