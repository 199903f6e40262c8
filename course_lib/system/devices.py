"""Which device to compute on, in which precision, and how to keep the CPU's memory warm."""

import ctypes
import os
import sys

import torch

from course_lib import CourseError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# The environment variable that says what ``auto`` takes, whatever the hardware multiplies.
AUTO_PRECISION = "STYLE_COURSE_PRECISION"


def pick_device(name: str = "auto") -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` into a device that is really there.

    ``auto`` is the first CUDA device, else the GPU of an Apple chip, else the CPU.

    Raises:
        CourseError: the name is unknown or there is no such device.
    """
    if name == "auto":
        apple = "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device("cuda" if torch.cuda.is_available() else apple)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise CourseError(f"unknown device '{name}'; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CourseError(
            f"device '{name}' is not there: PyTorch sees {torch.cuda.device_count()} CUDA "
            "device(s); use --device cpu, or run 'python -m course_lib doctor'"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise CourseError("device 'mps' is not there: PyTorch sees no Apple GPU; use --device cpu")
    if device.type not in ("cpu", "cuda", "mps"):
        raise CourseError(f"device '{name}' is not supported; use auto, cpu, cuda or cuda:N")
    return device


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """Turn ``auto``, ``float32``, ``bfloat16`` or ``float16`` into a dtype for convolutions.

    ``auto`` is what the environment variable STYLE_COURSE_PRECISION says; without it bfloat16 where
    the hardware multiplies it faster than float32, else float32; on an Apple GPU it is float32.

    Raises:
        CourseError: the name is unknown.
    """
    if name == "auto":
        fastest = "bfloat16" if has_fast_bfloat16(device) else "float32"
        name = os.environ.get(AUTO_PRECISION) or fastest
    if name not in PRECISIONS:
        raise CourseError(f"unknown precision '{name}'; use auto, {', '.join(PRECISIONS)}")
    return PRECISIONS[name]


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 matrix products run in hardware: AMX or AVX-512-BF16, or an Ampere GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(key) for key in ("amx_bf16", "avx512_bf16"))
    return False


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks instead of returning them to the kernel.

    Feature maps are tens of megabytes and are freed and taken again at every layer; fetching fresh
    pages from the kernel each time costs a third of a training step. Does nothing off Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # mallopt's parameter numbers, malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 64 * 2**20)


def describe(device: torch.device) -> str:
    """Name a device for logs: the GPU's name, or the CPU's with its thread count."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = "CPU"
    if hasattr(torch.cpu, "get_capabilities"):
        name = torch.cpu.get_capabilities().get("cpu_name") or name
    threads = torch.get_num_threads()
    words = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return f"{name}, {words}" if device.type == "cpu" else device.type


def matrix_units() -> str:
    """What the CPU multiplies matrices with, as far as PyTorch tells: "avx2, avx512_bf16"."""
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    names = ("avx2", "avx512_f", "avx512_vnni", "avx512_bf16", "amx_bf16", "neon", "sve")
    return ", ".join(name for name in names if known.get(name)) or "unknown"


def machine(device: torch.device, dtype: torch.dtype) -> dict[str, str]:
    """What every record of a measurement says: ``device`` and ``precision``."""
    return {"device": describe(device), "precision": str(dtype).removeprefix("torch.")}


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished: kernels on a GPU run behind the program's back."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
