"""Train the decoder: the loss of Huang & Belongie 2017, logged, interruptible and resumable.

``train(TrainingConfig(...))`` and ``python -m course_lib train`` are the same thing. Defaults are
the recipe of the report that this course reproduces.
"""

import dataclasses
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from course_lib import CourseError
from course_lib.adain import apply_statistics, channel_statistics
from course_lib.datasets import ImagePool, draw_crops, load_pool
from course_lib.decoder import Decoder, load_decoder, read_metadata, save_decoder
from course_lib.devices import describe, keep_freed_memory, pick_device, pick_precision
from course_lib.files import replacing
from course_lib.images import contact_sheet, save_image, to_image
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss
from course_lib.vgg import VGG19Encoder


class TrainingError(CourseError, RuntimeError):
    """Training cannot start or go on; the message is one sentence for the user."""


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a run. Sizes in pixels; ``steps`` overrides ``epochs``.

    An epoch is one pass over the content images. ``learning_rate_decay`` is the authors' k in
    ``learning_rate / (1 + k * step)``. The first ``warmup_steps`` train an autoencoder on pixels,
    photographs and paintings in turn, which gives the decoder its colours quickly.
    """

    content: tuple[str, ...]
    style: tuple[str, ...]
    out: str
    encoder: str = "original"
    padding: str = "reflect"
    images: int | None = 1200
    epochs: int = 54
    steps: int | None = None
    batch: int = 8
    size: int = 512
    crop: int = 256
    style_weight: float = 20.0
    learning_rate: float = 1e-4
    learning_rate_decay: float = 0.0
    warmup_steps: int = 0
    warmup_learning_rate: float = 1e-3
    initial_decoder: str | None = None
    exclude: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    log_every: int = 50
    checkpoint_every: int = 500
    data_note: str = "not stated"


# What may differ between a run and its resumption without changing what the run means.
FREE_TO_CHANGE = {"out", "device", "precision", "epochs", "steps", "log_every", "checkpoint_every"}


class Trainer:
    """The state of a run: models, optimiser, step counter and log.

    ``step()`` does one update; everything else is bookkeeping. Read ``adain_loss`` first.
    """

    def __init__(self, config: TrainingConfig, progress: bool = True) -> None:
        check_config(config)
        self.config = config
        self.out = Path(config.out)
        self.device = pick_device(config.device)
        self.precision = pick_precision(config.precision, self.device)
        pools = [
            load_pool(f, config.size, config.crop, config.images, config.exclude, progress)
            for f in (config.content, config.style)
        ]
        self.content_pool, self.style_pool = pools
        for path, reason in [item for pool in pools for item in pool.skipped.items()]:
            print(f"skipped {path}: {reason}")
        torch.manual_seed(config.seed)
        # The frozen encoder can live in half precision; the decoder's weights stay float32 and
        # autocast converts them on the fly, so that small updates are not rounded away.
        self.encoder = VGG19Encoder(config.encoder, padding=config.padding).to(
            self.device, self.precision, memory_format=torch.channels_last
        )
        decoder = Decoder()
        self.earlier_recipes: list[dict[str, object]] = []
        if config.initial_decoder:
            decoder = load_decoder(config.initial_decoder, self.encoder)
            metadata = read_metadata(config.initial_decoder)
            self.earlier_recipes = json.loads(metadata.get("recipe", "[]"))
        self.decoder = decoder.to(self.device, memory_format=torch.channels_last).train()
        self.optimizer = self.new_optimizer()
        self.completed = 0
        self.sums = torch.zeros(2, device=self.device)
        self.summed = 0  # steps in ``sums``
        self.elapsed = 0.0

    def new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.decoder.parameters(), self.config.learning_rate, fused=True)

    @property
    def total_steps(self) -> int:
        config = self.config
        if config.steps is not None:
            return config.steps
        return config.warmup_steps + config.epochs * self.steps_per_epoch

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.content_pool) / self.config.batch)

    def learning_rate(self, step: int) -> float:
        config = self.config
        if step < config.warmup_steps:
            return config.warmup_learning_rate
        since = step - config.warmup_steps
        return config.learning_rate / (1 + config.learning_rate_decay * since)

    def batch(self, pool: ImagePool, seed: int) -> Tensor:
        """This step's crops as float32 images (N, 3, crop, crop) on the device."""
        config = self.config
        crops = draw_crops(pool, self.completed, config.batch, config.crop, seed)
        crops = crops.to(self.device, non_blocking=True).float().div_(255)
        return crops.contiguous(memory_format=torch.channels_last)

    def step(self) -> None:
        """One update of the decoder; adds the losses to ``sums`` without waiting for the device."""
        config = self.config
        if self.completed == config.warmup_steps > 0:
            self.optimizer = self.new_optimizer()  # Adam's averages belong to the other loss
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.completed)
        enabled = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=enabled):
            if self.completed < config.warmup_steps:
                losses = self.autoencoder_loss()
                loss = losses[0]
            else:
                losses = self.adain_loss()
                loss = losses[0] + config.style_weight * losses[1]
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.sums += torch.stack([part.detach() for part in losses])
        self.summed += 1
        self.completed += 1

    def autoencoder_loss(self) -> tuple[Tensor, Tensor]:
        """Mean absolute pixel error of decode(encode(x)), and 0 for the style part."""
        odd = self.completed % 2
        images = self.batch((self.content_pool, self.style_pool)[odd], 2 * self.config.seed + odd)
        with torch.no_grad():
            features = self.encoder.encode(images)
        loss = F.l1_loss(self.decoder(features), images)
        return loss, torch.zeros_like(loss)

    def adain_loss(self) -> tuple[Tensor, Tensor]:
        """Content and style loss of one batch (equations 12 and 13), each a scalar."""
        content = self.batch(self.content_pool, 2 * self.config.seed)
        style = self.batch(self.style_pool, 2 * self.config.seed + 1)
        with torch.no_grad():
            style_features = self.encoder(style, STYLE_LAYERS)
            targets = {name: channel_statistics(f) for name, f in style_features.items()}
            target = apply_statistics(self.encoder.encode(content), targets["relu4_1"])
        features = self.encoder(self.decoder(target), STYLE_LAYERS)
        return content_loss(features["relu4_1"], target), style_loss(features, targets)

    def log_record(self) -> dict[str, object]:
        """Average the losses since the last record and start a new average."""
        content, style = (self.sums / self.summed).tolist()
        self.sums.zero_()
        self.summed = 0
        last = self.completed - 1
        return {
            "step": self.completed,
            "phase": "autoencoder" if last < self.config.warmup_steps else "adain",
            "epoch": round(max(0, self.completed - self.config.warmup_steps)
                           / self.steps_per_epoch, 3),
            "content_loss": content,
            "style_loss": style,
            "loss": content + self.config.style_weight * style,
            "learning_rate": self.learning_rate(last),
            "seconds": round(self.elapsed, 1),
        }  # fmt: skip

    def save(self) -> None:
        """Write the decoder for use, a preview, and the checkpoint; each is renamed into place.

        The checkpoint comes last: killed before it, a run goes on from the one before and writes
        all three again.

        Raises:
            TrainingError: the decoder's weights are no longer finite; nothing is written.
        """
        if not all(p.isfinite().all() for p in self.decoder.parameters()):
            raise self.not_finite()
        save_decoder(self.decoder, self.out / "decoder.safetensors", self.encoder, self.notes())
        self.preview()
        state = {
            "config": dataclasses.asdict(self.config),
            "completed": self.completed,
            "elapsed": self.elapsed,
            "decoder": self.decoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sums": self.sums,
            "summed": self.summed,
        }
        with replacing(self.out / "checkpoint.pt") as temporary:
            torch.save(state, temporary)

    def not_finite(self) -> TrainingError:
        return TrainingError(
            f"the loss is not finite at step {self.completed}; the last good checkpoint in "
            f"{self.out} is kept: try a lower learning rate"
        )

    def notes(self) -> dict[str, object]:
        """What the decoder's metadata say about its training, earlier runs included."""
        hidden = ("content", "style", "out", "exclude", "initial_decoder")  # paths of one machine
        recipe = {k: v for k, v in dataclasses.asdict(self.config).items() if k not in hidden}
        recipe |= {
            "steps": self.completed,
            "content_images": len(self.content_pool),
            "style_images": len(self.style_pool),
            "device": describe(self.device),
        }
        recipes = [*self.earlier_recipes, recipe]
        steps = sum(recipe["steps"] for recipe in recipes)
        return {"steps": steps, "recipe": recipes, "data": self.config.data_note}

    def load(self, path: Path) -> None:
        """Go back to a checkpoint of the same configuration.

        Raises:
            TrainingError: it is damaged or belongs to a run with other settings.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            its = state["config"]
        except Exception as error:
            raise TrainingError(f"{path} is damaged ({error}): delete it to start again") from None
        mine = dataclasses.asdict(self.config)
        changed = [k for k in mine if k not in FREE_TO_CHANGE and mine[k] != its.get(k)]
        if changed:
            details = ", ".join(f"{k} {its.get(k)!r} -> {mine[k]!r}" for k in changed)
            raise TrainingError(f"{path} was made with other settings ({details}); use another out")
        self.decoder.load_state_dict(state["decoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sums, self.summed = state["sums"], state.get("summed", 0)
        self.completed, self.elapsed = state["completed"], state["elapsed"]

    @torch.no_grad()
    def preview(self) -> None:
        """Write a sheet of fixed crops: photographs down, paintings across."""
        config = self.config
        contents, styles = (
            draw_crops(pool, 0, 4, config.crop, config.seed).to(self.device).float() / 255
            for pool in (self.content_pool, self.style_pool)
        )
        rows = [[None, *map(to_image, styles)]]
        enabled = self.precision != torch.float32
        with torch.autocast(self.device.type, self.precision, enabled=enabled):
            statistics = channel_statistics(self.encoder.encode(styles))
            for content in contents:
                features = self.encoder.encode(content[None]).expand(len(styles), -1, -1, -1)
                pictures = self.decoder(apply_statistics(features, statistics))
                rows.append([to_image(content), *map(to_image, pictures)])
        save_image(contact_sheet(rows, config.crop), self.out / "preview.jpg")


def check_config(config: TrainingConfig) -> None:
    """Raise TrainingError for numbers that cannot work, before anything is read."""
    positive = ("batch", "size", "crop", "epochs", "steps", "images", "log_every")
    positive += ("checkpoint_every", "learning_rate")
    for name in positive:
        value = getattr(config, name)
        if value is not None and not value > 0:
            raise TrainingError(f"{name} must be greater than 0, got {value}")
    if config.crop % 8:
        raise TrainingError(f"crop must be a multiple of 8, got {config.crop}")
    for name in ("style_weight", "warmup_steps", "learning_rate_decay", "seed"):
        value = getattr(config, name)
        if not value >= 0:
            raise TrainingError(f"{name} must not be negative, got {value}")


def train(
    config: TrainingConfig,
    progress: bool = True,
    on_log: Callable[[dict[str, object]], None] | None = None,
) -> Path:
    """Train, or go on where ``config.out`` left off, and return the decoder's path.

    Writes into ``config.out``: ``log.jsonl`` (one line per ``log_every`` steps), ``checkpoint.pt``
    (to resume), ``decoder.safetensors`` (to use), ``preview.jpg`` and ``config.json``.

    Raises:
        TrainingError: bad settings, another run's checkpoint, or a loss that is not finite.
        ImageError: a folder is missing or holds no readable image.
        KeyboardInterrupt: after Ctrl-C, once the step is finished and saved.
    """
    if config.device in ("auto", "cpu"):
        keep_freed_memory()
    trainer = Trainer(config, progress)
    trainer.out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = trainer.out / "checkpoint.pt", trainer.out / "log.jsonl"
    if checkpoint.exists():
        trainer.load(checkpoint)
    _trim_log(log, trainer.completed)
    text = json.dumps(dataclasses.asdict(config), indent=1)
    (trainer.out / "config.json").write_text(text + "\n")
    bar = tqdm(total=trainer.total_steps, initial=trainer.completed, disable=not progress)
    with log.open("a") as file, bar, _interruptible() as interrupted:
        started = time.perf_counter() - trainer.elapsed
        while trainer.completed < trainer.total_steps and not interrupted.is_set():
            trainer.step()
            bar.update()
            trainer.elapsed = time.perf_counter() - started
            done = trainer.completed == trainer.total_steps
            # Warm-up and training are never averaged into one record.
            switch = trainer.completed == config.warmup_steps
            if trainer.completed % config.log_every == 0 or done or switch:
                record = trainer.log_record()
                if not math.isfinite(record["loss"]):
                    raise trainer.not_finite()
                file.write(json.dumps(record) + "\n")
                file.flush()
                bar.set_postfix(c=f"{record['content_loss']:.3f}", s=f"{record['style_loss']:.3f}")
                if on_log is not None:
                    on_log(record)
            if trainer.completed % config.checkpoint_every == 0 or done:
                trainer.save()
    if interrupted.is_set() and trainer.completed < trainer.total_steps:
        trainer.save()
        raise KeyboardInterrupt(
            f"stopped after step {trainer.completed}; run the same command again to go on"
        )
    return trainer.out / "decoder.safetensors"


def _trim_log(path: Path, completed: int) -> None:
    """Drop log lines after the checkpoint: those steps are done again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # a line cut short by a kill
            break
        if record["step"] > completed:
            break
        kept.append(line + "\n")
    with replacing(path) as temporary:
        temporary.write_text("".join(kept))


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a flag, so that the step in progress is finished before saving."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # only the main thread may set signal handlers
        return
    previous = signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
