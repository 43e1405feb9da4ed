"""Logos of motifs as small drawings that stand in a table: SVG as `data:` addresses."""

import base64

import numpy as np

from seqcast.genome.meme import compute_information
from seqcast.tracks.letters import COLOURS, LETTERS
from seqcast.tracks.style import INK, OBSERVED, QUIET, RULE

# Pixels of a letter, across, and of a logo, down.
_ACROSS, _DOWN = 9, 36


def compute_bits(probabilities: np.ndarray) -> np.ndarray:
    """Return the heights of letters, (width, 4): their share of what a position tells, in bits."""
    return probabilities * np.maximum(compute_information(probabilities), 0)[:, None]


def draw_logo(heights: np.ndarray) -> tuple[str, int, int]:
    """Draw stacked letters, (width, 4) heights; return the drawing, its width and its height.

    Negative ones hang below the line, upside down. The tallest stack fills the drawing.
    """
    up = np.maximum(heights, 0).sum(1).max(initial=0)
    down = np.minimum(heights, 0).sum(1).min(initial=0)
    scale = _DOWN / max(up - down, 1e-9)
    width = _ACROSS * len(heights)
    paths = [f'<path d="M0 {up * scale:.1f}H{width}" stroke="{RULE}"/>']
    for code, base in enumerate("ACGT"):
        outlines = []
        for at, column in enumerate(heights):
            value = float(column[code])
            if abs(value) * scale < 0.3:
                continue
            # The largest stand or hang farthest out.
            nearer = [
                float(other) for index, other in enumerate(column)
                if other * value > 0 and (abs(other), index) < (abs(value), code)
            ]  # fmt: skip
            outlines.append(_outline(base, at, value, up - sum(nearer), scale))
        if outlines:
            paths.append(f'<path d="{"".join(outlines)}" fill="{COLOURS[base]}"/>')
    return _to_address("".join(paths), width, _DOWN), width, _DOWN


def _outline(base: str, at: int, value: float, foot: float, scale: float) -> str:
    words = []
    for outline in LETTERS[base]:
        points = (
            f"{_ACROSS * (at + 0.96 * x):.1f} {scale * (foot - value * y):.1f}" for x, y in outline
        )
        words.append("M" + "L".join(points) + "Z")
    return "".join(words)


def draw_range(low: float, middle: float, high: float, reach: float) -> tuple[str, int, int]:
    """Draw where the middle half and the median lie on a line from -reach to reach, 0 marked."""
    width, height = 110, 18

    def to_x(value: float) -> float:
        """Return the pixel of a value, at an end where it lies beyond."""
        return width / 2 * (1 + min(max(value / max(reach, 1e-9), -1), 1))

    box = max(to_x(high) - to_x(low), 1.5)
    drawn = (
        f'<path d="M0 9H{width}" stroke="{RULE}"/><path d="M{width / 2} 2V16" stroke="{QUIET}"/>'
        f'<rect x="{to_x(low):.1f}" y="5" width="{box:.1f}" height="8" fill="{OBSERVED}"'
        ' opacity=".45"/>'
        f'<path d="M{to_x(middle):.1f} 3V15" stroke="{INK}" stroke-width="2"/>'
    )
    return _to_address(drawn, width, height), width, height


def _to_address(drawn: str, width: int, height: int) -> str:
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}">{drawn}</svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
