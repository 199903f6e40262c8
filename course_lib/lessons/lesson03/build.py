"""Checks of the build of lesson 03: a trainer from an empty cell, in four parts.

The last part trains small stand-ins for encoder and decoder, stops, stores its state as a file
does, and goes on with a fresh decoder: every weight must be that of an undisturbed run.
"""

import copy
import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.checking import exercise, explained
from course_lib.lessons.step_checks import FORGOTTEN, SmallDecoder, SmallEncoder, crops
from course_lib.training.objective import adain_losses

WHERE = 'lesson 03, section 8 "Exercise 4, the build"'
# What the trainer's settings are called, and their values in the check.
BATCH, SIDE, STEPS, WARMUP, RATE, STYLE_WEIGHT, DECAY, SEED = 2, 8, 8, 2, 1e-2, 10.0, 0.9, 7

Crops = Callable[[Sequence[Tensor], int, int, torch.Generator], Tensor]
Train = Callable[..., Mapping[str, object] | None]


@explained(WHERE)
def check_crops(answer: Crops) -> None:
    """Raise CheckFailed unless any window of any picture may be drawn, from the given generator."""
    # Pictures whose colours say where a pixel is: which picture, row, column.
    shapes = [(5, 6), (4, 4), (9, 4)]
    pictures = [
        torch.stack(
            [torch.full(shape, float(k)), *torch.meshgrid(*map(torch.arange, shape), indexing="ij")]
        ).float()
        for k, shape in enumerate(shapes)
    ]
    before = torch.get_rng_state()
    drawn = answer(pictures, 600, 4, torch.Generator().manual_seed(0))
    if drawn is None:
        return print("crops: not attempted yet")
    if not isinstance(drawn, Tensor) or drawn.shape != (600, 3, 4, 4):
        got = tuple(drawn.shape) if isinstance(drawn, Tensor) else type(drawn).__name__
        raise CheckFailed(
            "crops: return one tensor (count, 3, side, side)", f"Expected (600, 3, 4, 4), got {got}"
        )
    corner = drawn[:, :, :1, :1]
    window = torch.stack(
        [torch.zeros(4, 4), *torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")]
    )
    if not torch.equal(drawn - corner, window.expand_as(drawn)):
        raise CheckFailed(
            "a crop is a window of one picture: no resizing, mirroring or turning",
            "Every crop should hold 4 neighbouring rows and columns, in their order",
        )
    if not torch.equal(before, torch.get_rng_state()):
        raise CheckFailed(
            "the crops were drawn from PyTorch's global generator: pass generator=generator, or a "
            "resumed run cannot draw what the undisturbed one would",
            "The state of the global generator should be the same before and after the call",
        )
    places = [tuple(map(int, place)) for place in corner.flatten(1)]
    if len(set(places)) == 1:
        raise CheckFailed(
            "all crops of a batch come from one place: draw anew for each of them",
            f"600 crops should differ, all begin at {places[0][1:]} of picture {places[0][0]}",
        )
    if {k for k, _, _ in places} != set(range(len(shapes))):
        raise CheckFailed(
            "some pictures are never drawn: all must have the same chance",
            f"Expected pictures 0, 1 and 2, got {sorted({k for k, *_ in places})} alone",
        )
    for k, (height, width) in enumerate(shapes):
        wanted = {(y, x) for y in range(height - 3) for x in range(width - 3)}
        missing = sorted(wanted - {(y, x) for j, y, x in places if j == k})
        if missing:
            last = all(y == height - 4 or x == width - 4 for y, x in missing)
            why = "randint's upper end is left out" if last else "draw row and column separately"
            raise CheckFailed(
                f"some windows are never drawn: {why}",
                f"Of {height} x {width} pixels a crop of 4 should sometimes begin at {missing[0]}",
            )
    again = answer(pictures, 600, 4, torch.Generator().manual_seed(0))
    other = answer(pictures, 600, 4, torch.Generator().manual_seed(1))
    if not torch.equal(again, drawn) or torch.equal(other, drawn):
        raise CheckFailed(
            "one state of the generator must give one batch, another one another",
            "Two calls with equal seeds should agree, two with different seeds should not",
        )
    shares = torch.tensor([sum(j == k for j, _, _ in places) for k in range(len(shapes))]) / 600
    if (shares - 1 / len(shapes)).abs().max() > 0.12:
        raise CheckFailed(
            "all pictures must have the same chance, large or small",
            f"Expected a third each, got the shares {[round(s, 2) for s in shares.tolist()]}",
        )
    print("crops: correct (every window of every picture, and the generator decides)")


def rate(step: int, steps: int, base: float, warmup: int) -> float:
    """The learning rate of a step, counted from 0: a linear rise, then half a cosine to zero."""
    if step < warmup:
        return base * (step + 1) / warmup
    return base * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def _rate_mistakes(step: int, steps: int, base: float, warmup: int) -> dict[str, float]:
    rising, share = base * (step + 1) / max(warmup, 1), (step - warmup) / (steps - warmup)
    early = base * (1 + math.cos(math.pi * step / steps)) / 2
    falls = {
        "the cosine begins at step 0: count it from the end of the warm-up": early,
        "the cosine goes from 1 to -1: add 1 and halve it": base * math.cos(math.pi * share),
        "the rate falls along a line: half a cosine is slow at both ends": base * (1 - share),
        "cos takes radians: half a turn is math.pi": base * (1 + math.cos(share)) / 2,
    }
    return {
        "the first step does nothing: the rate rises by step + 1, from 1": (
            base * step / warmup if step < warmup else rate(step, steps, base, warmup)
        ),
        "the warm-up is missing": early if step < warmup else rate(step, steps, base, warmup),
        **{text: rising if step < warmup else fall for text, fall in falls.items()},
    }


@exercise(
    "learning rate",
    "a rise without a shock, and a soft landing",
    WHERE,
    rate,
    ("step", "steps", "base", "warmup"),
    lambda: [(1, 4, 1.0, 2), (3, 4, 1.0, 2)],
    mistakes=_rate_mistakes,
)
def check_rate() -> Iterator[tuple]:
    yield from ((step, 10, 0.5, 4) for step in (0, 1, 3, 4, 5, 7, 9))
    yield from ((step, 7, 2.0, 0) for step in (0, 3, 6))


def average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights a little towards the model's: decay * old + (1 - decay) * new."""
    with torch.no_grad():
        for old, new in zip(averaged.parameters(), model.parameters(), strict=True):
            old.lerp_(new, 1 - decay)


@explained(WHERE)
def check_average(answer: Callable[[nn.Module, nn.Module, float], None]) -> None:
    """Raise CheckFailed unless the average moves as it should, and nothing else."""
    torch.manual_seed(0)
    averaged, model = nn.Linear(3, 2), nn.Linear(3, 2)
    old, new = (copy.deepcopy(network.state_dict()) for network in (averaged, model))
    answer(averaged, model, 0.9)
    if all(torch.equal(value, old[key]) for key, value in averaged.state_dict().items()):
        if all(torch.equal(value, new[key]) for key, value in model.state_dict().items()):
            return print("average: not attempted yet")
        raise CheckFailed("the model moved instead of the average", "The model should stay")
    if any(not torch.equal(value, new[key]) for key, value in model.state_dict().items()):
        raise CheckFailed(
            "the model's own weights changed: only the average moves", "The model should stay"
        )
    if any(a is b for a, b in zip(averaged.parameters(), model.parameters(), strict=True)):
        raise CheckFailed(
            "the average holds the model's own tensors: it will follow every step",
            "The average should keep tensors of its own",
        )
    for key, value in averaged.state_dict().items():
        example = (
            f"Of old {old[key].flatten()[0]:.4f} and new {new[key].flatten()[0]:.4f} expected "
            f"{(0.9 * old[key] + 0.1 * new[key]).flatten()[0]:.4f}, got {value.flatten()[0]:.4f}"
        )
        if torch.allclose(value, 0.1 * old[key] + 0.9 * new[key], atol=1e-6):
            raise CheckFailed("the shares are swapped: the old weights keep the decay", example)
        if not torch.allclose(value, 0.9 * old[key] + 0.1 * new[key], atol=1e-6):
            raise CheckFailed(f"{key} should be decay * old + (1 - decay) * new", example)
    if any(p.grad_fn is not None for p in averaged.parameters()):
        raise CheckFailed(
            "the average keeps a graph of all steps: write it inside torch.no_grad()",
            "The averaged weights should have no grad_fn",
        )
    if not all(p.requires_grad for p in model.parameters()):
        raise CheckFailed("the model can no longer learn", "Its requires_grad should still be True")
    print("average: correct (the average is what will be saved)")


def train(
    encoder: nn.Module,
    decoder: nn.Module,
    photographs: Sequence[Tensor],
    paintings: Sequence[Tensor],
    until: int,
    state: Mapping[str, object] | None = None,
    lost: str = "",
) -> dict[str, object]:
    """Train from ``state``, or from the beginning, until so many steps are done in all.

    ``lost`` names what a wrong answer forgets: a part of the state, or of the step.
    """
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(decoder.parameters(), RATE)
    averaged, done = copy.deepcopy(decoder), 0
    if state is not None:
        parts = {"decoder": decoder, "average": averaged, "optimizer": optimizer}
        for name, part in parts.items():
            if name != lost:
                part.load_state_dict(state[name])
        if lost != "generator":
            generator.set_state(state["generator"])
        done = 0 if lost == "step" else state["step"]
        until = until - state["step"] if lost == "step" else until
    for step in range(done, until):
        if lost != "rate":
            for group in optimizer.param_groups:
                group["lr"] = rate(step, STEPS, RATE, WARMUP)
        photos = crops(photographs, BATCH, SIDE, generator)
        styles = crops(paintings, BATCH, SIDE, generator)
        content_part, style_part = adain_losses(encoder, decoder, photos, styles)
        optimizer.zero_grad()
        (content_part + (1 if lost == "weight" else STYLE_WEIGHT) * style_part).backward()
        optimizer.step()
        average(averaged, decoder, DECAY)
    return {
        "step": until,
        "decoder": decoder.state_dict(),
        "average": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": generator.get_state(),
    }


@explained(WHERE)
def check_train(answer: Train) -> None:
    """Raise CheckFailed unless a stopped and resumed run ends where an undisturbed one does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        encoder, fresh = SmallEncoder(), SmallDecoder()
    drawn = torch.Generator().manual_seed(3)
    photographs, paintings = (
        [torch.rand(3, side, side + 3, generator=drawn) for side in sides]
        for sides in ((9, 12), (10, 11, 14))
    )

    def run(train_: Train, *stops: int, **options: str) -> Mapping[str, object] | None:
        state = None
        for stop in stops:  # a fresh decoder each time, as in a fresh process
            data = (photographs, paintings, stop, state)
            state = train_(encoder, copy.deepcopy(fresh), *data, **options)
            if state is None:
                return None
            state = _through_a_file(state)
        return state

    straight = run(answer, STEPS)
    if straight is None:
        return print("trainer: not attempted yet")
    for name in ("decoder", "average"):
        if not isinstance(straight.get(name), Mapping):
            raise CheckFailed(
                f"the state needs the key '{name}', with a state_dict",
                f"Expected it beside {sorted(straight)}",
            )
    runs = {"an undisturbed run": (STEPS,), "a stopped and resumed run": (STEPS // 2, STEPS)}
    for run_, stops in runs.items():
        mine, wanted = run(answer, *stops), run(train, *stops)
        if mine is None:
            raise CheckFailed(
                "a resumed run returned nothing: return the state", "Expected a state, got None"
            )
        for name in ("decoder", "average"):
            if _equal(mine[name], wanted[name]):
                continue
            for lost, diagnosis in FORGOTTEN.items():
                if _equal(mine[name], run(train, *stops, lost=lost)[name]):
                    raise CheckFailed(diagnosis, _first_difference(mine[name], wanted[name], run_))
            raise CheckFailed(
                f"after {run_} the weights of '{name}' are not those of the recipe: photographs "
                "are drawn before paintings, and the rate is set before the step",
                _first_difference(mine[name], wanted[name], run_),
            )
    print("trainer: correct (stopped and resumed, every weight is that of an undisturbed run)")


def _through_a_file(state: Mapping[str, object]) -> Mapping[str, object]:
    """What is left of a state once it was saved and read again."""
    file = io.BytesIO()
    try:
        torch.save(dict(state), file)
        return torch.load(io.BytesIO(file.getvalue()), weights_only=True)
    except Exception as error:  # pickle raises many kinds
        raise CheckFailed(
            "the state cannot be saved and read again: only numbers, tensors and state_dicts, no "
            f"networks, optimisers or generators ({type(error).__name__})",
            "torch.load(..., weights_only=True) should read it",
        ) from None


def _equal(mine: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    return mine.keys() == wanted.keys() and all(
        torch.allclose(mine[key], wanted[key], rtol=1e-4, atol=1e-6) for key in wanted
    )


def _first_difference(mine: Mapping[str, Tensor], wanted: Mapping[str, Tensor], run: str) -> str:
    key = next((key for key in wanted if key not in mine), None)
    if key is not None:
        return f"Expected a tensor '{key}'"
    key = max(wanted, key=lambda key: (mine[key] - wanted[key]).abs().max())
    at = (mine[key] - wanted[key]).abs().argmax()
    right, given = wanted[key].flatten()[at], mine[key].flatten()[at]
    return f"After {run} a weight of '{key}' should be {right:.4f}, it is {given:.4f}"
