"""Tell bound motif instances from others by what a trained model's contributions say of them.

    python -m bench.bound MODEL DATASET ANNOTATION METHOD

prints for each factor the AUROC of the summed contributions over a motif's bases, all targets
together, beside that of the motif's score, each with its 95 % interval (bootstrap). An instance
(p < 1e-4) is bound where a ChIP-exo site of its factor lies within 25 bases of its middle.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from memelite import fimo
from memelite.io import read_meme

from seqcast.core.console import progress
from seqcast.data import Dataset, read_dataset
from seqcast.evaluate.metrics import auroc
from seqcast.explain.explaining import Explainer
from seqcast.predict.predictor import Predictor
from seqcast.settings.steps import ExplainSettings

FACTORS = ("REB1", "ABF1", "RAP1", "CBF1")
# Not trained on by the model of the README: chrII was to stop by, chrXVI to test.
CONTIGS = ("chrII", "chrXVI")
NEAR, P_VALUE, REPEATS = 25, 1e-4, 2_000


def find_instances(dataset: Dataset, annotation: Path) -> pd.DataFrame:
    """Return the motif instances of each factor, the better of two that overlap, and if bound."""
    motifs = read_meme(str(annotation / "jaspar2026_fungi.meme"))
    wanted = {name: motif for name, motif in motifs.items() if name.split()[-1] in FACTORS}
    tables = []
    for contig in CONTIGS:
        length = dataset.contigs.chrom_length[dataset.contigs.chrom.index(contig)]
        codes = dataset.sequence(contig, 0, int(length))
        one_hot = np.eye(5, dtype=np.int8)[codes][:, :4].T[None]
        tables += [table.assign(contig=contig) for table in fimo(wanted, one_hot, P_VALUE)]
    found = pd.concat(tables, ignore_index=True)
    found["factor"] = found["motif_name"].str.split().str[-1]
    found["middle"] = (found["start"] + found["end"]) // 2
    found = found.sort_values("score", ascending=False)
    # A palindrome is found on both strands.
    found = found[~found.duplicated(["factor", "contig", "middle"])]
    sites = pd.read_csv(
        annotation / "chipexo_sites.bed", sep="\t", names=["contig", "start", "end", "factor"]
    )
    sites["factor"] = sites["factor"].str.upper()
    bound = {key: group["start"].to_numpy() for key, group in sites.groupby(["factor", "contig"])}
    found["bound"] = [
        bool(np.any(np.abs(bound.get((row.factor, row.contig), np.empty(0)) - row.middle) <= NEAR))
        for row in found.itertuples()
    ]
    return found.sort_values(["factor", "contig", "middle"], ignore_index=True)


def tell_auroc(values: np.ndarray, bound: np.ndarray) -> str:
    """Return it with its interval, instances drawn anew."""
    rng = np.random.default_rng(1)
    draws = rng.integers(0, len(values), (REPEATS, len(values)))
    drawn = [auroc(values[each], bound[each]) for each in draws if 0 < bound[each].mean() < 1]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{auroc(values, bound):.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Print a line for each factor."""
    model, path, annotation, method = sys.argv[1:]
    dataset = read_dataset(path)
    found = find_instances(dataset, Path(annotation))
    settings = ExplainSettings(method=method, width=64)
    explainer = Explainer(Predictor.open(model), dataset, settings)
    names, values = dataset.targets.identifier, []
    with progress(len(found), f"explain by {method}", "instances") as bar:
        for row in found.itertuples():
            explained = explainer.explain_place(row.contig, row.middle, *names)
            codes = dataset.sequence(row.contig, row.middle - 32, row.middle + 32)
            projected = np.pad(explained.values, [(0, 0), (0, 1)])[np.arange(64), codes]
            values.append(projected[row.start - row.middle + 32 : row.end - row.middle + 32].sum())
            bar.update(1)
    found["contribution"] = values
    for factor, group in found.groupby("factor"):
        bound = group["bound"].to_numpy()
        print(
            f"{factor}\t{bound.sum()} of {len(bound)} bound\t{method}"
            f"\t{tell_auroc(group['contribution'].to_numpy(), bound)}"
            f"\tmotif score\t{tell_auroc(group['score'].to_numpy(), bound)}"
        )


if __name__ == "__main__":
    main()
