"""A genome made from a seed, with ten coverage tracks that follow from its sequence.

The tracks are what the sequence says (`tracks.py`) plus the noise of an experiment; the
truth, motif by motif and bin by bin, is written beside the data.
"""

from pathlib import Path

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.disk import written_whole
from seqcast.data import Contigs, DatasetWriter, make_windows, read_dataset
from seqcast.data.reference import write_truth
from seqcast.data.targets import Targets
from seqcast.genome.codes import N, tile
from seqcast.genome.meme import Motif, from_consensus, write_meme
from seqcast.settings import SimulatedSettings
from seqcast.sources.simulated.genome import make_chromosome
from seqcast.sources.simulated.tracks import MOTIFS, TRACKS, Sites, find_sites, make_signal
from seqcast.sources.simulated.variants import TrueEffects, make_rates, write_variants

# Negative binomial: variance = mean + mean^2 / DISPERSION, as replicates of real assays have it.
DISPERSION = 6.0
# Names of files beside the dataset.
VARIANTS, VARIANTS_TRUTH = "variants.vcf", "variants_truth.tsv"
KNOWN_MOTIFS = "motifs.meme"


def write_simulated(settings: SimulatedSettings, output: Path, truth: Path, motifs: Path) -> None:
    """Write the dataset, its noiseless rates (`truth`, HDF5) and its motifs (`motifs`, BED).

    Beside the dataset lie the motifs' consensus as a MEME file, variants of a test chromosome, and
    what these truly do.
    """
    names = list(settings.chromosomes)
    contigs = Contigs.from_lengths(settings.chromosomes, settings.bin_size)
    codes, sites = {}, {}
    with progress(len(names), "simulating", "chromosomes") as bar:
        for number, name in enumerate(names):
            rng = np.random.default_rng([settings.seed, number])
            codes[name] = make_chromosome(settings.chromosomes[name], rng)
            sites[name] = find_sites(codes[name])
            bar.update(1)
    signals = {
        name: make_signal(sites[name], codes[name].size, settings.bin_size) for name in names
    }
    unit_T = np.concatenate(list(signals.values())).mean(axis=0)
    unit_T[unit_T == 0] = 1  # a short genome may lack a motif
    rates = {name: make_rates(each, unit_T).astype(np.float32) for name, each in signals.items()}
    coverage = {
        name: _observe(rates[name], codes[name], settings, number)
        for number, name in enumerate(names)
    }
    targets = _make_targets(settings, coverage)
    with DatasetWriter(output, contigs=contigs, targets=targets, bin_size=settings.bin_size) as out:
        for name in names:
            out.add_contig(codes[name], coverage[name])
        windows = _make_all_windows(settings, names)
        out.finish(
            windows,
            {
                "kind": "simulated",
                "seed": settings.seed,
                "assembly": "simulated",
                "has_coordinates": True,
            },
        )
    write_truth(truth, np.concatenate(list(rates.values())), targets)
    _write_motifs(motifs, sites)
    planted = [
        Motif(each.name, each.name, from_consensus(each.consensus)) for each in MOTIFS.values()
    ]
    write_meme(output.with_name(KNOWN_MOTIFS), planted)
    name, mean_T = [*settings.test, *names][0], read_dataset(output).targets.mean_T
    effects = TrueEffects(codes[name], sites[name], settings.bin_size, unit_T, mean_T)
    vcf, known = output.with_name(VARIANTS), output.with_name(VARIANTS_TRUTH)
    write_variants(vcf, known, name, len(codes[name]), effects, settings.seed)
    log.info(
        "simulated %s bases on %d chromosomes, %d windows of %s",
        f"{int(contigs.length.sum()):,}",
        len(names),
        len(windows),
        f"{settings.window:,}",
    )


def _observe(
    rate: np.ndarray, codes: np.ndarray, settings: SimulatedSettings, number: int
) -> np.ndarray:
    """Draw over-dispersed counts; nothing is known of bins that are mostly N."""
    rng = np.random.default_rng([settings.seed, number, 1])
    counts = rng.poisson(rate * rng.gamma(DISPERSION, 1 / DISPERSION, rate.shape))
    padded = np.full(len(rate) * settings.bin_size, N, dtype=np.uint8)
    padded[: codes.size] = codes
    unknown = (padded.reshape(len(rate), -1) == N).mean(axis=1) > 0.5
    return np.where(unknown[:, None], np.nan, counts).astype(np.float32)


def _make_targets(settings: SimulatedSettings, coverage: dict[str, np.ndarray]) -> Targets:
    scale = np.ones(len(TRACKS))
    if settings.scale == "mean":
        held_out = {*settings.valid, *settings.test}
        train = [values for name, values in coverage.items() if name not in held_out]
        scale = 1 / np.nanmean(np.concatenate(train).astype(np.float64), axis=0)
    names = [track.name for track in TRACKS]
    return Targets(
        identifier=tuple(names),
        description=tuple(track.description for track in TRACKS),
        strand_pair=tuple(
            names.index(track.pair) if track.pair else number for number, track in enumerate(TRACKS)
        ),
        scale=tuple(scale.tolist()),
        units=(f"counts per {settings.bin_size} bp",) * len(TRACKS),
    )


def _make_all_windows(settings: SimulatedSettings, names: list[str]) -> np.ndarray:
    """Tile every chromosome, with a last window flush with its last whole bin."""
    splits = dict.fromkeys(settings.valid, "valid") | dict.fromkeys(settings.test, "test")
    rows = []
    for number, name in enumerate(names):
        usable = settings.chromosomes[name] // settings.bin_size * settings.bin_size
        starts = tile(usable, settings.window, settings.stride)
        starts = np.unique(np.append(starts, usable - settings.window))
        split = splits.get(name, "train")
        rows.append(make_windows(np.full(len(starts), number), starts, settings.window, split))
    return np.concatenate(rows)


def _write_motifs(path: Path, sites: dict[str, Sites]) -> None:
    with written_whole(path) as partial, open(partial, "w") as file:
        for name, found in sites.items():
            rows = [
                (start, end, motif, round(1000 * strength), strand)
                for motif, here in found.items()
                for start, end, strength, strand in here.rows()
            ]
            file.writelines(
                f"{name}\t{start}\t{end}\t{motif}\t{score}\t{strand}\n"
                for start, end, motif, score, strand in sorted(rows)
            )
