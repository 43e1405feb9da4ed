"""From a genome and its tracks to `dataset.h5`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.chunks import Packed
from seqcast.core.console import log
from seqcast.core.reading_ahead import work_ahead
from seqcast.data import Contigs, DatasetWriter
from seqcast.data.reference import ReferenceWriter
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings
from seqcast.sources.genome.forecast import find_shortages, make_forecast
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.planning import Plan, settle_resolution
from seqcast.sources.genome.reading import Hidden, Piece, cut_pieces, store
from seqcast.sources.genome.scaling import Seen, fill_targets
from seqcast.sources.genome.surveying import Survey, make_targets, mark_hidden, open_genome
from seqcast.sources.genome.unpacking import stem_of


def write_genome(
    settings: GenomeSettings,
    inputs: Inputs,
    output: Path,
    *,
    replicates: Path | None = None,
    threads: int = 1,
) -> None:
    """Write the dataset of a genome, and its replicates where a path is given.

    Each thread has a group of targets on a few million bases at a time, so that memory does not
    grow with either. The files get their names when they are whole, and are the same for any number
    of threads.
    Raises `SeqcastError` where the files do not fit each other or hold what cannot be coverage,
    and `OSError` where the disk is full.
    """
    settings = settle_resolution(settings, inputs.rows)
    layout, plan = open_genome(settings, inputs, threads)
    forecast = make_forecast(
        settings, layout, plan, replicates=replicates is not None, threads=threads
    )
    for line in find_shortages(forecast, output.parent):
        log.warning("%s", line)
    targets = make_targets(settings, inputs.rows)
    tracks = store(settings, inputs, layout, threads)
    turned = [
        each.path for each, found in zip(layout.tracks, tracks, strict=True) if found.lowest < 0
    ]
    survey, hidden = Survey(settings, plan, targets), mark_hidden(settings, layout, plan)
    contigs = Contigs.from_lengths(plan.lengths, settings.bin_size)
    with DatasetWriter(
        output,
        contigs=contigs,
        targets=targets,
        bin_size=settings.bin_size,
        resolution=settings.cell,
        threads=threads,
    ) as writer:

        def pack(piece: Piece) -> tuple[Piece, list[np.ndarray], list[Seen], Packed]:
            """Read a piece, with the first targets its sequence too, look at it and pack it."""
            values = piece.read()
            codes = [layout.fasta.read(*each) for each in piece.stretches if not piece.number]
            return piece, codes, survey.look_at(piece, values), writer.coverage.pack(values)

        pieces = cut_pieces(
            settings,
            tracks,
            writer.coverage.groups,
            plan.lengths,
            hidden,
            cell=settings.cell,
            title="dataset",
        )
        for piece, codes, seen, packed in work_ahead(pack, pieces, threads):
            for each in codes:
                writer.add_sequence(each)
            survey.statistics.add(seen, piece.targets)
            writer.coverage.add_packed(piece.number, packed)
        targets = fill_targets(settings, targets, survey.statistics)
        if replicates:
            _write_replicates(replicates, settings, inputs, layout, plan, hidden, targets, threads)
        source = _describe(settings, inputs, layout, plan, turned)
        writer.finish(plan.windows, source, targets, plan.folds, plan.regions)
    _report(output, plan, turned)


def _write_replicates(
    path: Path,
    settings: GenomeSettings,
    inputs: Inputs,
    layout: Layout,
    plan: Plan,
    hidden: Hidden,
    targets: Targets,
    threads: int,
) -> None:
    """Write the bins of replicates."""
    size = settings.bin_size
    stored = store(settings, inputs, layout, threads, replicates=True)
    bins = sum(-(-length // size) for length in plan.lengths.values())
    included = [row.replicate_included for row in inputs.rows]
    with ReferenceWriter(path, bins, targets, included) as writer:
        pieces = cut_pieces(
            settings,
            stored,
            writer.coverage.groups,
            plan.lengths,
            hidden,
            cell=size,
            title="replicates",
        )

        def pack(piece: Piece) -> tuple[int, Packed]:
            """Read a piece and pack it."""
            return piece.number, writer.coverage.pack(piece.read())

        for packed in work_ahead(pack, pieces, threads):
            writer.coverage.add_packed(*packed)
        writer.finish()


def _describe(
    settings: GenomeSettings, inputs: Inputs, layout: Layout, plan: Plan, turned: Sequence[Path]
) -> dict[str, Any]:
    """Say where a dataset came from and what was done to it; names of files, not their folders."""
    return {
        "kind": "genome",
        "assembly": stem_of(inputs.fasta),
        "has_coordinates": True,
        "fasta": inputs.fasta.name,
        "tracks": [Path(row.file).name for row in inputs.rows],
        "mask": [path.name for path in inputs.mask],
        "folds": settings.split.folds,
        "blocks": settings.split.blocks,
        "gap": settings.gap if len(plan.regions) > len(plan.lengths) else None,
        "stride": settings.step,
        "scale": settings.scale,
        "clip_quantile": settings.clip_quantile,
        "missing": settings.missing,
        "contigs_left_out": len(layout.left_out),
        "dropped_windows": plan.dropped,
        "negative_turned": [path.name for path in turned],
    }


def _report(output: Path, plan: Plan, turned: Sequence[Path]) -> None:
    for path in turned:
        log.info("%s: is negative throughout; its sign was turned (dataset.negative: abs)", path)
    for reason, parts in plan.dropped.items():
        counts = ", ".join(f"{count:,} {part}" for part, count in parts.items())
        log.info("windows left out for %s: %s", reason, counts)
    counts = np.bincount(plan.windows["split"], minlength=len(plan.parts))
    found = ", ".join(f"{count:,} {part}" for part, count in zip(plan.parts, counts, strict=True))
    log.info("%s: wrote %s windows on %d contigs", output, found, len(plan.lengths))
