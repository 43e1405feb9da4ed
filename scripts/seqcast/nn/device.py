"""Choose where and in which arithmetic a network runs, and say why."""

import math
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError
from seqcast.core.gpus import claim_gpu


@dataclass(frozen=True)
class Device:
    """A device, the arithmetic of its convolutions, and the reason for both."""

    device: torch.device
    precision: str
    reason: str

    def autocast(self) -> AbstractContextManager:
        """Return the context in which the network runs in the chosen arithmetic."""
        return torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def choose_device(
    device: str = "auto", precision: str = "auto", *, gpus: int | None = None
) -> Device:
    """Choose a device, or refuse: nobody's training falls back to the CPU in silence.

    `gpus` is how many the scheduler granted, None where there is none. Raises `SeqcastError` when
    `cuda` is asked for and not there, and when `auto` finds an NVIDIA device torch cannot use.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise SeqcastError(f"train.device is cuda, but {_why_no_cuda()}; repair that, or set cpu")
    if device == "cpu":
        chosen, why = "cpu", "train.device is cpu"
    elif device == "cuda":
        chosen, why = "cuda", "train.device is cuda"
    elif gpus == 0 and (torch.cuda.is_available() or _has_nvidia_device()):
        chosen, why = "cpu", "this job was granted no GPU (--resources gpu=0)"
    elif _hides_gpus():
        chosen, why = "cpu", "CUDA_VISIBLE_DEVICES hides every GPU"
    elif torch.cuda.is_available():
        chosen, why = "cuda", "torch sees a GPU"
    elif _has_nvidia_device():
        raise SeqcastError(
            f"this machine has an NVIDIA GPU, but {_why_no_cuda()}; repair that, or set"
            " train.device: cpu if the CPU is what you want"
        )
    else:
        chosen, why = "cpu", "this machine has no NVIDIA GPU"
    chosen_device = torch.device("cuda", claim_gpu(_list_gpus())) if chosen == "cuda" else "cpu"
    return _with_precision(torch.device(chosen_device), precision, why)


def keep_all_digits() -> None:
    """Let GPUs compute convolutions in 32 bits: torch has them round factors to 10 of them.

    For small differences of large numbers, such as what one base changes.
    """
    torch.backends.cudnn.allow_tf32 = False


def _with_precision(device: torch.device, precision: str, why: str) -> Device:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    fast = _has_bfloat16(device)
    if precision == "auto":
        precision = "bfloat16" if fast else "float32"
        hardware = "has bfloat16" if fast else "has no fast bfloat16"
        return Device(device, precision, f"{name} ({why}), {precision} (it {hardware})")
    return Device(device, precision, f"{name} ({why}), {precision} (as set)")


def _has_bfloat16(device: torch.device) -> bool:
    """Say whether bfloat16 is the hardware's own; emulated, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _list_gpus() -> list[str]:
    """Return the names of the GPUs that this process sees, the same in every process."""
    return [
        str(torch.cuda.get_device_properties(index).uuid)
        for index in range(torch.cuda.device_count())
    ]


def _has_nvidia_device() -> bool:
    return Path("/dev/nvidia0").exists() or Path("/proc/driver/nvidia/gpus").exists()


def _hides_gpus() -> bool:
    return os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")


def _why_no_cuda() -> str:
    if _hides_gpus():
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA"
    if not _has_nvidia_device():
        return "this machine has no NVIDIA GPU"
    return (
        f"torch {torch.__version__} (CUDA {torch.version.cuda}) cannot use its driver; see what"
        " `nvidia-smi` says"
    )


def count_processors(
    cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int:
    """Return how many processors this process may use.

    That is those it may run on, and no more than its control group has time for: containers and
    some clusters let a job see all processors and stop it once it has used its share of them
    (`cpu.max` of the folders of version 2, https://docs.kernel.org/admin-guide/cgroup-v2.html).
    """
    count = len(os.sched_getaffinity(0))
    try:
        group = own.read_text().rpartition("::/")[2].strip()
    except OSError:
        return count
    folder = cgroups / group
    for each in (folder, *folder.parents):
        try:
            quota, period = (each / "cpu.max").read_text().split()
            count = min(count, max(1, math.ceil(int(quota) / int(period))))
        except (OSError, ValueError):
            # Not limited here ("max"), or no such file.
            continue
    return count


def set_threads(asked: int | None, granted: int | None, kept: int | None = None) -> int:
    """Set how many threads torch uses, and return the number.

    `asked` is the user's word and taken as it is; of what the scheduler `granted`, no more than
    this process has processors: more threads than that wait for each other and are many times
    slower. `kept` is how many it were before work was interrupted: with as many the result is the
    same to the last bit.
    """
    there = count_processors()
    threads = asked or min(kept or granted or there, there)
    if granted and granted > there and not asked:
        log.info("%d threads were granted, this machine has %d processors", granted, there)
    if kept and kept != threads:
        log.warning(
            "%d threads instead of %d before: results may differ in their last digits",
            threads,
            kept,
        )
    torch.set_num_threads(threads)
    return threads
