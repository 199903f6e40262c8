"""Quality at equal time: how long the optimisation takes to be as good as AdaIN, by its own loss.

The judge is the loss that the optimisation minimises and that AdaIN's decoder never saw, so this is
the optimisation's home ground.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.film import columns
from course_lib.gatys.loop import GatysResult, optimize
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import eight_bit, save_small, to_image
from course_lib.lessons.lesson06.report_table import in_words
from course_lib.measuring.timing import repeated, summary
from course_lib.records.runtime_scaling import picture
from course_lib.stylize import StyleTransfer

Say = Callable[[str], None]
STARTS = ("noise", "content")


def equal_quality(
    names: Sequence[tuple[str, str]],
    transfer: StyleTransfer,
    config: GatysConfig,
    size: int,
    evaluations: int,
    repeats: int,
    pictures: Path | None,
    say: Say,
) -> list[dict[str, object]]:
    """For each pair of bundled pictures: the loss of AdaIN's output, and when Gatys reaches it.

    Args:
        names: (photograph, style) pairs.
        size: side of the square pictures.
        evaluations: of the optimisation, from white noise (the report's start) and from the
            photograph; each run goes on to its end, whenever it passes AdaIN.
        pictures: folder for AdaIN's output and both results as JPEG; none are written if None.
    """
    network = build_encoder(config)
    rows = []
    for name in names:
        content, style = (
            picture(kind, n, size, transfer.device)
            for kind, n in zip(("content", "style"), name, strict=True)
        )
        adain = transfer.stylize(content, style)
        times = repeated(
            lambda c=content, s=style: transfer.stylize(c, s), repeats, transfer.device
        )
        objective = GatysObjective(content, style, config, network)
        loss = objective.measure(eight_bit(adain)).total
        row: dict[str, object] = {
            "content": name[0],
            "style": name[1],
            "adain_seconds": summary(times)["median"],
            "adain_loss": loss,
            "loss_of_the_photograph": objective.measure(content).total,
            "gatys": {},
        }
        images = {"adain": adain}
        for start in STARTS:
            limited = replace(config, init=start, max_evaluations=evaluations)
            run = optimize(content, style, limited, network=network)
            images[start] = run.image
            row["gatys"][start] = until(run, loss)
        if pictures is not None:
            for kind, image in images.items():
                save_small(to_image(image), pictures / f"{name[0]}_{name[1]}_{kind}.jpg")
        rows.append(row)
        say(in_words(row))
    return rows


def until(run: GatysResult, loss: float) -> dict[str, object]:
    """When a run first reached a loss, and where it ended.

    Returns:
        ``evaluations`` and ``seconds`` (the targets' included, loading the network not), both None
        if the loss was not reached; ``final_loss`` of the rounded best image; the ``history``.
    """
    reached = next((row for row in run.history if row.total <= loss), None)
    history = columns(run.history, 5)
    return {
        "evaluations": reached.evaluation if reached else None,
        "seconds": reached.seconds if reached else None,
        "final_loss": run.saved_loss,
        "evaluations_in_all": run.evaluations,
        "seconds_in_all": run.seconds,
        "history": {key: history[key] for key in ("seconds", "total")},
    }
