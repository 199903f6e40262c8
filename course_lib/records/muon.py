"""Muon for the decoder's kernels."""

import torch
from torch import nn


class Muon:
    """PyTorch's Muon for the kernels, as matrices (C_out, 9 C_in), and Adam for the biases.

    Muon makes the rows of every update orthogonal, so that no few directions take all of a step
    (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon). Works like an optimiser of
    ``torch.optim``; rates are those of Adam, to within a few times.
    """

    def __init__(self, network: nn.Module, rate: float) -> None:
        kernels = [p for p in network.parameters() if p.dim() == 4]
        for p in kernels:  # then a kernel is a matrix in memory, too
            p.data = p.data.contiguous(memory_format=torch.channels_last)
        self.kernels = kernels
        self.matrices = [nn.Parameter(p.data.permute(0, 2, 3, 1).flatten(1)) for p in kernels]
        biases = [p for p in network.parameters() if p.dim() == 1]
        self.muon = torch.optim.Muon(
            self.matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.Adam(biases, lr=rate, fused=True)

    @property
    def param_groups(self) -> list[dict[str, object]]:
        return [*self.muon.param_groups, *self.adam.param_groups]

    def zero_grad(self) -> None:
        for p in self.kernels:
            p.grad = None
        self.adam.zero_grad()

    def step(self) -> None:
        for p, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = p.grad.permute(0, 2, 3, 1).flatten(1)
        self.muon.step()
        self.adam.step()

    def state_dict(self) -> dict[str, object]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
