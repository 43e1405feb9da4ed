"""The plain text of a validation, for a person to read."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqcast.base_order import BaseOrder
    from seqcast.findings import Validation

WIDTH = 100
_TARGETS_SHOWN = 20


def make_verdict(found: Validation) -> str:
    """Write a validation as text of at most 100 columns, ending in the verdict."""
    lines = [*_describe_file(found), "", *_describe_keys(found)]
    if found.windows:
        lines += ["", *_describe_windows(found)]
    if found.targets:
        lines += ["", *_describe_targets(found)]
    lines.append("")
    lines += [_wrap(f"warning: {text}", "  ") for text in found.warnings]
    lines += [_wrap(f"refused: {text}", "  ") for text in found.refusals]
    lines.append(_wrap(_conclude(found)))
    return "\n".join(lines) + "\n"


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
    unknown = ", ".join(f"{share:.2%} {split}" for split, share in found.unknown_bases.items())
    text.append(f"N         {unknown}")
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
    mend = "" if order.order == "ACGT" else "; re-ordered to A, C, G, T"
    return f"channels are {', '.join(order.order)} ({how}){mend}. " + "; ".join(order.evidence)


def _describe_targets(found: Validation) -> list[str]:
    shown = found.targets[:_TARGETS_SHOWN]
    width = min(44, max(len("target"), *(len(target.name) for target in shown)))
    lines = [f"{'target':<{width}}  {'train mean':>11}  {'max':>11}  {'zeros':>6}  {'bad bins':>9}"]
    lines += [
        f"{target.name[:width]:<{width}}  {target.mean:>11,.4g}  {target.max:>11,.5g}"
        f"  {target.zeros:>6.1%}  {target.bad:>9,}"
        for target in shown
    ]
    rest = len(found.targets) - len(shown)
    return [*lines, f"... and {rest:,} more, listed in the JSON"] if rest else lines


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
