"""Read a VCF, judge its alleles, and cut them into parts; draw the shuffled ones."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from seqcast.core.console import log, progress
from seqcast.core.errors import SeqcastError, list_some
from seqcast.data import Dataset, read_dataset
from seqcast.predict.genome_tracks.reference import NAME, write_reference
from seqcast.settings.steps import VariantsSettings
from seqcast.sources.genome.fasta import Fasta, open_indexed
from seqcast.sources.genome.names import Aliases, match_names
from seqcast.variants.alleles import FLIPPED, MISMATCH, Allele, judge
from seqcast.variants.grid import Grid
from seqcast.variants.loci import Loci
from seqcast.variants.null import OTHERS, SUBSTITUTIONS, compute_gc, draw_null
from seqcast.variants.parts import Part, Site, write_plan, write_sites
from seqcast.variants.sequence import GenomeSequence
from seqcast.variants.vcf import Row, find_sorted, open_vcf

# Alleles a part: what is done again where a run was killed.
_PART = 2000
# From this share of alleles with another REF on it may be another assembly.
_MOST_MISMATCHED = 0.1


class Names:
    """Which of the genome's contigs each name of a VCF means."""

    def __init__(self, known: Iterable[str], aliases: Aliases) -> None:
        self._known, self._aliases = list(known), aliases
        self._index = {name: at for at, name in enumerate(self._known)}
        self._found: dict[str, str | None] = {}

    def find(self, name: str) -> str | None:
        """Return the genome's name of a contig, None where it has none."""
        if name not in self._found:
            matched = match_names(self._known, [name], self._aliases).names
            self._found[name] = next(iter(matched), None)
        return self._found[name]

    def lengths(self, sequence: GenomeSequence) -> dict[str, int]:
        """Return the lengths of the genome's contigs that were asked for, by the VCF's names."""
        return {name: sequence.lengths[contig] for name, contig in self._found.items() if contig}

    def order(self, name: str, position: int) -> tuple[int, str, int]:
        """Return the key by which rows are sorted: the genome's order, what it lacks last."""
        contig = self.find(name)
        return len(self._known) if contig is None else self._index[contig], name, position


def plan_variants(
    output: Path,
    settings: VariantsSettings,
    dataset_path: Path,
    vcf_path: Path,
    fasta: Fasta | None,
    aliases: Aliases,
) -> None:
    """Write the plan `output`, the parts' alleles beside it, and the genome one folder above.

    Without a FASTA the genome is the dataset's own. Raises `SeqcastError` where none of the
    alleles can be scored.
    """
    dataset = read_dataset(dataset_path)
    vcf = open_vcf(vcf_path)
    folder = output.parent
    folder.mkdir(parents=True, exist_ok=True)
    stamp = write_reference(folder.parent, fasta, dataset)
    sequence = GenomeSequence(open_indexed(folder.parent / NAME))
    names = Names(sequence.lengths, aliases)
    ordered, rows = find_sorted(vcf, names.order, folder / "sorted.vcf.gz")
    judged = _Judged(dataset, sequence, names)
    with progress(rows, "judging", "rows") as bar:
        sites = judged.judge_all(_count(ordered.read(), bar.update))
        parts = list(_write_parts(folder / "alleles", sites, stamp))
    judged.check(vcf_path)
    # Places are drawn all over the genome: what follows each is not read.
    drawn_from = GenomeSequence(open_indexed(folder.parent / NAME), block=1)
    parts += _draw_parts(
        folder / "alleles", settings, drawn_from, judged.kinds, dataset.folds, stamp
    )
    _remove_strays(folder / "alleles", parts)
    write_plan(output, parts, {"vcf": str(vcf_path), "sorted": str(ordered.path), **judged.facts})


def _count(rows: Iterable[Row], update: Any) -> Iterator[Row]:
    for row in rows:
        yield row
        update(1)


class _Judged:
    """Judge row after row and count what comes of it."""

    def __init__(self, dataset: Dataset, sequence: GenomeSequence, names: Names) -> None:
        self._sequence, self._names = sequence, names
        self._loci, self._grid = Loci(dataset), Grid.from_dataset(dataset)
        self.rows, self.repeated = 0, 0
        self.status: Counter[str] = Counter()
        self.kinds: set[str] = set()
        self._unknown: dict[str, None] = {}

    def judge_all(self, rows: Iterable[Row]) -> Iterator[Site]:
        """Yield what is known of each row's alleles; rows are in order."""
        last, seen = None, set()
        for row in rows:
            self.rows += 1
            contig = self._names.find(row.contig)
            if contig is None:
                self._unknown[row.contig] = None
            if (contig, row.position) != last:
                last, seen = (contig, row.position), set()
            for alt in row.alts:
                allele = judge(
                    self._sequence, contig, row.position, row.ref, alt, self._grid.longest
                )
                self.status[allele.status] += 1
                self.repeated += allele.is_scored and allele in seen
                seen.add(allele)
                yield self._locate(allele)

    def _locate(self, allele: Allele) -> Site:
        where = (allele.contig, allele.start)
        known = allele.contig and 0 <= allele.start < self._sequence.lengths[allele.contig]
        split, fold = self._loci.find(*where) if known else ("none", -1)
        gc = float("nan")
        if allele.is_scored:
            self.kinds.add(SUBSTITUTIONS if allele.is_substitution else OTHERS)
            gc = compute_gc(self._sequence, *where)
        return Site(*where, allele.ref, allele.alt, allele.status, split, fold, gc)

    @property
    def warnings(self) -> list[str]:
        """Sentences that a reader of the results has to know."""
        flipped, other = self.status[FLIPPED], self.status[MISMATCH]
        compared = sum(self.status[each] for each in ("scored", FLIPPED, MISMATCH))
        if compared and (flipped + other) / compared >= _MOST_MISMATCHED:
            return [
                f"REF is not the genome's in {flipped + other:,} of {compared:,} alleles: the file"
                " may be of another assembly"
            ]
        return []

    @property
    def facts(self) -> dict[str, Any]:
        """What is counted."""
        return {
            "rows": self.rows, "alleles": self.status.total(), "repeated": self.repeated,
            "status": dict(self.status.most_common()), "warnings": self.warnings,
            "unknown_contigs": list(self._unknown), "contigs": self._names.lengths(self._sequence),
        }  # fmt: skip

    def check(self, path: Path) -> None:
        """Say what was counted; raise where nothing can be scored."""
        counted = ", ".join(f"{status}: {n:,}" for status, n in self.status.most_common())
        if not self.kinds:
            contigs = list_some(list(self._sequence.lengths))
            raise SeqcastError(
                f"{path}: none of {self.status.total():,} alleles can be scored"
                + (f" ({counted})" if counted else "")
                + f"; wanted variants of the run's genome, which has {contigs}"
            )
        repeated = f"; {self.repeated:,} come again" if self.repeated else ""
        log.info("%s rows, alleles %s%s", f"{self.rows:,}", counted, repeated)
        if self._unknown:
            log.warning("the genome lacks %s", list_some(list(self._unknown)))
        for sentence in self.warnings:
            log.warning("%s", sentence)


def _cut(sites: Iterable[Site]) -> Iterator[tuple[int, list[Site]]]:
    """Yield the alleles of each part, and its number."""
    left, number = iter(sites), 0
    while some := list(islice(left, _PART)):
        number += 1
        yield number, some


def _write_parts(folder: Path, sites: Iterable[Site], stamp: str) -> Iterator[Part]:
    for number, some in _cut(sites):
        yield write_sites(folder / f"{number:06}.tsv", "variants", some, stamp)


def _draw_parts(
    folder: Path,
    settings: VariantsSettings,
    sequence: GenomeSequence,
    kinds: Iterable[str],
    folds: int,
    stamp: str,
) -> Iterator[Part]:
    for kind in sorted(kinds) if settings.null else ():
        drawn = draw_null(sequence, kind, settings.null, settings.seed, folds)
        for number, some in _cut(drawn):
            yield write_sites(folder / f"{kind}.{number:06}.tsv", kind, some, stamp)


def _remove_strays(folder: Path, parts: Iterable[Part]) -> None:
    """Remove alleles of another file that was there before."""
    kept = {part.name for part in parts}
    for path in folder.glob("*.tsv"):
        if path.stem not in kept:
            path.unlink()
