"""Make files of all that is found: a table, the VCF with scores, arrays.

The formats are specified in docs/formats.md.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pysam

from seqcast.core.console import log, progress
from seqcast.core.disk import give_name, written_whole
from seqcast.core.errors import SeqcastError, suggest
from seqcast.core.hdf5 import Draft
from seqcast.core.printable import to_printable
from seqcast.core.seal import AGAIN, seal_beside, write_json
from seqcast.data import Dataset, read_dataset
from seqcast.data.predictions import read_predictions
from seqcast.settings.steps import VariantsSettings
from seqcast.tracks.table import list_file
from seqcast.variants.grid import Grid
from seqcast.variants.joining import SCORES, Joined, Model, join_models
from seqcast.variants.parts import Member, Plan, Site, read_plan
from seqcast.variants.scores import SENTENCES
from seqcast.variants.seen import FORMAT, FORMAT_VERSION, TABLE
from seqcast.variants.vcf import COLUMNS, Row, Vcf, open_vcf, write_lines

KEY = "SEQCAST"
ALLELE_COLUMNS = ("contig", "position", "id", "ref", "alt", "status", "split")
TABLE_COLUMNS = (*ALLELE_COLUMNS, "target", "model", *SCORES)
# What INFO has of them, with the words of its keys.
_INFO = ("lfc", "quantile", "spread", "p", "q")
# What a plan says of itself, and not of the variants.
_OF_THE_PLAN = ("format", "format_version", "sorted", "contigs")
# The longest contig that tabix's own kind of index can hold.
_MOST_TBI = 1 << 29


def find_targets(dataset: Dataset, asked: str | Sequence[str]) -> list[int]:
    """Return the places of the targets that `variants.targets` names, by identifier or slug.

    Raises `SeqcastError` for a name that no target has.
    """
    targets = dataset.targets
    if asked == "all":
        return list(range(len(targets)))
    known = {
        name: at for names in (targets.slugs, targets.identifier) for at, name in enumerate(names)
    }
    for name in asked:
        if name not in known:
            raise SeqcastError(
                f"variants.targets: there is no target {name!r}{suggest(name, list(known))}"
            )
    return [known[name] for name in asked]


class _Rows:
    """The file's rows one by one, each with its alleles and their scores."""

    def __init__(self, vcf: Vcf, joined: Iterator[Joined]) -> None:
        self._rows, self._joined = vcf.read(), joined
        self._part, self._at = Joined([], {}), 0
        self._path = vcf.path

    def __iter__(self) -> Iterator[tuple[Row, list[tuple[str, Site, dict[str, dict]]]]]:
        """Yield each row with its alleles: ALT, site, and for each model the scores, (T,) each."""
        for row in self._rows:
            yield row, [(alt, *self._next()) for alt in row.alts]

    def _next(self) -> tuple[Site, dict[str, dict[str, np.ndarray]]]:
        if self._at == len(self._part.sites):
            part = next(self._joined, None)
            if part is None:
                raise SeqcastError(
                    f"{self._path}: has more rows than when it was read first; {AGAIN}"
                )
            self._part, self._at = part, 0
        at, self._at = self._at, self._at + 1
        scores = {
            model: {key: values[at] for key, values in found.items()}
            for model, found in self._part.scores.items()
        }
        return self._part.sites[at], scores


def write_variants(
    output: Path,
    folder: Path,
    dataset_path: Path,
    plan_path: Path,
    members: Mapping[str, Sequence[str]],
    predictions: Mapping[str, Path],
    settings: VariantsSettings,
) -> None:
    """Write table, VCF and arrays into a folder, and last `output`, the JSON that lists them.

    `members` has the names of each model's, whose parts lie beside the plan, `predictions` what
    each model predicts of test windows.
    """
    dataset, plan = read_dataset(dataset_path), read_plan(plan_path)
    targets = find_targets(dataset, settings.targets)
    opened = {
        model: {name: Member(plan_path.parent / name / "parts.json") for name in names}
        for model, names in members.items()
    }
    models = {
        model: Model(
            plan, plan_path.parent, those, read_predictions(predictions[model], dataset), dataset,
            targets,
        )
        for model, those in opened.items()
    }  # fmt: skip
    names = [dataset.targets.identifier[each] for each in targets]
    top = _Top(settings.top, names)
    vcf = open_vcf(plan.vcf)
    slugs = [dataset.targets.slugs[target] for target in targets]
    header = list(_make_header(vcf, plan.facts["contigs"], list(models), slugs))
    table, out = folder / "variants.tsv", folder / "variants.vcf.gz"
    with (
        written_whole(table) as partial,
        written_whole(out) as vcf_partial,
        open(partial, "w", encoding="utf-8") as text,
        _TableWriter(folder / "variants.h5", plan.facts["alleles"], list(models), names) as arrays,
    ):
        text.write("\t".join(TABLE_COLUMNS) + "\n")

        def lines() -> Iterator[str]:
            """Yield the lines of the VCF, and write the table on the way."""
            with progress(plan.facts["rows"], "join", "rows") as bar:
                for row, alleles in _Rows(vcf, join_models(plan, models)):
                    for alt, site, scores in alleles:
                        first = _describe(row, alt, site)
                        text.writelines(_make_lines(first, names, site, scores))
                        arrays.add(first, scores)
                        top.add(first, site, scores)
                    yield _annotate(row, alleles)
                    bar.update(1)

        write_lines(vcf_partial, header, lines())
        text.close()
        seal_beside(table, partial)
        arrays.finish()
    index = _write_index(out, max(int(dataset.contigs.chrom_length.max()), 0))
    content = _collect(plan, opened, settings, dataset, targets)
    content["top"] = top.found
    content["files"] = [
        list_file(table, "table"),
        list_file(out, "vcf"),
        list_file(index, "index"),
        list_file(arrays.path, "arrays"),
    ]
    write_json(output, (FORMAT, FORMAT_VERSION), content)
    log.info("%s: %s alleles of %d targets", folder, f"{plan.facts['alleles']:,}", len(targets))


def _describe(row: Row, alt: str, site: Site) -> tuple[str, ...]:
    """Return the cells of `ALLELE_COLUMNS`."""
    return (
        *map(to_printable, (row.contig, str(row.position), row.identifier, row.ref, alt)),
        site.status, site.split,
    )  # fmt: skip


def _make_lines(
    first: Sequence[str], names: Sequence[str], site: Site, scores: Mapping[str, dict]
) -> Iterator[str]:
    start = "\t".join(first)
    if not site.is_scored:
        yield start + "\t" * (len(TABLE_COLUMNS) - len(first)) + "\n"
        return
    for model, found in scores.items():
        for name, *values in zip(names, *(found[key].tolist() for key in SCORES), strict=True):
            yield "\t".join([start, name, model, *map(_write, values)]) + "\n"


def _write(value: float) -> str:
    """Write a number with six digits, what is none as nothing."""
    return "" if value != value else f"{value:.6g}" if isinstance(value, float) else str(value)


def _make_header(
    vcf: Vcf, lengths: Mapping[str, int], models: Sequence[str], slugs: Sequence[str]
) -> Iterator[str]:
    """Yield the header's lines, before the last those of the scores and of contigs it lacks."""
    *lines, columns = vcf.header
    yield from (each for each in lines if not each.startswith((f"##INFO=<ID={KEY}_", f"##{KEY}_")))
    for name in sorted(lengths.keys() - set(vcf.contigs)):
        yield f"##contig=<ID={name},length={lengths[name]}>"
    yield f"##{KEY}_TARGETS={'|'.join(slugs)}"
    for key, kind, words in (
        ("STATUS", "String", "scored; flipped: REF is the genome's ALT; or why it is left out"),
        ("SPLIT", "String", "which split of the models' training has the variant's place"),
    ):
        yield f'##INFO=<ID={KEY}_{key},Number=A,Type={kind},Description="{words}">'
    for model in models:
        for key in _INFO:
            words = f"{SENTENCES[key]}; of ALT against REF of the genome, by the model {model}"
            yield (
                f"##INFO=<ID={_find_key(key, model, models)},Number=A,Type=String,"
                f'Description="{words}; targets as in {KEY}_TARGETS, with | between them",'
                'Source="seqcast variants">'
            )
    cells = columns.split("\t")
    yield "\t".join([*cells, *_COLUMN_NAMES[len(cells) :]])


_COLUMN_NAMES = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


def _find_key(score: str, model: str, models: Sequence[str]) -> str:
    words = [KEY, *([model.replace("-", "_")] if len(models) > 1 else []), score.upper()]
    return "_".join(words)


def _annotate(row: Row, alleles: Sequence[tuple[str, Site, dict]]) -> str:
    """Return a row's line with scores in its INFO, in place of those that it may have had."""
    cells = row.line.split("\t")
    cells += ["."] * (COLUMNS - len(cells))
    kept = [each for each in cells[7].split(";") if not each.startswith(f"{KEY}_") and each != "."]
    kept.append(
        f"{KEY}_STATUS=" + ",".join(site.status.replace(" ", "_") for _, site, _ in alleles)
    )
    kept.append(f"{KEY}_SPLIT=" + ",".join(site.split for _, site, _ in alleles))
    models = list(alleles[0][2])
    for model in models if any(site.is_scored for _, site, _ in alleles) else ():
        for key in _INFO:
            words = [
                "|".join(map(_write_info, scores[model][key].tolist())) for *_, scores in alleles
            ]
            kept.append(f"{_find_key(key, model, models)}={','.join(words)}")
    return "\t".join([*cells[:7], ";".join(kept), *cells[8:]])


def _write_info(value: float) -> str:
    return "." if value != value else f"{value:.4g}"


def _write_index(path: Path, longest: int) -> Path:
    """Write the index beside a VCF: tabix's, or its younger kind where a contig is too long."""
    is_long = longest >= _MOST_TBI
    index = path.with_name(path.name + (".csi" if is_long else ".tbi"))
    partial = index.with_name(index.name + ".partial")
    pysam.tabix_index(str(path), preset="vcf", index=str(partial), csi=is_long, force=True)
    give_name(partial, index)
    return index


class _TableWriter(Draft):
    """Write alleles one by one into arrays; they are kept in memory a block at a time."""

    _BLOCK = 4096

    def __init__(
        self, path: Path, alleles: int, models: Sequence[str], targets: Sequence[str]
    ) -> None:
        super().__init__(path, 4 * alleles * len(targets) * len(models) * (len(SCORES) + 1))
        self._file.attrs.update(
            format=TABLE,
            format_version=FORMAT_VERSION,
            targets=json.dumps(list(targets)),
            models=json.dumps(list(models)),
        )
        text, shape = h5py.string_dtype(), (alleles, len(targets))
        self._arrays = {
            name: self._file.create_dataset(name, alleles, "<i8" if name == "position" else text)
            for name in ALLELE_COLUMNS
        }
        for model in models:
            for key in SCORES:
                kind = "<i8" if key == "change_at" else "<f4"
                name = f"{model}/{key}"
                self._arrays[name] = self._file.create_dataset(name, shape, kind)
        self._held: dict[str, list] = {name: [] for name in self._arrays}
        self._added = 0

    def add(self, first: Sequence[str], scores: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Add an allele."""
        for name, cell in zip(ALLELE_COLUMNS, first, strict=True):
            self._held[name].append(int(cell) if name == "position" else cell)
        for model, found in scores.items():
            for key, values in found.items():
                self._held[f"{model}/{key}"].append(values)
        if len(self._held["contig"]) == self._BLOCK:
            self._flush()

    def _flush(self) -> None:
        end = self._added + len(self._held["contig"])
        for name, values in self._held.items():
            if values:
                self._arrays[name][self._added : end] = values
            values.clear()
        self._added = end

    def finish(self) -> None:
        """Give the file its name."""
        self._flush()
        self._keep()


class _Top:
    """Keep the alleles of the largest |lfc| of each model and target."""

    def __init__(self, most: int, targets: Sequence[str]) -> None:
        self._most, self._targets = most, targets
        self._heaps: dict[tuple[str, str], list] = {}
        self._number, self._seen = count(), set()

    def add(self, first: Sequence[str], site: Site, scores: Mapping[str, dict]) -> None:
        """Take note of an allele; the same one again is not another."""
        number = next(self._number)
        if not self._most or not site.is_scored:
            return
        for model, found in scores.items():
            for at, lfc in enumerate(np.abs(found["lfc"]).tolist()):
                heap = self._heaps.setdefault((model, self._targets[at]), [])
                if len(heap) == self._most and lfc <= heap[0][0]:
                    continue
                allele = (site.contig, site.start, site.ref, site.alt)
                if any(allele == each[2] for each in heap):
                    continue
                values = {key: found[key][at].item() for key in SCORES}
                entry = (lfc, -number, allele, (first, site.fold, values))
                if len(heap) < self._most:
                    heapq.heappush(heap, entry)
                else:
                    heapq.heapreplace(heap, entry)

    @property
    def found(self) -> list[dict[str, Any]]:
        """What `variants.json` says of them, the largest of each target first."""
        rows = []
        for (model, target), heap in sorted(self._heaps.items()):
            for _, _, allele, (first, fold, values) in sorted(heap, reverse=True):
                known = {key: None if v != v else v for key, v in values.items()}
                row = dict(zip(ALLELE_COLUMNS, first, strict=True)) | {"position": int(first[1])}
                row |= {"target": target, "model": model, **known, "fold": fold}
                place = {"place": allele[0], "summit": allele[1], "trimmed": list(allele[2:])}
                rows.append(row | place)
        return rows


def _collect(
    plan: Plan,
    opened: Mapping[str, Mapping[str, Member]],
    settings: VariantsSettings,
    dataset: Dataset,
    targets: Iterable[int],
) -> dict[str, Any]:
    """Return what `variants.json` says but for the top variants and the files."""
    grid, table = Grid.from_dataset(dataset), dataset.targets
    members = {name: each for of in opened.values() for name, each in of.items()}
    counted = {key: value for key, value in plan.facts.items() if key not in _OF_THE_PLAN}
    return {
        **counted,
        **settings.model_dump(mode="json", include={"radius", "null", "shifts", "seed"}),
        "window": grid.window, "grid": grid.step,
        "strands": {name: 1 + each.facts["both_strands"] for name, each in members.items()},
        "members": {model: list(of) for model, of in opened.items()},
        "targets": [
            {"target": table.slugs[t], "name": table.identifier[t], "c": table.mean_T[t]}
            for t in targets
        ],
        "scores": SENTENCES,
    }  # fmt: skip
