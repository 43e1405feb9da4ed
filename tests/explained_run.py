"""A folder of `explain` as docs/formats.md specifies it, from nothing but numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from seqcast.data import Dataset
from seqcast.genome.bigwig import Run, split_runs, write_bigwig

WIDTH, RADIUS = 1024, 250
# Where a motif lies, from the summit on, and how much its bases add; the last ones take away.
MOTIF = np.array([0.4, 0.8, 1.0, 1.0, 0.6, 0.9, 0.5, 0.3, -0.3, -0.6])


def write_explained(
    folder: Path,
    dataset: Dataset,
    summits: Mapping[str, Sequence[tuple[str, int]]],
    *,
    models: Sequence[str] = ("default",),
    method: str = "deeplift",
) -> Path:
    """Write contributions about summits (contig, base) of some targets; return `explain.json`.

    A motif of ten bases begins at each summit; those of a target's later summits are weaker.
    """
    folder.mkdir(parents=True)
    rng, table, files = np.random.default_rng(0), [], []
    slugs = dict(zip(dataset.targets.identifier, dataset.targets.slugs, strict=True))
    for target, places in summits.items():
        for model in models:
            slug = slugs[target]
            stem = f"{slug}.{model}"
            known, hot, attributed = {}, [], []
            for rank, (contig, summit) in enumerate(places):
                start = summit - WIDTH // 2
                values = rng.normal(0, 0.02, WIDTH).astype(np.float32)
                values[WIDTH // 2 :][: len(MOTIF)] += MOTIF / (1 + rank)
                one_hot = np.eye(4, dtype=np.float32)[read_codes(dataset, contig, start)].T
                known.setdefault(contig, []).append((summit, values))
                hot.append(one_hot)
                attributed.append(values - values * (1 - one_hot) / 3)
                row = (contig, start, start + WIDTH, summit, "test", slug, model)
                table.append((*row, 10.0, 9.0, values.sum(), 1e-5, method))
            sizes = dataset.contigs.chrom_sizes
            runs = [run for name in sorted(known) for run in join(name, sizes[name], known[name])]
            write_bigwig(folder / f"{stem}.contributions.bw", sizes, runs, 1)
            np.savez(folder / f"{stem}.ohe.npz", np.stack(hot))
            np.savez(folder / f"{stem}.attr.npz", np.stack(attributed))
            for kind, ending in (("contributions", "bw"), ("ohe", "npz"), ("attr", "npz")):
                file = {"file": f"{stem}.{kind}.{ending}", "kind": kind}
                files.append({"target": slug, "model": model, **file})
    columns = "contig start end summit split target model observed predicted sum delta method"
    summary = pd.DataFrame(table, columns=columns.split())
    summary.to_csv(folder / "summary.tsv", sep="\t", index=False)
    regions = summary[["contig", "start", "end"]]
    regions.to_csv(folder / "regions.bed", sep="\t", index=False, header=False)
    said = {"method": method, "references": 20, "radius": RADIUS, "width": WIDTH, "delta": 1e-5}
    said["strands"] = dict.fromkeys(models, 2)
    said["targets"] = [{"target": slugs[target], "name": target} for target in summits]
    (folder / "explain.json").write_text(json.dumps(said | {"files": files}))
    return folder / "explain.json"


def join(contig: str, size: int, known: Sequence[tuple[int, np.ndarray]]) -> list[Run]:
    """Join regions of a contig; where two overlap, a base has the value of the nearer summit."""
    joined, position = np.full(size, np.nan), np.arange(size)
    nearest = np.abs(position - np.array([[summit] for summit, _ in known])).argmin(axis=0)
    for place, (summit, values) in enumerate(known):
        here = np.arange(summit - WIDTH // 2, summit + WIDTH // 2)
        mine = nearest[here] == place
        joined[here[mine]] = values[mine]
    return split_runs(contig, position, joined.astype(np.float32), 1)


def read_codes(dataset: Dataset, contig: str, start: int, length: int = WIDTH) -> np.ndarray:
    """Return bases of a contig as codes."""
    index = dataset.contigs.chrom.index(contig)
    first = dataset.contigs.first_base[index] + start - dataset.contigs.offset[index]
    return np.asarray(dataset.codes[first : first + length])
