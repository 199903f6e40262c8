"""The four optimisers against each other: rates found by a small sweep, then equal evaluations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from course_lib.gatys.config import OPTIMIZERS, GatysConfig
from course_lib.gatys.film import columns
from course_lib.gatys.loop import GatysResult, optimize
from course_lib.gatys.objective import build_encoder
from course_lib.images import save_small, square, to_image, to_tensor
from course_lib.painting.batch import choose
from course_lib.system.devices import machine

# Rates to begin with; ``find_rate`` goes on where the best of them is the first or the last.
RATES = {
    "lbfgs": (0.3, 1.0, 3.0),
    "adam": (0.01, 0.03, 0.1),
    "sgd": (1e-4, 3e-4, 1e-3),
    "adadelta": (3.0, 10.0, 30.0),
}
FARTHEST = 4  # rates beyond the given ones
STARTS = ("noise", "content")

Say = Callable[[str], None]


def compare_optimizers(
    content: str,
    style: str,
    size: int,
    evaluations: int,
    sweep_size: int,
    sweep_evaluations: int,
    pictures: Path,
    say: Say = print,
) -> tuple[dict[str, object], dict[str, object]]:
    """Run every optimiser from noise and from content, each with its best rate of the sweep.

    Args:
        content, style: names of bundled pictures.
        size: side of the square pictures of the comparison; ``sweep_size`` while rates are tried.
        evaluations: of each run of the comparison; ``sweep_evaluations`` of each rate.
        pictures: folder for one JPEG per run and a sheet of all.

    Returns:
        Settings, ``sweep`` (start -> optimiser -> rate -> loss of the 8-bit image) and ``runs``
        (``noise_lbfgs`` ... -> rate, losses, seconds, history). The 8-bit image decides.
    """
    base = GatysConfig()
    files = [*choose("content", [content]), *choose("style", [style])]
    network = build_encoder(base)

    def run(side: int, count: int, **settings: object) -> GatysResult:
        pair = [to_tensor(square(path, side)) for path in files]
        config = replace(base, steps=count, max_evaluations=count, **settings)
        return optimize(*pair, config, network=network)

    sweep: dict[str, dict[str, dict[str, float | None]]] = {}
    runs = {}
    for start in STARTS:
        sweep[start] = {}
        for optimizer in OPTIMIZERS:

            def judge(rate: float, start: str = start, optimizer: str = optimizer) -> float:
                tried = {"init": start, "optimizer": optimizer, "learning_rate": rate}
                result = run(sweep_size, sweep_evaluations, **tried)
                say(f"{start} {optimizer} rate {rate:g}: saved loss {result.saved_loss:.5g}")
                return result.saved_loss

            best, losses = find_rate(judge, RATES[optimizer])
            sweep[start][optimizer] = {f"{rate:g}": loss for rate, loss in losses.items()}
            result = run(size, evaluations, init=start, optimizer=optimizer, learning_rate=best)
            name = f"{start}_{optimizer}"
            save_small(to_image(result.image), pictures / f"{name}.jpg")
            kept = ("evaluations", "steps", "seconds", "stopped", "loss", "saved_loss")
            runs[name] = {"learning_rate": best} | {key: getattr(result, key) for key in kept}
            runs[name]["history"] = columns(result.history, 5)
            say(f"{name}: saved loss {result.saved_loss:.5g}, {result.seconds:.1f} s")
    settings = {
        "content": content,
        "style": style,
        "size": size,
        "evaluations": evaluations,
        "sweep_size": sweep_size,
        "sweep_evaluations": sweep_evaluations,
        "style_weight": base.style_weight,
        "seed": base.seed,
        **machine(network.features[0].weight.device, network.features[0].weight.dtype),
    }
    return settings, {"sweep": sweep, "runs": runs}


def find_rate(
    judge: Callable[[float], float], rates: Sequence[float]
) -> tuple[float, dict[float, float]]:
    """Try learning rates, and more of them until the best one has a worse one on either side.

    Args:
        judge: rate -> loss.
        rates: to begin with, at least two, rising; further ones are three times as far.

    Returns:
        The best rate, and all rates in order with their losses. After ``FARTHEST`` further rates
        the search ends even if the best one is at the end.
    """
    losses = {rate: judge(rate) for rate in rates}
    for _ in range(FARTHEST):
        best, first, last = min(losses, key=losses.get), min(losses), max(losses)
        if best not in (first, last):
            break
        further = float(f"{first / 3 if best == first else last * 3:.1g}")
        losses[further] = judge(further)
    return min(losses, key=losses.get), dict(sorted(losses.items()))
