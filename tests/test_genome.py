"""DNA as codes, and FASTA that other programs read."""

from pathlib import Path

import numpy as np
import pyfaidx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqcast.genome.codes import (
    N,
    complement,
    decode,
    encode,
    find_runs_of_n,
    reverse_complement,
    tile,
)
from seqcast.genome.fasta import write_fasta
from seqcast.sources.genome.unknown import count_before

letters = st.text("ACGTN", max_size=300)
contigs = st.lists(st.text("ACGTN", min_size=1, max_size=400), min_size=1, max_size=4)


@given(letters)
def test_encoding_is_undone_by_decoding(sequence: str) -> None:
    codes = encode(sequence)
    assert codes.dtype == np.uint8
    assert decode(codes) == sequence
    assert np.array_equal(encode(sequence.lower().encode()), codes)


def test_all_other_letters_are_unknown() -> None:
    assert encode("ACGTN").tolist() == [0, 1, 2, 3, 4]
    assert decode(encode("aRYSWKMBDHVnx-*Uc")) == "ANNNNNNNNNNNNNNNC"


@given(letters)
def test_reverse_complement_twice_is_nothing(sequence: str) -> None:
    codes = encode(sequence)
    other = reverse_complement(codes)
    assert np.array_equal(reverse_complement(other), codes)
    assert np.array_equal(other == 4, codes[::-1] == 4)


@given(st.text("AN", max_size=60))
def test_runs_of_n_are_all_the_n(sequence: str) -> None:
    runs = find_runs_of_n(encode(sequence))
    is_n = np.zeros(len(sequence), dtype=bool)
    for start, end in runs:
        assert start < end
        assert not is_n[max(start - 1, 0) : end].any(), "apart, and in order"
        is_n[start:end] = True
    assert is_n.tolist() == [letter == "N" for letter in sequence]
    # Of a contig far longer than float32 could count.
    places = np.arange(len(sequence) + 1)
    counts = count_before(runs + 10**9, places + 10**9)
    assert counts.tolist() == [sequence[:place].count("N") for place in places]


def test_reverse_complement_by_hand() -> None:
    both = np.stack([encode("AACGTN"), encode("GATTAC")])
    assert [decode(codes) for codes in reverse_complement(both)] == ["NACGTT", "GTAATC"]


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 100))
def test_tiles_are_all_the_whole_windows(length: int, window: int, stride: int) -> None:
    starts = tile(length, window, stride)
    assert starts.tolist() == [s for s in range(0, length, stride) if s + window <= length]


@given(contigs, st.integers(1, 90))
def test_fasta_is_read_back_by_another_program(
    tmp_path_factory: pytest.TempPathFactory, sequences: list[str], width: int
) -> None:
    path = tmp_path_factory.mktemp("fasta") / "genome.fa"
    named = {f"chr{place}": sequence for place, sequence in enumerate(sequences)}
    write_fasta(path, ((name, encode(each)) for name, each in named.items()), width)
    ours = path.with_name("genome.fa.fai").read_text()
    with pyfaidx.Fasta(str(path), rebuild=False) as fasta:
        assert {name: str(fasta[name]) for name in fasta.keys()} == named  # noqa: SIM118
    path.with_name("genome.fa.fai").unlink()
    with pyfaidx.Fasta(str(path)):
        assert path.with_name("genome.fa.fai").read_text() == ours
    sizes = path.with_name("genome.chrom.sizes").read_text().splitlines()
    assert sizes == [f"{name}\t{len(sequence)}" for name, sequence in named.items()]
    names = ("genome.fa", "genome.fa.fai", "genome.chrom.sizes")
    seals = (f".{name}.b2" for name in names)
    assert {each.name for each in path.parent.iterdir()} == {*names, *seals}


def test_long_contigs_are_written_in_blocks(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 5, 3 * 8192 * 2 + 1, dtype=np.uint8)
    write_fasta(tmp_path / "g.fa", [("a", codes), ("b", codes[:5])], width=3)
    with pyfaidx.Fasta(str(tmp_path / "g.fa")) as fasta:
        assert np.array_equal(encode(str(fasta["a"])), codes)
        assert str(fasta["b"]) == decode(codes[:5])


def test_the_index_is_not_older_than_the_fasta(tmp_path: Path) -> None:
    write_fasta(tmp_path / "g.fa", [("a", encode("ACGT"))])
    index, fasta = tmp_path / "g.fa.fai", tmp_path / "g.fa"
    assert index.stat().st_mtime_ns >= fasta.stat().st_mtime_ns


def test_a_broken_off_fasta_has_no_name(tmp_path: Path) -> None:
    def broken():
        yield "a", encode("ACGT")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_fasta(tmp_path / "g.fa", broken())
    assert not (tmp_path / "g.fa").exists()
    assert not (tmp_path / "g.fa.fai").exists()


def test_complements_pair_in_arrays_and_tensors() -> None:
    codes = np.arange(5, dtype=np.uint8)
    assert complement(codes).tolist() == [3, 2, 1, 0, N]
    found = complement(torch.from_numpy(codes))
    assert found.tolist() == [3, 2, 1, 0, N]
    assert found.dtype == torch.uint8
    assert complement(codes).dtype == np.uint8
