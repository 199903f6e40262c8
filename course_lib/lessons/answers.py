"""How a check calls a student's answer, and the failure that it raises."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

from torch import Tensor

from course_lib.lessons.smallest_case import same, show

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


def call(answer: Callable, *inputs: object, crash: str = "") -> object:
    """Call a student's function; complain if it changed its inputs.

    Inputs may be tensors, and lists or dictionaries with tensors. ``crash`` says what a
    RuntimeError probably comes from.
    """
    before = [copy.deepcopy(without_graph(x)) for x in inputs]
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


def without_graph(value: object) -> object:
    """A copy of the value whose tensors know no history, as deepcopy wants them."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, dict):
        return {key: without_graph(part) for key, part in value.items()}
    if not isinstance(value, list | tuple):
        return value
    parts = [without_graph(part) for part in value]
    # A named tuple takes its parts one by one.
    return value._make(parts) if hasattr(value, "_make") else type(value)(parts)
