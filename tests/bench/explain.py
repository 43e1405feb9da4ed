"""Rows of `explain`: substitutions beside whole windows, and how well each method finds sites."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from bench.accuracy import METHODS, Simulation
from bench.measuring import ROOT, Row, skip

from seqcast.data.targets import Targets
from seqcast.explain.attribution import explain_by_ism
from seqcast.explain.objective import Objective
from seqcast.nn import Network
from seqcast.settings import PRESETS, read_network

BASES, RADIUS = 1000, 250
WANTED = {16_384: "8x whole windows", 131_072: "30x whole windows"}


def measure_explain(rounds: int, run: Path = ROOT / "results/demo", most: int = 5) -> list[Row]:
    """Return all rows; those of accuracy where the demo has run. One thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [
            _measure_ism(preset, length, rounds) for preset in sorted(PRESETS) for length in WANTED
        ]
        return [*rows, *_measure_accuracy(run, most)]
    finally:
        torch.set_num_threads(threads)


def _measure_ism(preset: str, length: int, rounds: int) -> Row:
    torch.manual_seed(1)
    settings = read_network(PRESETS[preset]["network"])
    network = Network(settings, Targets.from_names([str(place) for place in range(10)])).eval()
    codes = np.random.default_rng(1).integers(0, 4, length).astype(np.uint8)
    middle = length // settings.bin_size // 2
    objective = Objective(network, range(middle - 2, middle + 3), [0], both_strands=False)
    places = slice(length // 2 - BASES // 2, length // 2 + BASES // 2)
    whole = partial(_predict_whole, network, torch.from_numpy(codes[None].repeat(4, axis=0)))
    rates, ratios = [], []
    for _ in range(rounds):
        ours = _time(partial(explain_by_ism, objective, codes, places)) / (3 * BASES)
        rates.append(1 / ours)
        ratios.append(_time(whole) / 4 / ours)
    what = f"ism, {preset}, {length:,} bp, {BASES:,} bases x 3, 1 thread"
    beside = {"times whole windows:": float(np.median(ratios))}
    return Row(what, "substitutions/s", rates, beside, WANTED[length])


@torch.inference_mode()
def _predict_whole(network: Network, codes_BL: torch.Tensor) -> torch.Tensor:
    return network(codes_BL)


def _time(function: partial) -> float:
    """Return the processor time of a call: others use the machine as well."""
    start = time.process_time()
    function()
    return time.process_time() - start


def _measure_accuracy(run: Path, most: int) -> list[Row]:
    if not (run / "default/train/model.safetensors").is_file():
        return [skip("explain, average precision of sites", f"{run} has no model: make demo")]
    simulation = Simulation(run)
    found = simulation.measure(most)
    precision, chance = simulation.measure_enhancers(2 * most)
    what = "explain by deeplift, average precision of enhancers 3 to 10 kb away"
    rows = [Row(what, "of 20,000 bases", [precision], {"chance:": chance}, "said")]
    for method in METHODS:
        ratios = {name: scores[method] / scores["ceiling"] for name, (scores, _) in found.items()}
        seconds = [each[method] for _, each in found.values()]
        beside = {f"{name}:": ratio for name, ratio in ratios.items()}
        rows.append(
            Row(
                f"explain by {method}, average precision of sites, share of the ceiling",
                f"on average, {np.mean(seconds):.2f} s a region",
                [float(np.mean(list(ratios.values())))],
                beside,
                "0.85",
            )
        )
    return rows
