"""One training: network, optimiser, data, and a step of it."""

import contextlib
import math
import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from seqcast.dataset import Dataset
from seqcast.device import Device
from seqcast.errors import SeqcastError
from seqcast.loss import poisson_loss_sums
from seqcast.nn import Network, share_statistics
from seqcast.sampling import Batch
from seqcast.settings import TrainSettings
from seqcast.training.feeds import Cut, DeviceFeed, complement, make_feed
from seqcast.training.recording import Recorded
from seqcast.training.world import ALONE, World

# Reading a loss waits for the GPU, so there it is done once in so many steps.
_STEPS_UNREAD = 16


class Trainer:
    """Network, optimiser and data of one training, or of this process's share of it.

    The loss of a batch is its sum over all known values divided by how many there are, whatever
    process or portion each window is in.
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        settings: TrainSettings,
        device: Device,
        world: World = ALONE,
    ) -> None:
        self.network = network.to(device.device)
        self.dataset, self.settings, self.device, self.world = dataset, settings, device, world
        self.train_rows, self.valid_rows = dataset.rows_of("train"), dataset.rows_of("valid")
        self.optimizer = _make_optimizer(network, settings, device.device)
        self.steps_an_epoch = -(-len(self.train_rows) // settings.batch_size)
        self.step = 0
        # There at once: what is recorded may copy nothing from the host.
        self._pairs = torch.tensor(dataset.targets.strand_pair, device=device.device)
        self._unread: list[Tensor] = []
        self.feed = make_feed(dataset, settings, world.share, device.device)
        self.is_held = isinstance(self.feed, DeviceFeed)
        self.share = -(-settings.batch_size // world.size)
        self.micro_batch = world.least(self._find_micro_batch())
        self._parallel = network
        if world.size > 1:
            share_statistics(network)
            self._parallel = _share_gradients(network)
        # What is sent to other processes, and portions, are not recorded.
        self._is_recorded = self.is_held and world.size == 1 and self.micro_batch >= self.share
        self._recorded: dict[str, Recorded] = {}

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def train_step(self, batch: Batch | Cut) -> None:
        """Take one step; `read_losses` gives its loss."""
        self._parallel.train()
        if self._is_recorded and isinstance(batch, Cut) and len(batch.table_BP) == self.share:
            if "step" not in self._recorded:
                self._recorded["step"] = Recorded(self._step_of, batch.table_BP, self._keep())
            self._unread.append(self._recorded["step"](batch.table_BP))
        else:
            self._unread.append(self._take_step(*self.to_device(batch), batch.size))
        self.step += 1

    def _step_of(self, table_BP: Tensor) -> Tensor:
        return self._take_step(*self.feed.cut(table_BP), len(table_BP))

    def _take_step(
        self, codes: Tensor, coverage: Tensor, noise: Tensor | None, size: int
    ) -> Tensor:
        """Take one step with this process's share of a batch; return the loss of all of it."""
        known = self.world.total((~torch.isnan(coverage)).sum()).clamp(min=1)
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=codes.device)
        # Some processes may have a window less, or none, but the others wait for them.
        most = -(-max(size, len(codes)) // self.world.size)
        for first in range(0, most, self.micro_batch):
            part = slice(first, first + self.micro_batch)
            is_last = part.stop >= most
            with self._unshared(is_last):
                with self.device.autocast():
                    log_rate = self._parallel(codes[part], None if noise is None else noise[part])
                loss = poisson_loss_sums(log_rate, coverage[part])[0]
                # The gradients' mean over processes, which DDP makes, is to be their sum.
                (loss * self.world.size / known).backward()
            total += loss.detach()
        loss = self.world.total(total) / known
        if self.device.device.type == "cpu" and not loss.isfinite():
            raise SeqcastError(self._explain_loss(self.step + 1, log_rate.detach(), coverage[part]))
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return loss

    def _keep(self) -> Callable[[], None]:
        """Return what puts network and optimiser back to what they are now."""
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        averages = {
            parameter: {name: value.clone() for name, value in state.items()}
            for parameter, state in self.optimizer.state.items()
        }

        def undo() -> None:
            """Put all back, where it lies."""
            self.network.load_state_dict(before)
            for parameter, state in self.optimizer.state.items():
                for name, value in state.items():
                    kept = averages.get(parameter, {}).get(name)
                    value.zero_() if kept is None else value.copy_(kept)

        return undo

    def read_losses(self, *, now: bool = True) -> list[float]:
        """Return the losses of the steps since they were last read, and check them.

        Unless it is to be `now`, a GPU is not waited for at each step.
        """
        is_gpu = self.device.device.type != "cpu"
        if not self._unread or (is_gpu and not now and len(self._unread) < _STEPS_UNREAD):
            return []
        losses = torch.stack(self._unread).tolist()
        self._unread.clear()
        for place, loss in enumerate(losses, start=self.step - len(losses) + 1):
            if not math.isfinite(loss):
                raise SeqcastError(self._explain_loss(place, None, None))
        return losses

    @torch.no_grad()
    def validate_batch(self, batch: Batch | Cut) -> Tensor:
        """Return the loss summed over all known values of windows, and how many they are.

        A model of both strands is judged as it predicts: by the mean of their rates.
        """
        self.network.eval()
        if self._is_recorded and isinstance(batch, Cut) and len(batch.table_BP) == self.share:
            if "valid" not in self._recorded:
                self._recorded["valid"] = Recorded(self._judge_table, batch.table_BP)
            return self._recorded["valid"](batch.table_BP)
        codes, coverage, _ = self.to_device(batch)
        return self._judge(codes, coverage)

    def _judge_table(self, table_BP: Tensor) -> Tensor:
        codes, coverage, _ = self.feed.cut(table_BP)
        return self._judge(codes, coverage)

    def _judge(self, codes: Tensor, coverage: Tensor) -> Tensor:
        with self.device.autocast():
            log_rate = self.network(codes)
            if self.settings.reverse_complement:
                log_other = self.network(complement(codes).flip(1)).flip(1)
                log_other = log_other[..., self._pairs]
                log_rate = torch.logaddexp(log_rate, log_other) - math.log(2)
        return torch.stack([each.double() for each in poisson_loss_sums(log_rate, coverage)])

    def validate(self, after_batch: Callable[[], None] = lambda: None) -> float:
        """Return the mean loss over all known values of the validation windows."""
        total = torch.zeros(2, dtype=torch.float64, device=self.device.device)
        for batch in self.feed.plain(self.valid_rows):
            total += self.validate_batch(batch)
            after_batch()
        return self.mean_of(total)

    def mean_of(self, total: Tensor) -> float:
        """Return the mean of sums and counts over all processes."""
        value, count = self.world.total(total).tolist()
        return value / max(count, 1)

    def to_device(self, batch: Batch | Cut) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return sequence, coverage and noise of a batch as tensors."""
        if isinstance(batch, Cut):
            return self.feed.cut(batch.table_BP)
        arrays = batch.codes, batch.coverage, batch.noise
        return tuple(
            None if each is None else torch.from_numpy(each).to(self.device.device)
            for each in arrays
        )

    def _find_micro_batch(self) -> int:
        """Return how many windows this process takes at once: its share, or what a GPU holds.

        Tried out on windows of nothing; the network is afterwards as it was.
        """
        size, device = self.settings.micro_batch or self.share, self.device.device
        if device.type != "cuda" or self.settings.micro_batch:
            return size
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        while size > 1 and not self._fits(size):
            size = -(-size // 2)
        self.network.load_state_dict(before)
        return size

    def _fits(self, size: int) -> bool:
        device = self.device.device
        codes = torch.zeros(size, self.dataset.window, dtype=torch.uint8, device=device)
        noise = torch.zeros(size, dtype=torch.int32, device=device)
        try:
            self.network.train()
            with self.device.autocast():
                log_rate = self.network(codes, noise)
            log_rate.sum().backward()
        except torch.cuda.OutOfMemoryError:
            return False
        finally:
            self.network.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
        return True

    def _unshared(self, is_last: bool) -> contextlib.AbstractContextManager:
        """Return the context in which gradients stay in this process, but those of the last."""
        if is_last or self.world.size == 1:
            return contextlib.nullcontext()
        return self._parallel.no_sync()

    def _explain_loss(self, step: int, log_rate: Tensor | None, coverage: Tensor | None) -> str:
        """Name the first target whose loss is not finite, and what is wrong with it."""
        what, mend = f"the loss is not finite at step {step}", "lower train.learning_rate"
        if log_rate is not None and len(log_rate):
            index = _find_bad_target(log_rate, coverage)
            largest = float(torch.nan_to_num(coverage[..., index]).max())
            what += (
                f", first in target {self.network.targets.identifier[index]!r} (as training sees"
                f" it, its largest value in the batch is {largest:,.6g})"
            )
        if self.settings.units == "table":
            mend = f"set train.units: mean, or {mend}"
        return f"{what}; {mend}"


def _make_optimizer(
    network: Network, settings: TrainSettings, device: torch.device
) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim > 1]},
        # Biases and normalisations are not what overfits.
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0},
    ]
    is_gpu = device.type == "cuda"
    for group in groups:
        # On a GPU in its memory, as what is recorded reads it there.
        rate = settings.learning_rate
        group["lr"] = torch.tensor(rate, device=device) if is_gpu else rate
    return torch.optim.AdamW(
        groups,
        betas=(settings.beta1, settings.beta2),
        eps=1e-8,
        weight_decay=settings.weight_decay,
        fused=is_gpu,
        capturable=is_gpu,
    )


def _share_gradients(network: Network) -> DistributedDataParallel:
    with warnings.catch_warnings():
        # torch 2.13 renames the option; the new name is not in the versions before.
        warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
        # Statistics are the same in all processes already.
        return DistributedDataParallel(network, broadcast_buffers=False)


def _find_bad_target(log_rate: Tensor, coverage: Tensor) -> int:
    bad = [
        index
        for index in range(log_rate.shape[-1])
        if not poisson_loss_sums(log_rate[..., index], coverage[..., index])[0].isfinite()
    ]
    # Each target's loss may be finite and only their sum not; then the largest is to blame.
    return bad[0] if bad else int(torch.nan_to_num(coverage).amax((0, 1)).argmax())
