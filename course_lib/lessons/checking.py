"""What makes a check out of inputs, a right answer and known mistakes; and inputs to try.

Every check of a lesson raises ``CheckFailed`` with the likely mistake, or prints that all is right.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from course_lib.lessons.agreement import check_gradients, check_scalar, compare_all
from course_lib.lessons.answers import VISIBLE, CheckFailed, NotAttempted, attempts, without_graph
from course_lib.lessons.smallest_case import show, smallest_case

CUDA = torch.device("cuda")


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
            plain = [[without_graph(x) for x in inputs] for inputs in tried[: len(results)]]
            _judge(results, plain, right, mistakes, what, parts)
            for inputs, result in zip(tried, results, strict=False):
                if gradient:
                    check_gradients(result, right(*inputs), _leaves(inputs, leaves), gradient)
            if error is not None:
                raise error
            if traps is not None:
                traps(answer)
            print(f"{what}: correct ({praise})")

        del check.__wrapped__  # which takes no answer
        differentiable = bool(gradient) or traps is not None
        return explained(where, right, names, cases, differentiable, mistakes)(check)

    return decorate


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
