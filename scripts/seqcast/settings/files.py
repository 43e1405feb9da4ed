"""Which files a source is made of, and where they lie on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from seqcast.settings.data import BasenjiSettings, GenomeSettings, SimulatedSettings
from seqcast.settings.section import is_url
from seqcast.settings.steps import GenomeTracksSettings
from seqcast.settings.table import read_targets_table


@dataclass(frozen=True)
class File:
    """A file that a source names: path or URL, what is known of its content, who names it."""

    place: str
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
        File(place, sha256, named_by=f"{settings.targets}: {row.identifier}")
        for row in read_targets_table(settings.targets)
        for place, sha256 in row.files
    ]
    return tuple({file.place: file for file in [*plain, *tracks]}.values())


def find_genome(
    settings: SimulatedSettings | BasenjiSettings | GenomeSettings, tracks: GenomeTracksSettings
) -> File | None:
    """Return the FASTA that genome-wide tracks are predicted on; None: the dataset's own sequence.

    None also where there is no genome at all, as windows of a file may have no place in one.
    """
    if tracks.fasta:
        return File(tracks.fasta, named_by="genome_tracks.fasta")
    for key in ("fasta", "genome"):
        if place := getattr(settings, key, None):
            return File(place, named_by=f"dataset.{key}")
    return None


def has_replicates(settings: GenomeSettings) -> bool:
    """Say whether any target of a genome names a replicate."""
    return any(row.replicate for row in read_targets_table(settings.targets))


def find_places(files: Iterable[File], folder: str | Path) -> dict[str, Path]:
    """Return where each file lies: its own path, or where it is downloaded to within `folder`.

    A download has its URL's last part for a name; URLs that share it are told apart by the rest.
    """
    places = [file.place for file in files]
    names = [_name_of(place) for place in places if is_url(place)]
    found = {}
    for place in places:
        if not is_url(place):
            found[place] = Path(place)
            continue
        name, url = _name_of(place), urlsplit(place)
        if names.count(name) > 1:
            whole = f"{url.netloc}{url.path}{url.query and '-'}{url.query}"
            name = whole.replace("/", "-").replace(":", "-")
        # Braces would be wildcards to Snakemake.
        found[place] = Path(folder, name.replace("{", "%7B").replace("}", "%7D"))
    return found


def _name_of(place: str) -> str:
    return PurePosixPath(urlsplit(place).path).name or "download"
