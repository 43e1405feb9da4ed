"""Damaged files end in the values that other readers find in them, or in one line.

200 mutations from fixed seeds; `SEQCAST_MUTATIONS=200` makes so many of each kind of file, and
`SEQCAST_MUTATIONS_FROM` takes other seeds.
"""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import hdf5plugin  # noqa: F401 (h5py reads compressed chunks with it)
import numpy as np
import pyfaidx
import pytest
import torch
import yaml
from broken_files import make_arrays, write_file
from genomes import make_codes, make_coverage, write_bed, write_fasta, write_table, write_track
from safetensors.numpy import load_file
from tiny import NETWORK, TARGETS, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS, read_dataset
from seqcast.data.predictions import PredictionWriter, read_predictions
from seqcast.nn import Network
from seqcast.nn.checkpoint import read_model, write_model
from seqcast.settings import BasenjiSettings, read_settings
from seqcast.settings.table import read_targets_table
from seqcast.settings.written import read_config
from seqcast.sources.basenji.hdf5 import open_hdf5, read_rows
from seqcast.sources.genome.bed import read_bed
from seqcast.sources.genome.bigwig import BigWig
from seqcast.sources.genome.fasta import open_fasta
from seqcast.sources.genome.headers import read_header
from seqcast.sources.validation.checks import validate

COUNT = int(os.environ.get("SEQCAST_MUTATIONS", 20))
FIRST = int(os.environ.get("SEQCAST_MUTATIONS_FROM", 0))
LENGTHS = {"chr1": 3000, "chr2": 1500, "chrM": 200}
MOST_BASES = 10_000_000


class Kind(NamedTuple):
    """A kind of file: how a whole one is written, and how we and others read it."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    read_by_others: Callable[[Path], Any]


def mutate(content: bytes, draw: random.Random) -> bytes:
    """Change some bytes, half of the time near the file's start, where formats say what follows."""
    data = bytearray(content)
    end = len(data) if draw.random() < 0.5 else min(len(data), 600)
    at = draw.randrange(end)
    match draw.choice(("change", "flip", "cut", "lose", "blank", "insert", "several", "token")):
        case "change":
            data[at] = draw.randrange(256)
        case "flip":
            data[at] ^= 1 << draw.randrange(8)
        case "cut":
            del data[at:]
        case "lose":
            del data[at : at + draw.choice((1, 8, 100))]
        case "blank":
            data[at : at + 8] = draw.choice((b"\0", b"\xff", b"\x7f")) * 8
        case "insert":
            data[at:at] = draw.randbytes(draw.choice((1, 8, 100)))
        case "several":
            for _ in range(32):
                data[draw.randrange(end)] = draw.randrange(256)
        case "token":
            data[at:at] = draw.choice((b">", b'"', b"\t", b"\n", b" \n", b"\r", b"#", b"{", b"-1"))
    return bytes(data)


def write_genome(path: Path) -> None:
    write_fasta(path, make_codes(LENGTHS))


def read_genome(path: Path) -> dict[str, bytes]:
    fasta = open_fasta(path, path.parent / "work")
    return {name: fasta.letters(name) for name in fasta.lengths}


def read_fasta_by_others(path: Path) -> dict[str, bytes]:
    content = path.read_bytes()
    plain = path.with_name("plain.fa")
    plain.write_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    path.with_name("plain.fa.fai").unlink(missing_ok=True)
    try:
        with pyfaidx.Fasta(str(plain), as_raw=True) as fasta:
            found = {name: fasta[name][:].encode() for name in fasta.keys()}  # noqa: SIM118
        if not any(b" " in letters or b"\t" in letters for letters in found.values()):
            return {name: letters.upper() for name, letters in found.items()}
    except (pyfaidx.FastaIndexingError, UnicodeDecodeError, ValueError):
        pass
    # What pyfaidx does not read is read line by line.
    letters: dict[str, list[bytes]] = {}
    for line in plain.read_bytes().replace(b"\r", b"\n").removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = line.strip(b" \t\v\f")
        if line.startswith(b">"):
            try:
                name = line[1:].decode().split()[0]
            except UnicodeDecodeError:
                name = line[1:].decode("latin-1").split()[0]
            letters[name] = []
        elif not line.startswith(b";") and line:
            list(letters.values())[-1].append(line.translate(None, b" \t\v\f").upper())
    return {name: b"".join(lines) for name, lines in letters.items()}


def write_signal(path: Path) -> None:
    write_track(path, make_coverage(make_codes(LENGTHS)))


def read_signal(path: Path) -> dict[str, list[float]]:
    lengths = read_header(path).contigs
    with BigWig(path) as track:
        return {
            name: np.nan_to_num(track.values(name, 0, length), nan=-1).tolist()
            for name, length in lengths.items()
            if length < MOST_BASES
        }


def read_signal_by_others(path: Path) -> dict[str, list[float]]:
    """Read in a process of its own: pybigtools ends it on some files."""
    code = f"""
import json, sys
import numpy as np, pybigtools
with open(sys.argv[1], "rb") as stream, pybigtools.open(stream) as file:
    lengths = file.chroms()
    found = {{
        name: np.nan_to_num(file.values(name, 0, length), nan=-1).tolist()
        for name, length in lengths.items() if length < {MOST_BASES}
    }}
print(json.dumps(found))
"""
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise ValueError(done.stderr[-200:])
    return json.loads(done.stdout)


def write_regions(path: Path) -> None:
    write_bed(path, [("chr1", 10 * at, 10 * at + 7) for at in range(40)])


def read_regions(path: Path) -> dict[str, list[list[int]]]:
    return {name: each.tolist() for name, each in read_bed(path).intervals.items()}


def read_regions_by_others(path: Path) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for line in file:
            # BED parts by tabs or spaces, and has lines for browsers.
            cells = line.split()
            if cells and cells[0][0] != "#" and cells[0] not in ("track", "browser"):
                found.setdefault(cells[0], []).append([int(cell) for cell in cells[1:3]])
    return found


def write_targets(path: Path) -> None:
    rows = [
        {
            "identifier": f"t{at}",
            "file": f"/data/{at}.bw",
            "clip": at + 1,
            "description": f"of {at}",
        }
        for at in range(8)
    ]
    write_table(path, rows)


def read_targets(path: Path) -> list[tuple[str, str]]:
    return [(row.identifier, row.file) for row in read_targets_table(path)]


def read_targets_by_others(path: Path) -> list[tuple[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        lines = file.read().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows = csv.DictReader(
        (line for line in lines if not line.startswith("#") and line.strip()), delimiter="\t"
    )
    rows.fieldnames = [name.strip() for name in rows.fieldnames]
    places = [(row["identifier"].strip(), row["file"].strip()) for row in rows]
    return [(name, str(path.parent / file)) for name, file in places]


CONFIG = """\
run: mine
dataset:
  source: genome
  fasta: genome.fa # the reference
  targets: targets.tsv
  window: 1_024
  split: {valid: [1_1, no], test: [Y, "2", 2L], exclude: [chrM]}
report:
  title: 1e5
"""


def read_names(path: Path) -> list[str]:
    settings = read_settings(read_config([path], {}))
    names = [settings.run, settings.report.title]
    if settings.dataset.source == "genome":
        for key in ("valid", "test", "exclude"):
            names += ["|", *getattr(settings.dataset.split, key)]
    return names


def read_names_by_others(path: Path) -> list[str]:
    config = yaml.load(path.read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    names = [config.get("run") or "demo", (config.get("report") or {}).get("title", "")]
    data = config.get("dataset") or {}
    if data.get("source") == "genome":
        for key in ("valid", "test", "exclude"):
            names += ["|", *(data["split"].get(key) or [])]
    return names


def write_basenji(path: Path) -> None:
    arrays = make_arrays()
    cut = {name: array[:2] for name, array in arrays.items() if name != "target_labels"}
    write_file(path, {**cut, "target_labels": arrays["target_labels"]})


def read_basenji(path: Path) -> dict[str, bytes]:
    settings = BasenjiSettings(file=str(path), on_bad="drop", on_duplicate="drop")
    validate(settings, path).raise_if_refused()
    with open_hdf5(path) as file:
        return {
            f"{split}_{side}": b"".join(row.tobytes() for _, row in read_rows(array, len(array)))
            for split in SPLITS
            for side in ("in", "out")
            for array in [file[f"{split}_{side}"]]
        }


def read_basenji_by_others(path: Path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {
            name: file[name][()].tobytes()
            for split in SPLITS
            for name in (f"{split}_in", f"{split}_out")
        }


def read_coverage(path: Path) -> tuple[bytes, ...]:
    found = read_dataset(path)
    return (
        found.codes.tobytes(),
        found.cells.read(0, found.cells.shape[1]).tobytes(),
        found.windows.tobytes(),
    )


def read_coverage_by_others(path: Path) -> tuple[bytes, ...]:
    with h5py.File(path) as file:
        return tuple(file[name][()].tobytes() for name in ("sequence", "coverage", "windows"))


def write_predicted(path: Path) -> None:
    dataset = write_tiny(path.with_name("of.h5"))
    values = np.random.default_rng(1).random((3, dataset.output_bins, len(dataset.targets)))
    with PredictionWriter(path, dataset, np.arange(3), model="m", checkpoint_digest="c") as writer:
        writer.add(values.astype(np.float32))
        writer.finish()


def read_predicted(path: Path) -> tuple[bytes, bytes]:
    found = read_predictions(path)
    return found.read(slice(None)).tobytes(), found.rows.tobytes()


def read_predicted_by_others(path: Path) -> tuple[bytes, bytes]:
    with h5py.File(path) as file:
        return file["predicted"][()].tobytes(), file["windows/row"][()].tobytes()


def write_network(path: Path) -> None:
    torch.manual_seed(1)
    write_model(path, Network(NETWORK, TARGETS, crop=2), {"epoch": 3})


def read_network(path: Path) -> dict[str, bytes]:
    state = read_model(path).state_dict()
    return {name: value.numpy().tobytes() for name, value in sorted(state.items())}


def read_network_by_others(path: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in sorted(load_file(path).items())}


KINDS = (
    Kind("genome.fa", write_genome, read_genome, read_fasta_by_others),
    Kind("genome.fa.gz", write_genome, read_genome, read_fasta_by_others),
    Kind("track.bw", write_signal, read_signal, read_signal_by_others),
    Kind("mask.bed", write_regions, read_regions, read_regions_by_others),
    Kind("targets.tsv", write_targets, read_targets, read_targets_by_others),
    Kind("config.yaml", lambda path: path.write_text(CONFIG), read_names, read_names_by_others),
    Kind("seq.h5", write_basenji, read_basenji, read_basenji_by_others),
    Kind("dataset.h5", write_tiny, read_coverage, read_coverage_by_others),
    Kind("predictions.h5", write_predicted, read_predicted, read_predicted_by_others),
    Kind("model.safetensors", write_network, read_network, read_network_by_others),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_files_are_read_right_or_refused_in_lines(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / kind.name
    kind.write(path)
    content, whole = path.read_bytes(), kind.read(path)
    wrong, read = [], 0
    for seed in range(FIRST, FIRST + COUNT):
        path.write_bytes(mutate(content, random.Random(f"{kind.name} {seed}")))
        try:
            found = kind.read(path)
        except SeqcastError as error:
            if not all(line.isprintable() for line in str(error).split("\n")):
                wrong.append(f"{seed}: says {str(error)!r}")
            continue
        except Exception as error:
            wrong.append(f"{seed}: {type(error).__name__}: {error}")
            continue
        read += 1
        if found == whole:
            continue
        try:
            same = found == kind.read_by_others(path)
        except Exception as error:
            wrong.append(f"{seed}: read, where others say {type(error).__name__}: {error}")
            continue
        if not same:
            wrong.append(f"{seed}: other values")
    assert not wrong, "\n".join(wrong)
    assert read < COUNT
