"""How a figure becomes a file: a small PNG, or an SVG whose text stays text."""

import io
import warnings
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from seqcast.core.disk import written_whole

DPI = 150
_COLOURS = 256
_SVG = {"svg.hashsalt": "seqcast", "svg.fonttype": "none"}


def write_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG (150 dpi) or SVG, by the suffix, and empty it.

    A PNG has the 256 most frequent colours, which makes it half as large. The file appears under
    its name only when it is whole; the same figure gives the same bytes.
    """
    path = Path(path)
    kind = path.suffix.lstrip(".").lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with written_whole(path) as partial:
        with warnings.catch_warnings(), matplotlib.rc_context(_SVG):
            # A target's name may hold letters that the font lacks; they become boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure.savefig(
                buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None
            )
        partial.write_bytes(_reduce_colours(buffer) if kind == "png" else buffer.getvalue())
    figure.clear()


def _reduce_colours(png: io.BytesIO) -> bytes:
    """Give each rare colour, mostly of a smoothed edge, the nearest of the frequent ones."""
    pixels = np.asarray(Image.open(png).convert("RGB"), dtype=np.int32)
    packed = pixels @ np.array([1 << 16, 1 << 8, 1])
    colours, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    rgb = np.stack([colours >> 16, (colours >> 8) & 255, colours & 255], axis=1)
    frequent = rgb[np.argsort(-counts, kind="stable")[:_COLOURS]]
    distance = np.square(rgb[:, None] - frequent).sum(axis=2)
    nearest = distance.argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(nearest[inverse].reshape(packed.shape))
    image.putpalette(frequent.astype(np.uint8).tobytes())
    reduced = io.BytesIO()
    image.save(reduced, "png", optimize=True, dpi=(DPI, DPI))
    return reduced.getvalue()
