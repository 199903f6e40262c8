"""What all checks share: the failure, calling the answer, comparing with known mistakes."""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.lessons.smallest_case import same, show, smallest_case

CUDA = torch.device("cuda")


class CheckFailed(AssertionError):
    """An exercise answer is not right yet; the message names the likely mistake.

    Args:
        diagnosis: what is probably wrong, and what to do.
        example: a failing case with the expected and the given numbers.
        where: the section of the lesson that explains it.
    """

    def __init__(self, diagnosis: str, example: str = "", where: str = "") -> None:
        self.diagnosis, self.example, self.where = diagnosis, example, where
        parts = [diagnosis, example, where and f"See {where}"]
        text = ". ".join(part.rstrip(".") for part in parts if part)
        super().__init__(text + "." if example or where else text)

    def _render_traceback_(self) -> list[str]:
        """Show students the message alone: IPython asks an exception for its own traceback."""
        return [f"Not yet: {self}"]


def explained(
    where: str,
    right: Callable | None = None,
    names: Sequence[str] = (),
    cases: Callable[[], Sequence[Sequence[object]]] = list,
    gradient: bool = False,
    mistakes: Callable[..., Mapping[str, object]] | None = None,
) -> Callable[[Callable], Callable]:
    """Complete the failures of a check: the smallest failing case, and where to read about it.

    Args:
        where: the lesson's section.
        right: a right answer, to compare with on ``cases``.
        names: of the answer's inputs, as the exercise calls them.
        cases: makes the inputs of a few tiny cases, the smallest first. Without one that fails,
            the example that the check itself gave is kept.
        gradient: look for a finite gradient with respect to the first input, too.
        mistakes: for the same inputs, diagnosis -> the result that this mistake gives. The check
            compares with them, and its tests take them as wrong answers.
    """

    def decorate(check: Callable) -> Callable:
        @functools.wraps(check)
        def checked(answer: Callable, *others: object, **options: object) -> None:
            try:
                return check(answer, *others, **options)
            except CheckFailed as failure:
                found = ""
                if right is not None:
                    found = smallest_case(answer, right, names, cases(), gradient)
                # "from None": a student has no use for the inner failure.
                raise CheckFailed(failure.diagnosis, found or failure.example, where) from None

        checked.cases, checked.mistakes = cases, mistakes
        return checked

    return decorate


def kinds() -> list[tuple[torch.dtype, torch.device]]:
    """Kinds of tensors to try: float32 and float64, and float32 on the GPU if there is one."""
    cpu = torch.device("cpu")
    found = [(torch.float32, cpu), (torch.float64, cpu)]
    return [*found, (torch.float32, CUDA)] if torch.cuda.is_available() else found


def compare(
    result: Tensor,
    expected: Tensor,
    mistakes: Mapping[str, Tensor | Callable[[], Tensor]],
    what: str,
) -> None:
    """Raise CheckFailed unless the tensors agree, naming the mistake whose result was given.

    Args:
        mistakes: diagnosis -> the result that this mistake would give, or what computes it.
        what: the name of the thing in the message where no mistake fits.
    """
    if not isinstance(result, Tensor):
        raise CheckFailed(f"{what}: expected a tensor, got {type(result).__name__}")
    if result.device.type != expected.device.type:
        raise CheckFailed(
            f"{what}: the input is on {expected.device.type}, the result on {result.device.type}: "
            "make new tensors with device=x.device, and no .cpu() or .numpy()"
        )
    if result.shape == expected.shape and close(result, expected):
        return
    example = difference(result, expected, what)
    for diagnosis, wrong in mistakes.items():
        wrong = wrong() if callable(wrong) else wrong
        if result.shape == wrong.shape and close(result, wrong):
            raise CheckFailed(diagnosis, example)
    if result.shape != expected.shape:
        raise CheckFailed(
            f"{what}: the shape is {tuple(result.shape)}, it should be {tuple(expected.shape)}"
        )
    share = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).float().mean().item()
    raise CheckFailed(f"{what}: {share:.0%} of the values differ from the expected ones", example)


def difference(result: Tensor, expected: Tensor, what: str) -> str:
    """The first place where two tensors differ, in words."""
    if result.shape != expected.shape:
        return f"{what}: expected the shape {tuple(expected.shape)}, got {tuple(result.shape)}"
    wrong = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).nonzero()
    place = tuple(wrong[0].tolist())
    at = f" at {list(place)}" if place else ""
    return f"{what}{at}: expected {show(expected[place].item())}, got {show(result[place].item())}"


def close(result: Tensor, expected: Tensor) -> bool:
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3)


def random_features(
    shape: Sequence[int],
    seed: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Tensor:
    """Positive features whose channels and samples differ in mean and in spread."""
    generator = torch.Generator().manual_seed(seed)
    n, c = shape[:2]
    scale, offset = 0.5 + 2 * torch.rand(2, n, c, 1, 1, generator=generator)
    return (scale * torch.rand(*shape, generator=generator) + offset).to(device, dtype)


def random_shapes(seed: int, channels: int = 4) -> list[tuple[int, int, int, int]]:
    """Shapes (N, C, H, W): batches, unequal sides, one row, one position, and two drawn by lot."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(2, 7, (2, 3), generator=generator).tolist()
    fixed = [(3, channels, 7, 6), (1, 2, 7, 3), (2, channels, 1, 9), (2, 3, 1, 1)]
    return fixed + [(n, channels, h, h + w) for n, h, w in drawn]


def call(answer: Callable, *inputs: object) -> object:
    """Call a student's function; complain if it changed its inputs.

    Inputs may be tensors, and lists or dictionaries with tensors.
    """
    before = [copy.deepcopy(_without_graph(x)) for x in inputs]
    try:
        result = answer(*inputs)
    except Exception as error:
        _complain_about_kinds(error)
        shapes = [tuple(x.shape) for x in inputs if isinstance(x, Tensor)]
        error.add_note(f"Raised by your function for inputs of shape {shapes}.")
        raise
    for old, new in zip(before, inputs, strict=True):
        if not same(old, new, exact=True):
            raise CheckFailed(
                "your function changes its input in place: write x = x - mean, not x -= mean",
                f"After the call expected {show(old)}, as before, got {show(new)}",
            )
    return result


def _complain_about_kinds(error: Exception) -> None:
    """Name the mistake if an answer's own tensors have another dtype or device than its input."""
    text = str(error)
    if "same device" in text:
        raise CheckFailed(
            "your function crashes on the GPU: make new tensors with device=x.device", text
        ) from None
    if any(words in text for words in ("same dtype", "expected scalar type", "Double and Float")):
        raise CheckFailed(
            "your function crashes for float64: make new tensors with dtype=x.dtype", text
        ) from None


def _without_graph(value: object) -> object:
    """A copy of the value whose tensors know no history, as deepcopy wants them."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, dict):
        return {key: _without_graph(part) for key, part in value.items()}
    return [_without_graph(part) for part in value] if isinstance(value, list | tuple) else value
