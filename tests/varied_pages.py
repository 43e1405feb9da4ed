"""A folder of `variants` as docs/formats.md specifies it, from nothing but numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqcast.data import Dataset
from seqcast.genome.bigwig import split_runs, write_bigwig
from seqcast.variants.joining import SCORES
from seqcast.variants.scores import SENTENCES
from seqcast.variants.writing import ALLELE_COLUMNS, _TableWriter

BIN, BINS, RADIUS, TRACKS = 128, 64, 250, 2


def write_varied(
    folder: Path,
    dataset: Dataset,
    lfc: np.ndarray,
    places: Sequence[tuple[str, int, str, str]],
    *,
    left_out: Sequence[str] = (),
    flipped: int = 0,
    null: int = 0,
    model: str = "default",
) -> Path:
    """Write effects (variants, T) at places (contig, base, REF, ALT); return `variants.json`.

    One allele more a reason in `left_out`; the first two of each target have tracks.
    """
    folder.mkdir(parents=True)
    targets = dataset.targets
    names, slugs = list(targets.identifier), list(targets.slugs)
    total = len(places) + len(left_out)
    rows, top, files = [], [], []
    with _TableWriter(folder / "variants.h5", total, [model], names) as out:
        for number, (contig, base, ref, alt) in enumerate(places):
            status = "flipped" if number < flipped else "scored"
            first = (contig, str(base + 1), f"v{number}", ref, alt, status, "test")
            values = {key: np.full(len(names), 0.5) for key in SCORES}
            values |= {"lfc": lfc[number], "spread": np.full(len(names), 0.1)}
            values["change_at"] = np.zeros(len(names), np.int64)
            out.add(first, {model: values})
            rows.append((first, values, (contig, base, ref, alt)))
        for why in left_out:
            none = {key: np.full(len(names), np.nan) for key in SCORES}
            none["change_at"] = np.zeros(len(names), np.int64)
            out.add(("chr9", "7", ".", "A", "<DEL>", why, "none"), {model: none})
        out.finish()
    for at, (name, slug) in enumerate(zip(names, slugs, strict=True)):
        best = sorted(rows, key=lambda row: -abs(row[1]["lfc"][at]))[:TRACKS]
        for first, values, (contig, base, ref, alt) in best:
            row = dict(zip(ALLELE_COLUMNS, first, strict=True)) | {"position": base + 1}
            row |= {key: float(values[key][at]) for key in SCORES}
            row |= {"target": name, "model": model, "place": contig, "summit": base}
            top.append(row | {"trimmed": [ref, alt], "fold": -1})
        for allele, height in (("ref", 4.0), ("alt", 1.0)) if best else ():
            file = f"{slug}.{model}.{allele}.bw"
            places_of = sorted((where for *_, where in best), key=lambda each: each[:2])
            runs, last = [], {}
            for contig, base, *_ in places_of:
                first_bin = max(base // BIN - BINS // 2, last.get(contig, 0))
                last[contig] = base // BIN + BINS // 2
                starts = BIN * np.arange(first_bin, last[contig])
                values = np.full(len(starts), height, dtype=np.float32)
                runs += split_runs(contig, starts, values, BIN)
            codes = [
                dataset.sequence(where[0], where[1] - 100, where[1] + 100) for *_, where in best
            ]
            one_hot = np.stack([np.arange(4)[:, None] == each for each in codes])
            # A letter in the middle matters, and with ALT no more.
            attr = np.zeros(one_hot.shape, dtype=np.float32)
            attr[:, :, 100] = height / 4
            for kind, array in (("attr", attr), ("ohe", one_hot.astype(np.int8))):
                np.savez(folder / f"{slug}.{model}.{allele}.{kind}.npz", array)
            write_bigwig(folder / file, dataset.contigs.chrom_sizes, runs, BIN)
            files.append(
                {"file": file, "target": slug, "model": model, "kind": f"predicted.{allele}"}
            )
    status = {"scored": len(places) - flipped} | ({"flipped": flipped} if flipped else {})
    status |= {why: list(left_out).count(why) for why in left_out}
    said = {
        "vcf": "data/my.vcf.gz", "rows": total, "alleles": total, "repeated": 0, "status": status,
        "warnings": [], "radius": RADIUS, "null": null, "members": {model: [model]},
        "targets": [
            {"target": slug, "name": name, "c": 1.0}
            for slug, name in zip(slugs, names, strict=True)
        ],
        "scores": SENTENCES, "top": top, "files": files,
    }  # fmt: skip
    (folder / "variants.json").write_text(json.dumps(said))
    return folder / "variants.json"
