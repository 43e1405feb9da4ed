"""The columns of `metrics.tsv` in their order, each with its definition in a sentence."""

_COVERAGE = "coverage of a bin as it was read (for most tracks the sum over its bases), unclipped"
_LOG = (
    "natural logarithm of 1 + coverage of the bin / mean coverage of the target's training bins, so"
    " that units do not matter"
)
_INTERVAL = (
    "end of its 95 % interval: percentile bootstrap over non-overlapping blocks of a window's"
    " length; none below five blocks"
)

DEFINITIONS: dict[str, str] = {
    "target": "Identifier of the target.",
    "pearson_r": f"Pearson's r of predicted and observed {_COVERAGE}; each bin once.",
    "pearson_r_low": f"Lower {_INTERVAL}.",
    "pearson_r_high": f"Upper {_INTERVAL}.",
    "pearson_r_log1p": f"Pearson's r of predicted and observed {_LOG}; each bin once.",
    "pearson_r_log1p_low": f"Lower {_INTERVAL}.",
    "pearson_r_log1p_high": f"Upper {_INTERVAL}.",
    "clipped_pearson_r": "As pearson_r, with the observed track clipped as in training.",
    "clipped_pearson_r_log1p": "As pearson_r_log1p, with the observed track clipped as in"
    " training.",
    "pearson_r_log1p_as_read": "Pearson's r of the natural logarithm of 1 + coverage as read, to be"
    " held against figures from elsewhere; other units of a track give another r.",
    "spearman_r": "Pearson's r of the ranks of predicted and observed coverage, ties at their mean"
    " rank.",
    "r2": "1 - sum of squared errors / sum of squares about the observed mean.",
    "deviance_explained": "1 - Poisson deviance of the predictions / Poisson deviance of the"
    " training mean in every bin.",
    "poisson_loss": "mean(p - t log p) - mean(t - t log t), natural logarithm: the chapter's loss,"
    " half the mean Poisson deviance; 0 is perfect.",
    "poisson_loss_keras": "mean(p - t log p), natural logarithm: Keras' and Basenji's loss; its"
    " best value depends on the data.",
    "baseline_poisson_loss": "poisson_loss of the training mean in every bin.",
    "baseline_poisson_loss_keras": "poisson_loss_keras of the training mean in every bin.",
    "across_pearson_r": "Pearson's r of the mean coverage of blocks of a window's length: which"
    " windows are high. Blocks less than half known are left out.",
    "across_pearson_r_log1p": "The same of the mean of log(1 + coverage / training mean).",
    "within_pearson_r": "Pearson's r of coverage less the mean of its block, each bin once: the"
    " shape inside windows.",
    "within_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "peak_auroc": "Area under the ROC curve of the predictions as a score for observed peaks;"
    " chance is 0.5.",
    "peak_auprc": "Area under the precision-recall curve (average precision) of the same; chance"
    " is peak_share.",
    "peaks": "Observed peaks: bins whose coverage has a false discovery rate (Benjamini-Hochberg)"
    " below evaluate.peak_fdr under a Poisson distribution with the mean of all evaluated bins.",
    "peak_share": "Share of the bins that are peaks.",
    "specific_pearson_r": "Pearson's r of residuals: log(1 + coverage / mean coverage of the"
    " target), less its mean over all targets in the bin; none with one target.",
    "ceiling_pearson_r": "The r that noise in the observed track lets a perfect model expect.",
    "ceiling_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "ceiling_from": "Where the ceiling comes from: rate (r of the noiseless rate with the observed"
    " track), replicates (square root of the track's reliability), or empty.",
    "control_pearson_r": "Negative control: pearson_r of predictions for dinucleotide-shuffled"
    " windows; near 0 unless the composition of a window tells its level.",
    "control_pearson_r_log1p": "The same of log(1 + coverage / training mean).",
    "mean_observed": "Mean observed coverage of a bin.",
    "mean_predicted": "Mean predicted coverage of a bin.",
    "ratio_of_sums": "Sum of predicted / sum of observed coverage; 1 is right.",
    "bins": "Number of bins compared.",
    "blocks": "Number of non-overlapping blocks that these bins lie in.",
}
