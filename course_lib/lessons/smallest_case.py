"""The smallest case in which an answer is wrong, with the expected and the given numbers."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

import numpy as np
import torch
from torch import Tensor

LONGEST = 24  # numbers of a tensor that are still shown one by one


def smallest_case(
    answer: Callable,
    right: Callable,
    names: Sequence[str],
    cases: Sequence[Sequence[object]],
    gradient: bool = False,
) -> str:
    """The first of ``cases`` on which ``answer`` does not do what ``right`` does, in words.

    Returns:
        One sentence with inputs, expected and given result, or "" if all cases agree.
    """
    for inputs in cases:
        given_inputs, mine = copy.deepcopy(inputs), copy.deepcopy(inputs)
        shown = ", ".join(f"{n} = {show(x)}" for n, x in zip(names, inputs, strict=True))
        expected = right(*given_inputs)
        try:
            given = answer(*mine)
        except Exception as error:
            given = f"{type(error).__name__}: {error}"
            return f"Smallest case: for {shown} expected {show(expected)}, got {given}"
        for name, before, after in zip(names, inputs, mine, strict=True):
            if not same(before, after, exact=True):
                return f"Smallest case: {name} = {show(before)} is {show(after)} after the call"
        if not same(expected, given):
            return f"Smallest case: for {shown} {contrast(expected, given)}"
    return _smallest_gradient(answer, right, names, cases) if gradient else ""


def _smallest_gradient(
    answer: Callable, right: Callable, names: Sequence[str], cases: Sequence[Sequence[object]]
) -> str:
    """The first case in which no finite gradient comes back, though the right answer has one."""
    for inputs in cases:
        wanted, found = _gradient(right, inputs), _gradient(answer, inputs)
        if wanted is None or (found is not None and "nan" not in show(found)):
            continue
        shown = ", ".join(f"{n} = {show(x)}" for n, x in zip(names, inputs, strict=True))
        got = "there is none" if found is None else f"it is {show(found)}"
        return (
            f"Smallest case: for {shown} the gradient of the result's squares should be "
            f"{show(wanted)}; {got}"
        )
    return ""


def _gradient(function: Callable, inputs: Sequence[object]) -> object | None:
    """Gradient of the sum of the result's squares with respect to the first input, if any."""
    first = copy.deepcopy(inputs[0])
    leaves = list(first.values()) if isinstance(first, Mapping) else [first]
    if not all(isinstance(leaf, Tensor) and leaf.is_floating_point() for leaf in leaves):
        return None
    leaves = [leaf.requires_grad_() for leaf in leaves]
    result = function(first, *copy.deepcopy(inputs[1:]))
    parts = result if isinstance(result, list | tuple) else [result]
    total = sum(part.square().sum() for part in parts if isinstance(part, Tensor))
    if not isinstance(total, Tensor) or not total.requires_grad:
        return None
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    found = [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]
    return dict(zip(first, found, strict=True)) if isinstance(first, Mapping) else found[0]


def same(expected: object, given: object, exact: bool = False) -> bool:
    """Whether two values agree, looking into lists and dictionaries; numbers to one in a thousand.

    Args:
        exact: compare numbers exactly (but not whether a tensor has a history).
    """
    if isinstance(expected, list | tuple) and not exact:
        given = plain_list(given)
    if isinstance(expected, Tensor):
        if not isinstance(given, Tensor) or given.shape != expected.shape:
            return False
        if exact:
            return torch.equal(expected, given.detach())
        if expected.requires_grad and not given.requires_grad:
            return False
        given = given.detach().to(expected.device, expected.dtype)
        return torch.allclose(given, expected.detach(), rtol=1e-3, atol=1e-3)
    if isinstance(expected, Mapping):
        if not isinstance(given, Mapping) or not expected.keys() <= given.keys():
            return False
        return all(same(value, given[key], exact) for key, value in expected.items())
    if isinstance(expected, list | tuple):
        if not isinstance(given, list | tuple) or len(given) != len(expected):
            return False
        return all(same(a, b, exact) for a, b in zip(expected, given, strict=True))
    try:
        if isinstance(expected, float | int) and not isinstance(expected, bool) and not exact:
            return math.isclose(float(given), expected, rel_tol=1e-3, abs_tol=1e-3)
        return bool(expected == given)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return False


def plain_list(values: object) -> object:
    """A list of what a tuple, an array, a tensor or another row holds; anything else as it is."""
    if isinstance(values, Tensor | np.ndarray):
        return values.tolist()
    unordered = str | bytes | Mapping | Set | Iterator
    if isinstance(values, unordered) or not isinstance(values, Iterable):
        return values
    return [plain_list(value) for value in values]


def contrast(expected: object, given: object, digits: int = 4) -> str:
    """``expected X, got Y``; where both look alike, with what tells them apart."""
    texts = [show(value, digits) for value in (expected, given)]
    if texts[0] == texts[1]:
        texts = [f"{text} ({_kind(x)})" for text, x in zip(texts, (expected, given), strict=True)]
    if texts[0] == texts[1] and isinstance(expected, Tensor) and not same(expected, given):
        wrong = ~torch.isclose(given.detach().to(expected), expected, 1e-3, 1e-3)
        place = tuple(wrong.nonzero()[0].tolist())
        texts = [f"{show(x[place].item(), digits)} at {list(place)}" for x in (expected, given)]
    if texts[0] == texts[1]:
        texts = [repr(expected), repr(given)]
    if texts[0] == texts[1]:
        return f"expected {texts[0]}, got something that only looks like it"
    return f"expected {texts[0]}, got {texts[1]}"


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')}, shape {tuple(value.shape)}"
    return f"{type(value).__name__}"


def show(value: object, digits: int = 4) -> str:
    """A value as a student would type it, numbers with few digits; large tensors by their shape.

    A tensor's brackets show its shape; where it has one number, or a history, it is named.
    """
    if isinstance(value, Tensor):
        if value.numel() > LONGEST:
            return f"a tensor of shape {tuple(value.shape)}"
        text = show(value.detach().tolist())
        history = ", which has a gradient" if value.requires_grad else ""
        return f"tensor({text}){history}" if value.dim() == 0 or history else text
    if isinstance(value, np.ndarray | np.generic):
        return show(value.tolist())
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {show(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return f"a whole number of more than {LONGEST} digits"
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    return f"a {type(value).__name__}"
