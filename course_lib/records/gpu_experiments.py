"""All experiments that want a GPU, one after the other in one process, within a given time.

A record that is there is skipped, training that was cut off goes on, and what does not fit into
the time is named and left for the next call.
"""

import gc
import json
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from course_lib.images import save_small
from course_lib.records.packing import unpack_images
from course_lib.stylize import DEFAULT_DECODER
from course_lib.system.devices import keep_freed_memory, pick_device
from course_lib.system.files import save_record
from course_lib.training.config import PRESETS
from course_lib.training.datasets import ImagePool, load_pool

DECODER = PRESETS["long"] | {"film": True, "checkpoint_every": 2000, "log_every": 100}
SHARE = 2 / 3  # of all minutes, for the decoder


@dataclass
class Series:
    """What the experiments share.

    Args:
        pack: ZIP of training images that ``pack_images`` wrote.
        out: folder of the records.
        device: name of a device.
        minutes: for everything together.
        arms: of the recipe study; all of them if not given.
        toy: sizes so small that the same code runs through in a test.
    """

    pack: Path
    out: Path
    device: str = "auto"
    minutes: float = 9.0
    toy: bool = False
    arms: Sequence[str] | None = None
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds_left(self) -> float:
        return 60 * self.minutes - (time.perf_counter() - self.started)

    @cached_property
    def folders(self) -> dict[str, Path]:
        size = self.pack.stat().st_size if self.pack.exists() else 0
        return unpack_images(self.pack, Path(tempfile.gettempdir()) / f"{self.pack.stem}-{size}")

    @cached_property
    def pools(self) -> tuple[ImagePool, ImagePool]:
        """Photographs and paintings of the pack, on the device if they fit."""
        places, size = self.folders, 64 if self.toy else 512
        pools = (
            load_pool([places["content"]], size, 64 if self.toy else 256, progress=False),
            load_pool(
                [places["sharp"], places["small"]], size, 64 if self.toy else 224, progress=False
            ),
        )
        for pool in pools:
            pool.move_if_it_fits(pick_device(self.device))
        return pools

    @property
    def decoder(self) -> Path:
        """The decoder of this series, or the shipped one while there is none."""
        mine = self.out / "decoder" / "decoder.safetensors"
        return mine if mine.exists() else DEFAULT_DECODER

    @property
    def base(self) -> dict[str, object]:
        """Settings of every training run."""
        places = self.folders
        base = {
            "content": (str(places["content"]),),
            "style": (str(places["sharp"]), str(places["small"])),
            "out": "not saved",
            "device": str(pick_device(self.device)),
        }
        return base | ({"crop": 48, "style_crop": 48, "batch": 2} if self.toy else {})


def decoder(series: Series, seconds: float) -> None:
    """Train the decoder that we ship; a run that was cut off goes on for what is left of it."""
    from course_lib.training.config import TrainingConfig
    from course_lib.training.loop import train

    settings = DECODER | series.base | {"out": str(series.out / "decoder")}
    note = "see data/README.md: photographs and paintings for research and education"
    config = TrainingConfig(**settings, minutes=seconds / 60, data_note=note)
    train(config, progress=False, pools=series.pools, on_log=print_tenth())


def print_tenth() -> Callable[[dict[str, object]], None]:
    """Print every tenth record of a log."""
    count = 0

    def show(record: dict[str, object]) -> None:
        nonlocal count
        count += 1
        if count % 10 == 0:
            print(json.dumps(record), flush=True)

    return show


def study(series: Series, seconds: float) -> tuple[dict, dict]:
    """The recipe study, with the style weights among its arms."""
    from course_lib.records.recipe_study import ARMS, KEPT, recipe_study

    held_out = series.folders["held_out_content"], series.folders["held_out_style"]
    arms = series.arms or list(ARMS)
    if series.toy:
        arms = ["base", "Muon", "relative losses", "kept statistics"]
    return recipe_study(
        series.base,
        series.pools,
        held_out,
        max(1.0, seconds / len(arms) - 2),
        lambda picture: save_small(picture, series.out / "recipe_study.jpg"),
        arms,
        size=64 if series.toy else 256,
        kept=8 if series.toy else KEPT,
    )


def training_speed(series: Series, seconds: float) -> tuple[dict, dict]:
    from course_lib.records.train_step_speed import measure_training_speed

    full = (8, 16, 32), (8,), 256, 20
    batches, compiled, crop, steps = ((2,), (), 48, 1) if series.toy else full
    return measure_training_speed(series.base, series.pools, batches, compiled, crop, steps)


def runtime(series: Series, seconds: float) -> tuple[dict, dict]:
    """AdaIN against Gatys' optimisation, the report's recipe to its end, on five pairs."""
    from course_lib.gatys.config import GatysConfig
    from course_lib.records.runtime import benchmark_runtime
    from course_lib.records.runtime_config import RuntimeConfig

    sizes: dict[str, object] = {"evaluations": 1000, "sizes": (256, 512, 1024)}
    if series.toy:
        sizes = {
            "images": 2,
            "size": 32,
            "evaluations": 4,
            "sizes": (32,),
            "quality_size": 32,
            "quality_evaluations": 3,
        }
    device = str(pick_device(series.device))
    config = RuntimeConfig(repeats=1, device=device, **sizes)
    recipe = GatysConfig(
        device=device, steps=2 if series.toy else 50, evaluations_per_step=2 if series.toy else 20
    )
    return benchmark_runtime(
        config,
        series.out / "runtime",
        print,
        recipe,
        series.decoder,
        lambda parts: save_record(series.out / "runtime_unfinished.json", {}, parts),
    )


def report_recipe(series: Series, seconds: float) -> None:
    """The report's recipe to its end, on 1200 + 1200 images of the pack."""
    from course_lib.training.config import TrainingConfig
    from course_lib.training.loop import train

    steps = {"steps": 3} if series.toy else {}
    config = TrainingConfig(**series.base | {"out": str(series.out / "report_recipe")} | steps)
    train(config, progress=False, on_log=print_tenth())


def inference(series: Series, seconds: float) -> tuple[dict, dict]:
    from course_lib.records.stylize_speed import measure_inference
    from course_lib.stylize import StyleTransfer

    transfer = StyleTransfer.load(series.decoder, device=series.device)
    sizes, batches = ((32, 40), (1, 2)) if series.toy else ((256, 512, 1024, 2048), (1, 16))
    return measure_inference(transfer, sizes, batches, repeats=2 if series.toy else 10)


def optimizers(series: Series, seconds: float) -> tuple[dict, dict]:
    """Gatys' optimisers, both starts."""
    from course_lib.records.gatys_optimizers import compare_optimizers

    sizes = (32, 4, 16, 2) if series.toy else (512, 300, 128, 60)
    return compare_optimizers("cat", "impasto_night", *sizes, series.out / "optimizers")


# In order of importance; the seconds that each is given at least.
EXPERIMENTS: dict[str, tuple[Callable, float]] = {
    "decoder": (decoder, 60),
    "recipe_study": (study, 60),
    "training_speed": (training_speed, 45),
    "runtime": (runtime, 100),
    "report_recipe": (report_recipe, 90),
    "inference": (inference, 15),
    "optimizers": (optimizers, 60),
}


def pack_pictures(folder: Path) -> None:
    """Put a folder of pictures into one ZIP, because many small files are a nuisance to carry."""
    if folder.is_dir() and all(path.suffix == ".jpg" for path in folder.iterdir()):
        shutil.make_archive(str(folder), "zip", folder)
        shutil.rmtree(folder)


def run_series(
    series: Series,
    only: Sequence[str] = tuple(EXPERIMENTS),
    seconds: dict[str, float] | None = None,
) -> list[str]:
    """Run what is missing and fits; returns the names of what was not finished.

    Args:
        only: names of ``EXPERIMENTS``.
        seconds: for an experiment, instead of its share of the time.
    """
    device = pick_device(series.device)
    if device.type == "cpu":
        keep_freed_memory()
    unfinished = []
    for name in (name for name in EXPERIMENTS if name in only):
        run, least = EXPERIMENTS[name]
        path = series.out / (
            f"{name}.json" if name not in ("decoder", "report_recipe") else f"{name}/finished.json"
        )
        if path.exists():
            print(f"{name}: there already", flush=True)
            continue
        given = (seconds or {}).get(name)
        if given is None:
            given = 60 * series.minutes * SHARE if name == "decoder" else least
        if not series.toy and series.seconds_left < min(given, least):
            print(f"{name}: no time left ({series.seconds_left:.0f} s)", flush=True)
            unfinished.append(name)
            continue
        started = time.perf_counter()
        print(f"{name}: {given:.0f} s", flush=True)
        try:
            record = run(series, given)
        except Exception:  # the experiments after it are worth having in any case
            traceback.print_exc()
            unfinished.append(name)
            continue
        settings, results = record or ({}, {})
        settings = settings | {"seconds_in_all": round(time.perf_counter() - started, 1)}
        save_record(path, settings, results)
        pack_pictures(series.out / name)
        print(f"{name}: done in {settings['seconds_in_all']} s", flush=True)
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return unfinished
