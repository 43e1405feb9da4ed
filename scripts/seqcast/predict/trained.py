"""A trained model of a run: all that later steps take to predict with it.

Predictions of windows and genomes, contributions, variants and motifs open one, and refuse it where
it does not fit their dataset.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.core.memory import keep_memory
from seqcast.data import Dataset, read_dataset
from seqcast.data.targets import Targets
from seqcast.nn import Network
from seqcast.nn.checkpoint import (
    count_names,
    find_checkpoint,
    is_snapshot,
    read_model,
    read_training,
)
from seqcast.nn.device import Device, choose_device, keep_all_digits, set_threads
from seqcast.predict.predictor import Predictor, is_both_strands
from seqcast.settings import TrainSettings, read_params
from seqcast.settings.steps import PredictSettings


class Opened(NamedTuple):
    """A model that is ready to predict, the dataset that it fits, and CPU threads it has."""

    predictor: Predictor
    dataset: Dataset
    threads: int

    def open_pool(self) -> ThreadPoolExecutor:
        """Return a pool whose threads predict a window each; on a GPU it is one.

        That is faster than threads that share the work of a window, and numbers are the same on any
        machine.
        """
        threads = self.threads if self.predictor.device.device.type == "cpu" else 1
        return ThreadPoolExecutor(threads, initializer=set_threads, initargs=(1, None))


@dataclass(frozen=True)
class TrainedModel:
    """A model's file, the dataset that it is to fit, and what it runs on.

    Device, precision and threads are those of the training settings; `threads` and `gpus` are what
    the scheduler granted. With folds `fold` is the one whose windows were held out.
    """

    path: Path
    dataset: Path
    predict: PredictSettings
    training: TrainSettings
    fold: int = 0
    name: str = "model"
    threads: int | None = None
    gpus: int | None = None

    @classmethod
    def from_params(cls, inputs: Any, params: Any, name: str, **granted: int | None) -> Self:
        """Return the model that a rule of the workflow gives its script."""
        predict = read_params(PredictSettings, params.predict, params.untracked)
        path = find_checkpoint(predict.checkpoint, Path(inputs.model), Path(params.snapshots))
        training = read_params(TrainSettings, params.untracked)
        fold = params.get("fold", 0)
        return cls(path, Path(inputs.dataset), predict, training, fold, name, **granted)

    def open(self, *, all_digits: bool = False) -> Opened:
        """Read the model and its dataset; refuse one that does not fit the other.

        With `all_digits` always in 32 bits: effects of single bases are as small as the steps of
        bfloat16.
        """
        dataset = read_dataset(self.dataset)
        precision = "float32" if all_digits else self.training.precision
        device = choose_device(self.training.device, precision, gpus=self.gpus)
        predictor = _open_fitting(self.path, dataset, self.predict, device)
        threads = set_threads(self.training.threads, self.threads)
        keep_memory()
        if all_digits:
            keep_all_digits()
        log.info("%s: on %s, %d threads", self.name, device.reason, threads)
        return Opened(predictor, dataset, threads)


def _open_fitting(
    model: Path, dataset: Dataset, settings: PredictSettings, device: Device
) -> Predictor:
    """Return what predicts with a model; refuse one that does not fit a dataset.

    A snapshot of the course, or what was made of it, only counts its targets: they are taken to be
    the dataset's, in its order, neither scaled nor clipped, as the course's were.
    """
    network, facts = read_model(model), read_training(model)
    _check_sizes(model, network, dataset)
    names, own = dataset.targets.identifier, network.targets.identifier
    if is_snapshot(model) or own == count_names(len(own)) != names:
        log.warning(
            "%s: names no targets: they are taken to be those of %s, in its order, and unscaled%s",
            model,
            dataset.path,
            "; it was trained on one strand, as the course was" if is_snapshot(model) else "",
        )
        taken = {key: getattr(dataset.targets, key) for key in ("identifier", "strand_pair")}
        network.targets = replace(network.targets, **taken)
    else:
        check_fit(model, network.targets, dataset)
    both_strands = is_both_strands(settings.strands, model, facts)
    window = facts.window or dataset.window
    return Predictor(network, window, both_strands, device, settings.batch_size, str(model))


# All columns of the targets table but words for people: what a number means hangs on them.
_FITTING = ("identifier", "strand_pair", "scale", "sum_stat", "clip_soft", "clip", "span")


def check_fit(model: Path, found: Targets, dataset: Dataset) -> None:
    """Refuse a model whose targets, their order or what was made of them is not the dataset's."""
    wanted = dataset.targets
    for column in _FITTING:
        pairs = zip(getattr(found, column), getattr(wanted, column), strict=True)
        differing = [(*pair, at) for at, pair in enumerate(pairs) if pair[0] != pair[1]]
        if not differing:
            continue
        ours, theirs, at = differing[0]
        is_order = column == "identifier" and set(found.identifier) == set(wanted.identifier)
        raise SeqcastError(
            f"{model}: the {column} of target {at} ({wanted.identifier[at]}) is {ours!r}, but"
            f" {dataset.path} has {theirs!r}"
            + (": the same targets in another order" if is_order else "")
            + f" ({len(differing):,} of {len(wanted):,} differ); predict with a model trained on"
            " such data, or make the dataset with the targets of the model"
        )


def _check_sizes(model: Path, network: Network, dataset: Dataset) -> None:
    for what, found, wanted in (
        ("targets", len(network.targets), len(dataset.targets)),
        ("bases a bin", network.settings.bin_size, dataset.bin_size),
        ("bins of crop", network.crop, dataset.crop),
    ):
        if found != wanted:
            raise SeqcastError(
                f"{model}: has {found} {what}, but {dataset.path} has {wanted}; predict with a"
                " model trained on such data"
            )
