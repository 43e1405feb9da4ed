"""Windows cover every bin of a contig once, and lie in it as far as they can."""

import numpy as np
import pytest
from genomes import write_fasta
from hypothesis import given
from hypothesis import strategies as st

from seqcast.core.errors import SeqcastError
from seqcast.genome.codes import N
from seqcast.predict.genome_tracks.tiling import Span, Tile, Tiling
from seqcast.sources.genome.fasta import Fasta, open_fasta

BIN = 16


@st.composite
def tilings(draw: st.DrawFn) -> Tiling:
    crop, edge = draw(st.integers(0, 4)), draw(st.integers(0, 5))
    return Tiling(BIN, draw(st.integers(1, 12)) + 2 * (crop + edge), crop, edge)


@given(tilings(), st.integers(1, 3000))
def test_each_bin_of_a_contig_is_kept_once(tiling: Tiling, length: int) -> None:
    bins = -(-length // BIN)
    tiles = list(tiling.list_tiles(Span("c", 0, bins), length))
    kept = [each for tile in tiles for each in range(tile.first, tile.end)]
    assert kept == list(range(bins))
    assert len(tiles) == tiling.count_tiles(Span("c", 0, bins), length)


@given(tilings(), st.integers(1, 3000), st.data())
def test_kept_bins_are_predicted_well_inside(
    tiling: Tiling, length: int, data: st.DataObject
) -> None:
    bins = -(-length // BIN)
    first = data.draw(st.integers(0, bins - 1))
    span = Span("c", first, data.draw(st.integers(first + 1, bins)))
    tiles = list(tiling.list_tiles(span, length))
    assert [tiles[0].first, tiles[-1].end] == [span.first, span.end]
    for tile in tiles:
        # A window leaves the contig only where it is longer.
        assert tile.start >= 0
        assert tile.start + tiling.predicted <= max(bins, tiling.predicted)
        left, right = tile.first - tile.start, tile.start + tiling.predicted - tile.end
        assert left >= tiling.edge or tile.start == 0
        assert right >= tiling.edge or tile.start + tiling.predicted >= bins


@given(tilings(), st.integers(1, 3000))
def test_no_more_windows_than_it_takes(tiling: Tiling, length: int) -> None:
    bins = -(-length // BIN)
    wanted = 1 if bins <= tiling.predicted else -(-(bins - 2 * tiling.edge) // tiling.step)
    assert tiling.count_tiles(Span("c", 0, bins), length) == wanted


@given(tilings())
def test_a_short_region_is_in_the_middle_of_a_window(tiling: Tiling) -> None:
    first = 500
    (tile,) = tiling.list_tiles(Span("c", first, first + tiling.step), 2000 * BIN)
    left, right = first - tile.start, tile.start + tiling.predicted - tile.end
    assert 0 <= right - left <= 1


def test_a_sixteenth_is_edge_unless_said() -> None:
    assert Tiling.from_window(16_384, 128, 0) == Tiling(128, 128, 0, 8)
    assert Tiling.from_window(16_384, 128, 0, 5).step == 118
    assert Tiling.from_window(128, 128, 0).step == 1
    with pytest.raises(
        SeqcastError, match=r"edge_bins is 64, which leaves nothing.*set 63 or less"
    ):
        Tiling.from_window(16_384, 128, 0, 64)


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Fasta:
    folder = tmp_path_factory.mktemp("fasta")
    letters = "ACGT" * 20 + "N" * 24 + "ACG" * 12  # 140 bases: 9 bins, the last of 12
    return open_fasta(write_fasta(folder / "g.fa", {"c": letters}, 50), folder / "work")


def test_what_lies_outside_the_contig_is_n(fasta: Fasta) -> None:
    tiling = Tiling(BIN, 12, 1, 0)
    codes = tiling.read_codes(fasta, "c", Tile(0, 0, 9), reach=3)
    assert codes.size == 12 * BIN + 6
    assert (codes[: BIN + 3] == N).all()
    assert np.array_equal(codes[BIN + 3 : BIN + 143], fasta.codes("c"))
    assert (codes[BIN + 143 :] == N).all()


@pytest.mark.parametrize("reach", [0, 5])
def test_bins_that_are_more_than_half_n_are_not_known(fasta: Fasta, reach: int) -> None:
    tiling = Tiling(BIN, 12, 1, 0)
    tile = Tile(0, 3, 9)
    known = tiling.mark_known(tiling.read_codes(fasta, "c", tile, reach), tile, 140, reach)
    # N from 80 to 104: all of bin 5, half of bin 6; the last bin has 12 bases, all known.
    assert known.tolist() == [True, True, False, True, True, True]
