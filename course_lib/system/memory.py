"""How much memory a program may still take, where a container may allow less than the host has."""

from pathlib import Path

import psutil
import torch

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on a device: free ones, and those that PyTorch keeps for later."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    return max(0, min([psutil.virtual_memory().available, *_left_in_groups()]))


def _left_in_groups() -> list[int]:
    """Bytes left under the limit of each control group that this process is in (Linux alone)."""
    left = []
    try:
        lines = OWN_CGROUP.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return left
    for line in lines:
        number, controllers, name = line.split(":", 2)
        if number == "0":
            root, limit, usage = CGROUPS, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            root, limit, usage = (
                CGROUPS / "memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            )
        else:
            continue
        group = root / name.strip("/")
        # Every group above has a limit, too; in a container the names above may not be there.
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            numbers = [_number(folder / limit), _number(folder / usage)]
            if None not in numbers:
                left.append(numbers[0] - numbers[1] + _page_cache(folder / "memory.stat"))
    return left


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _page_cache(path: Path) -> int:
    """Bytes of files in memory that the kernel gives up when memory is wanted."""
    try:
        rows = dict(line.split(" ", 1) for line in path.read_text().splitlines())
        return int(rows.get("total_inactive_file", rows.get("inactive_file", 0)))
    except (OSError, ValueError):
        return 0
