"""What all checks share: the failure, calling the answer, comparing with known mistakes.

Every check of a lesson raises ``CheckFailed`` with the likely mistake, or prints that all is right.
"""

import copy
import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.lessons.smallest_case import contrast, plain_list, same, show, smallest_case

CUDA = torch.device("cuda")
VISIBLE = 0  # the seed that students run; grading repeats the same check with others


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


class NotAttempted(CheckFailed):
    """There is no answer where one is graded."""


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
            except NotAttempted:
                raise
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
    leaves: int = 1,
    form: Callable[..., None] | None = None,
    traps: Callable[[Callable], None] | None = None,
    scalar: str = "",
    parts: Sequence[str] = (),
    crash: str = "",
) -> Callable[[Callable[..., Iterable[tuple]]], Callable]:
    """Make a check of what yields the inputs that an answer is tried on.

    The check takes the answer, and in grading a seed for other inputs, which what yields them must
    take, too. A mistake is named only if it explains the results of all inputs.

    Args:
        what, praise: the exercise's name, and what to say when everything is right.
        where, right, names, cases, mistakes: see ``explained``.
        gradient: what is wrong if the result has not the right gradient with respect to the first
            inputs, so many as ``leaves`` says, tensors or dictionaries of some; ``{name}`` in it is
            the tensor's key. Empty where nothing learns through the result.
        form: called with a result and its inputs; complains about another form than the right one.
        traps: called with the answer when all cases are right; complains of the rest.
        scalar: the cure for a loss that is not one number; empty for other results.
        parts: names of the tensors or numbers that an answer returns together.
        crash: what a RuntimeError probably comes from.
    """

    def decorate(inputs_of: Callable[..., Iterable[tuple]]) -> Callable:
        @functools.wraps(inputs_of)
        def check(answer: Callable, seed: int = VISIBLE) -> None:
            tried = list(inputs_of(seed) if seed != VISIBLE else inputs_of())
            for inputs in tried:
                for _, leaf in _leaves(inputs, leaves if gradient else 0):
                    leaf.requires_grad_()
            results, error = attempts(answer, tried, what, seed, crash)
            if not results:
                return
            for number, (inputs, result) in enumerate(zip(tried, results, strict=False)):
                try:
                    if form is not None:
                        form(result, *inputs)
                    if scalar:
                        check_scalar(result, scalar)
                except CheckFailed as failure:  # told when what came before it is right
                    results, error = results[:number], failure
                    break
            plain = [[_without_graph(x) for x in inputs] for inputs in tried[: len(results)]]
            _judge(results, plain, right, mistakes, what, parts)
            for inputs, result in zip(tried, results, strict=False):
                if gradient:
                    _check_gradients(result, right(*inputs), _leaves(inputs, leaves), gradient)
            if error is not None:
                raise error
            if traps is not None:
                traps(answer)
            print(f"{what}: correct ({praise})")

        del check.__wrapped__  # which takes no answer
        differentiable = bool(gradient) or traps is not None
        return explained(where, right, names, cases, differentiable, mistakes)(check)

    return decorate


def attempts(
    answer: Callable,
    cases: Iterable[Sequence[object]],
    what: str,
    seed: int = VISIBLE,
    crash: str = "",
) -> tuple[list[object], Exception | None]:
    """Call an answer for all cases: its results up to the first exception, and the exception.

    Where nothing is written yet, that is said, and there are no results.

    Raises:
        NotAttempted: nothing is written, and this is a graded seed.
        CheckFailed: some results are there and others are None.
    """
    results: list[object] = []
    error, empty = None, ""
    for inputs in cases:
        try:
            results.append(call(answer, *inputs, crash=crash))
        except Exception as caught:  # told when what came before it is right
            error = caught
            break
        if results[-1] is None and not empty:
            empty = f"For {', '.join(map(show, inputs))} expected a result, got None"
    if all(result is None for result in results):
        if error is not None:
            raise error
        if seed != VISIBLE:
            raise NotAttempted(f"{what}: not attempted")
        print(f"{what}: not attempted yet")
        return [], None
    if empty:
        raise CheckFailed(
            "some inputs give a result and others give None: a return is missing in one branch",
            empty,
        )
    return results, error


def _judge(
    results: Sequence[object],
    inputs: Sequence[Sequence[object]],
    right: Callable,
    mistakes: Callable[..., Mapping[str, object]],
    what: str,
    parts: Sequence[str],
) -> None:
    """Compare the results for all inputs, tensor by tensor if an answer returns several."""
    if not results:
        return None
    wanted = [right(*x) for x in inputs]
    known = [mistakes(*x) for x in inputs]
    if not parts or not isinstance(wanted[0][0], Tensor):
        return compare_all(results, wanted, known, what, parts)
    for result in results:
        if not isinstance(result, tuple | list) or len(result) != len(parts):
            raise CheckFailed(
                f"return {len(parts)} tensors: {', '.join(parts)}",
                f"Expected {len(parts)} tensors, got {show(result)}",
            )
    for i, name in enumerate(parts):
        wrong = [{text: values[i] for text, values in m.items()} for m in known]
        compare_all([r[i] for r in results], [w[i] for w in wanted], wrong, name)


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


def _leaves(inputs: Sequence[object], count: int) -> list[tuple[str, Tensor]]:
    """Names (empty, or keys of a dictionary) and tensors of the first ``count`` inputs."""
    found: list[tuple[str, Tensor]] = []
    for x in inputs[:count]:
        found += x.items() if isinstance(x, Mapping) else [("", x)]
    return found


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


def difference(result: Tensor, expected: Tensor, what: str) -> str:
    """The first place where two tensors differ, in words."""
    if result.shape != expected.shape:
        return f"{what}: expected the shape {tuple(expected.shape)}, got {tuple(result.shape)}"
    wrong = (~torch.isclose(result.to(expected), expected, 1e-3, 1e-3)).nonzero()
    place = tuple(wrong[0].tolist())
    at = f" at {list(place)}" if place else ""
    return f"{what}{at}: {contrast(expected[place].item(), result[place].item())}"


def close(result: Tensor, expected: Tensor) -> bool:
    """Whether two tensors have one shape and values that agree to one in a thousand, or are NaN."""
    if result.shape != expected.shape:
        return False
    return torch.allclose(result.to(expected), expected, rtol=1e-3, atol=1e-3, equal_nan=True)


def check_scalar(result: object, cure: str) -> None:
    """Complain unless a loss is a tensor without dimensions."""
    if isinstance(result, float):
        raise CheckFailed("a plain number has no gradient: return the tensor, without item()")
    if isinstance(result, Iterable) and not isinstance(result, Tensor):
        raise CheckFailed("return one number, as a tensor without dimensions: add the terms up")
    if isinstance(result, Tensor) and result.dim() > 0:
        raise CheckFailed(f"return one scalar, got the shape {tuple(result.shape)}: {cure}")


def _check_gradients(
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


def random_features(
    shape: Sequence[int],
    seed: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Tensor:
    """Features as behind a ReLU: channels and samples differ in mean and spread, and hold zeros.

    The first position of each map is positive, so that none of more than one is flat.
    """
    generator = torch.Generator().manual_seed(seed)
    n, c = shape[:2]
    scale, offset = 0.5 + 2 * torch.rand(2, n, c, 1, 1, generator=generator)
    features = scale * torch.rand(*shape, generator=generator) + offset
    fires = torch.rand(*shape, generator=generator) > 0.2
    fires[..., 0, 0] = True
    return (features * fires).to(device, dtype)


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
        if "a leaf Variable that requires grad" in str(error) and _wants_gradient(inputs):
            raise CheckFailed(IN_PLACE, f"Expected the input as before, got: {error}") from None
        if "numpy() on Tensor that requires grad" in str(error) and _wants_gradient(inputs):
            raise CheckFailed(
                "NumPy leads no gradient back: compute with torch's functions",
                f"Expected tensors throughout, got: {error}",
            ) from None
        if crash and isinstance(error, RuntimeError):
            raise CheckFailed(f"a RuntimeError: {error}. {crash}") from None
        shapes = [tuple(x.shape) for x in inputs if isinstance(x, Tensor)]
        error.add_note(f"Raised by your function for inputs of shape {shapes}.")
        raise
    for old, new in zip(before, inputs, strict=True):
        if not same(old, new, exact=True):
            raise CheckFailed(
                IN_PLACE, f"After the call expected {show(old)}, as before, got {show(new)}"
            )
    return result


IN_PLACE = (
    "your function changes its input in place: write x = x - mean, not x -= mean, and sorted(x), "
    "not x.sort()"
)


def _wants_gradient(inputs: Iterable[object]) -> bool:
    tensors = [t for x in inputs for t in (x.values() if isinstance(x, Mapping) else [x])]
    return any(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in tensors)


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
    if not isinstance(value, list | tuple):
        return value
    parts = [_without_graph(part) for part in value]
    # A named tuple takes its parts one by one.
    return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
