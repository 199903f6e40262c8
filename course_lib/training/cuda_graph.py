"""A training step recorded once and replayed: on a GPU, starting kernels one by one takes longer
than running them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from course_lib.training.trainer import Trainer


class RecordedStep:
    """Losses and gradients of a batch as a CUDA graph; the optimiser's part is not in it.

    Called with content and style crops of the shapes of the first call. The gradients stay in the
    same memory from one call to the next and are overwritten.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, content: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        if self.graph is None:
            self.record(content, style)
        self.content.copy_(content)
        self.style.copy_(style)
        self.graph.replay()
        for parameter, gradient in self.gradients:
            parameter.grad = gradient
        return self.losses

    def record(self, content: Tensor, style: Tensor) -> None:
        """Run the step three times aside, as CUDA graphs demand, then record it."""
        trainer = self.trainer
        self.content, self.style = content.clone(), style.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                trainer.differentiate(trainer.pair_loss, self.content, self.style)
        torch.cuda.current_stream().wait_stream(stream)
        trainer.optimizer.zero_grad()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.losses = trainer.differentiate(trainer.pair_loss, self.content, self.style)
        self.gradients = [(p, p.grad) for p in trainer.decoder.parameters()]
        self.graph = graph
