"""``benchmark runtime``: AdaIN against the optimisation, on equal terms.

Same pictures, same encoder weights, same size, device and process. Here the real command is timed;
``runtime_methods`` times both methods at one size, ``runtime_scaling`` other sizes and single
layers, ``runtime_quality`` quality at equal time; ``report_table`` of lesson 06 makes the report's
table of it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from course_lib import DATA_DIR, REPOSITORY, CourseError
from course_lib.gatys.config import GatysConfig
from course_lib.images import library
from course_lib.lessons.lesson06.report_table import REPORT, differences, runtime_table
from course_lib.measuring.timing import summary
from course_lib.records.runtime_config import PAIRS, RuntimeConfig
from course_lib.records.runtime_methods import measure_adain, measure_gatys
from course_lib.records.runtime_quality import equal_quality
from course_lib.records.runtime_scaling import picture, profile_layers, scale_sizes
from course_lib.stylize import DEFAULT_DECODER
from course_lib.system.devices import describe, keep_freed_memory

QUALITY_PAIRS = 5


def benchmark_runtime(
    config: RuntimeConfig,
    pictures: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    recipe: GatysConfig | None = None,
    decoder: Path = DEFAULT_DECODER,
    keep: Callable[[dict[str, object]], None] = lambda parts: None,
) -> tuple[dict[str, object], dict[str, object]]:
    """Measure all that lesson 06 shows.

    Args:
        config: what to measure.
        pictures: folder for the pictures of the pairs; None writes none.
        say: called with a line after each part.
        recipe: of the optimisation; the report's if not given.
        decoder: a checkpoint; the shipped one if not given.
        keep: called with the parts that are finished after the longest of them.

    Returns:
        The settings, and the results: ``process``, ``adain``, ``gatys``, ``sizes``, ``layers``,
        ``equal_quality``, ``table``, ``report`` and ``differences``.
    """
    device = torch.device(config.device)
    recipe = recipe or GatysConfig(device=config.device, precision=config.precision)
    names = PAIRS[: config.images]
    load_before = load_average()
    options = ["--device", config.device, "--precision", config.precision]
    options += ["--decoder", str(decoder.resolve())]
    results: dict[str, object] = {}
    results["process"] = time_process(
        [name for name, _ in names], names[0][1], config.size, options, config.repeats, say
    )
    if device.type == "cpu":
        keep_freed_memory()
    pairs = [paired(pair, config.size, device) for pair in names]
    results["adain"], transfer = measure_adain(
        pairs, device, config.precision, config.repeats, decoder
    )
    say(f"adain: {results['adain']['per_image_seconds']['median']:.3f} s per picture")
    results["gatys"] = measure_gatys(pairs, recipe, device, config.evaluations, say, pictures)
    keep(results)
    results["sizes"] = scale_sizes(names[0], config.sizes, recipe, transfer, config.repeats, say)
    results["layers"] = profile_layers(transfer, config.size, config.repeats)
    results["equal_quality"] = equal_quality(
        PAIRS[: max(QUALITY_PAIRS, config.images)],
        transfer,
        recipe,
        config.quality_size,
        config.quality_evaluations,
        config.repeats,
        pictures,
        say,
    )
    settings = describe_settings(config, recipe, names, str(transfer.dtype), load_before)
    results["report"] = REPORT
    results["table"] = runtime_table(results, settings["device"])
    results["differences"] = differences(results, settings)
    return settings, results


def load_average() -> float | None:
    """Processes that wanted to run during the last minute, where the system tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def paired(names: tuple[str, str], size: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """A photograph and a style of the same size, (1, 3, size, size)."""
    return picture("content", names[0], size, device), picture("style", names[1], size, device)


def describe_settings(
    config: RuntimeConfig,
    recipe: GatysConfig,
    names: Sequence[tuple[str, str]],
    dtype: str,
    load_before: float | None,
) -> dict[str, object]:
    """All that a reader needs to judge the numbers."""
    return {
        "device": describe(torch.device(config.device)),
        "threads": torch.get_num_threads(),
        "load_average_before": load_before,
        "load_average_after": load_average(),
        "precision": dtype.removeprefix("torch."),
        "encoder": recipe.encoder,
        "images": config.images,
        "size": config.size,
        "pairs": [list(pair) for pair in names],
        "repeats": config.repeats,
        "optimizer": recipe.optimizer,
        "init": recipe.init,
        "steps": recipe.steps,
        "evaluations_per_step": recipe.evaluations_per_step,
        "style_weight": recipe.style_weight,
        "quality_size": config.quality_size,
        "quality_evaluations": config.quality_evaluations,
    }


Say = Callable[[str], None]


class BenchmarkError(CourseError, RuntimeError):
    """The command that is timed failed."""


def stylize_command(
    content: Path, style: Path, out: Path, size: int, options: Sequence[str]
) -> list:
    """``python -m course_lib stylize`` for a folder of photographs."""
    command = [sys.executable, "-m", "course_lib", "stylize", str(content), str(style)]
    return [*command, "-o", str(out), "--size", str(size), *options]


def time_process(
    photographs: Sequence[str],
    style: str,
    size: int,
    options: Sequence[str],
    repeats: int,
    say: Say,
) -> dict[str, object]:
    """Seconds from the start of a fresh process to its end, with every picture saved.

    Args:
        photographs, style: names of bundled pictures.
        size: shorter side of the results.
        options: more options of ``stylize``, such as ``["--device", "cuda"]``.
        repeats: fresh processes; the first one may have to read files from the disk.

    Returns:
        The command, ``seconds`` and, for comparison, ``import_seconds`` of fresh processes that
        only import.

    Raises:
        BenchmarkError: the command failed, or did not save every picture.
    """
    imports = [time_import() for _ in range(repeats)]
    times = []
    with tempfile.TemporaryDirectory() as name:
        inputs = Path(name) / "content"
        inputs.mkdir()
        for photograph in photographs:
            shutil.copy(DATA_DIR / "content" / f"{photograph}.jpg", inputs)
        for repeat in range(repeats):
            out = Path(name) / f"out{repeat}"
            command = stylize_command(inputs, library("style")[style], out, size, options)
            started = time.perf_counter()
            done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
            times.append(time.perf_counter() - started)
            check_process(done, out, len(photographs))
            say(f"fresh process {repeat + 1}: {times[-1]:.2f} s")
    shown = ["python -m course_lib stylize FOLDER", f"{style}.jpg -o OUT --size {size}"]
    return {
        "command": " ".join([*shown, *options]),
        "photographs": list(photographs),
        "seconds": summary(times),
        "each_seconds": times,
        "import_seconds": summary(imports),
    }


def time_import() -> float:
    """Seconds of a fresh process that imports what ``stylize`` needs and ends."""
    started = time.perf_counter()
    command = [sys.executable, "-c", "import course_lib.stylize, course_lib.painting.batch"]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    return time.perf_counter() - started


def check_process(done: subprocess.CompletedProcess, out: Path, count: int) -> None:
    """Raise BenchmarkError unless the command succeeded and saved ``count`` pictures."""
    saved = len(list(out.glob("*"))) if out.is_dir() else 0
    if done.returncode or saved != count:
        complaint = (done.stderr or done.stdout).strip().splitlines()
        reason = complaint[-1] if complaint else f"it saved {saved} of {count} pictures"
        raise BenchmarkError(f"the timed command 'stylize' failed: {json.dumps(reason)}")
