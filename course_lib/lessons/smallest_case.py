"""The smallest case in which an answer is wrong, with the expected and the given numbers."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence

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
            return f"Smallest case: for {shown} expected {show(expected)}, got {show(given)}"
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
    if isinstance(given, np.ndarray) or (
        isinstance(given, Tensor) and isinstance(expected, list | tuple)
    ):
        given = given.tolist()
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
    if isinstance(expected, float) and isinstance(given, int | float | np.number) and not exact:
        return math.isclose(given, expected, rel_tol=1e-3, abs_tol=1e-3)
    try:
        return bool(expected == given)
    except (TypeError, ValueError, RuntimeError):
        return False


def show(value: object) -> str:
    """A value as a student would type it, numbers with four digits; large tensors by their shape.

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
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {show(part)}" for key, part in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(show, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    return f"a {type(value).__name__}"
