"""How fast it all is, beside a plain version: `make bench`, or `make bench ROWS="train export"`.

Times differ from run to run on a machine that others use as well; ratios of what was interleaved
differ less. Nothing here passes or fails.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from bench.busy import measure_busy
from bench.explain import measure_explain
from bench.flows import measure_course, measure_dataset, measure_dry_run, measure_genome
from bench.gpu import measure_gpu
from bench.measuring import ROOT, Row
from bench.networks import measure_networks
from bench.scale import measure_scale
from bench.variant_truth import measure_variant_truth
from bench.variants import measure_variants

DATA = Path(os.environ.get("SEQCAST_TEST_DATA", ROOT.parent / "shared" / "data"))
COLUMNS = ("what", "median", "spread", "beside", "wanted")


def main() -> None:
    """Measure the rows that were asked for, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "rows",
        nargs="*",
        help="train predict busy gpu explain variants variant-truth dry-run dataset genome scale"
        " course",
    )
    parser.add_argument("--rounds", type=int, default=7, help="repetitions (7)")
    parser.add_argument("--windows", type=int, default=4, help="windows a batch on the CPU (4)")
    parser.add_argument(
        "--dataset-windows", type=int, default=1000, help="of the HDF5 file (1,000)"
    )
    parser.add_argument("--threads", type=int, default=2, help="of the CPU rows (2)")
    parser.add_argument("--json", type=Path, default=ROOT / "results" / "bench.json")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known: dict[str, Callable[[], list[Row]]] = {
            "train": lambda: measure_networks("train", given.rounds, given.windows),
            "predict": lambda: measure_networks("predict", given.rounds, given.windows),
            "busy": lambda: measure_busy(given.rounds),
            "gpu": lambda: measure_gpu(folder, given.rounds),
            "explain": lambda: measure_explain(min(given.rounds, 3)),
            "variants": lambda: [*measure_variants(given.rounds), *measure_variant_truth()],
            "variant-truth": lambda: measure_variant_truth(),
            "dry-run": lambda: measure_dry_run(folder, given.rounds),
            "dataset": lambda: measure_dataset(folder, given.dataset_windows, given.rounds),
            "genome": lambda: measure_genome(folder, DATA),
            "scale": lambda: measure_scale(folder),
            "course": lambda: measure_course(folder, DATA, given.rounds),
        }
        if strangers := set(given.rows) - set(known):
            parser.error(f"no rows {', '.join(sorted(strangers))}; there are {', '.join(known)}")
        rows = []
        for kind in given.rows or known:
            for row in known[kind]():
                print(" | ".join(row.cells()), flush=True)
                rows.append(row)
    print()
    print_table(rows)
    write_json(given.json, rows)


def print_table(rows: list[Row]) -> None:
    """Print all rows, with columns as wide as their cells."""
    cells = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def write_json(path: Path, rows: list[Row]) -> None:
    """Write all rows, and what they were measured with."""
    machine = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    measured = {"machine": machine, "rows": [row.as_dict() for row in rows]}
    path.write_text(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
