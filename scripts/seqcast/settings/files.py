"""Which files of the user a run is made of, and where they lie on this machine."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from seqcast.core.errors import SeqcastError, suggest
from seqcast.settings.data import BasenjiSettings, GenomeSettings, SimulatedSettings
from seqcast.settings.run import Settings
from seqcast.settings.section import is_url
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.settings.table import read_targets_table


@dataclass(frozen=True)
class File:
    """A file that a source names: path or URL, what is known of its content, who names it."""

    location: str
    sha256: str | None = None
    bytes: int | None = None
    named_by: str = field(default="dataset", compare=False)


def find_files(settings: SimulatedSettings | BasenjiSettings | GenomeSettings) -> tuple[File, ...]:
    """Return the files of a source, each once; the targets table of a genome is read for them."""
    if isinstance(settings, SimulatedSettings):
        return ()
    if isinstance(settings, BasenjiSettings):
        file = File(settings.file, settings.sha256, settings.bytes, "dataset.file")
        genome = [File(settings.genome, named_by="dataset.genome")] if settings.genome else []
        return (file, *genome)
    plain = [File(settings.fasta, named_by="dataset.fasta")]
    plain += [File(mask, named_by="dataset.mask") for mask in settings.mask]
    plain += [File(bed, named_by=key) for bed, key in settings.split.beds.items()]
    if settings.aliases:
        plain.append(File(settings.aliases, named_by="dataset.aliases"))
    tracks = [
        File(location, sha256, named_by=f"{settings.targets}: {row.identifier}")
        for row in read_targets_table(settings.targets)
        for location, sha256 in row.files
    ]
    return tuple({file.location: file for file in [*plain, *tracks]}.values())


def find_genome(
    settings: SimulatedSettings | BasenjiSettings | GenomeSettings, tracks: GenomeTracksSettings
) -> File | None:
    """Return the FASTA that genome-wide tracks are predicted on; None: the dataset's own sequence.

    None also where there is no genome at all, as windows of a file may have no place in one.
    """
    if tracks.fasta:
        return File(tracks.fasta, named_by="genome_tracks.fasta")
    for key in ("fasta", "genome"):
        if location := getattr(settings, key, None):
            return File(location, named_by=f"dataset.{key}")
    return None


def has_replicates(settings: GenomeSettings) -> bool:
    """Say whether any target of a genome names a replicate."""
    return any(row.replicate for row in read_targets_table(settings.targets))


def find_path(location: str, downloads: str | Path) -> Path:
    """Return where a file lies: its own path, or where it is downloaded to within a folder.

    There it has the folders of its URL, so that each URL has a place of its own.
    """
    if not is_url(location):
        return Path(location)
    url = urlsplit(location)
    # Without the user's name and password.
    host = url.netloc.rpartition("@")[2].replace(":", "-")
    parts = [part for part in PurePosixPath(url.path).parts if part not in ("/", "..")]
    *folders, name = parts or ["download"]
    if url.query:
        # It may be of any length, as signatures are.
        folders.append(hashlib.sha256(url.query.encode()).hexdigest()[:8])
    path = Path(downloads, host, *folders, name)
    # Braces would be wildcards to Snakemake.
    return Path(str(path).replace("{", "%7B").replace("}", "%7D"))


# What `simulated` means for a key that names a file.
_SIMULATED = {"variants.vcf": "variants.vcf", "motifs.database": "motifs.meme"}


@dataclass(frozen=True)
class RunFiles:
    """The files that a run is made of, by what they are for; "" and () where there are none.

    `source` is what the dataset is made of, `table` its targets table, `genome` the FASTA that
    windows without coordinates are looked for in, `tracks_genome` the one that genome-wide tracks
    are predicted on, and `other_genome` is that where it is not the dataset's own; `regions` are to
    be predicted besides, `explained` to be explained, `variants` to be scored on `own_genome`,
    whose contigs may have other names in `aliases`; `motifs` are known motifs. `downloads` has what
    is known of each file that is downloaded, by its path.
    """

    source: tuple[str, ...]
    table: str
    genome: str
    tracks_genome: str
    other_genome: str
    annotation: tuple[str, ...]
    checkpoint: str
    regions: str
    explained: str
    variants: str
    motifs: str
    own_genome: str
    aliases: str
    has_replicates: bool
    downloads: Mapping[str, File]


def find_run_files(settings: Settings, downloads: str, made: Iterable[str]) -> RunFiles:
    """Find the files that a run is made of; URLs are downloaded to a folder.

    Raises `SeqcastError` where one is missing, but in the folders `made`: what a run makes may not
    be there yet. Raises it too where Snakemake could not take a path.
    """
    dataset = settings.dataset
    own = find_files(dataset)
    tracks_genome = find_genome(dataset, settings.genome_tracks)
    shown = [File(each, named_by="browse.annotation") for each in settings.browse.annotation]
    predict = settings.predict
    is_epoch = predict.checkpoint == "best" or predict.checkpoint.isdigit()
    checkpoint = "" if is_epoch else predict.checkpoint
    explained = "" if settings.explain.regions == "peaks" else settings.explain.regions
    vcf = _find_simulated(settings, "variants.vcf", settings.variants.vcf)
    motifs = _find_simulated(settings, "motifs.database", settings.motifs.database)
    # A file that is named twice is checked as the dataset's.
    files = {
        file.location: file
        for file in reversed(
            [
                *own,
                *([tracks_genome] if tracks_genome else []),
                *shown,
                File(checkpoint, named_by="predict.checkpoint"),
                File(predict.regions or "", named_by="predict.regions"),
                File(explained, named_by="explain.regions"),
                File(vcf, named_by="variants.vcf"),
                File(motifs, named_by="motifs.database"),
            ]
        )
        if file.location
    }
    path = {location: str(find_path(location, downloads)) for location in files}
    is_genome = isinstance(dataset, GenomeSettings)
    table = dataset.targets if is_genome else ""
    local = [(file.named_by, location) for location, file in files.items() if not is_url(location)]
    _check_there([(key, Path(each)) for key, each in local if not is_within(each, made)])
    _check_braces([*local, ("dataset.targets", table)])
    genome, aliases = getattr(dataset, "genome", None), getattr(dataset, "aliases", None)
    own_genome = find_genome(dataset, GenomeTracksSettings())
    other = path[tracks_genome.location] if settings.genome_tracks.fasta else ""
    if other and Path(other).resolve() in [Path(path[file.location]).resolve() for file in own]:
        other = ""
    return RunFiles(
        source=tuple(path[file.location] for file in own if file.location != genome),
        table=table,
        genome=path[genome] if genome else "",
        tracks_genome=path[tracks_genome.location] if tracks_genome else "",
        other_genome=other,
        annotation=tuple(path[file.location] for file in shown),
        checkpoint=checkpoint,
        regions=predict.regions or "",
        explained=explained,
        variants=path[vcf] if vcf else "",
        motifs=path[motifs] if motifs else "",
        own_genome=path[own_genome.location] if own_genome else "",
        aliases=path[aliases] if aliases else "",
        has_replicates=is_genome and has_replicates(dataset),
        downloads={path[location]: file for location, file in files.items() if is_url(location)},
    )


def _find_simulated(settings: Settings, named_by: str, value: str | None) -> str:
    """Return path or URL of a file; `simulated` is the one that lies beside simulated data."""
    if value != "simulated":
        return value or ""
    if not isinstance(settings.dataset, SimulatedSettings):
        raise SeqcastError(
            f"config: {named_by}: `simulated` is the file of simulated data, and dataset.source is"
            f" {settings.dataset.source}; name a file of your own"
        )
    return f"results/{settings.run}/dataset/{_SIMULATED[named_by]}"


def is_within(path: str, folders: Iterable[str]) -> bool:
    """Say whether a file lies in one of some folders, by its name alone."""
    # Not `resolve`, which asks the file system: there may be thousands of files.
    whole = os.path.abspath(path)  # noqa: PTH100
    return any(Path(whole).is_relative_to(os.path.abspath(each)) for each in folders)  # noqa: PTH100


def _check_there(files: Iterable[tuple[str, Path]]) -> None:
    lines = [
        f"config: {named_by}: there is no file {path}"
        + suggest(path.name, [each.name for each in path.parent.glob("*")])
        for named_by, path in files
        if not path.is_file()
    ]
    if lines:
        raise SeqcastError("\n".join(lines))


def _check_braces(files: Iterable[tuple[str, str]]) -> None:
    for named_by, path in files:
        if set("{}") & set(path):
            raise SeqcastError(
                f"config: {named_by}: Snakemake takes braces in {path} for wildcards; rename it, or"
                " name a link to it"
            )
