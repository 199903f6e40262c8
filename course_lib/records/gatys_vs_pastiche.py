"""A race against the ``pastiche`` package: same pictures, same loss, one thread each."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from course_lib.gatys.config import GatysConfig, GatysError
from course_lib.gatys.loop import GatysResult, HistoryRow, optimize
from course_lib.gatys.objective import GatysObjective
from course_lib.images import library, load_image, open_image, save_image, save_small, square
from course_lib.painting.batch import choose
from course_lib.system.devices import describe

STYLE_LAYERS = tuple(f"relu{block}_1" for block in range(1, 6))
CHANNELS = (64, 128, 256, 512, 512)
# pastiche's own loss: its layers, weights, network and zero padding. ``style_layer_weights`` are
# its 10 / channels ** 2.
THEIR_LOSS = GatysConfig(
    content_layers=("relu4_2",),
    style_layers=STYLE_LAYERS,
    content_weight=0.01,
    style_weight=1.0,
    relative=False,
    style_layer_weights=tuple(10 / channels**2 for channels in CHANNELS),
    normalize_activations=False,
    padding="zeros",
    init="content",
    device="cpu",
)
SNAPSHOT_EVERY = 10  # evaluations

Say = Callable[[str], None]


def race(
    content: str, style: str, size: int, evaluations: int, pictures: Path, say: Say = print
) -> tuple[dict[str, object], dict[str, object]]:
    """Run ours, pastiche and ours again on one thread each, and judge the saved PNG files.

    Both start from the content image. The judge is pastiche's loss in float32. Both clocks include
    reading weights and pictures but not importing PyTorch; ours includes saving a PNG file every
    ``SNAPSHOT_EVERY`` evaluations. Of our two runs the slower one counts.

    Both get the same squares as PNG files (pastiche's resizing leaves them as they are), the same
    layers, weights and encoder, and as many evaluations of L-BFGS without a line search. pastiche's
    settings are its defaults but for size, steps and device: ``max_iter=1`` makes each of its steps
    one evaluation and keeps L-BFGS's memory of the last 100.

    pastiche's pixels are free to leave the range while it optimises; only its ``save_image`` rounds
    and clamps them. So its saved file can be much worse than its own figure, which the results
    give, too. This is the clamping's doing alone: rounding costs next to nothing, and pastiche's
    own loss of its file, read with its own loader, is the judge's; a test repeats both. Ours
    optimises the clamped image (``optimizers.Pixels``). Ours runs in bfloat16 where the processor
    has it, pastiche in float32, which is all it offers.

    Args:
        content, style: names of bundled pictures.
        size: side of the square pictures.
        evaluations: of the loss, for both.
        pictures: folder for the two results as JPEG.

    Returns:
        Settings and results. ``time_ratio``: our seconds until a saved file is as good as
        pastiche's last one, over pastiche's seconds; None if that was never reached.
        ``time_ratio_of_loops``: the same without loading. ``loss_ratio``: our last file's loss over
        theirs.
    """
    with tempfile.TemporaryDirectory() as name, one_thread():
        folder = Path(name)
        inputs = [folder / "content.png", folder / "style.png"]
        for path, out in zip(
            [*choose("content", [content]), *choose("style", [style])], inputs, strict=True
        ):
            save_image(square(path, size), out)
        load_before = os.getloadavg()
        ours = [run_ours(*inputs, evaluations, folder / "ours1")]
        say(f"ours: {ours[0]['seconds']:.1f} s")
        theirs = run_pastiche(*inputs, size, evaluations, folder / "pastiche.png")
        say(f"pastiche: {theirs['seconds']:.1f} s")
        ours.append(run_ours(*inputs, evaluations, folder / "ours2"))
        say(f"ours: {ours[1]['seconds']:.1f} s")
        load_after = os.getloadavg()
        judge = make_judge(*inputs)
        theirs["saved_loss"] = judge(folder / "pastiche.png")
        for run in ours:
            judge_snapshots(run, judge, theirs["saved_loss"])
        judged_start = judge(inputs[0])
        pictures.mkdir(parents=True, exist_ok=True)
        save_small(open_image(folder / "pastiche.png"), pictures / "pastiche.jpg")
        save_small(open_image(ours[0]["files"][-1]), pictures / "ours_by_their_loss.jpg")
    for run in ours:
        del run["files"]
    settings = {
        "content": content,
        "style": style,
        **conditions(size, evaluations, [run.pop("precision") for run in ours][0]),
        "load_average_before": load_before,
        "load_average_after": load_after,
    }
    results = {
        "judge_on_the_content_image": judged_start,
        "pastiche_on_the_content_image": theirs.pop("first_loss"),
        "pastiche": theirs,
        "ours": ours,
        **compare(ours, theirs),
    }
    return settings, results


def race_pairs(
    count: int, size: int, evaluations: int, say: Say = print
) -> tuple[dict[str, object], dict[str, object]]:
    """The same race, one run each, over ``count`` pairs: does the single pair's result hold?

    Photographs and styles of the library are paired in turn. The judge is
    pastiche's own network and loss on the saved files, read with its own loader.

    Returns:
        Settings; and per pair, and as lowest, median and highest: ``loss_ratio``, the loss of our
        file over that of pastiche's, ``own_ratio``, the same of both optimisers' own figures, and
        ``time_ratio``.
    """
    contents, styles = list(library("content").values()), list(library("style").values())
    rows = []
    with tempfile.TemporaryDirectory() as name, one_thread():
        folder = Path(name)
        inputs = [folder / "content.png", folder / "style.png"]
        for number in range(count):
            pair = contents[number % len(contents)], styles[number * len(styles) // count]
            for path, out in zip(pair, inputs, strict=True):
                save_image(square(path, size), out)
            theirs = run_pastiche(*inputs, size, evaluations, folder / "theirs.png")
            ours = run_ours(*inputs, evaluations, folder / f"ours{number}")
            judge = their_judge(*inputs, size)
            losses = judge(ours["files"][-1]), judge(folder / "theirs.png")
            rows.append(
                {
                    "content": pair[0].stem,
                    "style": pair[1].stem,
                    "our_saved_loss": losses[0],
                    "their_saved_loss": losses[1],
                    "loss_ratio": losses[0] / losses[1],
                    "own_ratio": ours["loss"] / theirs["loss"],
                    "time_ratio": ours["seconds"] / theirs["seconds"],
                }
            )
            say(f"{pair[0].stem}, {pair[1].stem}: {rows[-1]['loss_ratio']:.2f} of their loss")
    settings = {
        "pairs": count,
        **conditions(size, evaluations, ours["precision"]),
        "judge": "pastiche's own network",
    }
    measures = {"lowest": min, "median": median, "highest": max}
    ranges = {
        key: {name: measure(row[key] for row in rows) for name, measure in measures.items()}
        for key in ("loss_ratio", "own_ratio", "time_ratio")
    }
    return settings, {"ranges": ranges, "pairs": rows}


def conditions(size: int, evaluations: int, precision: str) -> dict[str, object]:
    """What the settings of every race say; ours in ``precision``."""
    return {
        "size": size,
        "evaluations": evaluations,
        "threads": 1,
        "device": describe(torch.device("cpu")),
        "our_precision": precision,
        "their_precision": "float32",
    }


def their_judge(content: Path, style: Path, size: int) -> Callable[[Path], float]:
    """The loss of an image file by pastiche's own network, weights, loader and code."""
    from pastiche import pastiche

    artist = pastiche.PasticheArtist(
        str(content), [str(style)], device="cpu", size=size, style_size=size
    )

    @torch.no_grad()
    def judge(path: Path) -> float:
        artist.pastiche = pastiche.load_image(str(path), size=size)
        return artist._calc_loss().item()

    return judge


def compare(ours: list[dict], theirs: dict) -> dict[str, float | None]:
    """The three ratios of ``race``; of several runs of ours the worst counts."""
    reached = all(run["reached_seconds"] is not None for run in ours)
    whole = loops = None
    if reached:
        whole = max(run["reached_seconds"] for run in ours) / theirs["seconds"]
        loops = max(run["reached_seconds"] - run["setup_seconds"] for run in ours)
        loops = loops / (theirs["seconds"] - theirs["setup_seconds"])
    return {
        "time_ratio": whole,
        "time_ratio_of_loops": loops,
        "loss_ratio": max(run["saved_loss"] for run in ours) / theirs["saved_loss"],
    }


@contextmanager
def one_thread() -> object:
    """Let PyTorch use one thread inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_ours(content: Path, style: Path, evaluations: int, folder: Path) -> dict:
    """Optimise pastiche's loss with L-BFGS; save the image every ``SNAPSHOT_EVERY`` evaluations."""
    started = time.perf_counter()
    files: list[Path] = []
    rows: list[HistoryRow] = []

    def save(image: torch.Tensor, row: HistoryRow) -> None:
        files.append(save_image(image, folder / f"{row.evaluation:04d}.png"))
        rows.append(row)

    result = ours_by_their_loss(load_image(content), load_image(style), evaluations, save)
    files.append(save_image(result.image, folder / "last.png"))
    seconds = time.perf_counter() - started
    lag = seconds - result.seconds  # reading and writing files outside of ``optimize``
    return {
        "seconds": seconds,
        "setup_seconds": result.setup_seconds,
        "evaluations": result.evaluations,
        "steps": result.steps,
        "loss": result.loss,
        "snapshot_evaluations": [*(row.evaluation for row in rows), result.evaluations],
        "snapshot_seconds": [*(row.seconds + lag for row in rows), seconds],
        "precision": str(result.objective.network.features[0].weight.dtype).removeprefix("torch."),
        "files": files,
    }


def ours_by_their_loss(
    content: torch.Tensor, style: torch.Tensor, evaluations: int, save: Callable
) -> GatysResult:
    """``optimize`` with pastiche's loss, so many evaluations of L-BFGS, from the content."""
    snapshots = tuple(range(SNAPSHOT_EVERY, evaluations, SNAPSHOT_EVERY))
    config = replace(
        THEIR_LOSS, steps=evaluations, max_evaluations=evaluations, snapshots=snapshots
    )
    return optimize(content, style, config, save)


def run_pastiche(content: Path, style: Path, size: int, evaluations: int, out: Path) -> dict:
    """Run pastiche's own command; one of its L-BFGS steps is one evaluation.

    Raises:
        GatysError: it fails; the message holds its last line.
    """
    options = (
        f"--size {size} --style-size {size} --num-steps {evaluations} --optimizer lbfgs "
        f"--device cpu --seed 0 --info-step {evaluations}"
    ).split()
    files = {"--content": content, "--styles": style, "--output": out}
    command = [sys.executable, "-m", "pastiche", *map(str, sum(files.items(), ())), *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    whole = time.perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise GatysError(f"pastiche failed: {last}")
    table = [line.split() for line in done.stdout.splitlines()]
    rows = {int(row[0]): row for row in table if len(row) == 3 and row[0].isdigit()}
    shown = [f"{flag} {path.name}" for flag, path in files.items()]
    return {
        "command": " ".join(["python -m pastiche", *shown, *options]),
        "seconds": float(rows[evaluations][1]),  # by its own clock, which starts after the imports
        "setup_seconds": float(rows[0][1]),
        "process_seconds": whole,
        "evaluations": evaluations,
        "loss": float(rows[evaluations][2]),
        "first_loss": float(rows[0][2]),
    }


def make_judge(content: Path, style: Path) -> Callable[[Path], float]:
    """Pastiche's loss of an image file, in float32 with our encoder."""
    config = replace(THEIR_LOSS, precision="float32")
    objective = GatysObjective(load_image(content), load_image(style), config)
    return lambda path: objective.measure(load_image(path)).total


def judge_snapshots(run: dict, judge: Callable[[Path], float], target: float) -> None:
    """Add the losses of a run's files, and when the first was at least as good as ``target``."""
    losses = [judge(path) for path in run["files"]]
    run["snapshot_losses"] = losses
    run["saved_loss"] = losses[-1]
    reached = next((i for i, loss in enumerate(losses) if loss <= target), None)
    run["reached_seconds"] = None if reached is None else run["snapshot_seconds"][reached]
    run["reached_evaluations"] = None if reached is None else run["snapshot_evaluations"][reached]
