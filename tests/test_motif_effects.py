"""What motifs do keeps its laws, is found again after a kill, and is shown."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from test_explain import make_codes, make_network
from tiny import BIN, CROP, NETWORKS, TARGETS, WINDOW, make_contigs, write_tiny

from seqcast.core.errors import SeqcastError
from seqcast.data import Dataset
from seqcast.genome.codes import N, decode, encode, reverse_complement
from seqcast.genome.meme import Motif, write_meme
from seqcast.motifs.backgrounds import Backgrounds
from seqcast.motifs.effect_parts import Part
from seqcast.motifs.effects import Ruler
from seqcast.motifs.effects_writing import ANY, compute_mean, write_effects
from seqcast.motifs.measuring import measure_member
from seqcast.motifs.placing import ARRANGEMENTS, find_overlaps, lay, list_distances, to_letters
from seqcast.nn.checkpoint import write_model
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel
from seqcast.settings import TrainSettings
from seqcast.settings.steps import MotifsSettings, PredictSettings

RADIUS, MIDDLE = 20, 131
LETTERS = [encode(word) for word in ("GCGCG", "TATAAATTA", "CANNTG", "GGGGCGGGGCC")]
SETTINGS = MotifsSettings(database="x", discover=False, backgrounds=12, pairs=2)


@pytest.fixture(params=sorted(NETWORKS), scope="module")
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return Predictor(make_network(NETWORKS[request.param], crop=CROP), both_strands=True)


def measure_whole(predictor: Predictor, codes: np.ndarray, middle: int) -> np.ndarray:
    """Return the logarithms that effects are differences of, from whole windows, (..., T)."""
    rates_KSNT = predictor.predict_strands(np.atleast_2d(codes)).astype(float)
    low, high = ((middle + by) // BIN - CROP for by in (-RADIUS, RADIUS))
    found = np.log(rates_KSNT[:, :, low : high + 1].sum(2)).mean(0)
    return found if codes.ndim == 2 else found[0]


def put(codes: np.ndarray, letters: np.ndarray, middle: int) -> np.ndarray:
    found, start = codes.copy(), middle - len(letters) // 2
    here = found[start : start + len(letters)]
    here[letters < N] = letters[letters < N]
    return found


def test_an_effect_is_with_less_without(predictor: Predictor) -> None:
    codes, ruler = make_codes(), Ruler(predictor, RADIUS)
    base = measure_whole(predictor, codes, MIDDLE)
    found = ruler.measure_alone(codes, MIDDLE, LETTERS)
    for effect, letters in zip(found, LETTERS, strict=True):
        forward, reverse = (
            measure_whole(predictor, put(codes, each, MIDDLE), MIDDLE) - base
            for each in (letters, reverse_complement(letters))
        )
        wanted = (forward + reverse[list(TARGETS.strand_pair)]) / 2
        np.testing.assert_allclose(effect, wanted, atol=2e-5)
    assert np.abs(found).max() > 0.02


def test_motifs_turned_round_change_strands_and_nothing_changes_nothing(
    predictor: Predictor,
) -> None:
    codes, ruler = make_codes(), Ruler(predictor, RADIUS)
    found = ruler.measure_alone(codes, MIDDLE, LETTERS)
    turned = ruler.measure_alone(codes, MIDDLE, [*map(reverse_complement, LETTERS)])
    np.testing.assert_allclose(turned, found[:, list(TARGETS.strand_pair)], atol=1e-6)
    assert np.abs(found[:, 1] - found[:, 2]).max() > 0.01
    # A motif of an odd width lies the same on the other strand of the background.
    odd = [each for each in LETTERS if len(each) % 2]
    mirrored = ruler.measure_alone(reverse_complement(codes), WINDOW - 1 - MIDDLE, odd)
    np.testing.assert_allclose(mirrored, ruler.measure_alone(codes, MIDDLE, odd), atol=2e-5)
    # On some processors the last digit of a sum depends on where in memory it lies.
    nothing = ruler.measure_alone(codes, MIDDLE, [np.full(7, N, np.uint8)])
    np.testing.assert_allclose(nothing, 0, atol=1e-7)
    order = [2, 0, 3, 1]
    moved = ruler.measure_alone(codes, MIDDLE, [LETTERS[each] for each in order])
    np.testing.assert_allclose(moved, found[order], atol=1e-6)


@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda each: each.name)
def test_pairs_are_those_of_whole_windows(predictor: Predictor, arrangement) -> None:
    codes, distances = make_codes(), [5, 12, 40, 90]
    found = Ruler(predictor, RADIUS).measure_pairs(codes, MIDDLE, LETTERS, distances, arrangement)
    whole, values = [codes], [np.zeros(len(TARGETS))]
    for a, one in enumerate(LETTERS):
        with_one = put(codes, one, MIDDLE)
        whole.append(with_one)
        values.append(found.first[a])
        overlaps = find_overlaps(len(one), LETTERS, distances)
        for b, d in np.ndindex(overlaps.shape):
            other = LETTERS[b] if arrangement.is_same_strand else reverse_complement(LETTERS[b])
            there = MIDDLE + (distances[d] if arrangement.is_downstream else -distances[d])
            whole += [put(codes, other, there), put(with_one, other, there)]
            values += [found.second[b, d], found.together[a, b, d]]
            if overlaps[b, d]:
                assert np.isnan(values.pop()).all()
                whole.pop()
    logs = measure_whole(predictor, np.stack(whole), MIDDLE)
    np.testing.assert_allclose(values, logs - logs[0], atol=3e-5)
    assert overlaps.any()
    assert not overlaps.all()


@given(st.lists(st.integers(1, 24), min_size=1, max_size=4), st.integers(1, 24), st.integers(1, 40))
def test_motifs_that_do_not_overlap_share_no_base(
    widths: list[int], first: int, distance: int
) -> None:
    codes = np.zeros(200, np.uint8)
    seconds = [np.full(width, 2, np.uint8) for width in widths]
    start, (own,) = lay([np.full(first, 1, np.uint8)], codes, 100)
    taken = set(range(start, start + len(own)))
    for side in (-distance, distance):
        there, changed = lay(seconds, codes, 100 + side)
        for row, overlaps in zip(changed, find_overlaps(first, seconds, [distance]), strict=True):
            bases = set((there + np.flatnonzero(row == 2)).tolist())
            assert len(bases) == (row == 2).sum()
            assert overlaps[0] or not bases & taken


def test_letters_are_the_best_and_none_where_all_are_as_good() -> None:
    p = np.array([[0.9, 0.1, 0, 0], [0.25] * 4, [0, 0.5, 0, 0.5], [0.3, 0.2, 0.3, 0.2]])
    assert decode(to_letters(Motif("M1", "x", p))) == "ANCN"


@given(st.integers(256, 200_000), st.sampled_from([16, 128]), st.integers(1, 30))
def test_distances_stay_within_the_window(window: int, size: int, widest: int) -> None:
    found = list_distances(window, size, widest)
    assert found == sorted(set(found))
    assert all(window // 2 + size + each + widest <= window for each in found)
    assert not found or 2 * found[-1] > window // 2 - size - widest


def make_backgrounds(dataset: Dataset, count: int) -> list[tuple[np.ndarray, int]]:
    return [*map(Backgrounds.choose(dataset, count, seed=1).make, range(count))]


def test_backgrounds_are_quiet_windows_shuffled(tmp_path: Path) -> None:
    contigs = make_contigs()
    for codes, coverage in contigs.values():
        codes[codes == N] = 0
        coverage[len(coverage) // 2 :] = 1000
    dataset = write_tiny(tmp_path / "dataset.h5", contigs)
    rows = Backgrounds.choose(dataset, 4, seed=1).rows
    held_out = [*dataset.rows_of("valid"), *dataset.rows_of("test")]
    highest = {row: np.nanmax(dataset.coverage_of(row)) for row in held_out}
    assert set(rows) <= set(held_out)
    assert max(highest[row] for row in rows) <= np.median(list(highest.values()))
    found, again = (make_backgrounds(dataset, 30) for _ in range(2))
    for (codes, middle), (same, there) in zip(found, again, strict=True):
        assert (codes == same).all()
        assert middle == there
    assert {middle // BIN for _, middle in found} == {WINDOW // BIN // 2}
    assert len({middle for _, middle in found}) > 8
    for (codes, _), row in zip(found, Backgrounds.choose(dataset, 30, seed=1).rows, strict=True):
        counts = [
            np.bincount(each[:-1] * 5 + each[1:], minlength=25)
            for each in (codes, dataset.codes_of(row))
        ]
        np.testing.assert_array_equal(*counts)
        assert (codes != dataset.codes_of(row)).any()


class Run:
    """A tiny dataset, models, motifs, and what these do."""

    def __init__(self, folder: Path, members: Sequence[str] = ("default",)) -> None:
        self.folder, self.members = folder, members
        self.dataset = write_tiny(folder / "dataset.h5")
        for seed, name in enumerate(members):
            network = make_network(NETWORKS["pooled"], crop=CROP)
            network.head.weight.data += 0.1 * seed
            write_model(folder / f"{name}.safetensors", network, {})
        self.write_words(("GCGCG", "TATAAATTA", "CAACTG"))

    def write_words(self, words: Sequence[str]) -> None:
        motifs = [
            Motif(f"M{number}", word.lower(), np.eye(4)[encode(word)])
            for number, word in enumerate(words, start=1)
        ]
        write_meme(self.folder / "motifs.meme", motifs)

    def parts_of(self, name: str) -> Path:
        return self.folder / "parts" / name

    def measure(self, asked: MotifsSettings = SETTINGS, threads: int = 1) -> None:
        for name in self.members:
            model = TrainedModel(
                self.folder / f"{name}.safetensors", self.dataset.path,
                PredictSettings(strands="both"), TrainSettings(device="cpu", threads=threads),
                name=name,
            )  # fmt: skip
            meme, output = self.folder / "motifs.meme", self.parts_of(name) / "parts.json"
            measure_member(model, asked, RADIUS, meme, output)

    def join(self) -> dict:
        members = {name: self.parts_of(name) / "parts.json" for name in self.members}
        output = self.folder / "effects.json"
        write_effects(output, self.dataset.path, self.folder / "motifs.meme", {"default": members})
        return json.loads(output.read_text())

    def read(self, name: str) -> list[dict[str, str]]:
        with open(self.folder / name, newline="") as file:
            return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("effects"), ("default.r1", "default.r2"))
    run.measure()
    run.join()
    return run


def test_tables_hold_means_of_members_and_backgrounds(run: Run) -> None:
    rows = run.read("effects.tsv")
    assert len(rows) == 3 * len(TARGETS)
    letters = [encode(word) for word in ("GCGCG", "TATAAATTA", "CAACTG")]
    values = []
    for name in run.members:
        predictor = Predictor.open(run.folder / f"{name}.safetensors", strands="both", device="cpu")
        ruler = Ruler(predictor, RADIUS)
        values.append(
            [ruler.measure_alone(*each, letters) for each in make_backgrounds(run.dataset, 12)]
        )
    mean = np.mean(values, axis=0)
    for row in rows:
        each = mean[:, int(row["motif"][1:]) - 1, TARGETS.slugs.index(row["target"])]
        low, high = stats.t.interval(0.95, 11, each.mean(), stats.sem(each))
        found = [float(row[key]) for key in ("effect", "low", "high")]
        np.testing.assert_allclose(found, [each.mean(), low, high], rtol=1e-3, atol=1e-5)
        assert (row["model"], row["backgrounds"]) == ("default", "12")


def test_pairs_are_listed_for_each_arrangement(run: Run) -> None:
    rows, said = run.read("pairs.tsv"), json.loads((run.folder / "effects.json").read_text())
    assert said["paired"] == ["M1", "M2"]
    assert {row["first"] for row in rows} == {"M1", "M2"} == {row["second"] for row in rows}
    # Three backgrounds, each in an arrangement of its own.
    assert {row["backgrounds"] for row in rows if row["arrangement"] == ANY} == {"3"}
    assert {row["arrangement"] for row in rows} == {ANY, *(a.name for a in ARRANGEMENTS[:3])}
    for row in rows:
        one, other, both, synergy = (
            float(row[key]) for key in ("first_alone", "second_alone", "together", "synergy")
        )
        np.testing.assert_allclose(synergy, both - one - other, atol=2e-3)
        assert (row["low"] == "") == (row["arrangement"] != ANY)
    assert max(abs(float(row["synergy"])) for row in rows) > 0.01


def test_a_motif_s_place_in_the_file_and_threads_change_nothing(tmp_path: Path, run: Run) -> None:
    other = Run(tmp_path, run.members)
    other.measure(threads=2)
    other.join()
    for name in ("effects.tsv", "pairs.tsv", "effects.json"):
        assert (tmp_path / name).read_bytes() == (run.folder / name).read_bytes()
    other.write_words(("CAACTG", "TATAAATTA", "GCGCG"))
    other.measure()
    other.join()
    place = {"M1": "M3", "M2": "M2", "M3": "M1"}
    found, wanted = (
        {
            (turn(row["motif"]), row["target"]): float(row["effect"])
            for row in each.read("effects.tsv")
        }
        for each, turn in ((other, place.get), (run, str))
    )
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, abs=1e-4)


def test_what_was_done_before_is_kept(run: Run) -> None:
    folder = run.parts_of(run.members[0])
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    stamp = (folder / "1.h5").stat().st_mtime_ns
    (folder / "11.h5").unlink()
    (folder / "parts.json").unlink()
    run.measure()
    assert (folder / "1.h5").stat().st_mtime_ns == stamp
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    # With another seed nothing of it is kept.
    one, other = (Part.from_backgrounds([0], {"seed": seed}).digest for seed in (1, 2))
    assert one != other


def test_few_backgrounds_no_pairs_no_motifs_and_one_too_wide(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.measure(SETTINGS.model_copy(update={"backgrounds": 1, "pairs": 0}))
    run.join()
    assert {row["low"] for row in run.read("effects.tsv")} == {""}
    assert run.read("pairs.tsv") == []
    run.write_words(())
    run.measure()
    assert run.join()["motifs"] == []
    assert run.read("effects.tsv") == []
    run.write_words(("A" * 140,))
    with pytest.raises(SeqcastError, match=r"140 bases, more than half a window of 256"):
        run.measure()


def test_an_interval_needs_two() -> None:
    mean = compute_mean(np.array([[1.0, 2.0]]))
    assert mean.value.tolist() == [1, 2]
    assert np.isnan(mean.low).all()
    assert np.isnan(mean.high).all()
