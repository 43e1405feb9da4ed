"""A trained network with all that it takes to predict: what every prediction goes through.

A notebook, the windows of a test set and the tiles of a genome call the same `Predictor`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.data.card import TrainingFacts
from seqcast.data.targets import Targets
from seqcast.genome.codes import ALPHABET, complement, reverse_complement
from seqcast.nn import Network, to_one_hot
from seqcast.nn.checkpoint import read_model, read_training
from seqcast.nn.device import Device, choose_device
from seqcast.predict.kept import Kept

_CPU = Device(torch.device("cpu"), "float32", "")


@dataclass(frozen=True)
class Predictor:
    """A trained network, and how windows are predicted with it.

    With `both_strands` the rates of each window and of its reverse complement are averaged.
    `window` is the length in bases that it was trained on, None where nobody says; any other that
    divides into bins can be predicted too. `name` is what errors call it.
    """

    network: Network
    window: int | None = None
    both_strands: bool = False
    device: Device = field(default=_CPU)
    batch_size: int = 8
    name: str = "the network"

    def __post_init__(self) -> None:
        self.network.to(self.device.device).eval()

    @classmethod
    def open(
        cls, path: str | Path, *, strands: str = "auto", device: str = "auto", batch_size: int = 8
    ) -> "Predictor":
        """Read a model file, or a Chainer snapshot of the course.

        `strands` and `device` are as in `predict.strands` and `train.device` of the config. Raises
        `SeqcastError` for a file that is no model, is damaged, or says what cannot be true.
        """
        network, facts = read_model(path), read_training(path)
        return cls(
            network,
            facts.window,
            is_both_strands(strands, path, facts),
            choose_device(device),
            batch_size,
            str(path),
        )

    @property
    def targets(self) -> Targets:
        """The targets that it predicts, in their order."""
        return self.network.targets

    @property
    def bin_size(self) -> int:
        """Bases a bin."""
        return self.network.settings.bin_size

    @property
    def crop(self) -> int:
        """Bins at either side of a window that are seen but not predicted."""
        return self.network.crop

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Predict expected coverage, unscaled.

        `codes` is (windows, length) uint8, 0..3 = A, C, G, T and 4 = N; the result (windows, bins,
        targets) float32. Raises `SeqcastError` for other codes, and for a network that predicts
        what is no number.
        """
        codes = np.asarray(codes)
        bins = self._count_bins(codes)
        parts = [*self._predict_batches(codes)]
        return np.concatenate(parts) if parts else np.empty((0, bins, len(self.targets)), "f4")

    def keep(self, codes: np.ndarray) -> "KeptWindow":
        """Keep a window's way through the network, to predict it again with some bases changed.

        `codes` is (length,) uint8; raises what `predict` raises.
        """
        self._count_bins(np.asarray(codes)[None])
        return KeptWindow(self, codes)

    def predict_strands(self, codes: np.ndarray) -> np.ndarray:
        """Predict what each strand says by itself, (strands, windows, bins, targets) float32.

        Windows are (windows, length) codes, all computed at once. Values are rates in training
        units, in the order of the plus strand; `predict` returns their mean as coverage.
        """
        self._count_bins(np.asarray(codes))
        part = torch.tensor(np.ascontiguousarray(codes), device=self.device.device)
        with torch.inference_mode(), self.device.autocast():
            rates = [self.network.eval()(part).exp()]
            if self.both_strands:
                rates.append(self.turn(self.network(complement(part).flip(1)).exp()))
        return torch.stack(rates).cpu().numpy()

    def turn(self, rate: torch.Tensor) -> torch.Tensor:
        """Turn what the minus strand says, (..., bins, targets), into the order of the plus."""
        return rate.flip(-2)[..., list(self.targets.strand_pair)]

    def _predict_batches(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        for first in range(0, len(codes), self.batch_size):
            part = torch.tensor(codes[first : first + self.batch_size], device=self.device.device)
            with torch.inference_mode(), self.device.autocast():
                rate = self.network.eval()(part).exp()
                if self.both_strands:
                    other = self.network(complement(part).flip(1)).exp()
                    rate = (rate + self.turn(other)) / 2
            predicted = self.targets.from_training(rate.cpu().numpy())
            if bad := np.count_nonzero(~np.isfinite(predicted)):
                raise SeqcastError(
                    f"{self.name}: predicts {bad:,} values that are not finite; train anew"
                )
            yield predicted

    def _count_bins(self, codes: np.ndarray) -> int:
        """Return how many bins are predicted of each window; refuse what are no windows."""
        is_code = codes.dtype == np.uint8 and (not codes.size or codes.max() < len(ALPHABET))
        if codes.ndim != 2 or not is_code:
            raise SeqcastError(
                f"codes are {codes.dtype} of shape {codes.shape}, wanted uint8 (windows, length)"
                " with 0..3 = ACGT and 4 = N"
            )
        length = codes.shape[1]
        if length % self.bin_size:
            raise SeqcastError(
                f"windows of {length:,} bases do not divide into bins of {self.bin_size}; cut or"
                " pad them to a multiple"
            )
        bins = length // self.bin_size - 2 * self.crop
        if bins < 1:
            raise SeqcastError(
                f"windows of {length:,} bases have no bin left between crops of {self.crop} bins of"
                f" {self.bin_size} bases; take longer ones"
            )
        return bins


class KeptWindow:
    """A window that was predicted, and is again with some of its bases changed; see `kept`.

    `codes` are those of the window as it is.
    """

    def __init__(self, predictor: Predictor, codes: np.ndarray) -> None:
        self.codes = codes
        self._predictor, self._length = predictor, len(codes)
        strands = [codes, reverse_complement(codes)][: 1 + predictor.both_strands]
        self._strands = [Kept(predictor.network, self._encode(each[None])[0]) for each in strands]

    def predict(
        self, start: int, changed: np.ndarray, bins: Sequence[int] | None = None
    ) -> np.ndarray:
        """Predict expected coverage, unscaled, with the bases from `start` on changed.

        `changed` is (sequences, bases) uint8, `bins` which predicted bins are wanted, ascending;
        None: all. The result, (sequences, bins, targets) float32, is what `Predictor.predict`
        returns of the whole windows, in 32 bits, but only what the change touches is computed.
        """
        rate = self.predict_changed(start, changed, bins).mean(0)
        return self._predictor.targets.from_training(rate)

    def predict_changed(
        self, start: int, changed: np.ndarray, bins: Sequence[int] | None = None
    ) -> np.ndarray:
        """Predict what each strand says with the bases from `start` on changed; see `predict`.

        The result is (strands, sequences, bins, targets) rates in training units, in the order of
        the plus strand.
        """
        crop, size = self._predictor.crop, self._predictor.bin_size
        last = self._length // size - 1
        bins = range(last + 1 - 2 * crop) if bins is None else bins
        forward = [each + crop for each in bins]
        rates = [self._strands[0].predict(start, self._encode(changed), forward).exp()]
        if self._predictor.both_strands:
            backward = [last - each for each in forward[::-1]]
            end = self._length - start - changed.shape[1]
            turned = self._encode(reverse_complement(changed))
            other = self._strands[1].predict(end, turned, backward).exp()
            rates.append(self._predictor.turn(other))
        return torch.stack(rates).cpu().numpy()

    def predict_strands(self) -> np.ndarray:
        """Return what each strand says of the window as it is; see `Predictor.predict_strands`.

        The result is (strands, bins, targets).
        """
        return self._join([each.log_rate_NT for each in self._strands])

    def predict_each(self, starts: Sequence[int], changed: np.ndarray) -> np.ndarray:
        """Predict many windows, each with bases of its own changed, from its own start on.

        `changed` is (sequences, bases) uint8. The result is what `Predictor.predict_strands` says
        of the whole windows, (strands, sequences, bins, targets).
        """
        found = [self._strands[0].predict_each(starts, self._encode(changed))]
        if self._predictor.both_strands:
            ends = [self._length - start - changed.shape[1] for start in starts]
            turned = self._encode(reverse_complement(changed))
            found.append(self._strands[1].predict_each(ends, turned))
        return self._join(found)

    def _join(self, log_rates: Sequence[torch.Tensor]) -> np.ndarray:
        crop = self._predictor.crop
        rates = [each[..., crop : each.shape[-2] - crop, :].exp() for each in log_rates]
        rates[1:] = [self._predictor.turn(each) for each in rates[1:]]
        return torch.stack(rates).cpu().numpy()

    def _encode(self, codes_BL: np.ndarray) -> torch.Tensor:
        # A copy: torch takes no arrays that may not be written to, or that are read backwards.
        return to_one_hot(torch.tensor(codes_BL.copy(), device=self._predictor.device.device))


def is_both_strands(strands: str, model: str | Path, facts: TrainingFacts) -> bool:
    """Say whether rates are averaged over strands: with `auto` how a model was trained decides."""
    if strands != "auto":
        return strands == "both"
    if facts.settings is None:
        log.warning(
            "%s: does not say whether it was trained on both strands; one is predicted from, set"
            " predict.strands: both for two",
            model,
        )
        return False
    return facts.settings.reverse_complement
