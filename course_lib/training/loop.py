"""A run from start to end: log, checkpoints, Ctrl-C and SIGTERM, resume."""

import contextlib
import dataclasses
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from course_lib.system.devices import keep_freed_memory
from course_lib.system.files import locked, remove_leftovers, write_text
from course_lib.system.printing import no_bar
from course_lib.training.checkpoints import load_run, not_finite, save_run, saying_what_to_do
from course_lib.training.config import TrainingConfig, check_config
from course_lib.training.datasets import ImagePool
from course_lib.training.film import is_film_step
from course_lib.training.logs import Log
from course_lib.training.processes import joined_processes, local_device
from course_lib.training.trainer import Trainer

ASK_EVERY = 10  # steps between two questions to the other processes whether to stop or to save
SAVE_EVERY = 120.0  # seconds between two checkpoints, if ``checkpoint_every`` takes longer
FILES = ("checkpoint.pt", "decoder.safetensors", "preview.jpg", "config.json", "log.jsonl")


def train(
    config: TrainingConfig,
    progress: bool = True,
    on_log: Callable[[dict[str, object]], None] | None = None,
    pools: Sequence[ImagePool] | None = None,
    skipped: dict[Path, str] | None = None,
) -> Path:
    """Train, or go on where ``config.out`` left off, and return the decoder's path.

    Writes into ``config.out``: ``log.jsonl`` (one line per ``log_every`` steps), ``checkpoint.pt``
    (to resume), ``decoder.safetensors`` (to use), ``preview.jpg``, ``config.json``, and
    ``tensorboard/`` where TensorBoard is installed. Under torchrun only the first process writes.
    A checkpoint is due every ``checkpoint_every`` steps and every two minutes. Resumed on a CPU
    with the same number of threads and processes, a run is bit for bit the uninterrupted one; with
    another number of processes, or on a GPU, it is equal but for rounding, which training enlarges
    (losses differed by 3e-4).

    Args:
        config: the recipe.
        progress: show a bar.
        on_log: called with each record of the log.
        pools: photographs and paintings, if they are in memory already.
        skipped: takes up pictures that cannot be read, with the reason.

    Raises:
        TrainingError: bad settings, another run's checkpoint, a loss that is not finite, or a
            folder that cannot be written.
        CourseError: another process trains in the same folder, or a name to exclude is no file's.
        ImageError: a folder is missing or holds no readable image.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, once the step is finished and saved.
    """
    check_config(config)
    device = local_device(config.device)
    if device.type == "cpu":
        keep_freed_memory()
    with contextlib.ExitStack() as stack:
        processes = stack.enter_context(joined_processes(device))
        trainer = Trainer(config, progress and processes.first, processes, pools)
        for pool in (trainer.content_pool, trainer.style_pool) if skipped is not None else ():
            skipped |= pool.skipped
        if processes.first:
            with saying_what_to_do(trainer.out):
                trainer.out.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(trainer.out))
                remove_leftovers(trainer.out, FILES)
        checkpoint = trainer.out / "checkpoint.pt"
        if checkpoint.exists():
            load_run(trainer, checkpoint)
        processes.wait()  # before the first of them writes
        if processes.first:
            text = json.dumps(dataclasses.asdict(config), indent=1)
            with saying_what_to_do(trainer.out):
                write_text(trainer.out / "config.json", text + "\n")
        with saying_what_to_do(trainer.out):
            log = stack.enter_context(Log(trainer.out, trainer.completed, processes.first))
        _run(trainer, log, progress and processes.first, on_log)
        processes.wait()
    return trainer.out / "decoder.safetensors"


def _run(
    trainer: Trainer, log: Log, progress: bool, on_log: Callable[[dict[str, object]], None] | None
) -> None:
    """Step until the end or Ctrl-C, logging and saving on the way."""
    config, processes = trainer.config, trainer.processes
    total = None if config.minutes else trainer.total_steps
    bar = tqdm(desc="training", total=total, initial=trainer.completed, disable=no_bar(progress))
    stop = False
    done = trainer.progress(trainer.completed) >= 1
    with bar, _interruptible() as interrupted:
        saved = time.perf_counter()
        started = saved - trainer.elapsed
        if processes.first and trainer.completed == 0:
            trainer.film_frame()
        while not done and not stop:
            trainer.step()
            bar.update()
            trainer.elapsed = time.perf_counter() - started
            done = trainer.progress(trainer.completed) >= 1
            if config.minutes:  # clocks differ: the processes end together
                done = processes.any(done, trainer.device)
            if processes.first and (done or is_film_step(trainer.completed)):
                trainer.film_frame()
            if done or trainer.record_is_due():
                record = trainer.log_record()
                if not math.isfinite(record["loss"]):
                    raise not_finite(trainer)
                with saying_what_to_do(trainer.out):
                    log.write(record)
                bar.set_postfix(c=f"{record['content_loss']:.3f}", s=f"{record['style_loss']:.3f}")
                if on_log is not None and processes.first:
                    on_log(record)
            due = trainer.completed % config.checkpoint_every == 0 or done
            if processes.count == 1 or trainer.completed % ASK_EVERY == 0:
                stop = processes.any(interrupted.is_set(), trainer.device)
                late = time.perf_counter() - saved >= SAVE_EVERY
                due = processes.any(due or late, trainer.device)
            if due:
                save_run(trainer)
                saved = time.perf_counter()
    if not done:
        save_run(trainer)
        raise KeyboardInterrupt(
            f"stopped after step {trainer.completed}; run the same command again to go on"
        )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into a flag, so that the step is finished before saving."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread may set signal handlers
        return
    kinds = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(kind, lambda *_: interrupted.set()) for kind in kinds]
    try:
        yield interrupted
    finally:
        for kind, handler in zip(kinds, previous, strict=True):
            signal.signal(kind, handler)
