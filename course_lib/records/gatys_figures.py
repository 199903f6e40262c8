"""The heavy pictures of lesson 05: textures, reconstructions, layers, starts, weights, a film."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image

from course_lib import DATA_DIR
from course_lib.gatys.config import CONTENT_LAYERS, STYLE_LAYERS, GatysConfig
from course_lib.gatys.loop import GatysResult, first_image, optimize, snapshot_schedule
from course_lib.gatys.objective import build_encoder
from course_lib.images import contact_sheet, eight_bit, save_small, square, to_image, to_tensor
from course_lib.lessons.lesson05.figures import DEPTHS
from course_lib.system.devices import machine

# The first pair is that of all single figures, all three are used to choose the style weight.
PAIRS = (("cat", "impasto_night"), ("city", "stained_glass"), ("raccoon", "woodblock_waves"))
RECONSTRUCTED = tuple(f"conv{block}_2" for block in range(1, 6))
CHOICES = (("conv2_2", "conv4_2", "conv5_2"), (DEPTHS[0], DEPTHS[2], DEPTHS[4]))
WEIGHTS = (0.2, 1.0, 5.0)
FRAMES = 8
SHEET_BYTES = 240_000

Say = Callable[[str], None]
Sheet = list[list[Image.Image]]
Runs = dict[str, dict[str, object]]


class ShortRuns:
    """Runs short optimisations that share one encoder, at one size.

    Args:
        size: side of the square pictures.
        evaluations: of the loss, for a run that says nothing else.
        say: is told about every run.
    """

    def __init__(self, size: int, evaluations: int, say: Say) -> None:
        self.size, self.evaluations, self.say = size, evaluations, say
        self.network = build_encoder(GatysConfig(content_layers=RECONSTRUCTED))

    def picture(self, kind: str, name: str) -> torch.Tensor:
        """A bundled picture cut to a square: (1, 3, size, size) in [0, 1]."""
        return to_tensor(square(DATA_DIR / kind / f"{name}.jpg", self.size))

    def run(
        self,
        pair: tuple[str, str] = PAIRS[0],
        times: int = 1,
        on_snapshot: Callable | None = None,
        **settings: object,
    ) -> GatysResult:
        """Optimise for ``times`` the usual evaluations."""
        count = times * self.evaluations
        config = replace(GatysConfig(), steps=count, max_evaluations=count, **settings)
        inputs = self.picture("content", pair[0]), self.picture("style", pair[1])
        result = optimize(*inputs, config, on_snapshot, network=self.network)
        self.say(f"{'+'.join(pair)} {settings}: loss {result.saved_loss:.4g}")
        return result


def draw_figures(
    size: int, evaluations: int, pictures: Path, say: Say = print
) -> tuple[dict[str, object], dict[str, object]]:
    """Draw every sheet of lesson 05 that takes minutes and write it into ``pictures``.

    A sheet is a grid of tiles without gaps; the lesson cuts it up again.

    Args:
        size: side of the square pictures.
        evaluations: of each short run; reconstructions and starts get twice as many.

    Returns:
        Settings, and sheet -> run -> losses.
    """
    short = ShortRuns(size, evaluations, say)
    results: dict[str, object] = {}
    for part in (textures, reconstructions, layer_choices, starts_and_film, style_weights):
        for name, (sheet, runs) in part(short).items():
            save_small(
                contact_sheet(sheet, size, gap=0), pictures / f"{name}.jpg", limit=SHEET_BYTES
            )
            results[name] = runs
    kernels = short.network.features[0].weight
    settings = {
        "size": size,
        "evaluations": evaluations,
        "pairs": PAIRS,
        "optimizer": "lbfgs",
        "style_weight": GatysConfig().style_weight,
        "content_layers": CONTENT_LAYERS,
        "style_layers": STYLE_LAYERS,
        **machine(kernels.device, kernels.dtype),
    }
    return settings, results


def losses(result: GatysResult) -> dict[str, object]:
    """What the record says about a run; the parts are those of the 8-bit image."""
    parts = result.objective.measure(eight_bit(result.image))
    return {
        "evaluations": result.evaluations,
        "loss": result.loss,
        "saved_loss": result.saved_loss,
        "content": parts.content,
        "style": parts.style,
    }


def textures(short: ShortRuns) -> dict[str, tuple[Sheet, Runs]]:
    """Style loss alone, from noise: one row per painting, layers up to conv1_1 ... conv5_1."""
    sheet, runs = [], {}
    for pair in PAIRS[:2]:
        row = []
        for layers in DEPTHS:
            result = short.run(pair, content_layers=(), style_layers=layers)
            row.append(to_image(result.image))
            runs[f"{pair[1]} {layers[-1]}"] = losses(result)
        sheet.append(row)
    return {"textures": (sheet, runs)}


def reconstructions(short: ShortRuns) -> dict[str, tuple[Sheet, Runs]]:
    """Content loss alone, from noise: conv1_2 ... conv5_2."""
    row, runs = [], {}
    for layer in RECONSTRUCTED:
        result = short.run(times=2, content_layers=(layer,), style_layers=())
        row.append(to_image(result.image))
        error = (result.image - short.picture("content", PAIRS[0][0])).square().mean().sqrt()
        runs[layer] = losses(result) | {"pixel_error": error.item()}
    return {"reconstructions": ([row], runs)}


def layer_choices(short: ShortRuns) -> dict[str, tuple[Sheet, Runs]]:
    """Both losses, from noise: one row per content layer, one column per depth of the style."""
    sheet, runs = [], {}
    for content in CHOICES[0]:
        row = []
        for styles in CHOICES[1]:
            result = short.run(content_layers=(content,), style_layers=styles)
            row.append(to_image(result.image))
            runs[f"{content} {styles[-1]}"] = losses(result)
        sheet.append(row)
    return {"layers": (sheet, runs)}


def starts_and_film(short: ShortRuns) -> dict[str, tuple[Sheet, Runs]]:
    """One loss from four starts, above each result where it began; frames of two of the runs."""
    content, style = short.picture("content", PAIRS[0][0]), short.picture("style", PAIRS[0][1])
    choices = {
        "noise": {"init": "noise"},
        "other noise": {"init": "noise", "seed": 1},
        "content": {"init": "content"},
        "style": {"init": "style"},
    }
    shots = snapshot_schedule(2 * short.evaluations, FRAMES)
    sheet, runs, film, frames = [[], []], {}, [], {}
    for name, settings in choices.items():
        taken, numbers = [], []

        def note(image: torch.Tensor, row: object, taken: list = taken, to: list = numbers) -> None:
            taken.append(to_image(image))
            to.append({"evaluation": row.evaluation, "loss": row.total})

        result = short.run(times=2, on_snapshot=note, snapshots=shots, **settings)
        start = first_image(content, style, replace(GatysConfig(), **settings))
        sheet[0].append(to_image(start))
        sheet[1].append(to_image(result.image))
        runs[name] = losses(result) | {"first_loss": result.history[0].total}
        if name in ("noise", "content"):
            film.append(taken)
            frames[name] = numbers
    return {"starts": (sheet, runs), "film": (film, frames)}


def style_weights(short: ShortRuns) -> dict[str, tuple[Sheet, Runs]]:
    """Three pairs from noise and from content: one row each, one column per style weight."""
    sheet, runs = [], {}
    for pair in PAIRS:
        for init in ("noise", "content"):
            row = []
            for weight in WEIGHTS:
                result = short.run(pair, init=init, style_weight=weight)
                row.append(to_image(result.image))
                runs[f"{' '.join(pair)} {init} {weight:g}"] = losses(result)
            sheet.append(row)
    return {"weights": (sheet, runs)}
