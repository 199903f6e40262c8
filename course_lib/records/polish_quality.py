"""How far the decoder is from the optimum of its own loss, and what a second of polishing buys.

Three questions, one record: the losses of several pairs as multiples of the optimum's; which
optimiser gets there first; and how AdaIN, polishing and Gatys' optimisation compare at equal time
in the eyes of both losses. What does not depend on the decoder (the optimum, and Gatys' runs) is
taken from an older record of the same pictures, so that a new decoder is measured in minutes.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.loop import optimize, snapshot_schedule
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import eight_bit, square, to_tensor
from course_lib.measuring.timing import repeated
from course_lib.polish import Losses, Objective, Row, polish
from course_lib.records.polish_optimizers import try_optimizers
from course_lib.stylize import StyleTransfer
from course_lib.system.files import rounded

MARKS = (10, 12, 20, 50, 100)  # steps of polishing that the table shows
OPTIMIZER_PAIRS = 2
FRAMES = 16  # points of a curve
Say = Callable[[str], None]
Pair = tuple[Path, Path]  # a photograph and a painting


def measure_polish(
    transfer: StyleTransfer,
    pairs: Sequence[Pair],
    size: int,
    optimum_steps: int,
    curves: int,
    evaluations: int,
    older: Mapping[str, list],
    keep: Callable[[dict[str, object]], object],
    say: Say = print,
) -> dict[str, object]:
    """Measure all three for squares of ``size`` pixels.

    Args:
        optimum_steps: of the long run from the photograph whose end counts as the optimum.
        curves: so many of the pairs, from the first, are also compared with Gatys' optimisation,
            and two of them show the optimisers.
        evaluations: of each run of Gatys' optimisation.
        older: ``results`` of an earlier record, or nothing.
        keep: called with the results so far after every pair, as ``older`` for another try.

    Returns:
        ``pairs``, their ``medians``, ``optimizers`` and ``curves``.
    """
    known = {
        part: {row["inputs"]: row for row in older.get(part, [])} for part in ("pairs", "curves")
    }
    rows, tried, drawn = [], [], []
    for number, pair in enumerate(pairs):
        content, style = (to_tensor(square(path, size)).to(transfer.device) for path in pair)
        digest = hashlib.sha256(b"".join(path.read_bytes() for path in pair)).hexdigest()[:12]
        names = {
            "content": pair[0].stem,
            "style": pair[1].stem,
            "inputs": f"{digest}, {size} px, {transfer.encoder.description}",
        }
        best = known["pairs"].get(names["inputs"], {}).get("optimum", {})
        if best.get("steps") != optimum_steps:
            best = find_optimum(transfer.objective(content, style), content, optimum_steps)
        rows.append(names | {"optimum": best} | measure_pair(transfer, content, style, best))
        say(in_words(rows[-1]))
        if number < curves:
            gatys = known["curves"].get(names["inputs"], {}).get("gatys", {})
            drawn.append(names | draw_curves(transfer, content, style, evaluations, gatys))
            say(f"overtaken: {drawn[-1]['overtaken']}")
        if number < min(curves, OPTIMIZER_PAIRS):
            tried.append(names | {"tried": try_optimizers(transfer, content, style)})
            say("optimisers tried")
        keep({"pairs": rows, "curves": drawn})
    return {"pairs": rows, "medians": medians(rows), "optimizers": tried, "curves": drawn}


def plain(losses: Losses) -> dict[str, float]:
    """Losses as numbers."""
    return rounded({name: float(value) for name, value in losses._asdict().items()})


def find_optimum(objective: Objective, content: Tensor, steps: int) -> dict[str, float]:
    """The lowest losses of a long run, from the photograph: no decoder has a part in them."""
    rows = polish(objective, content, steps).history
    return plain(min((row.losses for row in rows), key=lambda x: x.total)) | {"steps": steps}


def measure_pair(
    transfer: StyleTransfer, content: Tensor, style: Tensor, best: Mapping[str, float]
) -> dict[str, object]:
    """Losses after so many steps, 0 for the decoder's picture, with seconds and multiples.

    Seconds are those of everything from the two images on, with the networks loaded.
    """
    decoder = statistics.median(
        repeated(lambda: transfer.stylize(content, style), 3, transfer.device)
    )
    before = time.perf_counter()
    objective = transfer.objective(content, style)
    start = transfer.decode(objective.target, tuple(content.shape[-2:]))
    before = time.perf_counter() - before
    history = polish(objective, start, max(MARKS)).history
    steps = {}
    for mark in (0, *MARKS):
        losses = min((row.losses for row in history[: mark + 1]), key=lambda losses: losses.total)
        row = plain(losses)
        row["seconds"] = rounded(before + history[mark].seconds if mark else decoder)
        row["of_optimum"] = {name: rounded(row[name] / best[name]) for name in Losses._fields}
        row["style_share"] = rounded(row["style"] / steps["0"]["style"]) if mark else 1.0
        steps[str(mark)] = row
    each = (history[-2].seconds - history[0].seconds) / (len(history) - 2)
    return {"steps": steps, "seconds_per_step": rounded(each)}


def medians(rows: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Over the pairs, for every number of steps."""

    def median(mark: str, pick: Callable[[Mapping], float]) -> float:
        return rounded(statistics.median(pick(row["steps"][mark]) for row in rows))

    return {
        mark: {
            "seconds": median(mark, lambda step: step["seconds"]),
            "style_share": median(mark, lambda step: step["style_share"]),
            "of_optimum": {
                name: median(mark, lambda step, name=name: step["of_optimum"][name])
                for name in Losses._fields
            },
        }
        for mark in rows[0]["steps"]
    }


def in_words(row: Mapping[str, object]) -> str:
    """'cat, ink_wash: style 12.1x the optimum, after 12 steps 1.9x ...'."""
    first, later = row["steps"]["0"], row["steps"]["12"]
    return (
        f"{row['content']}, {row['style']}: style loss {first['of_optimum']['style']:.1f}x the "
        f"optimum's, after 12 steps {later['of_optimum']['style']:.1f}x; total "
        f"{first['of_optimum']['total']:.2f}x and {later['of_optimum']['total']:.2f}x; "
        f"{later['seconds']:.1f} s"
    )


# --- against Gatys' optimisation ---


def draw_curves(
    transfer: StyleTransfer,
    content: Tensor,
    style: Tensor,
    evaluations: int,
    known: Mapping[str, object],
) -> dict[str, object]:
    """Quality against time of five ways, by AdaIN's loss and by Gatys'.

    Seconds are those of everything from the two images on, with the networks loaded; every picture
    is rounded to 8 bits. ``overtaken`` holds, for each judge and each start of Gatys' optimisation,
    the seconds at which it passes the decoder's picture, and those at which it passes what
    polishing has by then; None where it never does.
    """
    config = GatysConfig(device=str(transfer.device), max_evaluations=evaluations)
    network = build_encoder(config)
    theirs = GatysObjective(content, style, config, network)
    ours = transfer.objective(content, style)

    def judge(seconds: Sequence[float], images: Sequence[Tensor]) -> dict[str, list[float]]:
        images = [eight_bit(image.to(transfer.device)) for image in images]
        with torch.no_grad():
            adain = [ours(image).total.item() for image in images]
        gatys = [theirs.measure(image).total for image in images]
        table = {"seconds": seconds, "adain": adain, "gatys": gatys}
        return rounded({name: list(values) for name, values in table.items()})

    def polishing(start: Callable[[], tuple[Objective, Tensor]]) -> dict[str, list[float]]:
        began = time.perf_counter()
        objective, first = start()
        before, seen = time.perf_counter() - began, {}
        marks = {mark - 1 for mark in snapshot_schedule(max(MARKS) + 1, FRAMES)}

        def watch(row: Row, picture: Tensor) -> None:
            if row.step in marks:
                seen[before + row.seconds] = picture

        polish(objective, first, max(MARKS), watch=watch)
        return judge(list(seen), list(seen.values()))

    def from_decoder() -> tuple[Objective, Tensor]:
        objective = transfer.objective(content, style)
        return objective, transfer.decode(objective.target, tuple(content.shape[-2:]))

    seconds = repeated(lambda: transfer.stylize(content, style), 3, transfer.device)
    methods = {
        "decoder": judge([statistics.median(seconds)], [transfer.stylize(content, style)]),
        "decoder + polish": polishing(from_decoder),
        "polish from the photograph": polishing(
            lambda: (transfer.objective(content, style), content)
        ),
    }
    if known.get("evaluations") != evaluations:
        known = {"evaluations": evaluations}
        for start in ("content", "noise"):
            seen: dict[float, Tensor] = {}
            settings = replace(config, init=start, snapshots=snapshot_schedule(evaluations, FRAMES))
            optimize(
                content,
                style,
                settings,
                lambda image, row, seen=seen: seen.update({row.seconds: image}),
                network=network,
            )
            known[f"Gatys from {start}"] = judge(list(seen), list(seen.values()))
    methods |= {name: curve for name, curve in known.items() if name != "evaluations"}
    return {"gatys": known, "methods": methods, "overtaken": overtaking(methods)}


def overtaking(methods: Mapping[str, Mapping[str, list[float]]]) -> dict[str, object]:
    """When Gatys' optimisation gets ahead, in seconds; see ``draw_curves``."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    polished = methods["decoder + polish"]
    for judge in ("adain", "gatys"):
        found[judge] = {}
        for name in ("Gatys from content", "Gatys from noise"):
            curve = methods[name]
            points = list(zip(curve["seconds"], curve[judge], strict=True))

            def first(limit: Callable[[float], float], points: list = points) -> float | None:
                return next((t for t, loss in points if loss < limit(t)), None)

            def by_then(t: float, judge: str = judge) -> float:
                pairs = zip(polished["seconds"], polished[judge], strict=True)
                reached = [loss for seconds, loss in pairs if seconds <= t]
                return min(reached, default=float("-inf"))

            found[judge][name] = {
                "decoder": first(lambda _, judge=judge: methods["decoder"][judge][0]),
                "decoder + polish": first(by_then),
            }
    return found
