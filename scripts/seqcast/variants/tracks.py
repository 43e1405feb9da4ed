"""Tracks and letters of both alleles of the top variants, and the list of all files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.seal import write_json
from seqcast.data import read_dataset
from seqcast.explain.npz import write_npz
from seqcast.genome.bigwig import Run, split_runs, write_bigwig
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.sources.genome.fasta import open_indexed
from seqcast.tracks.files import ENDING, remove_strays
from seqcast.tracks.table import CONTRIBUTIONS, PREDICTED, list_file
from seqcast.variants.seen import (
    FORMAT,
    FORMAT_VERSION,
    Seen,
    average_seen,
    check_seen,
    read_joined,
    read_seen,
)

ALLELES = ("ref", "alt")


def write_tracks(
    output: Path, joined: Path, dataset_path: Path, members: Mapping[str, Sequence[Path]]
) -> None:
    """Write the files of top variants beside `output`, the JSON that lists all files, then it.

    `members` has for each model what its members saw. Files of an earlier run are removed.
    """
    dataset = read_dataset(dataset_path)
    content = read_joined(joined)
    folder = output.parent
    sizes, top = open_indexed(folder / NAME).lengths, content["top"]
    slugs = dict(zip(dataset.targets.identifier, dataset.targets.slugs, strict=True))
    seen: list[Seen | None] = [None] * len(top)
    for model, paths in members.items():
        found = average_seen([read_seen(path) for path in paths], len(top))
        for row, each in enumerate(found):
            if top[row]["model"] == model:
                seen[row] = each
    check_seen(seen, top)
    files = []
    with progress(len(top), "tracks", "variants") as bar:
        for (target, model), group in groupby(
            zip(top, seen, strict=True), lambda each: (each[0]["target"], each[0]["model"])
        ):
            some = list(group)
            stem = f"{slugs[target]}.{model}"
            span = dataset.targets.span[dataset.targets.identifier.index(target)]
            for file, kind in _write(folder, stem, some, sizes, dataset.bin_size, span):
                files.append(list_file(folder / file, kind, slugs[target], model))
            bar.update(len(some))
    remove_strays(folder, {each["file"] for each in files}, "*.npz")
    content["files"] += files
    write_json(output, (FORMAT, FORMAT_VERSION), content)
    log.info("%s: both alleles of %d variants", folder, len(top))


def _write(
    folder: Path,
    stem: str,
    some: Sequence[tuple[Mapping[str, Any], Seen]],
    sizes: Mapping[str, int],
    bin_size: int,
    span: int,
) -> Iterator[tuple[str, str]]:
    """Write all files of a target's variants; yield the name and kind of each."""
    for allele in ALLELES:
        name = f"{stem}.{allele}{ENDING}"
        tracks = [(v, int(s.start), getattr(s, allele) / span) for v, s in some]
        write_bigwig(folder / name, sizes, _make_runs(tracks, sizes, bin_size), bin_size)
        yield name, f"{PREDICTED}.{allele}"
        attr = [getattr(each, f"{allele}_attr") for _, each in some]
        own = [getattr(each, f"{allele}_codes") == np.arange(4)[:, None] for _, each in some]
        name = f"{stem}.{allele}.{CONTRIBUTIONS}{ENDING}"
        letters = [
            (variant, int(each.first), _lay(variant, each, (a * o).sum(0), allele))
            for (variant, each), a, o in zip(some, attr, own, strict=True)
        ]
        write_bigwig(folder / name, sizes, _make_runs(letters, sizes, 1), 1)
        yield name, f"{CONTRIBUTIONS}.{allele}"
        for kind, arrays, dtype in (("attr", attr, np.float32), ("ohe", own, np.int8)):
            name = f"{stem}.{allele}.{kind}.npz"
            write_npz(folder / name, (len(some), *arrays[0].shape), dtype, arrays)
            yield name, f"{kind}.{allele}"


def _lay(variant: Mapping[str, Any], seen: Seen, values: np.ndarray, allele: str) -> np.ndarray:
    """Return letters' values on REF's bases: what is inserted or deleted has none."""
    ref, alt = map(len, variant["trimmed"])
    if allele == "ref" or ref == alt:
        return values
    at = variant["summit"] - int(seen.first)
    shared = min(ref, alt)
    gap = np.full(ref - shared, np.nan)
    laid = np.concatenate([values[: at + shared], gap, values[at + alt :]])
    # So many bases of REF as ALT has of it.
    return laid[: len(values)]


def _make_runs(
    tracks: Sequence[tuple[Mapping[str, Any], int, np.ndarray]], sizes: Mapping[str, int], size: int
) -> Iterator[Run]:
    """Yield values in the order of bigWigs; between two variants each has what is nearer."""
    order = sorted(tracks, key=lambda each: (each[0]["place"].encode(), each[0]["summit"]))
    for contig, group in groupby(order, lambda each: each[0]["place"]):
        here = list(group)
        summits = np.array([variant["summit"] for variant, *_ in here])
        for number, (_, start, values) in enumerate(here):
            starts = start + size * np.arange(len(values))
            nearest = np.abs(starts[:, None] + size // 2 - summits).argmin(1)
            own = (nearest == number) & (starts >= 0) & (starts < sizes[contig])
            yield from split_runs(contig, starts[own], values[own], size)
