"""Explain the regions of a run with one trained model, part by part."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.core.provenance import sha256_of
from seqcast.data import Dataset
from seqcast.explain.attribution import (
    Attribution,
    explain_by_deeplift,
    explain_by_gradient,
    explain_by_ism,
    make_references,
)
from seqcast.explain.layout import Layout
from seqcast.explain.objective import Objective
from seqcast.explain.parts import FORMAT, Part, Values
from seqcast.explain.regions import (
    Region,
    find_explained,
    group_by_target,
    make_region,
    read_regions,
)
from seqcast.predict.predictor import Predictor
from seqcast.predict.trained import TrainedModel
from seqcast.settings.steps import ExplainSettings

# Regions a part: what is done again where a run was killed.
_PART = 10
# What contributions may lack of the difference that they explain, in natural logarithms: 1 % of
# coverage. Rounding alone is a hundredth of that.
TOLERANCE = 0.01
_DEFAULT = ExplainSettings()
# Chosen by what is measured: docs/explain.md.
AUTO = "deeplift"


@dataclass(frozen=True)
class Explainer:
    """A predictor, the dataset it explains, and how."""

    predictor: Predictor
    dataset: Dataset
    settings: ExplainSettings = field(default=_DEFAULT)

    @property
    def method(self) -> str:
        """How contributions are found."""
        return AUTO if self.settings.method == "auto" else self.settings.method

    def explain_place(self, contig: str, summit: int, *targets: str) -> Attribution:
        """Return what the bases about a summit contribute to a target, or to several together.

        Raises `SeqcastError` for a contig or a target that the dataset does not have.
        """
        (asked,) = find_explained(self.dataset.targets, [targets])
        region = make_region(self.dataset, self.settings.width, asked.slug, contig, summit)
        return self.explain(region, asked.targets)[0]

    def explain(self, region: Region, targets: Sequence[int]) -> tuple[Attribution, float]:
        """Return what the bases of a region contribute, and its mean predicted coverage.

        Raises `SeqcastError` where DeepLIFT's contributions do not add up.
        """
        window = self.predictor.window or self.dataset.window
        layout = Layout.from_region(region, self.dataset, window, self.settings.radius)
        codes = layout.read_codes(region, self.dataset)
        objective = Objective(
            self.predictor.network, layout.bins, targets, self.predictor.both_strands
        )
        coverage_NT = self.predictor.predict(codes[None])[0]
        bins = np.array(layout.bins) - self.predictor.crop
        predicted = float(coverage_NT[bins][:, list(targets)].mean())
        return self.attribute(objective, codes, layout.positions, region), predicted

    def attribute(
        self, objective: Objective, codes: np.ndarray, positions: slice, region: Region
    ) -> Attribution:
        """Return what some bases of a window contribute to what is explained of it.

        Raises `SeqcastError` where DeepLIFT's contributions do not add up.
        """
        if self.method == "ism":
            return explain_by_ism(objective, codes, positions)
        if self.method == "gradient":
            return explain_by_gradient(objective, codes, positions)
        key = (self.settings.seed, region.summit)
        references = make_references(codes, self.settings.references, key)
        found = explain_by_deeplift(objective, codes, positions, references)
        if not found.delta <= TOLERANCE:
            raise SeqcastError(
                f"{self.predictor.name}: contributions at {region.contig}:{region.start:,}-"
                f"{region.end:,} lack {found.delta:.2g} of the difference that they explain, wanted"
                f" {TOLERANCE:g} at most: a module of the network has no rule; set explain.method:"
                " ism"
            )
        return found

    def explain_part(self, regions: Sequence[Region], targets: Sequence[int]) -> Values:
        """Return what is known of some regions."""
        shape = (len(regions), 4, self.settings.width)
        values, numbers = np.zeros(shape, np.float32), []
        for row, region in enumerate(regions):
            found, predicted = self.explain(region, targets)
            values[row, :, : len(found.values)] = found.values.T
            numbers.append((found.explained, predicted, found.delta))
        return Values(values, *np.array(numbers, np.float32).T)


def explain_member(
    model: TrainedModel, settings: ExplainSettings, regions: Path, parts_list: Path
) -> None:
    """Explain all regions that a member may, and list its parts, which lie beside the list.

    With folds these are the regions that its own fold held out, and those that nobody was trained
    or tested on. Parts that are there, of the same regions and made with the same, are kept.
    """
    predictor, dataset, _ = model.open(all_digits=True)
    explainer = Explainer(predictor, dataset, settings)
    log.info("explaining by %s", explainer.method)
    if not predictor.both_strands:
        log.info("%s: predicts from one strand, which is explained", model.path)
    key = {
        "model": sha256_of(model.path),
        "dataset": dataset.digest,
        "method": explainer.method,
        "both_strands": predictor.both_strands,
        **settings.model_dump(mode="json", include={"width", "radius"}),
    }
    if explainer.method == "deeplift":
        key |= settings.model_dump(mode="json", include={"references", "seed"})
    parts = _cut(read_regions(regions), model.fold, key)
    asked = find_explained(dataset.targets, settings.targets)
    targets = {each.slug: each.targets for each in asked}
    parts_list.parent.mkdir(parents=True, exist_ok=True)
    _explain_parts(explainer, parts, targets, parts_list.parent, f"explain {model.name}")
    FORMAT.write_list(parts_list, [asdict(part) for part, _ in parts], key)


def _cut(regions: Sequence[Region], fold: int, key: dict) -> list[tuple[Part, list[Region]]]:
    """Cut what a fold's members may explain into parts, target by target."""
    parts = []
    for target, here in group_by_target(regions):
        rows = [row for row, region in enumerate(here) if region.fold in (-1, fold)]
        for number, first in enumerate(range(0, len(rows), _PART), start=1):
            some = rows[first : first + _PART]
            own = [here[row] for row in some]
            parts.append((Part.from_regions(f"{target}.{number}", some, own, key), own))
    return parts


def _explain_parts(
    explainer: Explainer,
    parts: Sequence[tuple[Part, list[Region]]],
    targets: dict[str, tuple[int, ...]],
    folder: Path,
    title: str,
) -> None:
    regions, deltas = dict(parts), [float("nan")]

    def explain(part: Part, update: Callable[[int], object]) -> dict[str, np.ndarray]:
        """Explain the regions of a part, and keep how much their contributions lack."""
        found = explainer.explain_part(regions[part], targets[part.target])
        deltas.extend(found.delta.tolist())
        update(part.size)
        return vars(found)

    FORMAT.complete(folder, list(regions), explain, title, "regions")
    if (largest := np.fmax.reduce(deltas)) >= 0:
        log.info("%s: contributions lack %.1e at most of what they explain", title, largest)
