"""Windows are found wherever they lie in a genome, and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd
import pytest
from broken_files import HG38, YEAST, find_data
from hypothesis import given, settings
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.data import SPLITS
from seqcast.genome.codes import N, decode, reverse_complement
from seqcast.settings import BasenjiSettings
from seqcast.sources.base_order import ORDERS, BaseOrder
from seqcast.sources.findings import Validation
from seqcast.sources.genome.fasta import open_fasta
from seqcast.sources.locating import Placements, describe, locate_windows, matching

LENGTH = 512
Genome = dict[str, np.ndarray]
Place = tuple[str, int, str]


def make_genome(seed: int) -> Genome:
    """Make contigs with runs of N, copies of one another, on either strand, and tandem repeats."""
    rng = np.random.default_rng(seed)
    lengths = {"chr1": 3000, "chr2": 2111, "tiny": LENGTH - 1, "exact": LENGTH}
    genome = {name: rng.integers(0, 4, n, dtype=np.uint8) for name, n in lengths.items()}
    one, two = genome["chr1"], genome["chr2"]
    two[700:1500] = one[900:1700]
    one[2000:2700] = reverse_complement(one[100:800])
    two[100:600] = np.resize(rng.integers(0, 4, 7, dtype=np.uint8), 500)
    for codes in (one, two):
        for start in rng.integers(0, codes.size - 300, 3):
            codes[start : start + rng.integers(1, 200)] = N
    return genome


def cut(genome: Genome, place: Place) -> np.ndarray:
    name, start, strand = place
    codes = genome[name][start : start + LENGTH]
    return codes if strand == "+" else reverse_complement(codes)


def cut_some(genome: Genome, seed: int, count: int = 9) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    windows = []
    for _ in range(count):
        name = ("chr1", "chr2", "exact")[rng.choice(3, p=[0.5, 0.4, 0.1])]
        start = int(rng.integers(0, genome[name].size - LENGTH + 1))
        windows.append(cut(genome, (name, start, "+-"[rng.integers(2)])))
    return windows


def write_fasta(path: Path, genome: Mapping[str, np.ndarray], width: int = 60) -> Path:
    lines = []
    for name, codes in genome.items():
        letters = decode(codes)
        lines += [
            f">{name} of a test",
            *(letters[i : i + width] for i in range(0, len(letters), width)),
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_windows(path: Path, windows: Sequence[np.ndarray], order: str = "ACGT") -> Path:
    """Write windows in turn to train, valid and test."""
    channels = np.array([order.index(base) for base in "ACGT"] + [N])
    with h5py.File(path, "w") as file:
        for place, split in enumerate(SPLITS):
            mine = channels[np.array(windows[place::3])]
            file[f"{split}_in"] = mine[:, :, None] == np.arange(4)
            file[f"{split}_out"] = np.zeros((len(mine), mine.shape[1] // 16, 1), np.float16)
    return path


def locate(
    folder: Path,
    genome: Genome,
    windows: Sequence[np.ndarray],
    order: str = "ACGT",
    taken: str = "ACGT",
) -> Placements:
    """Locate windows that were written in one order of the bases and are taken for another."""
    source = write_windows(folder / "seq.h5", windows, order)
    validation = Validation(
        "basenji_h5",
        "seq.h5",
        windows={split: len(windows[place::3]) for place, split in enumerate(SPLITS)},
        alphabet=BaseOrder(taken, (taken,), "auto", ()),
    )
    fasta = write_fasta(folder / "small.fa", genome)
    section = BasenjiSettings(file=str(source), bin_size=16)
    return locate_windows(section, source, validation, fasta, folder / "work")


def places_of(placements: Placements, window: int) -> set[Place]:
    table = rows_of(placements, window)
    table = table[table["places"] > 0]
    assert ((table["end"] - table["start"]) == placements.window).all()
    return set(zip(table["contig"], table["start"], table["strand"], strict=True))


def rows_of(placements: Placements, window: int) -> pd.DataFrame:
    table = placements.windows
    return table[(table["split"] == SPLITS[window % 3]) & (table["row"] == window // 3)]


def find_by_hand(genome: Genome, window: np.ndarray) -> set[Place]:
    """Compare a window with every place of a genome."""
    found = set()
    for name, codes in genome.items():
        if codes.size < window.size:
            continue
        views = np.lib.stride_tricks.sliding_window_view(codes, window.size)
        for strand, ours in (("+", window), ("-", reverse_complement(window))):
            either = (views == N) | (ours == N)
            fits = ((views == ours) | either).all(axis=1) & (2 * either.sum(axis=1) <= ours.size)
            found |= {(name, int(start), strand) for start in np.flatnonzero(fits)}
    return found


@contextmanager
def small_blocks(block: int) -> Iterator[None]:
    """Take a genome in small blocks, as if it were large."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_BLOCK", block)
        yield


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), block=st.sampled_from([64, 640, 1 << 24]))
def test_every_placement_is_found_and_none_invented(seed: int, block: int) -> None:
    genome = make_genome(seed)
    windows = cut_some(genome, seed)
    with small_blocks(block), TemporaryDirectory() as folder:
        placements = locate(Path(folder), genome, windows)
    assert placements.order == "ACGT"
    for place, window in enumerate(windows):
        row = rows_of(placements, place).iloc[0]
        if row["status"] == "blank":
            assert 2 * np.count_nonzero(window == N) > LENGTH
            continue
        assert places_of(placements, place) == find_by_hand(genome, window)
        assert row["status"] == ("placed" if row["places"] == 1 else "ambiguous")


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_the_bases_is_found(tmp_path: Path, order: str) -> None:
    genome = make_genome(1)
    windows = cut_some(genome, 2)
    placements = locate(tmp_path, genome, windows, order, taken="ATCG")
    assert (placements.order, placements.order_was) == (order, "ATCG")
    expected = locate(tmp_path, genome, windows)
    assert placements.windows.equals(expected.windows)
    reordered = "validate took the bases as ATCG, but windows match only as"
    assert any(line.startswith(reordered) for line in describe(placements)) == (order != "ATCG")


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), base=st.integers(0, LENGTH - 1))
def test_a_window_with_another_base_is_missing(seed: int, base: int) -> None:
    genome = {"chr1": np.random.default_rng(seed).integers(0, 4, 3000, dtype=np.uint8)}
    place = ("chr1", seed % 2400, "+-"[seed % 2])
    other, changed = cut(genome, ("chr1", 7, "+")), cut(genome, place).copy()
    changed[base] = (changed[base] + 1) % 4
    with TemporaryDirectory() as folder:
        placements = locate(Path(folder), genome, [other, changed, other])
    (row,) = rows_of(placements, 1).to_dict("records")
    assert (row["status"], row["places"]) == ("missing", 0)
    assert (row["contig"], row["start"], row["strand"]) == place
    # At an end a changed base takes the few beside it along.
    assert 1 - 32 / LENGTH <= row["shared"] < 1


def test_insertions_and_deletions_leave_what_is_shared(tmp_path: Path) -> None:
    genome = {"chr1": np.random.default_rng(3).integers(0, 4, 4000, dtype=np.uint8)}
    window = cut(genome, ("chr1", 1000, "+"))
    changed = np.concatenate([window[:200], window[205:], genome["chr1"][1512:1517]])
    placements = locate(tmp_path, genome, [window, changed, window])
    (row,) = rows_of(placements, 1).to_dict("records")
    assert row["status"] == "missing"
    assert abs(row["start"] - 1000) <= 5
    assert row["shared"] == 1  # nothing is there that the genome lacks
    assert "valid 0 shares all but a few of its bases with chr1:" in "\n".join(describe(placements))


def test_copies_are_ambiguous_with_all_places(tmp_path: Path) -> None:
    genome = {"chr1": np.random.default_rng(3).integers(0, 4, 5000, dtype=np.uint8)}
    window = cut(genome, ("chr1", 300, "+"))
    genome["chr1"][1000 : 1000 + LENGTH] = window
    genome["chr1"][3000 : 3000 + LENGTH] = reverse_complement(window)
    other = cut(genome, ("chr1", 4000, "+"))
    placements = locate(tmp_path, genome, [window, other, other])
    rows = rows_of(placements, 0)
    assert set(rows["status"]) == {"ambiguous"}
    assert set(rows["places"]) == {3}
    expected = {("chr1", 300, "+"), ("chr1", 1000, "+"), ("chr1", 3000, "-")}
    assert places_of(placements, 0) == expected
    assert any("several places match exactly: 1 (train 0)" in line for line in describe(placements))


def test_of_very_many_places_a_thousand_are_listed(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    genome = {
        "chr1": np.concatenate([np.resize(rng.integers(0, 4, 5), 8000), rng.integers(0, 4, 900)])
    }
    genome = {name: codes.astype(np.uint8) for name, codes in genome.items()}
    window, other = cut(genome, ("chr1", 0, "+")), cut(genome, ("chr1", 8100, "+"))
    placements = locate(tmp_path, genome, [window, other, other])
    assert len(rows_of(placements, 0)) == 1000
    assert set(rows_of(placements, 0)["places"]) == {len(find_by_hand(genome, window))}


def test_n_equals_anything_and_is_counted(tmp_path: Path) -> None:
    genome = {"chr1": np.random.default_rng(3).integers(0, 4, 4000, dtype=np.uint8)}
    window = cut(genome, ("chr1", 1000, "+")).copy()
    window[:100] = N
    genome["chr1"][1090:1150] = N
    blank = np.where(np.arange(LENGTH) < LENGTH // 2 + 1, N, cut(genome, ("chr1", 2000, "+")))
    scattered = cut(genome, ("chr1", 3000, "+")).copy()
    scattered[::90] = N
    placements = locate(tmp_path, genome, [window, blank, scattered])
    (row,) = rows_of(placements, 0).to_dict("records")
    assert (row["status"], row["start"], row["unknown"]) == ("placed", 1000, 150)
    for place in (1, 2):
        (row,) = rows_of(placements, place).to_dict("records")
        assert (row["status"], row["contig"], row["start"]) == ("blank", ".", -1)
    assert any("too full of N to be located: 2 (" in line for line in describe(placements))


def test_another_assembly_is_an_error_in_one_line(tmp_path: Path) -> None:
    genome = {"chr1": np.random.default_rng(3).integers(0, 4, 4000, dtype=np.uint8)}
    windows = [cut(genome, ("chr1", start, "+")).copy() for start in (100, 1000, 2000)]
    genome["chr1"][::200] = 3 - genome["chr1"][::200]
    with pytest.raises(SeqcastError) as error:
        locate(tmp_path, genome, windows)
    assert "\n" not in str(error.value)
    assert "none of 3 windows matches small on either strand" in str(error.value)
    assert "of its bases with chr1:" in str(error.value)
    assert "hg19, not hg38" in str(error.value)
    with pytest.raises(SeqcastError, match=r"read as TGAC: .* bases with chr1:"):
        locate(tmp_path, genome, windows, order="TGAC")
    with pytest.raises(SeqcastError, match="not even train 0 resembles any place there"):
        locate(tmp_path, make_genome(9), windows)


def test_windows_of_nothing_or_too_short_are_errors(tmp_path: Path) -> None:
    genome = make_genome(9)
    with pytest.raises(SeqcastError, match="all 3 windows are too full of N"):
        locate(tmp_path, genome, [np.full(LENGTH, N, np.uint8)] * 3)
    with pytest.raises(SeqcastError, match="64 bases are too short to be located, 95 are needed"):
        locate(tmp_path, genome, [genome["chr1"][:64]] * 3)
    with pytest.raises(SeqcastError, match="none of 3 windows matches"):
        locate(tmp_path, {"tiny": genome["tiny"]}, [genome["exact"]] * 3)


@settings(max_examples=20)
@given(
    width=st.sampled_from([1, 7, 60, 5000]),
    ends=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 900),
    overlap=st.integers(0, 300),
    closed=st.booleans(),
)
def test_parts_of_a_contig_are_read_as_they_are(
    width: int, ends: str, block: int, overlap: int, closed: bool
) -> None:
    genome = make_genome(4)
    with TemporaryDirectory() as folder:
        path = write_fasta(Path(folder) / "a.fa", genome, width)
        text = path.read_text().replace("A", "a").replace("\n", ends)
        path.write_bytes((text if closed else text.rstrip()).encode())
        fasta = open_fasta(path, Path(folder) / "work")
        for name, codes in genome.items():
            for start in range(0, codes.size, block):
                end = min(start + block + overlap, codes.size)
                assert np.array_equal(fasta.read(name, start, end), codes[start:end])


def test_letters_that_are_no_dna_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.fa"
    path.write_text(">chr1\n" + "ACGT" * 5000 + "Z" + "ACGTRY" * 10 + "\n")
    fasta = open_fasta(path, tmp_path / "work")
    with pytest.raises(SeqcastError, match="1 of 20,061 letters looked at in chr1 are Z"):
        fasta.read("chr1", 19_990, 20_010)
    assert (fasta.read("chr1", 20_001, 20_007) == [0, 1, 2, 3, N, N]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "genome", "count"),
    [(YEAST, "yeast/sacCer3.fa.gz", 168), (HG38, "hg38_tiny/hg38_tiny.fa.gz", 65)],
)
def test_real_windows_are_all_placed(tmp_path: Path, source: str, genome: str, count: int) -> None:
    path, fasta = find_data(source), find_data(genome)
    with h5py.File(path) as file:
        windows = {split: len(file[f"{split}_in"]) for split in SPLITS}
    order = BaseOrder("ACGT", ("ACGT",), "auto", ())
    validation = Validation("basenji_h5", path.name, windows=windows, alphabet=order)
    section = BasenjiSettings(file=str(path))
    found = locate_windows(section, path, validation, fasta, tmp_path)
    assert found.statuses == {"placed": count}
    assert describe(found)[0].startswith(f"{count} of {count} windows placed exactly on ")
    opened = open_fasta(fasta, tmp_path)
    with h5py.File(path) as file:
        for row in found.windows.iloc[::20].itertuples():
            codes = opened.read(row.contig, row.start, row.end)
            codes = codes if row.strand == "+" else reverse_complement(codes)
            rows_L4 = file[f"{row.split}_in"][row.row]
            assert np.array_equal(codes[:, None] == np.arange(4), rows_L4)
