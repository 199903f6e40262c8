"""What all checks share: the failure, calling the answer, comparing with known mistakes.

Every check of a lesson raises ``CheckFailed`` with the likely mistake, or prints that all is right.
"""

import copy
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
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


def exercise(
    what: str,
    praise: str,
    where: str,
    right: Callable,
    names: Sequence[str],
    cases: Callable[[], Sequence[Sequence[object]]],
    *,
    mistakes: Callable[..., Mapping[str, object]],
    gradient: str = "",
    form: Callable[..., None] | None = None,
    traps: Callable[[Callable], None] | None = None,
    scalar: str = "",
    parts: Sequence[str] = (),
    crash: str = "",
) -> Callable[[Callable[[], Iterable[tuple]]], Callable]:
    """Make a check of what yields the inputs that an answer is tried on.

    Args:
        what, praise: the exercise's name, and what to say when everything is right.
        where, right, names, cases, mistakes: see ``explained``.
        gradient: what is wrong if no gradient leads to the first input, a tensor or a dictionary of
            some; ``{name}`` in it is the tensor's key. Empty where none is needed.
        form: called with a result and its inputs; complains about another form than the right one.
        traps: called with the answer when all cases are right; complains of the rest.
        scalar: the cure for a loss that is not one number; empty for other results.
        parts: names of the tensors or numbers that an answer returns together.
        crash: what a RuntimeError probably comes from.
    """

    def decorate(inputs_of: Callable[[], Iterable[tuple]]) -> Callable:
        @functools.wraps(inputs_of)
        def check(answer: Callable) -> None:
            for first, *others in inputs_of():
                leaves = first if isinstance(first, Mapping) else {"": first}
                for leaf in leaves.values() if gradient else ():
                    leaf.requires_grad_()
                result = call(answer, first, *others, crash=crash)
                if result is None:
                    return print(f"{what}: not attempted yet")
                if form is not None:
                    form(result, first, *others)
                if scalar:
                    check_scalar(result, scalar)
                plain = _without_graph(first)
                _compare_parts(result, right(plain, *others), mistakes(plain, *others), what, parts)
                for name, leaf in leaves.items() if gradient else ():
                    check_gradient(result, leaf, gradient.format(name=name))
            if traps is not None:
                traps(answer)
            print(f"{what}: correct ({praise})")

        del check.__wrapped__  # which takes no answer
        differentiable = bool(gradient) or traps is not None
        return explained(where, right, names, cases, differentiable, mistakes)(check)

    return decorate


def _compare_parts(
    result: object, wanted: object, mistakes: Mapping[str, object], what: str, parts: Sequence[str]
) -> None:
    """``compare`` for a result, or tensor by tensor for several."""
    result = result.detach() if isinstance(result, Tensor) else result
    if not parts or not isinstance(wanted[0], Tensor):
        return compare(result, wanted, mistakes, what, parts)
    if not isinstance(result, tuple | list) or len(result) != len(parts):
        raise CheckFailed(f"return {len(parts)} tensors: {', '.join(parts)}")
    for number, name in enumerate(parts):
        wrong = {text: values[number] for text, values in mistakes.items()}
        compare(result[number], wanted[number], wrong, name)


def kinds() -> list[tuple[torch.dtype, torch.device]]:
    """Kinds of tensors to try: float32 and float64, and float32 on the GPU if there is one."""
    cpu = torch.device("cpu")
    found = [(torch.float32, cpu), (torch.float64, cpu)]
    return [*found, (torch.float32, CUDA)] if torch.cuda.is_available() else found


def compare(
    result: object,
    expected: Tensor | float | Sequence[float],
    mistakes: Mapping[str, object],
    what: str,
    names: Sequence[str] = (),
) -> None:
    """Raise CheckFailed unless both agree, naming the mistake whose result was given.

    Args:
        expected: a tensor, one number, a list of numbers, or with ``names`` a few numbers that come
            together. A list may be answered by a tuple, an array or a tensor.
        mistakes: diagnosis -> the result that this mistake would give, or what computes it.
        what: the name of the thing in the message where no mistake fits.
        names: what the numbers are.
    """
    if isinstance(expected, list):
        result, expected = _as_row(result, what), _as_row(expected, what)
        mistakes = {text: _as_row(list(wrong), what) for text, wrong in mistakes.items()}
    elif not isinstance(expected, Tensor):
        return _compare_numbers(result, expected, mistakes, what, names)
    if not isinstance(result, Tensor):
        raise CheckFailed(f"{what}: expected a tensor, got {type(result).__name__}")
    if result.device.type != expected.device.type:
        raise CheckFailed(
            f"{what}: the input is on {expected.device.type}, the result on {result.device.type}: "
            "make new tensors with device=x.device, and no .cpu() or .numpy()"
        )
    if close(result, expected):
        return
    example = difference(result, expected, what)
    for diagnosis, wrong in mistakes.items():
        if close(result, wrong() if callable(wrong) else wrong):
            raise CheckFailed(diagnosis, example)
    if result.shape != expected.shape:
        raise CheckFailed(
            f"{what}: the shape is {tuple(result.shape)}, it should be {tuple(expected.shape)}"
        )
    share = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).float().mean().item()
    raise CheckFailed(f"{what}: {share:.0%} of the values differ from the expected ones", example)


def _as_row(values: object, what: str) -> Tensor:
    try:
        return torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        kind = type(values).__name__
        raise CheckFailed(f"{what}: return a list of numbers, got {kind}") from None


def _compare_numbers(
    result: object,
    expected: float | Sequence[float],
    mistakes: Mapping[str, float | Sequence[float]],
    what: str,
    names: Sequence[str],
) -> None:
    """``compare`` for one number, or for several with names; each to one in ten thousand."""
    if names and not (isinstance(result, Sequence | np.ndarray) and len(result) == len(names)):
        raise CheckFailed(
            f"{what}: return {len(names)} numbers: {', '.join(names)}",
            f"Expected {show(expected)}, got {show(result)}",
        )
    wanted, found = (list(x) if names else [x] for x in (expected, result))
    places = [f"{what}, {name}" for name in names] or [what]
    found = [_number(value, place) for value, place in zip(found, places, strict=True)]
    if not (wrong := _far(found, wanted)):
        return
    i = wrong[0]
    example = f"{places[i]}: expected {wanted[i]:.6g}, got {found[i]:.6g}"
    for diagnosis, mistake in mistakes.items():
        if not _far(found, mistake if names else [mistake]):
            raise CheckFailed(diagnosis, example)
    raise CheckFailed(example)


def _number(value: object, place: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        kind = type(value).__name__
        raise CheckFailed(
            f"{place}: return a number, got {kind}", f"Expected one number, got {show(value)}"
        ) from None


def _far(given: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Where the numbers differ by more than 1e-4 of each, and 1e-8 of the largest (not of one)."""
    rounding = 1e-8 * max(map(abs, wanted)) if len(wanted) > 1 else 0
    pairs = enumerate(zip(given, wanted, strict=True))
    return [i for i, (a, b) in pairs if not math.isclose(a, b, rel_tol=1e-4, abs_tol=rounding)]


def difference(result: Tensor, expected: Tensor, what: str) -> str:
    """The first place where two tensors differ, in words."""
    if result.shape != expected.shape:
        return f"{what}: expected the shape {tuple(expected.shape)}, got {tuple(result.shape)}"
    wrong = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).nonzero()
    place = tuple(wrong[0].tolist())
    at = f" at {list(place)}" if place else ""
    return f"{what}{at}: expected {show(expected[place].item())}, got {show(result[place].item())}"


def close(result: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have one shape and values that agree to about one in a thousand."""
    if result.shape != expected.shape:
        return False
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3)


def check_scalar(result: object, cure: str) -> None:
    """Complain unless a loss is a tensor without dimensions."""
    if isinstance(result, float):
        raise CheckFailed("a plain number has no gradient: return the tensor, without item()")
    if isinstance(result, Iterable) and not isinstance(result, Tensor):
        raise CheckFailed("return one number, as a tensor without dimensions: add the terms up")
    if isinstance(result, Tensor) and result.dim() > 0:
        raise CheckFailed(f"return one scalar, got the shape {tuple(result.shape)}: {cure}")


def check_gradient(result: Tensor, features: Tensor, otherwise: str) -> None:
    """Complain if the right number has no way back to the features."""
    found = None
    if result.requires_grad:
        (found,) = torch.autograd.grad(result.sum(), features, allow_unused=True, retain_graph=True)
    if found is None:
        raise CheckFailed(
            "the number is right, but no gradient leads back to the features: no detach(), item() "
            f"or no_grad() here, or {otherwise}"
        )


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


def call(answer: Callable, *inputs: object, crash: str = "") -> object:
    """Call a student's function; complain if it changed its inputs.

    Inputs may be tensors, and lists or dictionaries with tensors. ``crash`` says what a
    RuntimeError probably comes from.
    """
    before = [copy.deepcopy(_without_graph(x)) for x in inputs]
    try:
        result = answer(*inputs)
    except Exception as error:
        _complain_about_kinds(error)
        if crash and isinstance(error, RuntimeError):
            raise CheckFailed(f"a RuntimeError: {error}. {crash}") from None
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
