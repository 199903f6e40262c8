"""A small run that is stopped, resumed and cut off, and the log that it must leave (A7.3)."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.lessons.answers import CheckFailed
from course_lib.lessons.smallest_case import contrast
from course_lib.lessons.step_checks import SmallDecoder, SmallEncoder, crops
from course_lib.training.objective import adain_losses

STEPS, EVERY, STOP, CUT = 7, 3, 4, 5


class PowerCut(Exception):
    """What ends a run in the middle of a step."""


def descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> float:
    """One step of the optimiser; the loss before it."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


class Run:
    """A small run as in a fresh process: networks, optimiser, generator, and its steps so far."""

    def __init__(self, seed: int, cut: int = STEPS) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder, self.decoder = SmallEncoder(), SmallDecoder()
            self.pictures = [torch.rand(3, side, side + 2) for side in (9, 11, 12)]
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), 0.02)
        self.generator = torch.Generator().manual_seed(seed)
        self.cut, self.losses = cut, []

    def one_step(self) -> float:
        """One step, and its loss; the power fails when ``cut`` steps are done."""
        if len(self.losses) == self.cut:
            raise PowerCut
        photos, paintings = (crops(self.pictures, 2, 8, self.generator) for _ in range(2))
        loss = sum(adain_losses(self.encoder, self.decoder, photos, paintings**3))
        self.losses.append(descend(loss, self.optimizer))
        return self.losses[-1]


def train(
    one_step: Callable[[], float],
    decoder: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    until: int,
    every: int,
    folder: Path,
    lost: str = "",
) -> list[dict[str, float]]:
    """Go on from the state in ``folder`` until so many steps are done in all; the log's records.

    ``lost`` names what a wrong answer forgets to restore.
    """
    log, file = folder / "log.jsonl", folder / "state.pt"
    parts = {"decoder": decoder, "optimizer": optimizer}
    records, done = [], 0
    if file.is_file():
        state = torch.load(file, weights_only=True)
        for name, part in parts.items():
            if name != lost:
                part.load_state_dict(state[name])
        if lost != "generator":
            generator.set_state(state["generator"])
        done = state["step"]
        records = [json.loads(line) for line in log.read_text().splitlines()][:done]
    for step in range(done, until):
        records.append({"step": step, "loss": one_step()})
        log.write_text("".join(json.dumps(record) + "\n" for record in records))
        if (step + 1) % every == 0 or step + 1 == until:
            state = {name: part.state_dict() for name, part in parts.items()}
            torch.save(state | {"step": step + 1, "generator": generator.get_state()}, file)
    return records


# Where the steps of a run end, one process after the other; the first may lose its power.
RUNS = {
    "an undisturbed run": ((STEPS,), STEPS),
    "a stopped and resumed run": ((STOP, STEPS), STEPS),
    "a run resumed after a power cut": ((STEPS, STEPS), CUT),
}


def run_processes(
    answer: Callable, folder: Path, seed: int, stops: Sequence[int], cut: int
) -> tuple[object, int]:
    """What the last of several processes returns, and how many steps it makes."""
    result, run = None, Run(seed)
    for number, stop in enumerate(stops):
        run = Run(seed, STEPS if number else cut)
        try:
            result = answer(
                run.one_step, run.decoder, run.optimizer, run.generator, stop, EVERY, folder
            )
        except PowerCut:
            found = len(read_log(folder, "a power cut", None))
            if found != cut:
                raise CheckFailed(
                    "the log must be on the disk when the power fails: write each line at once",
                    f"After a power cut behind {cut} steps expected {cut} lines, got {found}",
                ) from None
    return result, len(run.losses)


def read_log(folder: Path, name: str, steps: int | None = STEPS) -> list[float]:
    """The losses of the log; complain unless it has one line for each step, in their order."""
    path = folder / "log.jsonl"
    if not path.is_file():
        found = sorted(file.name for file in folder.iterdir())
        raise CheckFailed(
            "there is no log: append a line to folder / 'log.jsonl' in each step",
            f"After {name} the folder should hold log.jsonl, it holds {found}",
        )
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        numbers, losses = ([record[key] for record in records] for key in ("step", "loss"))
        losses = [float(loss) for loss in losses]
    except (ValueError, TypeError, KeyError) as error:
        raise CheckFailed(
            'each line of the log is JSON of its own, {"step": 0, "loss": 1.5}, by json.dumps',
            f"After {name} every line should be read, there was {type(error).__name__}: {error}",
        ) from None
    if steps is not None and numbers != list(range(steps)):
        if len(set(numbers)) < len(numbers):
            why = "some steps are there twice: drop the lines behind the saved state when resuming"
        elif numbers and numbers[0] == 1:
            why = "steps are counted from 0"
        else:
            why = "steps are missing: a resumed run keeps the lines of the run before"
        raise CheckFailed(why, f"After {name} {contrast(list(range(steps)), numbers)}")
    return losses


def read_state(folder: Path) -> None:
    """Complain unless the state in the folder can be read again."""
    try:
        torch.load(folder / "state.pt", weights_only=True)
    except Exception as error:  # a missing file, or one of pickle's many kinds
        raise CheckFailed(
            "folder / 'state.pt' cannot be read again: torch.save a dictionary of numbers, tensors "
            "and state_dicts there, no networks, optimisers or generators",
            f"torch.load(..., weights_only=True) should read it, got {type(error).__name__}",
        ) from None


def equal_losses(mine: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether two runs of as many steps have the same losses."""
    return all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(mine, wanted, strict=True))


def first_difference(name: str, mine: Sequence[float], wanted: Sequence[float]) -> str:
    """The first step whose losses differ, in words."""
    step = next(
        k for k, pair in enumerate(zip(mine, wanted, strict=True)) if not equal_losses(*zip(pair))
    )
    return f"In {name}, the loss of step {step}: {contrast(wanted[step], mine[step], digits=6)}"
