"""Look for patterns in the contributions to each target with TF-MoDISco, target by target."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.disk import written_whole
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import digest_of, sha256_of
from seqcast.core.seal import write_json
from seqcast.genome.codes import N
from seqcast.motifs.arrays import Arrays, read_arrays
from seqcast.motifs.facts import FORMAT, FORMAT_VERSION, read_facts
from seqcast.motifs.modisco import MIN_SEQLETS
from seqcast.motifs.patterns import count_patterns
from seqcast.motifs.tools import Tools
from seqcast.settings.steps import MotifsSettings

# TF-MoDISco expands its seqlets to so many bases, and needs room for them.
MIN_WIDTH = 100
_MORE = (
    "more regions (explain.most, or a BED file), wider ones (explain.width) or another"
    " explain.method may help"
)


def discover_all(explained: Path, settings: MotifsSettings, tools: Tools, output: Path) -> None:
    """Look for patterns in all that `explain` found, and list what there is beside it.

    Targets whose contributions, settings and versions are the same are not done again.
    """
    arrays, versions = read_arrays(explained), tools.read_versions()
    facts, seconds = [], 0.0
    log.info(
        "TF-MoDISco %s: %d targets, on %d threads", versions["modisco-lite"], len(arrays),
        tools.threads,
    )  # fmt: skip
    with progress(len(arrays), "TF-MoDISco", "targets") as bar:
        for each in arrays:
            found, is_kept = _discover(each, settings, tools, output.parent / each.slug, versions)
            facts.append(found)
            seconds += 0 if is_kept else found["seconds"]
            bar.update(1)
    if not any(each["patterns"] for each in facts):
        log.warning("no motifs at all: %s; %s", facts[0]["why"], _MORE)
    log.info(
        "%d patterns of %d targets, in %s",
        *(sum(each["patterns"] for each in facts), len(arrays), format_seconds(seconds)),
    )
    write_json(output, (FORMAT, FORMAT_VERSION), {"versions": versions, "targets": facts})


def _discover(
    arrays: Arrays, settings: MotifsSettings, tools: Tools, folder: Path, versions: dict[str, str]
) -> tuple[dict[str, Any], bool]:
    """Return what is known of a target, and whether it was there."""
    digest = digest_of([arrays.digests, settings.seqlets, settings.seed, versions, MIN_WIDTH])
    raw, path = folder / "modisco.h5", folder / "found.json"
    if found := _read_kept(path, raw, digest):
        return found, True
    codes, contributions = arrays.read()
    _describe(arrays, codes, contributions, settings)
    folder.mkdir(parents=True, exist_ok=True)
    start, known = time.monotonic(), {"positive": 0, "negative": 0}
    is_seen = codes.shape[1] >= MIN_WIDTH and np.any(contributions)
    with written_whole(raw) as partial:
        partial.touch()
        if is_seen:
            known = tools.discover(arrays.paths, partial, settings.seqlets, settings.seed)
    patterns = count_patterns(raw)
    found = {
        "target": arrays.target, "name": arrays.name, "model": arrays.model,
        "regions": len(codes), "width": codes.shape[1], **known, "patterns": patterns,
        "why": "" if patterns else _tell_why(known, codes, contributions),
    }  # fmt: skip
    found["seconds"] = round(time.monotonic() - start, 1)
    if not patterns:
        log.warning("%s: no motifs: %s; %s", arrays.slug, found["why"], _MORE)
    content = {"digest": digest, **found, "sha256": sha256_of(raw)}
    write_json(path, (FORMAT, FORMAT_VERSION), content)
    return found, False


def _describe(
    arrays: Arrays, codes: np.ndarray, contributions: np.ndarray, settings: MotifsSettings
) -> None:
    """Say what TF-MoDISco gets, and about how long it takes."""
    stretches = min(codes.size // 50, 2 * settings.seqlets)
    log.info(
        "%s: %s regions x %d bases, one-hot %s and contributions %s, N %.2g %%, sums of regions"
        " %.2g to %.2g; up to %s stretches: %s at most, besides compiling once",
        arrays.slug,
        f"{len(codes):,}",
        codes.shape[1],
        *("int8", contributions.dtype),
        100 * np.mean(codes == N),
        *np.quantile(contributions.sum(axis=1), [0, 1]),
        f"{stretches:,}",
        format_seconds(forecast(stretches)),
    )


def forecast(stretches: int) -> float:
    """Return about how many seconds so many stretches take one core; measured, docs/motifs.md."""
    return 20 + stretches / 20


def _tell_why(known: dict[str, Any], codes: np.ndarray, contributions: np.ndarray) -> str:
    if codes.shape[1] < MIN_WIDTH:
        return f"regions of {codes.shape[1]} bases, TF-MoDISco wants {MIN_WIDTH} at least"
    if not np.any(contributions):
        return "all contributions are 0"
    if reason := known.get("refused"):
        return f"nothing stands out among the contributions ({reason})"
    most = max(known["positive"], known["negative"])
    if most <= MIN_SEQLETS:
        return (
            f"{len(codes):,} regions of {codes.shape[1]} bases have {known['positive']} stretches"
            f" that raise the prediction and {known['negative']} that lower it, and TF-MoDISco"
            f" wants more than {MIN_SEQLETS}"
        )
    return f"of {most:,} stretches that matter no 20 are alike"


def _read_kept(path: Path, raw: Path, digest: str) -> dict[str, Any] | None:
    """Return what is known of a target that was looked at with the same, None where none was."""
    try:
        found = read_facts(path)
        is_same = found.pop("digest") == digest and found.pop("sha256") == sha256_of(raw)
    except (SeqcastError, OSError):
        return None
    return {key: found[key] for key in found if not key.startswith("format")} if is_same else None
