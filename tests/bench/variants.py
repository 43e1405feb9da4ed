"""Row of `variants`: substitutions scored in shared windows, beside whole windows."""

import time
from functools import partial

import numpy as np
import torch
from bench.measuring import Row

from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.predict.predictor import Predictor
from seqcast.settings import PRESETS, read_network
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.parts import Site

# As many as two strains of yeast differ by, between two centres of windows.
VARIANTS, WINDOW, TARGETS = 30, 16_384, 8


def measure_variants(rounds: int) -> list[Row]:
    """Return a row a preset: one thread, both strands, processor time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_measure(preset, rounds) for preset in sorted(PRESETS)]
    finally:
        torch.set_num_threads(threads)


def _measure(preset: str, rounds: int) -> Row:
    torch.manual_seed(1)
    settings = read_network(PRESETS[preset]["network"])
    targets = Targets.from_names([str(place) for place in range(TARGETS)])
    predictor = Predictor(Network(settings, targets).eval(), WINDOW, both_strands=True)
    grid, rng = Grid(WINDOW, settings.bin_size, 0), np.random.default_rng(1)
    window = Window("chr1", WINDOW, rng.integers(0, 4, WINDOW).astype(np.uint8), 0)
    places = (WINDOW - grid.step) // 2 + rng.integers(0, grid.step, VARIANTS)
    sites = [
        Site("chr1", WINDOW + at, *_draw(window.codes[at]), "scored", "none", -1, 0.5)
        for at in sorted(places.tolist())
    ]
    effects = Effects(predictor, grid, 250)
    score = partial(effects.score, window, sites, 3 * WINDOW)
    # REF and ALT of one variant.
    whole = partial(predictor.predict, window.codes[None].repeat(2, axis=0))
    rates, ratios = [], []
    for _ in range(rounds):
        ours = _time(score) / VARIANTS
        rates.append(1 / ours)
        ratios.append(_time(whole) / ours)
    what = f"variants, {preset}, {WINDOW:,} bp, {VARIANTS} SNVs a window, both strands, 1 thread"
    beside = {"times whole windows:": float(np.median(ratios))}
    return Row(what, "SNVs/s", rates, beside, "8x whole windows")


def _draw(base: int) -> tuple[str, str]:
    return "ACGT"[base], "ACGT"[(base + 1) % 4]


def _time(function: partial) -> float:
    """Return the processor time of a call: others use the machine as well."""
    function()
    start = time.process_time()
    function()
    return time.process_time() - start
