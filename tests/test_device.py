"""Which device is chosen, and that nobody falls back to the CPU in silence."""

from pathlib import Path

import pytest
import torch

from seqcast.core.errors import SeqcastError
from seqcast.nn import device as module
from seqcast.nn.device import choose_device, count_processors, set_threads


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Return a function that makes this machine look like another."""

    def become(
        *, nvidia: bool, usable: bool, capability=(8, 0), cuda: str | None = "12.8", flags: str = ""
    ) -> None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        monkeypatch.setattr(module, "_has_nvidia_device", lambda: nvidia)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Fake GPU")
        monkeypatch.setattr(module, "_list_gpus", lambda: ["GPU-1"])
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        monkeypatch.setattr(torch.version, "cuda", cuda)
        monkeypatch.setattr(Path, "read_text", lambda _: f"flags : fpu {flags}\n")

    return become


def test_a_gpu_is_used(machine) -> None:
    machine(nvidia=True, usable=True)
    for asked in ("auto", "cuda"):
        for gpus in (None, 1):
            chosen = choose_device(asked, gpus=gpus)
            assert chosen.device.type == "cuda"
            assert chosen.reason.startswith("Fake GPU (")


def test_cpu_is_used_where_it_is_asked_for(machine) -> None:
    machine(nvidia=True, usable=True)
    chosen = choose_device("cpu")
    assert chosen.device.type == "cpu"
    assert "train.device is cpu" in chosen.reason


def test_cpu_is_used_where_no_gpu_was_granted(machine) -> None:
    machine(nvidia=True, usable=True)
    chosen = choose_device("auto", gpus=0)
    assert chosen.device.type == "cpu"
    assert "granted no GPU" in chosen.reason


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_cpu_is_used_where_gpus_are_hidden(machine, monkeypatch, hidden: str) -> None:
    machine(nvidia=True, usable=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    chosen = choose_device("auto")
    assert chosen.device.type == "cpu"
    assert "CUDA_VISIBLE_DEVICES hides every GPU" in chosen.reason
    with pytest.raises(SeqcastError, match="is cuda, but CUDA_VISIBLE_DEVICES hides every GPU"):
        choose_device("cuda")


def test_cpu_is_used_where_there_is_no_gpu(machine) -> None:
    machine(nvidia=False, usable=False)
    chosen = choose_device("auto")
    assert chosen.device.type == "cpu"
    assert "no NVIDIA GPU" in chosen.reason


@pytest.mark.parametrize(
    ("nvidia", "cuda", "why"),
    [
        (False, "12.8", "this machine has no NVIDIA GPU; repair that, or set cpu"),
        (True, None, "is built without CUDA"),
        (True, "12.8", "cannot use its driver"),
    ],
)
def test_cuda_that_is_not_there_is_refused(machine, nvidia: bool, cuda, why: str) -> None:
    machine(nvidia=nvidia, usable=False, cuda=cuda)
    with pytest.raises(SeqcastError, match=r"train.device is cuda, but .*" + why):
        choose_device("cuda")


@pytest.mark.parametrize(("cuda", "why"), [(None, "without CUDA"), ("12.8", "cannot use its")])
def test_a_gpu_that_torch_cannot_use_is_an_error(machine, cuda, why: str) -> None:
    machine(nvidia=True, usable=False, cuda=cuda)
    with pytest.raises(SeqcastError, match=rf"has an NVIDIA GPU, but .*{why}.*train.device: cpu"):
        choose_device("auto")


@pytest.mark.parametrize(
    ("capability", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_bfloat16_on_gpus_that_have_it(machine, capability, precision: str) -> None:
    machine(nvidia=True, usable=True, capability=capability)
    assert choose_device("cuda").precision == precision


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("avx2 avx512f", "float32"), ("avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16")],
)
def test_bfloat16_on_cpus_that_have_it(machine, flags: str, precision: str) -> None:
    machine(nvidia=False, usable=False, flags=flags)
    assert choose_device().precision == precision


def test_precision_as_set(machine) -> None:
    machine(nvidia=False, usable=False, flags="amx_bf16")
    chosen = choose_device("cpu", "float32")
    assert chosen.precision == "float32"
    assert chosen.reason.endswith("float32 (as set)")


def test_a_machine_that_hides_its_cpu_computes_in_float32(machine, monkeypatch) -> None:
    machine(nvidia=False, usable=False)

    def refuse(_: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert choose_device().precision == "float32"


@pytest.mark.parametrize(("precision", "dtype"), [("bfloat16", "bfloat16"), ("float32", "float32")])
def test_autocast_is_the_precision(precision: str, dtype: str) -> None:
    a = torch.ones(2, 2)
    with choose_device("cpu", precision).autocast():
        assert (a @ a).dtype == getattr(torch, dtype)


@pytest.mark.parametrize(
    ("asked", "granted", "wanted"), [(None, 8, 2), (None, 1, 1), (None, None, 2), (5, 1, 5)]
)
def test_no_more_threads_than_processors_unless_asked(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, granted: int | None, wanted: int
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    try:
        assert set_threads(asked, granted) == wanted == torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({}, 8),
        ({"job": "max 100000"}, 8),
        ({"job": "200000 100000"}, 2),
        ({"job": "150000 100000"}, 2),
        ({"job": "1000 100000"}, 1),
        ({"": "300000 100000", "job": "max 100000"}, 3),
        ({"": "300000 100000", "job": "100000 100000"}, 1),
        ({"job": "nonsense"}, 8),
    ],
)
def test_no_more_processors_than_the_control_group_has_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, str], wanted: int
) -> None:
    own = tmp_path / "own"
    own.write_text("0::/job\n")
    (tmp_path / "job").mkdir()
    for folder, limit in limits.items():
        (tmp_path / folder / "cpu.max").write_text(f"{limit}\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert count_processors(tmp_path, own) == wanted
    assert count_processors(tmp_path, tmp_path / "none") == 8
