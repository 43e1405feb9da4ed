"""Score the alleles of a plan with one trained model, part by part."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from json import dumps
from pathlib import Path
from threading import Lock

import numpy as np

from seqcast.core.console import format_seconds, log, progress
from seqcast.core.memory import keep_memory
from seqcast.core.provenance import sha256_of
from seqcast.data import read_dataset
from seqcast.nn.device import choose_device, keep_all_digits, set_threads
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.predict.inference import open_fitting
from seqcast.settings import PredictSettings, TrainSettings, VariantsSettings
from seqcast.sources.genome.fasta import open_indexed
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.null import shuffle_flanks
from seqcast.variants.parts import (
    Found,
    Part,
    Plan,
    Site,
    find_own,
    is_done,
    read_plan,
    read_sites,
    write_found,
    write_list,
)
from seqcast.variants.scores import Scores, join
from seqcast.variants.sequence import GenomeSequence


def score_member(
    settings: VariantsSettings,
    predict: PredictSettings,
    training: TrainSettings,
    model: Path,
    dataset_path: Path,
    plan_path: Path,
    output: Path,
    *,
    fold: int = 0,
    name: str = "model",
    threads: int | None = None,
    gpus: int | None = None,
) -> None:
    """Score all alleles that a member may, part by part beside `output`, which lists them.

    Parts that are there, of the same alleles and made with the same, are kept. With folds these are
    the alleles that its own fold held out, and those that nobody was trained or tested on. Always
    in 32 bits: effects are as small as the steps of bfloat16.
    """
    dataset, plan = read_dataset(dataset_path), read_plan(plan_path)
    device = choose_device(training.device, "float32", gpus=gpus)
    predictor = open_fitting(model, dataset, predict, device)
    threads = set_threads(training.threads, threads)
    keep_memory()
    keep_all_digits()
    log.info("scoring on %s, %d threads", device.reason, threads)
    effects = Effects(predictor, Grid.from_dataset(dataset), settings.radius, settings.shifts)
    key = {
        "model": sha256_of(model),
        "both_strands": predictor.both_strands,
        "dataset": dataset.digest,
        "fold": fold,
        **settings.model_dump(mode="json", include={"radius", "shifts"}),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    member = _Member(effects, plan_path.parent, output.parent, fold, key, name)
    member.score_all(plan, threads if device.device.type == "cpu" else 1)
    write_list(output, member.digests(plan), key)


class _Member:
    """Score parts, one after the other."""

    def __init__(
        self, effects: Effects, planned: Path, folder: Path, fold: int, key: dict, name: str
    ) -> None:
        self._effects, self._planned, self._folder = effects, planned, folder
        self._fold, self._key, self._name = fold, key, f"variants {name}"
        self._lock = Lock()
        self._genome = GenomeSequence(open_indexed(planned.parent / NAME))

    def digests(self, plan: Plan) -> dict[str, str]:
        """Return what stands for each part's content and what it is made with."""
        return {
            part.name: sha256(dumps([part.digest, self._key]).encode()).hexdigest()[:16]
            for part in plan.parts
        }

    def score_all(self, plan: Plan, threads: int) -> None:
        """Score the parts that are not there yet, windows side by side; remove stray ones."""
        digests = self.digests(plan)
        paths = {name: self._folder / f"{name}.h5" for name in digests}
        missing = [p for p in plan.parts if not is_done(paths[p.name], digests[p.name])]
        total, left = (sum(part.alleles for part in each) for each in (plan.parts, missing))
        if left < total:
            log.info("%s: %s of %s alleles are done", self._name, f"{total - left:,}", f"{total:,}")
        start = time.monotonic()
        # A window a thread is faster than threads that share its work, and the same on any machine.
        with (
            ThreadPoolExecutor(threads, initializer=set_threads, initargs=(1, None)) as pool,
            progress(total, self._name, "alleles", total - left) as bar,
        ):
            for number, part in enumerate(missing):
                found = self._score_part(part, pool, bar.update)
                write_found(paths[part.name], digests[part.name], found)
                if not number:
                    each = (time.monotonic() - start) / part.alleles
                    log.info(
                        "%s: %s alleles a second, about %s for %s of them",
                        self._name, f"{1 / each:.3g}", format_seconds(each * left), f"{left:,}",
                    )  # fmt: skip
        for path in self._folder.glob("*.h5"):
            if path.stem not in digests:
                path.unlink()

    def _score_part(self, part: Part, pool: ThreadPoolExecutor, update: object) -> Found:
        sites = read_sites(self._planned / "alleles" / f"{part.name}.tsv")
        rows = find_own(sites, self._fold)
        update(len(sites) - len(rows))
        groups = list(self._group([sites[row] for row in rows]))
        order = np.array([at for places, _ in groups for at in places], dtype=np.int64)
        found = []
        for scores in pool.map(self._score_window, (window for _, window in groups)):
            found.append(scores)
            update(len(scores.bins))
        scores = join(found) if found else self._empty()
        return Found(rows, Scores(*(each[np.argsort(order)] for each in vars(scores).values())))

    def _group(self, sites: Sequence[Site]) -> Iterator[tuple[list[int], tuple[int, list[Site]]]]:
        """Yield alleles window by window: their places in the list, the window's start, and them.

        Each shuffled one has a window of its own.
        """
        windows: dict[tuple, list[int]] = {}
        for at, site in enumerate(sites):
            length = self._genome.lengths[site.contig]
            start = self._effects.grid.find_start(site.start, length)
            windows.setdefault((site.contig, start, site.seed), []).append(at)
        for (_, start, _), places in windows.items():
            yield places, (start, [sites[at] for at in places])

    def _score_window(self, window: tuple[int, list[Site]]) -> Scores:
        start, sites = window
        contig, margin = sites[0].contig, self._effects.find_margin(sites)
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
        place = {allele: at for at, allele in enumerate(once)}
        own = {(site.start, site.ref, site.alt): site for site in sites}
        scores = self._effects.score(
            Window(contig, start, codes, margin),
            [own[allele] for allele in once],
            self._genome.lengths[contig],
        )
        back = [place[site.start, site.ref, site.alt] for site in sites]
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
