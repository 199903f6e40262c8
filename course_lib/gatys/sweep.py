"""The four optimisers against each other: rates found by a small sweep, then equal evaluations."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from course_lib import DATA_DIR
from course_lib.batch import square
from course_lib.devices import describe
from course_lib.files import replacing
from course_lib.gatys.config import OPTIMIZERS, GatysConfig
from course_lib.gatys.film import columns
from course_lib.gatys.loop import optimize
from course_lib.gatys.objective import build_encoder
from course_lib.images import to_image, to_tensor

RATES = {
    "lbfgs": (0.3, 1.0),
    "adam": (0.01, 0.03, 0.1),
    "sgd": (1e-4, 3e-4, 1e-3, 3e-3),
    "adadelta": (1.0, 3.0, 10.0, 30.0),
}
STARTS = ("noise", "content")
MAX_BYTES = 60_000  # of one picture

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
    network = build_encoder(base)

    def pair(side: int) -> tuple[object, object]:
        return tuple(
            to_tensor(square(DATA_DIR / kind / f"{name}.jpg", side))
            for kind, name in (("content", content), ("style", style))
        )

    def run(side: int, count: int, **settings: object) -> object:
        config = replace(base, steps=count, max_evaluations=count, **settings)
        return optimize(*pair(side), config, network=network)

    sweep: dict[str, dict[str, dict[str, float | None]]] = {}
    runs = {}
    for start in STARTS:
        sweep[start] = {}
        for optimizer in OPTIMIZERS:
            losses = {}
            for rate in RATES[optimizer]:
                result = run(sweep_size, sweep_evaluations, init=start, optimizer=optimizer,
                             learning_rate=rate)  # fmt: skip
                losses[f"{rate:g}"] = result.saved_loss
                say(f"{start} {optimizer} rate {rate:g}: saved loss {result.saved_loss:.5g}")
            sweep[start][optimizer] = losses
            best = float(min(losses, key=losses.get))
            result = run(size, evaluations, init=start, optimizer=optimizer, learning_rate=best)
            name = f"{start}_{optimizer}"
            save_small(to_image(result.image), pictures / f"{name}.jpg")
            runs[name] = {
                "learning_rate": best,
                "evaluations": result.evaluations,
                "steps": result.steps,
                "seconds": result.seconds,
                "stopped": result.stopped,
                "loss": result.loss,
                "saved_loss": result.saved_loss,
                "history": columns(result.history, 5),
            }
            say(f"{name}: saved loss {result.saved_loss:.5g}, {result.seconds:.1f} s")
    settings = {
        "content": content, "style": style, "size": size, "evaluations": evaluations,
        "sweep_size": sweep_size, "sweep_evaluations": sweep_evaluations,
        "style_weight": base.style_weight, "seed": base.seed,
        "device": describe(network.features[0].weight.device),
        "precision": str(network.features[0].weight.dtype).removeprefix("torch."),
    }  # fmt: skip
    return settings, {"sweep": sweep, "runs": runs}


def save_small(picture: Image.Image, path: Path, limit: int = MAX_BYTES) -> Path:
    """Write a JPEG of at most ``limit`` bytes, at the best quality that fits."""
    for quality in range(95, 10, -5):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= limit:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path
