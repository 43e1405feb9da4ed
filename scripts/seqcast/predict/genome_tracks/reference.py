"""The genome that is predicted, laid beside the tracks as `genome.fa` with index and sizes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from seqcast.core.console import log
from seqcast.core.disk import written_whole
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.core.seal import seal_beside
from seqcast.data import Dataset
from seqcast.genome.fasta import write_fasta, write_sizes
from seqcast.sources.genome.fasta import Fasta, write_index

NAME = "genome.fa"
# Up to here a copy costs nothing worth saving, and the folder can be moved as it is.
_COPIED = 64_000_000


def write_reference(folder: Path, fasta: Fasta | None, dataset: Dataset) -> str:
    """Lay a FASTA into a folder, or without one the dataset's own sequence; return what it is.

    A large FASTA is linked to where it lies unpacked, not copied. What is returned stands for the
    content: it is another where the genome is. Raises `SeqcastError` where a dataset has no
    chromosomes and no FASTA is given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.unlink(missing_ok=True)
    if fasta is None:
        if not dataset.has_coordinates:
            raise SeqcastError(describe_lack())
        write_fasta(path, _read_contigs(dataset))
        return dataset.digest
    _lay(fasta.plain, path)
    write_index(fasta, path.with_name(NAME + ".fai"))
    write_sizes(path, fasta.lengths)
    return f"{fasta.path.name} {sha256_of(fasta.path)}"


def describe_lack() -> str:
    """Say that there is no genome to predict, and what to do."""
    return (
        "there is no genome to predict: the windows of this run have no place in one. Set"
        " dataset.genome to the FASTA they were cut from, or genome_tracks.fasta to any other"
    )


def _read_contigs(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    contigs = dataset.contigs
    for name, first, length in zip(contigs.name, contigs.first_base, contigs.length, strict=True):
        yield name, dataset.codes[first : first + length]


def _lay(plain: Path, path: Path) -> None:
    size = plain.stat().st_size
    if size > _COPIED:
        path.symlink_to(plain.resolve())
        log.info("%s is a link to %s", path, plain)
        return
    with written_whole(path, size) as partial:
        shutil.copyfile(plain, partial)
        seal_beside(path, partial)
