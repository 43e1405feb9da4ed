"""Score the alleles of a plan with one trained model, part by part."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np

from seqcast.core.provenance import digest_of, sha256_of
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import VariantsSettings
from seqcast.sources.genome.fasta import open_indexed
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.null import shuffle_flanks
from seqcast.variants.parts import FORMAT, Found, Part, Site, find_own, read_plan, read_sites
from seqcast.variants.scores import Scores, join
from seqcast.variants.sequence import GenomeSequence


def score_member(
    model: TrainedModel, settings: VariantsSettings, plan_path: Path, output: Path
) -> None:
    """Score all alleles that a member may, part by part beside `output`, which lists them.

    Parts that are there, of the same alleles and made with the same, are kept. With folds these are
    the alleles that its own fold held out, and those that nobody was trained or tested on.
    """
    opened, plan = model.open(all_digits=True), read_plan(plan_path)
    predictor, dataset, _ = opened
    effects = Effects(predictor, Grid.from_dataset(dataset), settings.radius, settings.shifts)
    key = {
        "model": sha256_of(model.path),
        "both_strands": predictor.both_strands,
        "dataset": dataset.digest,
        "fold": model.fold,
        **settings.model_dump(mode="json", include={"radius", "shifts"}),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    member = _Member(effects, plan_path.parent, model.fold)
    digests = {part.name: digest_of([part.digest, key]) for part in plan.parts}
    parts = [replace(part, digest=digests[part.name]) for part in plan.parts]
    with opened.open_pool() as pool:
        FORMAT.complete(
            output.parent,
            parts,
            lambda part, update: member.score(part, pool, update).arrays,
            f"variants {model.name}",
            "alleles",
        )
    FORMAT.write_list(output, digests, key)


class _Member:
    """Score parts, one after the other."""

    def __init__(self, effects: Effects, planned: Path, fold: int) -> None:
        self._effects = effects
        self._planned = planned
        self._fold = fold
        self._lock = Lock()
        self._genome = GenomeSequence(open_indexed(planned.parent / NAME))

    def score(self, part: Part, pool: Executor, update: Callable[[int], object]) -> Found:
        """Score the alleles of a part, windows side by side; `update` is told how many are done."""
        sites = read_sites(self._planned / "alleles" / f"{part.name}.tsv")
        rows = find_own(sites, self._fold)
        update(len(sites) - len(rows))
        groups = list(self._group([sites[row] for row in rows]))
        order = np.array([at for indices, _ in groups for at in indices], dtype=np.int64)
        found = []
        for scores in pool.map(self._score_window, (window for _, window in groups)):
            found.append(scores)
            update(len(scores.bins))
        scores = join(found) if found else self._empty()
        return Found(rows, Scores(*(each[np.argsort(order)] for each in vars(scores).values())))

    def _group(self, sites: Sequence[Site]) -> Iterator[tuple[list[int], tuple[int, list[Site]]]]:
        """Yield alleles window by window: their indices in the list, the window's start, and them.

        Each shuffled one has a window of its own.
        """
        windows: dict[tuple, list[int]] = {}
        for at, site in enumerate(sites):
            length = self._genome.lengths[site.contig]
            start = self._effects.grid.compute_start(site.start, length)
            windows.setdefault((site.contig, start, site.seed), []).append(at)
        for (_, start, _), indices in windows.items():
            yield indices, (start, [sites[at] for at in indices])

    def _score_window(self, window: tuple[int, list[Site]]) -> Scores:
        start, sites = window
        contig, margin = sites[0].contig, self._effects.compute_margin(sites)
        with self._lock:
            codes = self._genome.read(
                contig, start - margin, start + self._effects.grid.window + margin
            )
        if sites[0].seed:
            first = sites[0].start - start + margin
            codes = shuffle_flanks(codes, first, first + len(sites[0].ref), sites[0].seed)
        # The same allele twice, as rows come twice, is scored once, and in an order of its own: how
        # numbers are rounded may hang on what they are computed beside.
        once = sorted({(site.start, site.ref, site.alt) for site in sites})
        index = {allele: at for at, allele in enumerate(once)}
        own = {(site.start, site.ref, site.alt): site for site in sites}
        scores = self._effects.score(
            Window(contig, start, codes, margin),
            [own[allele] for allele in once],
            self._genome.lengths[contig],
        )
        back = [index[site.start, site.ref, site.alt] for site in sites]
        return Scores(*(each[back] for each in vars(scores).values()))

    def _empty(self) -> Scores:
        targets, strands = (
            len(self._effects.predictor.targets),
            1 + self._effects.predictor.both_strands,
        )
        readings = strands * len(self._effects.shifts)
        table, none = np.zeros((0, targets)), np.zeros(0, dtype=np.int64)
        return Scores(
            *[table] * 4, np.zeros((0, targets), dtype=np.int64), *[table] * 2, none,
            np.zeros((0, targets, readings)),
        )  # fmt: skip
