"""How a validation ends: its plain text for a person to read, and its files."""

import textwrap
from pathlib import Path

from seqcast.core.console import format_seconds, log
from seqcast.core.disk import write_text
from seqcast.core.errors import list_some
from seqcast.core.printable import to_printable
from seqcast.sources.base_order import BaseOrder
from seqcast.sources.findings import TargetFinding, Validation, write_validation

WIDTH = 100
_TARGETS_SHOWN, _CONTIGS_SHOWN = 20, 8


def conclude(found: Validation, validation: Path, verdict: Path) -> None:
    """Say what was found, refuse what no model should learn from, and write both files."""
    text = make_verdict(found)
    for line in text.splitlines():
        log.info("%s", line)
    found.raise_if_refused()
    write_validation(validation, found)
    write_text(verdict, text)


def make_verdict(found: Validation) -> str:
    """Write a validation as text of at most 100 columns, ending in the verdict."""
    sections = [_describe_file(found), _describe_keys(found)]
    if found.contigs:
        sections.append(_describe_contigs(found))
    if found.windows:
        sections.append(_describe_windows(found))
    if found.targets:
        sections.append(_describe_targets(found))
    lines = [line for section in sections if section for line in (*section, "")]
    lines += [_wrap(f"notice: {text}", "  ") for text in found.notices]
    lines += [_wrap(f"warning: {text}", "  ") for text in found.warnings]
    lines += [_wrap(f"refused: {text}", "  ") for text in found.refusals]
    lines.append(_wrap(_conclude(found)))
    return to_printable("\n".join(lines) + "\n", keep="\n")


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _describe_file(found: Validation) -> list[str]:
    size = f", {found.bytes:,} bytes" if found.bytes else ""
    digest = [f"sha256    {found.sha256}"] if found.sha256 else []
    return [f"{found.file} ({found.source}{size})", *digest]


def _describe_keys(found: Validation) -> list[str]:
    names = max((len(key.name) for key in found.keys), default=0)
    lines = [f"  {key.name:<{names}}  {key.shape!s:<22} {key.dtype}" for key in found.keys]
    return [textwrap.shorten(line, WIDTH) if len(line) > WIDTH else line for line in lines]


def _describe_contigs(found: Validation) -> list[str]:
    used, total = len(found.contigs), len(found.contigs) + len(found.left_out)
    text = [f"contigs   {used:,} of {total:,} used, {sum(found.contigs.values()):,} bases"]
    for split, names in found.splits.items():
        bases = found.split_bases.get(split, 0)
        text.append(f"{split:<10}{list_some(names, _CONTIGS_SHOWN)} ({bases:,} bases)")
    unused = sum(found.contigs.values()) - sum(found.split_bases.values())
    if found.split_bases and unused:
        text.append(f"no split  {unused:,} bases: gaps, and what holds no window")
    if found.masked is not None:
        text.append(f"masked    {found.masked:.1%} of these bases")
    return [_wrap(line, " " * 10) for line in text]


def _describe_windows(found: Validation) -> list[str]:
    counts = ", ".join(f"{count:,} {split}" for split, count in found.windows.items())
    part = f" (the first {found.head:,} of each split)" if found.head else ""
    if found.ratio > 1:
        part += f" (ratio: the first 1/{found.ratio} of train and valid)"
    covered = found.bins * found.bin_size
    text = [f"windows   {counts}{part}, {found.window:,} bases each"]
    text.append(f"coverage  {found.bins:,} bins of {found.bin_size} bases")
    if found.crop:
        text[-1] += (
            f" over the middle {covered:,}: {found.crop} bins at either side are not covered"
        )
    if found.alphabet:
        text.append(f"bases     {_describe_order(found.alphabet)}")
    if found.unknown_bases:
        shares = [f"{share:.2%} {split}" for split, share in found.unknown_bases.items()]
        text.append(f"N         {', '.join(shares)}")
    if found.forecast:
        disk, memory = (f"{found.forecast[key] / 1e6:,.0f} MB" for key in ("disk", "memory"))
        time = format_seconds(max(1.0, found.forecast["seconds"]))
        text.append(
            f"dataset   takes at most {disk} of disk, about {memory} of memory and {time} to write"
        )
    dropped = sum(found.dropped_for.values())
    if dropped:
        reasons = ", ".join(f"{count:,} {why}" for why, count in found.dropped_for.items() if count)
        text.append(f"dropped   {reasons}")
    return [_wrap(line, " " * 10) for line in text]


def _describe_order(order: BaseOrder) -> str:
    how = "as declared" if order.declared != "auto" else "found from the data"
    if not order.is_determined:
        how = "declared" if order.declared != "auto" else "assumed"
        how += ", the data do not determine it"
    if order.is_contradicted:
        how = f"found from the data; declared was {order.declared}"
    done = "" if order.order == "ACGT" else "; re-ordered to A, C, G, T"
    return f"channels are {', '.join(order.order)} ({how}){done}. " + "; ".join(order.evidence)


def _describe_targets(found: Validation) -> list[str]:
    shown = found.targets[:_TARGETS_SHOWN]
    lines = _list_headers(shown) if shown[0].file else _list_values(shown)
    rest = len(found.targets) - len(shown)
    return [*lines, f"... and {rest:,} more, listed in the JSON"] if rest else lines


def _list_values(shown: tuple[TargetFinding, ...]) -> list[str]:
    width = min(44, max(len("target"), *(len(target.name) for target in shown)))
    lines = [f"{'target':<{width}}  {'train mean':>11}  {'max':>11}  {'zeros':>6}  {'bad bins':>9}"]
    return lines + [
        f"{target.name[:width]:<{width}}  {target.mean:>11,.4g}  {target.max:>11,.5g}"
        f"  {target.zeros:>6.1%}  {target.bad:>9,}"
        for target in shown
    ]


def _list_headers(shown: tuple[TargetFinding, ...]) -> list[str]:
    """List what the headers of the tracks say: no values were read."""
    names = min(28, max(len("target"), *(len(target.name) for target in shown)))
    files = min(28, max(len("file"), *(len(target.file) for target in shown)))
    # How many bases have an entry matters only where the others are unknown.
    shares = ["" if t.covered is None else f"  {t.covered:>13.1%}" for t in shown]
    head = f"  {'has values on':>13}" if shares[0] else ""
    lines = [f"{'target':<{names}}  {'file':<{files}}{head}  {'mean':>11}  {'max':>11}"]
    return lines + [
        f"{target.name[:names]:<{names}}  {target.file[:files]:<{files}}{share}"
        f"  {target.mean:>11,.4g}  {target.max:>11,.5g}"
        for target, share in zip(shown, shares, strict=True)
    ]


def _conclude(found: Validation) -> str:
    if found.refusals:
        count = len(found.refusals)
        return f"verdict: refused, {count} {'fault' if count == 1 else 'faults'}"
    seen = f", as far as the first {found.head:,} windows of each split show" if found.head else ""
    if not found.warnings:
        return f"verdict: fit for training{seen}"
    count = len(found.warnings)
    noun = "warning" if count == 1 else "warnings"
    return f"verdict: fit for training{seen}, with {count} {noun}"
