"""The simulated genome is a function of its seed, and its tracks follow from its sequence."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import read_whole

from seqcast.data import check_dataset, find_split_overlaps, read_dataset
from seqcast.data.reference import read_reference
from seqcast.genome.codes import decode, encode, reverse_complement
from seqcast.settings import SimulatedSettings
from seqcast.sources.base_order import count_steps
from seqcast.sources.simulated import write_simulated
from seqcast.sources.simulated.genome import make_chromosome
from seqcast.sources.simulated.tracks import MOTIFS, TRACKS, find_sites, make_signal
from seqcast.sources.simulated.variants import (
    FLOOR,
    INDELS,
    RADII,
    SNVS,
    Change,
    TrueEffects,
    draw_changes,
    find_motif,
    make_rates,
)

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT",
    "K": "GT", "M": "AC", "N": "ACGT",
}  # fmt: skip
# chr3 ends within a bin.
SETTINGS = SimulatedSettings(
    chromosomes={"chr1": 400_000, "chr2": 60_000, "chr3": 50_001},
    valid=("chr2",),
    test=("chr3",),
    window=4096,
    stride=2048,
)


def simulate(folder: Path, settings: SimulatedSettings = SETTINGS) -> SimpleNamespace:
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "dataset.h5", folder / "truth.h5", folder / "motifs.bed"
    write_simulated(settings, *paths)
    rows = [line.split("\t") for line in paths[2].read_text().splitlines()]
    return SimpleNamespace(
        dataset=read_dataset(paths[0]),
        truth=read_whole(read_reference(paths[1]).coverage),
        motifs=rows,
        folder=folder,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return simulate(tmp_path_factory.mktemp("simulated"))


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    small = SETTINGS.model_copy(
        update={"chromosomes": {"chr1": 30_000, "chr2": 9_000, "chr3": 8_193}}
    )
    seeds = {"a": 1, "b": 1, "c": 2}
    for name, seed in seeds.items():
        simulate(tmp_path / name, small.model_copy(update={"seed": seed}))
    for file in ("dataset.h5", "truth.h5", "motifs.bed", "variants.vcf", "variants_truth.tsv"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in seeds)
        assert a == b, file
        assert a != c, file


def test_the_dataset_keeps_its_format(made: SimpleNamespace) -> None:
    assert check_dataset(made.dataset) == []
    assert made.dataset.contigs.length.tolist() == [400_000, 60_000, 50_001]
    assert made.dataset.has_coordinates
    assert find_split_overlaps(made.dataset.windows) == []
    for place, split in enumerate(("train", "valid", "test")):
        windows = made.dataset.windows[made.dataset.rows_of(split)]
        assert set(windows["contig"]) == {place}
        # All but the last bin, where that is cut short, lie in a window.
        length = int(made.dataset.contigs.length[place])
        assert (windows["start"].min(), windows["end"].max()) == (0, length // 128 * 128)
        assert np.diff(np.sort(windows["start"])).max() <= SETTINGS.stride


def test_strand_pairs_are_named_alike(made: SimpleNamespace) -> None:
    targets = made.dataset.targets
    assert len(targets) == 10
    pairs = {
        targets.identifier[k]: targets.identifier[p] for k, p in enumerate(targets.strand_pair)
    }
    stranded = {name: pair for name, pair in pairs.items() if name != pair}
    assert len(stranded) == 4
    assert all(name[:-1] == pair[:-1] for name, pair in stranded.items())


def test_bases_are_as_in_mammals(made: SimpleNamespace) -> None:
    sequence = np.asarray(made.dataset.codes)
    steps = count_steps(sequence)
    a, c, g, t = range(4)
    at = np.isin(sequence, [a, t]).sum() / (sequence < 4).sum()
    assert 0.57 < at < 0.65
    assert steps[c, g] < 0.5 * steps[g, c]
    assert steps[t, a] < 0.95 * steps[a, t]


def test_bins_of_n_are_unknown_and_others_are_counts(made: SimpleNamespace) -> None:
    contigs = made.dataset.contigs
    for place, length in enumerate(contigs.length):
        first, bins = contigs.first_base[place], -(-int(length) // 128)
        codes = made.dataset.codes[first : first + length]
        coverage = read_whole(made.dataset.cells)[contigs.first_bin[place] :][:bins]
        unknown = np.isnan(coverage)
        assert (unknown.all(axis=1) == unknown.any(axis=1)).all()
        for bin_ in range(bins - 1):
            assert unknown[bin_, 0] == (np.mean(codes[bin_ * 128 : bin_ * 128 + 128] == 4) > 0.5)
        assert unknown[:2].all()
        known = coverage[~unknown]
        assert np.array_equal(known, np.round(known))
        assert known.min() == 0


def matches(sequence: str, consensus: str) -> int:
    return sum(base not in IUPAC[letter] for base, letter in zip(sequence, consensus, strict=True))


def test_motifs_stand_where_the_bed_says(made: SimpleNamespace) -> None:
    contigs = made.dataset.contigs
    assert {row[3] for row in made.motifs} == set(MOTIFS)
    for chrom, start, end, name, score, strand in made.motifs[:: len(made.motifs) // 400]:
        first = int(contigs.first_base[contigs.name.index(chrom)])
        codes = made.dataset.codes[first + int(start) : first + int(end)]
        site = decode(codes if strand == "+" else reverse_complement(codes))
        mismatches = matches(site, MOTIFS[name].consensus)
        assert mismatches <= MOTIFS[name].mismatches
        assert int(score) == 1000 >> mismatches
    places = [(row[0], int(row[1])) for row in made.motifs]
    assert places == sorted(places)


def test_sites_are_those_of_a_search_by_hand() -> None:
    codes = make_chromosome(6_000, np.random.default_rng(4))
    codes[3000:3010] = 4
    sequence, other = decode(codes), decode(reverse_complement(codes))
    found = find_sites(codes)
    strands = set()
    for name, motif in MOTIFS.items():
        size, wanted = len(motif.consensus), []
        for start in range(len(sequence) - size + 1):
            back = len(sequence) - size - start
            forward = matches(sequence[start : start + size], motif.consensus)
            backward = matches(other[back : back + size], motif.consensus)
            if min(forward, backward) <= motif.mismatches:
                strand = "+" if forward <= backward else "-"
                wanted.append((start, start + size, 0.5 ** min(forward, backward), strand))
        assert list(found[name].rows()) == wanted, name
        strands |= {row[3] for row in wanted}
    assert strands == {"+", "-"}


def test_the_other_strand_has_the_same_tracks() -> None:
    codes = make_chromosome(128 * 1000, np.random.default_rng(5))
    there = make_signal(find_sites(codes), codes.size, 128)
    back = make_signal(find_sites(reverse_complement(codes)), codes.size, 128)[::-1]
    names = [track.name for track in TRACKS]
    swapped = [names.index(track.pair or track.name) for track in TRACKS]
    unpaired = [k for k, track in enumerate(TRACKS) if not track.pair and track.name[:3] != "Pol"]
    # A centre lies up to a base beside its mirror image, which a 25 bp peak hardly notices.
    for k in unpaired + [k for k in swapped if k not in unpaired]:
        assert np.corrcoef(there[:, k], back[:, swapped[k]])[0, 1] > 0.99, names[k]


def test_an_enhancer_far_away_makes_a_promoter_strong(made: SimpleNamespace) -> None:
    contigs = made.dataset.contigs
    codes = np.asarray(made.dataset.codes[: contigs.length[0]])
    sites = find_sites(codes)
    away = np.abs(sites["YY1"].centre[:, None] - sites["ZNF143"].centre)
    enhanced = ((away >= 3_000) & (away <= 10_000)).any(axis=1)
    assert 10 < enhanced.sum() < len(enhanced) - 10
    distal = [track.name for track in TRACKS].index("PolII-like:distal")
    bins = sites["YY1"].centre // 128
    rate = made.truth[bins, distal]
    assert rate[enhanced].mean() > 5 * rate[~enhanced].mean()
    observed = read_whole(made.dataset.cells)[bins, distal]
    assert np.nanmean(observed[enhanced]) > 3 * np.nanmean(observed[~enhanced])


def test_the_truth_has_the_depth_of_its_track(made: SimpleNamespace) -> None:
    assert made.truth.shape == (made.dataset.bins, len(made.dataset.targets))
    assert made.truth.min() > 0
    depths = [track.depth for track in TRACKS]
    np.testing.assert_allclose(made.truth.astype(np.float64).mean(axis=0), depths, rtol=1e-4)
    known = ~np.isnan(read_whole(made.dataset.cells)[:, 0])
    observed = read_whole(made.dataset.cells)[known].astype(np.float64)
    np.testing.assert_allclose(observed.mean(axis=0), made.truth[known].mean(axis=0), rtol=0.1)


def test_scales_make_train_means_one(tmp_path: Path) -> None:
    found = simulate(tmp_path, SETTINGS.model_copy(update={"scale": "mean"})).dataset
    train = read_whole(found.cells)[: found.contigs.first_bin[1]].astype(np.float64)
    np.testing.assert_allclose(np.nanmean(train, axis=0) * found.targets.scale, 1, rtol=1e-6)


@pytest.mark.parametrize("length", [5, 100, 1_000, 3_000])
def test_a_chromosome_may_be_too_short_for_any_motif(length: int) -> None:
    for seed in range(5):
        codes = make_chromosome(length, np.random.default_rng(seed))
        signal = make_signal(find_sites(codes), length, 128)
        assert signal.shape == (-(-length // 128), 10)
        assert np.isfinite(signal).all()
        assert signal.min() >= 0


def test_every_bin_has_a_floor(made: SimpleNamespace) -> None:
    depths = np.array([track.depth for track in TRACKS])
    assert (made.truth >= 0.999 * depths * FLOOR / (1 + FLOOR)).all()


def open_effects(made: SimpleNamespace) -> TrueEffects:
    contigs, dataset = made.dataset.contigs, made.dataset
    signals, found = [], {}
    for name, first, length in zip(contigs.chrom, contigs.first_base, contigs.length, strict=True):
        codes = np.asarray(dataset.codes[first : first + length])
        found[name] = codes, find_sites(codes)
        signals.append(make_signal(found[name][1], len(codes), 128))
    unit = np.concatenate(signals).mean(0)
    return TrueEffects(*found["chr1"], 128, unit, dataset.targets.mean_T)


def find_plainly(effects: TrueEffects, change: Change, radius: int) -> np.ndarray:
    """Return the lfc of rates of the whole chromosome, its sites found anew; of one length only."""
    codes = effects.codes.copy()
    codes[change.start : change.end] = encode(change.alt)
    near = slice((change.start - radius) // 128, (change.end + radius - 1) // 128 + 1)
    sums = []
    for each in (codes, effects.codes):
        rates = make_rates(make_signal(find_sites(each), len(each), 128), effects.unit_T)
        sums.append(rates[near].sum(0) + effects.mean_T * (near.stop - near.start))
    return np.log2(sums[0] / sums[1])


def test_true_effects_are_those_of_the_whole_chromosome(made: SimpleNamespace) -> None:
    effects = open_effects(made)
    changes = draw_changes(effects.codes, effects.sites, 12, 0, np.random.default_rng(3))
    found = np.array([effects.find(change, [250, 1024]) for change in changes])
    for change, lfc in zip(changes, found, strict=True):
        for radius, own in zip((250, 1024), lfc, strict=True):
            assert own == pytest.approx(find_plainly(effects, change, radius), abs=1e-6)
    assert np.abs(found).max() > 0.1


def test_what_follows_an_insertion_or_deletion_is_no_effect(made: SimpleNamespace) -> None:
    effects = open_effects(made)
    changes = draw_changes(effects.codes, effects.sites, 0, 40, np.random.default_rng(3))
    sizes = {len(change.alt) - len(change.ref) for change in changes}
    assert min(sizes) < 0 < max(sizes)
    assert 0 not in sizes
    assert all(change.ref[0] == change.alt[0] for change in changes)
    off = [change for change in changes if not find_motif(effects.sites, change)]
    quiet = [
        np.abs(effects.find(change, [250])).max()
        for change in off
        # One that makes no site of its own.
        if all(len(each.centre) == len(effects.sites[name].centre)
               for name, each in effects._apply(change).items())
    ]  # fmt: skip
    assert len(quiet) > 5
    assert max(quiet) == 0


def test_variants_with_known_effects_lie_beside_the_data(made: SimpleNamespace) -> None:
    lines = (made.folder / "variants.vcf").read_text().splitlines()
    assert lines[:2] == ["##fileformat=VCFv4.3", "##contig=<ID=chr3,length=50001>"]
    rows = [line.split("\t") for line in lines[3:]]
    assert len(rows) == SNVS + INDELS
    assert sum(len(row[3]) == len(row[4]) for row in rows) == SNVS
    positions = [int(row[1]) for row in rows]
    assert positions == sorted(set(positions))
    for row in rows:
        start = int(row[1]) - 1
        assert decode(made.dataset.sequence("chr3", start, start + len(row[3]))) == row[3]
    header, *truth = (made.folder / "variants_truth.tsv").read_text().splitlines()
    assert header.split("\t")[-2:] == ["lfc", "in_site"]
    assert len(truth) == len(rows) * len(RADII) * len(TRACKS)
    sites = [bool(line.split("\t")[-1]) for line in truth]
    assert 0.4 < np.mean(sites) < 0.9


def test_a_chromosome_of_nothing_known_has_no_variants() -> None:
    codes = np.full(5_000, 4, dtype=np.uint8)
    assert draw_changes(codes, find_sites(codes), 5, 5, np.random.default_rng(1)) == []
