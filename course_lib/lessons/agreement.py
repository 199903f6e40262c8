"""Whether an answer's result agrees with the right one, and which known mistake it agrees with."""

import math
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.smallest_case import contrast, plain_list, show


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


def compare_all(
    results: Sequence[object],
    wanted: Sequence[object],
    mistakes: Sequence[Mapping[str, object]],
    what: str,
    names: Sequence[str] = (),
) -> None:
    """``compare`` for several cases, naming a mistake only if it explains all of them.

    A case in which a mistake has no result (because it would crash, say) decides nothing.
    """
    cases = list(zip(results, wanted, mistakes, strict=True))
    for result, right, known in cases:
        if not agrees(result, right, names):
            explaining = {
                text: wrong
                for text, wrong in known.items()
                if all(text not in m or agrees(r, m[text], names) for r, _, m in cases)
            }
            compare(result, right, explaining, what, names)


def agrees(result: object, wanted: object, names: Sequence[str] = ()) -> bool:
    """Whether ``compare`` finds nothing to complain about."""
    try:
        compare(result, wanted() if callable(wanted) else wanted, {}, "", names)
    except CheckFailed:
        return False
    return True


def close(result: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have one shape and values that agree to one in a thousand, or are NaN."""
    if result.shape != expected.shape:
        return False
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3, equal_nan=True)


def difference(result: Tensor, expected: Tensor, what: str) -> str:
    """The first place where two tensors differ, in words."""
    if result.shape != expected.shape:
        return f"{what}: expected the shape {tuple(expected.shape)}, got {tuple(result.shape)}"
    wrong = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).nonzero()
    place = tuple(wrong[0].tolist())
    at = f" at {list(place)}" if place else ""
    return f"{what}{at}: {contrast(expected[place].item(), result[place].item())}"


def number_of(value: object, place: str) -> float:
    """A number of any kind as a float; complain about anything else, ``place`` being its name."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        kind = type(value).__name__
        raise CheckFailed(
            f"{place}: return a number, got {kind}", f"Expected one number, got {show(value)}"
        ) from None


def check_scalar(result: object, cure: str) -> None:
    """Complain unless a loss is a tensor without dimensions."""
    if isinstance(result, float):
        raise CheckFailed("a plain number has no gradient: return the tensor, without item()")
    if isinstance(result, Iterable) and not isinstance(result, Tensor):
        raise CheckFailed("return one number, as a tensor without dimensions: add the terms up")
    if isinstance(result, Tensor) and result.dim() > 0:
        raise CheckFailed(f"return one scalar, got the shape {tuple(result.shape)}: {cure}")


def check_gradients(
    result: object, wanted: object, leaves: Sequence[tuple[str, Tensor]], otherwise: str
) -> None:
    """Complain if a right result has not the gradient of ``wanted`` with respect to the leaves."""
    pairs = [(result, wanted)] if isinstance(wanted, Tensor) else zip(result, wanted, strict=True)
    for mine, its in pairs:
        for name, leaf in leaves:
            (right,) = torch.autograd.grad(_weighted(its), leaf, None, True, allow_unused=True)
            if right is None or (scale := right.abs().max()) == 0:
                continue
            cure = otherwise.format(name=name)
            found = None
            if mine.requires_grad:
                (found,) = torch.autograd.grad(_weighted(mine), leaf, None, True, allow_unused=True)
            if found is None:
                raise CheckFailed(
                    "the number is right, but no gradient leads back to the features: no detach(), "
                    f"item() or no_grad() here, or {cure}",
                    "Expected a gradient, got none",
                )
            if not close(found / scale, right / scale):
                raise CheckFailed(
                    "the number is right, but its gradient is not: a part of it is detached, made "
                    f"by item(), or computed under no_grad(), so {cure}",
                    difference(found / scale, right / scale, "the gradient, in its largest parts"),
                )


def _weighted(result: Tensor) -> Tensor:
    """A sum in which every entry counts otherwise: that of whitened features alone is constant."""
    return (result * torch.linspace(0.5, 1.5, result.numel()).to(result).view_as(result)).sum()


def _as_row(values: object, what: str) -> Tensor:
    try:
        return torch.as_tensor(plain_list(values), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        kind = type(values).__name__
        raise CheckFailed(
            f"{what}: return a list of numbers, got {kind}",
            f"Expected numbers in a list, got {show(values)}",
        ) from None


def _compare_numbers(
    result: object,
    expected: float | Sequence[float],
    mistakes: Mapping[str, float | Sequence[float]],
    what: str,
    names: Sequence[str],
) -> None:
    """``compare`` for one number, or for several with names; each to one in ten thousand."""
    given = plain_list(result) if names else [result]
    if not isinstance(given, list) or len(given) != max(1, len(names)):
        raise CheckFailed(
            f"{what}: return {len(names)} numbers: {', '.join(names)}",
            f"Expected {show(expected)}, got {show(result)}",
        )
    wanted = list(expected) if names else [expected]
    places = [f"{what}, {name}" for name in names] or [what]
    found = [number_of(value, place) for value, place in zip(given, places, strict=True)]
    if not (wrong := _far(found, wanted)):
        return
    i = wrong[0]
    example = f"{places[i]}: {contrast(float(wanted[i]), found[i], digits=6)}"
    for diagnosis, mistake in mistakes.items():
        if not _far(found, mistake if names else [mistake]):
            raise CheckFailed(diagnosis, example)
    raise CheckFailed(example)


def _far(given: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Where the numbers differ by more than 1e-4 of each, and 1e-8 of the largest (not of one)."""
    finite = [abs(x) for x in wanted if math.isfinite(x)]
    rounding = 1e-8 * max(finite, default=0) if len(wanted) > 1 else 0
    pairs = enumerate(zip(given, wanted, strict=True))
    return [
        i
        for i, (a, b) in pairs
        if not math.isclose(a, b, rel_tol=1e-4, abs_tol=rounding)
        and not (math.isnan(a) and math.isnan(b))
    ]
