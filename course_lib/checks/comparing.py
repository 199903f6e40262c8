"""What all checks share: the failure, calling the answer, comparing with known mistakes."""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


class CheckFailed(AssertionError):
    """An exercise answer is not right yet; the message names the likely mistake."""

    def _render_traceback_(self) -> list[str]:
        """Show students the message alone: IPython asks an exception for its own traceback."""
        return [f"Not yet: {self}"]


def compare(result: Tensor, expected: Tensor, mistakes: Mapping[str, Tensor], what: str) -> None:
    """Raise CheckFailed unless the tensors agree, naming the mistake whose result was given.

    Args:
        mistakes: diagnosis -> the result that this mistake would give.
        what: the name of the thing in the message where no mistake fits.
    """
    if not isinstance(result, Tensor):
        raise CheckFailed(f"{what}: expected a tensor, got {type(result).__name__}")
    if result.shape == expected.shape and close(result, expected):
        return
    for diagnosis, wrong in mistakes.items():
        if result.shape == wrong.shape and close(result, wrong):
            raise CheckFailed(diagnosis)
    if result.shape != expected.shape:
        raise CheckFailed(
            f"{what}: the shape is {tuple(result.shape)}, it should be {tuple(expected.shape)}"
        )
    share = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).float().mean().item()
    raise CheckFailed(f"{what}: {share:.0%} of the values differ from the expected ones")


def close(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3)


def random_features(shape: Sequence[int], seed: int) -> Tensor:
    """Positive features whose channels and samples differ in mean and in spread."""
    generator = torch.Generator().manual_seed(seed)
    n, c = shape[:2]
    scale, offset = 0.5 + 2 * torch.rand(2, n, c, 1, 1, generator=generator)
    return scale * torch.rand(*shape, generator=generator) + offset


def call(answer: Callable, *inputs: object) -> object:
    """Call a student's function; complain if it changed its inputs."""
    before = [copy.deepcopy(x.detach() if isinstance(x, Tensor) else x) for x in inputs]
    try:
        result = answer(*inputs)
    except Exception as error:
        shapes = [tuple(x.shape) for x in inputs if isinstance(x, Tensor)]
        error.add_note(f"Raised by your function for inputs of shape {shapes}.")
        raise
    for old, new in zip(before, inputs, strict=True):
        pairs = zip(old, new, strict=True) if isinstance(old, list) else [(old, new)]
        for a, b in pairs:
            if not (torch.equal(a, b) if isinstance(a, Tensor) else a == b):
                raise CheckFailed(
                    "your function changes its input in place: write x = x - mean, not x -= mean"
                )
    return result
