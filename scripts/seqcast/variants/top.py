"""See the variants of the largest effects with a member of a model: tracks, letters of alleles.

Coverage is predicted of all bins of the window, contributions of the bases about the variant to
what its `lfc` is of. The format of what is kept is specified in docs/formats.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqcast.core.console import log, progress
from seqcast.core.provenance import digest_of, sha256_of
from seqcast.explain.explaining import Explainer
from seqcast.explain.objective import Objective
from seqcast.explain.regions import Region
from seqcast.genome.codes import N, encode
from seqcast.predict.genome_tracks.reference import NAME
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import ExplainSettings, VariantsSettings
from seqcast.sources.genome.fasta import open_indexed
from seqcast.variants.effects import Effects, Window
from seqcast.variants.grid import Grid
from seqcast.variants.loci import ANY
from seqcast.variants.parts import Site
from seqcast.variants.seen import WIDTH, Seen, SeenWriter, read_joined
from seqcast.variants.sequence import GenomeSequence


def show_member(
    model: TrainedModel,
    settings: VariantsSettings,
    explain: ExplainSettings,
    joined: Path,
    output: Path,
    *,
    model_name: str,
) -> None:
    """Predict and explain both alleles of a model's top variants with one of its members.

    With `explain.method: auto` contributions are gradients, which take a tenth of DeepLIFT's time.
    """
    predictor, dataset, _ = model.open(all_digits=True)
    top = read_joined(joined)["top"]
    if explain.method == "auto":
        explain = explain.model_copy(update={"method": "gradient"})
    log.info("letters by %s", explain.method)
    viewer = _Viewer(
        Effects(predictor, Grid.from_dataset(dataset), settings.radius),
        Explainer(predictor, dataset, explain),
        GenomeSequence(open_indexed(joined.parents[1] / NAME)),
    )
    rows = [
        row
        for row, each in enumerate(top)
        if each["model"] == model_name and each["fold"] in (ANY, model.fold)
    ]
    seen = []
    with progress(len(rows), "letters", "variants") as bar:
        for row in rows:
            seen.append(viewer.view(top[row]))
            bar.update(1)
    digest = digest_of([sha256_of(model.path), dataset.digest, top])
    output.parent.mkdir(parents=True, exist_ok=True)
    with SeenWriter(output, 1 << 20) as writer:
        writer.write(digest, _stack(rows, seen, viewer.effects.grid.bins))


@dataclass(frozen=True)
class _Viewer:
    effects: Effects
    explainer: Explainer
    genome: GenomeSequence

    def view(self, variant: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what `Seen` has of a variant but its row."""
        dataset, grid = self.explainer.dataset, self.effects.grid
        target = dataset.targets.identifier.index(variant["target"])
        contig, start, (ref, alt) = variant["place"], variant["summit"], variant["trimmed"]
        site = Site(contig, start, ref, alt, "scored", "none", ANY, 0.5)
        length = self.genome.lengths[contig]
        first = grid.compute_start(start, length)
        margin = self.effects.compute_margin([site])
        codes = self.genome.read(contig, first - margin, first + grid.window + margin)
        window = Window(contig, first, codes, margin)
        tracks = self._predict(window, site, target, length)
        whole = codes[margin : margin + grid.window], self._put(window, site)
        width = min(WIDTH, grid.window)
        low = min(max(start - first - width // 2, 0), grid.window - width)
        positions = slice(low, low + width)
        bins = self.effects.list_near(window, site, length)
        objective = Objective(
            self.effects.predictor.network, bins, [target], self.effects.predictor.both_strands
        )
        region = Region(
            variant["target"], contig, first + low, first + low + width, start, "", ANY, ""
        )
        values = [
            self.explainer.attribute(objective, each, positions, region).values.T for each in whole
        ]
        own = [each[positions] for each in whole]
        return first + grid.crop * grid.bin_size, first + low, *tracks, *values, *own

    def _predict(
        self, window: Window, site: Site, target: int, length: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the target's coverage in each bin of the window, of both alleles."""
        rates = self.effects.predict_both(window, site)
        known = self.effects.grid.mark_known(window.start, length)
        found = []
        for rates_KNT in rates:
            coverage = self.effects.ruler.to_coverage(rates_KNT.mean(0))[:, target]
            track = np.full(len(coverage), np.nan, dtype=np.float32)
            track[known] = coverage[known]
            found.append(track)
        return found[0], found[1]

    def _put(self, window: Window, site: Site) -> np.ndarray:
        """Return the window's codes with ALT in them, what is to its left in its place."""
        at = site.start - window.start + window.margin
        codes = [window.codes[:at], encode(site.alt), window.codes[at + len(site.ref) :]]
        return np.concatenate(codes)[window.margin :][: self.effects.grid.window]


def _stack(rows: Sequence[int], seen: Sequence[tuple[Any, ...]], bins: int) -> Seen:
    if not rows:
        none, wide = np.zeros(0, dtype=np.int64), np.zeros((0, 4, WIDTH), dtype=np.float32)
        tracks, codes = np.zeros((0, bins), dtype=np.float32), np.full((0, WIDTH), N, np.uint8)
        return Seen(none, none, none, tracks, tracks, wide, wide, codes, codes)
    return Seen(np.array(rows), *(np.stack(each) for each in zip(*seen, strict=True)))
