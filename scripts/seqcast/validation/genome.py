"""The step `validate` for a genome of one's own: FASTA, bigWigs, BED and the targets table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from seqcast.errors import SeqcastError
from seqcast.findings import TargetFinding, Validation
from seqcast.provenance import sha256_of
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow
from seqcast.sources.genome.contigs import list_some
from seqcast.sources.genome.forecast import find_shortages, make_forecast
from seqcast.sources.genome.headers import Header, read_header
from seqcast.sources.genome.layout import Inputs, Layout
from seqcast.sources.genome.matching import read_layout
from seqcast.sources.genome.planning import Plan, make_plan, settle_resolution

# A bin that outweighs a thousand others is a duplicate, an amplified repeat or rDNA.
_MUCH_ABOVE_MEAN = 1_000


def validate_genome(
    settings: GenomeSettings, inputs: Inputs, layout: Layout | None = None
) -> Validation:
    """Judge a genome source by the FASTA and the headers of its tracks, in seconds.

    What is wrong stands in `refusals` of the result; nothing is raised for it. `layout` is read
    where it is not given.
    """
    found = Validation("genome", inputs.fasta.name, bytes=_size_of(inputs.fasta))
    headers = _read_headers(inputs.rows)
    found = replace(found, targets=_find_targets(inputs.rows, headers))
    try:
        layout = layout or read_layout(settings, inputs)
    except SeqcastError as error:
        return replace(found, refusals=tuple(str(error).splitlines()))
    refusals, warnings, notices = _judge_tracks(settings, inputs.rows, headers)
    refusals += _check_digests(inputs.rows)
    found = replace(
        found,
        contigs=dict(layout.lengths),
        left_out=dict(layout.left_out),
        splits=_find_splits(settings, layout),
        masked=_find_masked(layout) if inputs.mask else None,
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
                    f" {row.identifier!r}; get the file again, or mend the table"
                )
    return faults


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _read_headers(rows: Sequence[TargetRow]) -> dict[str, Header]:
    """Return the headers by identifier; those that cannot be read are left to `read_layout`."""
    headers = {}
    for row in rows:
        try:
            headers[row.identifier] = read_header(Path(row.file))
        except SeqcastError:
            continue
    return headers


def _find_targets(
    rows: Sequence[TargetRow], headers: Mapping[str, Header]
) -> tuple[TargetFinding, ...]:
    return tuple(
        TargetFinding(
            row.identifier,
            header.mean,
            header.most,
            0.0,
            file=header.path.name,
            covered=header.share,
        )
        for row in rows
        if (header := headers.get(row.identifier))
    )


def _find_splits(settings: GenomeSettings, layout: Layout) -> dict[str, tuple[str, ...]]:
    split = settings.split
    if split.folds:
        return {}
    held = {"valid": split.valid, "test": split.test}
    out = {*split.valid, *split.test}
    train = tuple(name for name in layout.lengths if name not in out)
    used = {part: tuple(n for n in names if n in layout.lengths) for part, names in held.items()}
    return {part: names for part, names in {"train": train, **used}.items() if names}


def _find_masked(layout: Layout) -> float:
    bases = sum(int(np.diff(intervals).sum()) for intervals in layout.mask.values())
    return bases / max(sum(layout.lengths.values()), 1)


def _add_plan(
    found: Validation, settings: GenomeSettings, inputs: Inputs, layout: Layout
) -> Validation:
    """Add the windows that there would be; those that no track has data on are found later."""
    try:
        settings = settle_resolution(settings, inputs.rows)
        plan = make_plan(settings, layout)
        with_replicates = any(layout.replicates)
        forecast = make_forecast(settings, layout, plan, replicates=with_replicates, threads=1)
    except SeqcastError as error:
        return replace(found, refusals=tuple(str(error).splitlines()))
    shares = {
        "N": f"more than {settings.max_n:.0%} N",
        "mask": f"more than {settings.max_masked:.0%} masked",
    }
    return replace(
        found,
        splits=found.splits or _find_folds(plan),
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


def _find_folds(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the contigs of each part of the folds."""
    names = list(plan.lengths)
    return {
        part: tuple(names[at] for at in np.unique(windows["contig"]).tolist())
        for number, part in enumerate(plan.parts)
        if len(windows := plan.windows[plan.windows["split"] == number])
    }


def _count_windows(plan: Plan) -> dict[str, int]:
    counts = np.bincount(plan.windows["split"], minlength=len(plan.parts))
    return dict(zip(plan.parts, counts.tolist(), strict=True))


def _list_counts(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {part}" for part, count in parts.items())


def _judge_tracks(
    settings: GenomeSettings, rows: Sequence[TargetRow], headers: Mapping[str, Header]
) -> tuple[list[str], list[str], list[str]]:
    """Return refusals, warnings and notices on what headers and table say."""
    opened = [(row, headers[row.identifier]) for row in rows if row.identifier in headers]
    return (
        [*_find_empty(opened), *_find_negative(settings, opened)],
        [*_find_high(settings, opened), *_find_repeated(rows)],
        _find_undescribed(rows),
    )


def _find_empty(opened: Sequence[tuple[TargetRow, Header]]) -> list[str]:
    return [
        f"{header.path}: has no value above or below 0, so that {row.identifier} cannot be learnt;"
        " take its row out of the targets table"
        for row, header in opened
        if header.least == header.most == 0 or (header.covered == 0 and header.total == 0)
    ]


def _find_negative(
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


def _find_high(settings: GenomeSettings, opened: Sequence[tuple[TargetRow, Header]]) -> list[str]:
    """Warn of peaks that would rule the loss, where nothing clips them."""
    if settings.clip_quantile is not None:
        return []
    high = {
        row.identifier: header.most / header.mean
        for row, header in opened
        if row.clip is None and row.clip_soft is None
        if header.mean > 0 and header.most > _MUCH_ABOVE_MEAN * header.mean
    }
    if not high:
        return []
    name = max(high, key=lambda name: high[name])
    return [
        f"{len(high)} of {len(opened)} targets have values more than {_MUCH_ABOVE_MEAN:,} times"
        f" their mean (up to {high[name]:,.0f} times, {name}) and nothing clips them; set `clip` in"
        " the targets table, or dataset.clip_quantile: 0.9995"
    ]


def _find_repeated(rows: Sequence[TargetRow]) -> list[str]:
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


def _find_undescribed(rows: Sequence[TargetRow]) -> list[str]:
    bare = [row.identifier for row in rows if row.description in ("", row.identifier)]
    if not bare:
        return []
    return [
        f"{len(bare)} of {len(rows)} targets have no description in the targets table; the report"
        f" calls them {list_some(bare)}"
    ]
