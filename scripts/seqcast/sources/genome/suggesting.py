"""Suggest scale and clip of each target, from the tracks themselves."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path

from seqcast.core.chunks import find_groups
from seqcast.core.console import log
from seqcast.core.disk import write_text
from seqcast.core.reading_ahead import work_ahead
from seqcast.data.targets import Targets
from seqcast.settings import GenomeSettings
from seqcast.settings.table import TargetRow, parse_table
from seqcast.sources.genome.layout import Inputs
from seqcast.sources.genome.planning import settle_resolution
from seqcast.sources.genome.reading import Piece, cut_pieces, store
from seqcast.sources.genome.scaling import Facts, Seen, make_scaled, round_digits
from seqcast.sources.genome.surveying import Survey, make_targets, mark_hidden, open_genome

_QUANTILE = 0.9995
_WIDEST_NAME = 30
_HEAD = ("target", "scale", "clip", "mean", "max", "zeros", "clipped")


def suggest_targets(
    settings: GenomeSettings, inputs: Inputs, output: Path, *, threads: int = 1
) -> str:
    """Read the tracks, write the user's table with `scale` and `clip` filled in, say why.

    The numbers are those that `write_genome` would fill in, rounded; what the table gives is kept.
    Returns text for people, at most 100 letters wide but for the files' names. Raises
    `SeqcastError` as `write_genome` does.
    """
    settings = settle_resolution(settings, inputs.rows).model_copy(
        update={"scale": "mean", "clip_quantile": settings.clip_quantile or _QUANTILE}
    )
    layout, plan = open_genome(settings, inputs)
    targets = make_targets(settings, inputs.rows)
    survey = Survey(settings, plan, targets)
    stored = store(settings, inputs, layout, threads)
    hidden = mark_hidden(settings, layout, plan)
    groups = find_groups(len(stored))
    pieces = cut_pieces(
        settings, stored, groups, plan.lengths, hidden, cell=settings.cell, title="suggest"
    )

    def look_at(piece: Piece) -> tuple[list[Seen], slice]:
        """Read a piece and look at it."""
        return survey.look_at(piece, piece.read()), piece.targets

    for seen in work_ahead(look_at, pieces, threads):
        survey.statistics.add(*seen)
    quantile = settings.clip_quantile
    facts = [survey.statistics.make_facts(t, quantile) for t in range(len(targets))]
    filled = make_suggestion(settings, targets, facts)
    write_text(output, fill_table(Path(settings.targets).read_text("utf-8-sig"), filled))
    log.info("%s: the table with scale and clip filled in, to put in place of yours", output)
    return describe(settings, inputs.rows, filled, facts)


def make_suggestion(settings: GenomeSettings, targets: Targets, facts: Sequence[Facts]) -> Targets:
    """Return the table with `scale` and `clip` filled in, to the digits a person would write."""
    exact = make_scaled(settings, targets, facts)
    scale = tuple(map(round_digits, exact.scale))
    # The clip is that of the scale as rounded.
    clip = make_scaled(settings, replace(targets, scale=scale), facts).clip
    return replace(
        exact, scale=scale, clip=tuple(None if c is None else round_digits(c) for c in clip)
    )


def fill_table(text: str, targets: Targets) -> str:
    """Return a targets table (TSV) with `scale` and `clip` where its cells are empty."""
    columns, rows = parse_table(text)
    columns += [name for name in ("scale", "clip") if name not in columns]
    indices = {name: at for at, name in enumerate(targets.identifier)}
    content = io.StringIO()
    writer = csv.DictWriter(content, columns, delimiter="\t", restval="", lineterminator="\n")
    writer.writeheader()
    for _, row in rows:
        at = indices.get(row.get("identifier", "").strip())
        if at is None:
            continue
        values = {"scale": targets.scale[at], "clip": targets.clip[at]}
        writer.writerow(
            row
            | {
                key: f"{value:.10g}"
                for key, value in values.items()
                if value is not None and not isnan(value) and _is_empty(row.get(key))
            }
        )
    return content.getvalue()


def describe(
    settings: GenomeSettings, rows: Sequence[TargetRow], targets: Targets, facts: Sequence[Facts]
) -> str:
    """Write the suggestion as a table with aligned columns, then a sentence for each target."""
    cells = [_HEAD]
    for t, found in enumerate(facts):
        unit = targets.span[t] if targets.sum_stat[t].startswith("mean") else 1
        cells.append(
            (
                _shorten(targets.identifier[t]),
                f"{targets.scale[t]:g}",
                "none" if targets.clip[t] is None else f"{targets.clip[t]:g}",
                f"{found.mean / unit:.4g}",
                f"{found.highest / unit:.4g}",
                f"{100 * found.zeros / max(found.bins, 1):.1f} %",
                f"{found.clipped:,}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells
    ]
    most = max((found.bins for found in facts), default=0)
    lines += [
        "",
        f"mean and max are of {most:,} training bins of {settings.bin_size} bases, before scale.",
        "Training sees value x scale, and nothing above clip.",
        "",
    ]
    lines += [_explain(settings, row, found) for row, found in zip(rows, facts, strict=True)]
    return "\n".join(lines)


def _explain(settings: GenomeSettings, row: TargetRow, found: Facts) -> str:
    """Say why a target's scale and clip are what they are."""
    name = _shorten(row.identifier)
    if found.highest <= 0:
        return f"{name}: 0 in every training bin; take it out, or look for a wrong file"
    if row.scale is not None:
        scale = "your scale"
    elif row.clip is not None:
        scale = "scale 1, which your clip means"
    elif row.sum_stat.endswith("_sqrt"):
        scale = "scale 1, as square roots are tame"
    else:
        scale = "scale makes its mean 1"
    if row.clip is not None:
        return f"{name}: {scale}, your clip"
    if found.quantile is None:
        return f"{name}: {scale}; no clip, as nearly all bins are 0"
    share, times = 100 * (1 - (settings.clip_quantile or 1)), found.highest / found.quantile
    return f"{name}: {scale}; clip cuts the top {share:.3g} %, up to {times:.3g} times as large"


def _is_empty(cell: str | None) -> bool:
    return (cell or "").strip().lower() in ("", "nan", "na", "none")


def _shorten(name: str) -> str:
    return name if len(name) <= _WIDEST_NAME else name[: _WIDEST_NAME - 3] + "..."
