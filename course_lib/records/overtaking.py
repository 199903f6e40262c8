"""How long Gatys' optimisation takes to get ahead of AdaIN's picture, on its own objective."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from torch import Tensor

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.loop import optimize
from course_lib.gatys.objective import GatysObjective, build_encoder
from course_lib.images import eight_bit, square, to_tensor
from course_lib.stylize import StyleTransfer
from course_lib.vgg import VGG19Encoder


def evaluations_to_overtake(
    transfer: StyleTransfer,
    content: Tensor,
    style: Tensor,
    config: GatysConfig,
    network: VGG19Encoder,
) -> int | None:
    """Evaluations that Gatys' optimisation needs to get below the loss of AdaIN's picture.

    Huang & Belongie 2017 (section 6.1) judge their pictures by the loss of Gatys et al., and find
    them about as good as those of 50 to 100 iterations. The picture counts as its file of 8 bits.

    Args:
        content, style: (1, 3, H, W) in [0, 1].
        config: where the optimisation starts, its loss, and the most evaluations it gets.
        network: an encoder made by ``build_encoder``.

    Returns:
        None if it is not there after the last evaluation.
    """
    picture = eight_bit(transfer.stylize(content, style))
    loss = GatysObjective(content, style, config, network).measure(picture).total
    every = tuple(range(1, config.planned_evaluations + 1))
    rows = optimize(
        content,
        style,
        replace(config, snapshots=every),
        lambda _, row: row.total < loss,
        network=network,
    ).history
    return rows[-1].evaluation if rows[-1].total < loss else None


def count_evaluations(
    transfer: StyleTransfer, pairs: Sequence[tuple[Path, Path]], size: int, config: GatysConfig
) -> dict[str, object]:
    """``evaluations_to_overtake`` of pairs of files, as squares of ``size``, and their median.

    A pair that is never overtaken counts as more than ``config`` allows: null, at the upper end.
    """
    network, rows = build_encoder(config), []
    for pair in pairs:
        images = [to_tensor(square(path, size)) for path in pair]
        count = evaluations_to_overtake(transfer, *images, config, network)
        rows.append({"content": pair[0].name, "style": pair[1].name, "evaluations": count})
    middle = median(row["evaluations"] or float("inf") for row in rows)
    return {
        "median_evaluations": middle if middle < float("inf") else None,
        "most_evaluations": config.planned_evaluations,
        "pairs": rows,
    }
