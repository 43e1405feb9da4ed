"""A figure on the page: written as a file, and embedded with words for every reader."""

import base64
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from seqcast.report.figures import write_figure

_MEDIA = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Picture:
    """A figure's bytes as a `data:` address, its size in pixels, and words for every reader."""

    file: str
    data: str
    width: int
    height: int
    alt: str
    caption: str
    look: str
    otherwise: str


def write_picture(
    figure: Figure, path: Path, alt: str, caption: str, look: tuple[str, str]
) -> Picture:
    """Write a figure as PNG or SVG, by the suffix, and return it for the page.

    `look` is what to look for, and what to do if it is not so.
    """
    # One size of letters on the whole page: an inch is 100 pixels there.
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    write_figure(figure, path)
    data = f"data:{_MEDIA[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return Picture(path.name, data, width, height, alt, caption, *look)
