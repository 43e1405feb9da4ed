"""Hold what a yeast run with folds says of promoter variants against a reporter assay.

    python -m bench.mpra RUN ANNOTATION

Renganaath et al. 2020 measured 5,832 promoter variants. Which of them matter (adjusted P < 0.05) is
told by a rule that was fixed before any figure was seen: the mean over all targets of |lfc|, radius
250, of the model that held the place out. Grounds: the assay's unit is what a promoter makes, which
open chromatin and starts of either strand show together, and a mean over targets of one kind of
cell is less noisy than any of them. Beside it: nearness to the gene, and the largest change of a
motif's best score (JASPAR) among motifs that fit REF or ALT. Intervals: bootstrap of genes. The
sign is that of the mean lfc of the starts of the gene's strand.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from memelite.io import read_meme

from seqcast.core.console import progress
from seqcast.data import Dataset, read_dataset
from seqcast.evaluate.metrics import auprc, auroc, pearson_r
from seqcast.genome.codes import encode
from seqcast.predict.predictor import Predictor
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.loci import Loci
from seqcast.variants.parts import Site

RADIUS, SIGNIFICANT, REPEATS, MARGIN = 250, 0.05, 1_000, 64
# A motif fits where its score is so near its largest.
FITS = 0.8


def score(run: Path, rows: pd.DataFrame, dataset: Dataset) -> np.ndarray:
    """Return lfc, (rows, T); NaN where the fold that held a place out has no model."""
    loci, grid = Loci(dataset), Grid.from_dataset(dataset)
    folds = np.array([loci.find(row.chr, row.pos - 1)[1] for row in rows.itertuples()])
    found = np.full((len(rows), len(dataset.targets)), np.nan)
    lengths = dict(zip(dataset.contigs.chrom, dataset.contigs.chrom_length.tolist(), strict=True))
    with progress(len(rows), "score", "variants") as bar:
        for fold in range(dataset.folds):
            model = run / f"default.f{fold + 1}/train/model.safetensors"
            if not model.is_file():
                continue
            effects = Effects(Predictor.open(model), grid, RADIUS)
            for at in np.flatnonzero(folds == fold):
                row = rows.iloc[at]
                site = Site(row.chr, row.pos - 1, row.ref, row.alt, "scored", "test", fold, 0.5)
                start = grid.compute_start(site.start, lengths[row.chr])
                codes = dataset.sequence(row.chr, start - MARGIN, start + grid.window + MARGIN)
                window = Window(row.chr, start, codes, MARGIN)
                found[at] = effects.score(window, [site], lengths[row.chr]).lfc[0]
                bar.update(1)
    return found


def find_motif_changes(annotation: Path, rows: pd.DataFrame, dataset: Dataset) -> np.ndarray:
    """Return the largest change of a fitting motif's best score that each variant makes."""
    motifs = []
    for probabilities in read_meme(str(annotation / "jaspar2026_fungi.meme")).values():
        odds = np.log2((np.asarray(probabilities).T + 0.01) / 1.04 / 0.25)
        motifs += [odds, odds[::-1, ::-1]]
    changes = np.zeros(len(rows))
    for at, row in enumerate(rows.itertuples()):
        reach = max(len(odds) for odds in motifs) - 1
        before = dataset.sequence(row.chr, row.pos - 1 - reach, row.pos - 1)
        after = dataset.sequence(
            row.chr, row.pos - 1 + len(row.ref), row.pos + len(row.ref) + reach
        )
        alleles = [
            np.concatenate([before, encode(allele.encode()), after])
            for allele in (row.ref, row.alt)
        ]
        for odds in motifs:
            best = [_find_best(odds, codes) for codes in alleles]
            if max(best) >= FITS * odds.max(axis=1).sum():
                changes[at] = max(changes[at], abs(best[1] - best[0]))
    return changes


def _find_best(odds: np.ndarray, codes: np.ndarray) -> float:
    padded = np.pad(odds, [(0, 0), (0, 1)], constant_values=-10.0)
    windows = np.lib.stride_tricks.sliding_window_view(codes, len(odds))
    return float(padded[np.arange(len(odds)), windows].sum(axis=1).max())


def tell(name: str, values: np.ndarray, rows: pd.DataFrame) -> None:
    """Print ROC and PR of values for significant rows, with intervals over genes."""
    positive = (rows["adj.P.Val"] < SIGNIFICANT).to_numpy()
    genes = [
        group.to_numpy() for _, group in pd.Series(range(len(rows))).groupby(rows["gene"].values)
    ]
    rng, drawn = np.random.default_rng(1), []
    for _ in range(REPEATS):
        at = np.concatenate([genes[g] for g in rng.integers(0, len(genes), len(genes))])
        drawn.append((auroc(values[at], positive[at]), auprc(values[at], positive[at])))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    roc, pr = auroc(values, positive), auprc(values, positive)
    print(
        f"{name}: ROC {roc:.3f} ({low[0]:.3f} to {high[0]:.3f}),"
        f" PR {pr:.3f} ({low[1]:.3f} to {high[1]:.3f}), chance {positive.mean():.3f}"
    )


def main() -> None:
    """Print a line for each way to tell, and how often signs agree."""
    run, annotation = map(Path, sys.argv[1:])
    dataset = read_dataset(run / "dataset/dataset.h5")
    rows = pd.read_csv(annotation / "promoter_variants_mpra.tsv", sep="\t")
    lfc = score(run, rows, dataset)
    known = ~np.isnan(lfc).any(axis=1)
    rows, lfc = rows[known].reset_index(drop=True), lfc[known]
    print(f"{len(rows):,} rows, {(rows['adj.P.Val'] < SIGNIFICANT).sum():,} significant")
    tell("mean |lfc| of all targets", np.abs(lfc).mean(axis=1), rows)
    for at, name in enumerate(dataset.targets.identifier):
        tell(f"|lfc| of {name}", np.abs(lfc[:, at]), rows)
    tell("nearness to the gene", -rows["distFromGene"].abs().to_numpy(float), rows)
    tell("change of a motif's best score", find_motif_changes(annotation, rows, dataset), rows)
    names = dataset.targets.identifier
    sense = {"+": "plus", "-": "minus"}
    own = np.array(
        [
            np.mean([lfc[at, t] for t, name in enumerate(names) if name.endswith(sense[strand])])
            for at, strand in enumerate(rows["strand"])
        ]
    )
    matters = (rows["adj.P.Val"] < SIGNIFICANT).to_numpy()
    agree = np.sign(own[matters]) == np.sign(rows["logFC"].to_numpy()[matters])
    r = pearson_r(own[matters], rows["logFC"].to_numpy()[matters])
    print(f"signs agree for {agree.mean():.1%} of the significant, r {r:.3f}")


if __name__ == "__main__":
    main()
