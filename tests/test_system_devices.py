"""Choosing a device and a precision, on machines with and without a GPU."""

import ctypes
import sys
from types import SimpleNamespace

import pytest
import torch

from course_lib.system import devices
from course_lib.system.devices import (
    PRECISIONS,
    describe,
    has_fast_bfloat16,
    keep_freed_memory,
    pick_device,
    pick_precision,
    synchronize,
)

CPU = torch.device("cpu")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_auto_without_a_gpu_is_the_cpu(no_gpu):
    assert pick_device() == pick_device("auto") == CPU


def test_auto_with_a_gpu_is_cuda(two_gpus):
    assert pick_device("auto").type == "cuda"


def test_cpu_stays_cpu_beside_a_gpu(two_gpus):
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1"])
def test_gpus_by_number(two_gpus, name):
    assert pick_device(name) == torch.device(name)


def test_gpu_that_is_not_there(two_gpus):
    with pytest.raises(ValueError, match="'cuda:2' is not there: PyTorch sees 2"):
        pick_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_cuda_without_a_gpu(no_gpu, name):
    with pytest.raises(ValueError, match="sees 0 CUDA") as caught:
        pick_device(name)
    assert "--device cpu" in str(caught.value)


def test_apple_gpu(no_gpu, monkeypatch):
    with pytest.raises(ValueError, match="no Apple GPU"):
        pick_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("mps") == pick_device("auto") == torch.device("mps")
    assert pick_precision("auto", torch.device("mps")) is torch.float32
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "CPU", "meta", "xla"])
def test_unknown_devices(no_gpu, name):
    with pytest.raises(ValueError, match="use auto, cpu, cuda or cuda:N"):
        pick_device(name)


@pytest.mark.parametrize("name", PRECISIONS)
def test_precision_by_name(name):
    assert pick_precision(name, CPU) == getattr(torch, name)


@pytest.mark.parametrize("name", ["float64", "half", "", "bf16"])
def test_unknown_precision(name):
    with pytest.raises(ValueError, match="float32, bfloat16, float16"):
        pick_precision(name, CPU)


@pytest.mark.parametrize(
    "capabilities, fast",
    [
        ({"amx_bf16": True}, True),
        ({"avx512_bf16": True}, True),
        ({"avx512_bf16": False}, False),
        ({"avx2": True}, False),
        ({}, False),
    ],
)
def test_auto_precision_follows_the_cpu(monkeypatch, capabilities, fast):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_fast_bfloat16(CPU) is fast
    assert pick_precision("auto", CPU) == (torch.bfloat16 if fast else torch.float32)


def test_an_environment_variable_says_what_auto_takes(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    for name in ("float32", "float16"):
        monkeypatch.setenv("STYLE_COURSE_PRECISION", name)
        assert pick_precision("auto", CPU) == getattr(torch, name)
        assert pick_precision("bfloat16", CPU) == torch.bfloat16
    monkeypatch.setenv("STYLE_COURSE_PRECISION", "fp32")
    with pytest.raises(ValueError, match="unknown precision 'fp32'; use auto, float32"):
        pick_precision("auto", CPU)


def test_auto_precision_of_an_older_pytorch(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert pick_precision("auto", CPU) == torch.float32


@pytest.mark.parametrize("capability, fast", [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_auto_precision_follows_the_gpu(monkeypatch, capability, fast):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    dtype = pick_precision("auto", torch.device("cuda"))
    assert dtype == (torch.bfloat16 if fast else torch.float32)


def test_auto_precision_elsewhere_is_float32():
    assert pick_precision("auto", torch.device("mps")) == torch.float32


def test_freed_memory_is_kept_on_linux(monkeypatch):
    calls = {}
    library = SimpleNamespace(mallopt=lambda key, value: calls.setdefault(key, value))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", "linux")
    keep_freed_memory()
    assert calls[-4] == 0 and calls[-1] == 2**31 - 1 and calls[-2] > 0


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_freed_memory_is_left_alone_elsewhere(monkeypatch, platform):
    def fail(name):
        raise AssertionError("looked for a C library")

    monkeypatch.setattr(ctypes, "CDLL", fail)
    monkeypatch.setattr(sys, "platform", platform)
    keep_freed_memory()


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    keep_freed_memory()


def test_description_of_the_cpu_counts_threads(monkeypatch):
    for threads, words in {1: "1 thread", 2: "2 threads"}.items():
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert describe(CPU).endswith(f", {words}")


def test_description_of_the_gpu_is_its_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA Imaginary 1")
    assert describe(torch.device("cuda")) == "NVIDIA Imaginary 1"


def test_synchronize_waits_for_the_right_device(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    for name in ("cpu", "cuda:1", "mps"):
        synchronize(torch.device(name))
    assert waited == [torch.device("cuda:1"), "mps"]
    assert devices.PRECISIONS is PRECISIONS
