"""The step `validate` for a genome of one's own: FASTA, bigWigs, BED and the targets table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from seqcast.core.errors import SeqcastError, list_some
from seqcast.core.provenance import sha256_of
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.findings import TargetFinding, Validation
from seqcast.sources.genome.forecast import find_shortages, make_forecast
from seqcast.sources.genome.headers import Header
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.genome.planning import Plan, settle_resolution
from seqcast.sources.genome.surveying import plan_windows

# A bin that outweighs a thousand others is a duplicate, an amplified repeat or rDNA.
_MUCH_ABOVE_MEAN = 1_000
# What names of strands differ by. Not "pos" and "neg", nor CD4+ and CD4-: these are cells.
_STRAND = re.compile(
    r"(?<![a-z])(?:plus|minus|fwd|rev|forward|reverse)(?![a-z])|(?<=[ _.:])[+-]$", re.IGNORECASE
)


def validate_genome(
    settings: GenomeSettings, inputs: Inputs, layout: Layout | None = None
) -> Validation:
    """Judge a genome source by the FASTA and its tracks.

    Of the tracks the headers are read and the first entries of each contig, seconds for most; with
    `missing: unknown` as many as it takes to know which windows are used. What is wrong stands in
    `refusals` of the result; nothing is raised for it. `layout` is read where it is not given.
    """
    found = Validation("genome", inputs.fasta.name, bytes=_size_of(inputs.fasta))
    try:
        layout = layout or read_layout(settings, inputs)
    except SeqcastError as error:
        return replace(found, refusals=tuple(str(error).splitlines()))
    targets = _find_targets(settings, layout)
    refusals, warnings, notices = _judge_tracks(settings, inputs.rows, layout.headers, targets)
    refusals += _check_digests(inputs.rows)
    found = replace(
        found,
        targets=targets,
        contigs=dict(layout.lengths),
        left_out=dict(layout.left_out),
        masked=_compute_masked(layout) if inputs.mask else None,
        refusals=(*layout.refusals, *refusals),
        warnings=tuple(warnings),
        notices=(*layout.notices, *notices),
    )
    return found if found.refusals else _add_plan(found, settings, inputs, layout)


def _check_digests(rows: Sequence[TargetRow]) -> list[str]:
    """Hold the files against the digests that the table gives."""
    faults = []
    for row in rows:
        for file, wanted in row.files:
            if wanted and (digest := sha256_of(file)) != wanted:
                faults.append(
                    f"{file}: its sha256 is {digest}, wanted {wanted} as the targets table says of"
                    f" {row.identifier!r}; get the file again, or correct the table"
                )
    return faults


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _find_targets(settings: GenomeSettings, layout: Layout) -> tuple[TargetFinding, ...]:
    """Return what the headers say; a base without an entry is 0 or, if unknown, does not count."""
    headers, bases = layout.headers.items(), sum(layout.fasta.lengths.values())
    if settings.missing == "unknown":
        return tuple(
            TargetFinding(name, each.mean, each.most, 0.0, file=each.path.name, covered=each.share)
            for name, each in headers
        )
    return tuple(
        TargetFinding(name, each.total / bases, max(each.most, 0.0), 0.0, file=each.path.name)
        for name, each in headers
    )


def _compute_masked(layout: Layout) -> float:
    bases = sum(int(np.diff(intervals).sum()) for intervals in layout.mask.values())
    return bases / max(sum(layout.lengths.values()), 1)


def _add_plan(
    found: Validation, settings: GenomeSettings, inputs: Inputs, layout: Layout
) -> Validation:
    """Add the windows that there will be."""
    try:
        settings = settle_resolution(settings, inputs.rows)
        plan = plan_windows(settings, layout, inputs)
        with_replicates = any(layout.replicates)
        forecast = make_forecast(settings, layout, plan, replicates=with_replicates, threads=1)
    except SeqcastError as error:
        return replace(found, refusals=tuple(str(error).splitlines()))
    shares = {
        "N": f"more than {settings.max_n:.0%} N",
        "mask": f"more than {settings.max_masked:.0%} masked",
        "no entries": "without a bin that any track has entries in",
    }
    return replace(
        found,
        splits=_find_splits(plan),
        split_bases=_count_bases(plan),
        forecast=asdict(forecast),
        warnings=(*found.warnings, *find_shortages(forecast, inputs.work)),
        windows=_count_windows(plan),
        window=settings.window,
        bins=settings.window // settings.bin_size,
        bin_size=settings.bin_size,
        dropped_for={
            f"windows {shares.get(reason, reason)} ({_list_counts(parts)})": sum(parts.values())
            for reason, parts in plan.dropped.items()
        },
    )


def _find_splits(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return what each part has: contigs, and intervals (counted from 1) of those it shares."""
    found: dict[str, list[str]] = {part: [] for part in plan.parts}
    contigs = list(plan.lengths.items())
    for contig, start, end, part in plan.regions.tolist():
        name, length = contigs[contig]
        is_whole = (start, end) == (0, length)
        found[plan.parts[part]].append(name if is_whole else f"{name}:{start + 1:,}-{end:,}")
    return {part: tuple(names) for part, names in found.items()}


def _count_bases(plan: Plan) -> dict[str, int]:
    sizes = np.bincount(plan.regions["split"], plan.regions["end"] - plan.regions["start"])
    return dict(zip(plan.parts, sizes.astype(int).tolist(), strict=True))


def _count_windows(plan: Plan) -> dict[str, int]:
    counts = np.bincount(plan.windows["split"], minlength=len(plan.parts))
    return dict(zip(plan.parts, counts.tolist(), strict=True))


def _list_counts(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {part}" for part, count in parts.items())


def _judge_tracks(
    settings: GenomeSettings,
    rows: Sequence[TargetRow],
    headers: Mapping[str, Header],
    targets: Sequence[TargetFinding],
) -> tuple[list[str], list[str], list[str]]:
    """Return refusals, warnings and notices on what headers and table say."""
    opened = [(row, headers[row.identifier]) for row in rows if row.identifier in headers]
    return (
        _refuse_negative(settings, opened),
        [
            *_warn_of_peaks(settings, rows, targets),
            *_warn_of_repeated(rows),
            *_warn_of_strands(rows),
        ],
        [*_note_undescribed(rows), *_note_nan(settings, opened)],
    )


def _refuse_negative(
    settings: GenomeSettings, opened: Sequence[tuple[TargetRow, Header]]
) -> list[str]:
    """Refuse what cannot be coverage; reading the values finds the same, but later."""
    faults = []
    for row, header in opened:
        if not header.least < 0:
            continue
        reach = f"{header.path}: {row.identifier} has values from {header.least:,.4g}"
        if header.most > 0:
            faults.append(
                f"{reach} to {header.most:,.4g}; coverage is never negative. Take the track before"
                " it was made a ratio, difference or logarithm"
            )
        elif settings.negative == "refuse":
            faults.append(
                f"{reach} on and none above 0; if it is a minus strand written as negative numbers,"
                " set dataset.negative: abs"
            )
    return faults


def _warn_of_peaks(
    settings: GenomeSettings, rows: Sequence[TargetRow], targets: Sequence[TargetFinding]
) -> list[str]:
    """Warn of peaks that would rule the loss, where nothing clips them."""
    if settings.clip_quantile is not None:
        return []
    bare = {row.identifier for row in rows if row.clip is None and row.clip_soft is None}
    high = {
        target.name: target.max / target.mean
        for target in targets
        if target.name in bare and target.max > _MUCH_ABOVE_MEAN * target.mean > 0
    }
    if not high:
        return []
    name = max(high, key=lambda name: high[name])
    return [
        f"{len(high)} of {len(targets)} targets have values more than {_MUCH_ABOVE_MEAN:,} times"
        f" their mean (up to {high[name]:,.0f} times, {name}) and nothing clips them; set `clip` in"
        " the targets table, or dataset.clip_quantile: 0.9995"
    ]


def _warn_of_repeated(rows: Sequence[TargetRow]) -> list[str]:
    """Warn of one file under several names: targets alike, or a replicate that is none."""
    users: dict[Path, list[str]] = {}
    for row in rows:
        users.setdefault(Path(row.file).resolve(), []).append(row.identifier)
        if row.replicate:
            name = f"the replicate of {row.identifier}"
            users.setdefault(Path(row.replicate).resolve(), []).append(name)
    return [
        f"{path.name} is read {len(names)} times, as {list_some(names)}"
        for path, names in users.items()
        if len(names) > 1
    ]


def _warn_of_strands(rows: Sequence[TargetRow]) -> list[str]:
    """Warn of targets that are named as two strands of an assay, but are not declared as such."""
    alike: dict[str, dict[bool, tuple[str, int]]] = {}
    for place, row in enumerate(rows):
        strand = _STRAND.search(row.identifier)
        if strand and row.strand_pair is None:
            label = place if row.index is None else row.index
            is_plus = strand[0][0].lower() in "+pf"
            both = alike.setdefault(_STRAND.sub("", row.identifier), {})
            both[is_plus] = row.identifier, label
    pairs = [list(both.values()) for both in alike.values() if len(both) == 2]
    if not pairs:
        return []
    wanted = [f"{j} for {one} and {i} for {other}" for (one, i), (other, j) in pairs]
    return [
        "targets are named as the two strands of an assay, but not declared as such: a model that"
        " is shown both strands of the sequence learns that they do not matter. In the targets"
        f" table set strand_pair: {list_some(wanted)}"
    ]


def _note_undescribed(rows: Sequence[TargetRow]) -> list[str]:
    bare = [row.identifier for row in rows if row.description in ("", row.identifier)]
    if not bare:
        return []
    return [
        f"{len(bare)} of {len(rows)} targets have no description in the targets table; the report"
        f" calls them {list_some(bare)}"
    ]


def _note_nan(settings: GenomeSettings, opened: Sequence[tuple[TargetRow, Header]]) -> list[str]:
    counted = "count as 0" if settings.missing == "zero" else "are unknown"
    return [
        f"{header.path.name}: {header.nan:,} bases with NaN, as if without an entry: they {counted}"
        for _, header in opened
        if header.nan
    ]
