"""Say what motifs do to one trained model's predictions, part by part."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.data import Dataset
from seqcast.genome.codes import decode
from seqcast.motifs.backgrounds import Backgrounds
from seqcast.motifs.effect_parts import FORMAT, Found, Part
from seqcast.motifs.effects import PairEffects, Ruler
from seqcast.motifs.placing import ARRANGEMENTS, list_distances, read_found, to_letters
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import MotifsSettings

# Backgrounds a part: what is done again where a run was killed.
_PART = 10
# Pairs are put into every so manyth background: they take longer, and differ less between them.
_PAIRED = 5


@dataclass(frozen=True)
class Asked:
    """What a member measures: letters of motifs, which are put in pairs, and how far apart."""

    ids: tuple[str, ...]
    letters: tuple[np.ndarray, ...]
    paired: tuple[int, ...]
    distances: tuple[int, ...]

    @classmethod
    def from_files(cls, meme: Path, settings: MotifsSettings, dataset: Dataset) -> "Asked":
        """Read the motifs, the first of which are put in pairs.

        Raises `SeqcastError` where one does not fit into a window.
        """
        motifs = read_found(meme)
        letters = [to_letters(motif) for motif in motifs]
        widest = max(map(len, letters), default=0)
        if 2 * widest > dataset.window - 2 * dataset.bin_size:
            raise SeqcastError(
                f"{meme}: the longest motif has {widest:,} bases, more than half a window of"
                f" {dataset.window:,}; leave it out"
            )
        distances = list_distances(dataset.window, dataset.bin_size, widest)
        paired = range(min(settings.pairs, len(motifs)) if distances else 0)
        ids = tuple(motif.id for motif in motifs)
        return cls(ids, tuple(letters), tuple(paired), tuple(distances))


def measure_member(
    model: TrainedModel, settings: MotifsSettings, radius: int, meme: Path, output: Path
) -> None:
    """Put all motifs into all backgrounds, part by part beside `output`, which lists them.

    Parts that are there, of the same motifs and made with the same, are kept.
    """
    opened = model.open(all_digits=True)
    predictor, dataset, _ = opened
    asked = Asked.from_files(meme, settings, dataset)
    log.info("%d motifs, %d of them in pairs", len(asked.letters), len(asked.paired))
    facts = {
        "model": sha256_of(model.path),
        "both_strands": predictor.both_strands,
        "dataset": dataset.digest,
        "radius": radius,
        **settings.model_dump(mode="json", include={"backgrounds", "seed"}),
        "motifs": list(asked.ids),
        "letters": [decode(each) for each in asked.letters],
        "paired": list(asked.paired),
        "distances": list(asked.distances),
    }
    numbers = range(settings.backgrounds if asked.letters else 0)
    parts = [Part.from_backgrounds(numbers[at : at + _PART], facts) for at in numbers[::_PART]]
    output.parent.mkdir(parents=True, exist_ok=True)
    backgrounds = Backgrounds.choose(dataset, settings.backgrounds, settings.seed)
    member = _Member(Ruler(predictor, radius), backgrounds, asked)
    with opened.open_pool() as pool:

        def measure(part: Part, update: Callable[[int], object]) -> dict[str, np.ndarray]:
            """Measure the backgrounds of a part."""
            return vars(member.measure(part, pool, update))

        FORMAT.complete(output.parent, parts, measure, f"motifs {model.name}", "backgrounds")
    FORMAT.write_list(output, [vars(part) for part in parts], facts)


@dataclass(frozen=True)
class _Member:
    """Measure parts, one after the other."""

    ruler: Ruler
    backgrounds: Backgrounds
    asked: Asked

    def measure(self, part: Part, pool: Executor, update: Callable[[int], object]) -> Found:
        """Measure a part, a background a thread; `update` is told how many are done."""
        found = []
        for each in pool.map(self._measure, part.backgrounds):
            found.append(each)
            update(1)
        return self._join(found)

    def _measure(self, number: int) -> tuple[np.ndarray, int, PairEffects | None]:
        """Return what motifs do in a background alone, how pairs stand, and what they do."""
        codes, middle = self.backgrounds.make(number)
        alone = self.ruler.measure_alone(codes, middle, self.asked.letters)
        here, rest = divmod(number, _PAIRED)
        if rest or not self.asked.paired:
            return alone, 0, None
        which = here % len(ARRANGEMENTS)
        letters = [self.asked.letters[each] for each in self.asked.paired]
        pairs = self.ruler.measure_pairs(
            codes, middle, letters, self.asked.distances, ARRANGEMENTS[which]
        )
        return alone, which, pairs

    def _join(self, found: Sequence[tuple[np.ndarray, int, PairEffects | None]]) -> Found:
        alone = np.stack([each for each, *_ in found])
        paired = [(which, pairs) for _, which, pairs in found if pairs is not None]
        count, far, targets = len(self.asked.paired), len(self.asked.distances), alone.shape[-1]
        shapes = [(count, targets), (count, far, targets), (count, count, far, targets)]
        arrays = [
            np.array([getattr(pairs, key) for _, pairs in paired]).reshape(len(paired), *shape)
            for key, shape in zip(("first", "second", "together"), shapes, strict=True)
        ]
        return Found(alone, np.array([which for which, _ in paired], dtype=np.int64), *arrays)
