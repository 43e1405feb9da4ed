"""Which files of the user a run is made of, and where they lie on this machine."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from seqcast.core.errors import SeqcastError, suggest
from seqcast.settings.data import File
from seqcast.settings.run import Settings
from seqcast.settings.section import is_url


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
    source = settings.dataset.find_files()
    own = [*source.data, *([source.fasta] if source.searched else [])]
    other = settings.genome_tracks.fasta
    tracks_genome = File(other, named_by="genome_tracks.fasta") if other else source.fasta
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
    local = [(file.named_by, location) for location, file in files.items() if not is_url(location)]
    _check_there([(key, Path(each)) for key, each in local if not is_within(each, made)])
    _check_braces([*local, ("dataset.targets", source.table)])

    def path_of(file: File | None) -> str:
        """Return where a file lies, "" where there is none."""
        return path[file.location] if file else ""

    other = path_of(tracks_genome) if other else ""
    if other and Path(other).resolve() in [Path(path[file.location]).resolve() for file in own]:
        other = ""
    return RunFiles(
        source=tuple(map(path_of, source.data)),
        table=source.table,
        genome=path_of(source.fasta) if source.searched else "",
        tracks_genome=path_of(tracks_genome),
        other_genome=other,
        annotation=tuple(map(path_of, shown)),
        checkpoint=checkpoint,
        regions=predict.regions or "",
        explained=explained,
        variants=path[vcf] if vcf else "",
        motifs=path[motifs] if motifs else "",
        own_genome=path_of(source.fasta),
        aliases=path_of(source.aliases),
        has_replicates=source.has_replicates,
        downloads={path[location]: file for location, file in files.items() if is_url(location)},
    )


def _find_simulated(settings: Settings, named_by: str, value: str | None) -> str:
    """Return path or URL of a file; `simulated` is the one that lies beside simulated data."""
    if value != "simulated":
        return value or ""
    if not settings.dataset.IS_SIMULATED:
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
