"""Several processes, one per GPU, started by torchrun: who am I, and what do the others say?

``torchrun --nproc-per-node=N -m course_lib train ...`` runs N copies of the same program. Each
computes its share of the batch, DistributedDataParallel averages the gradients, and only the first
process writes files.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.system.devices import pick_device


@dataclass(frozen=True)
class Processes:
    """This process's place among ``count``: ``rank`` 0 is the one that writes."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """Add a tensor up over all processes (a copy; the argument is left alone)."""
        values = values.clone()
        if self.count > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; all of them must ask."""
        if self.count == 1:
            return flag
        return self.total(torch.tensor(float(flag), device=device)).item() > 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            dist.barrier()


ALONE = Processes()


def local_device(name: str) -> torch.device:
    """The device of this process: under torchrun, ``auto`` and ``cuda`` are its own GPU."""
    device = pick_device(name)
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        device = pick_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    return device


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the group that torchrun started; outside torchrun there is this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
