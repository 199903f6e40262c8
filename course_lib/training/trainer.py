"""The state of a run and one step of it."""

import copy
import functools
import math
import operator
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from course_lib.decoder import Decoder, load_decoder
from course_lib.fast import apply_statistics, channel_statistics
from course_lib.images import contact_sheet, save_image, to_image
from course_lib.system.devices import pick_precision
from course_lib.system.listings import check_names
from course_lib.training.checkpoints import read_recipes
from course_lib.training.config import TrainingConfig, TrainingError, check_config
from course_lib.training.cuda_graph import RecordedStep
from course_lib.training.datasets import ImagePool, draw_crops, load_pool
from course_lib.training.film import add_to_film, film_frame, film_pairs
from course_lib.training.objective import CELL, adain_losses, autoencoder_loss, shifted_losses
from course_lib.training.processes import ALONE, Processes, local_device
from course_lib.vgg import VGG19Encoder


class Trainer:
    """The state of a run: models, optimiser, step counter and log.

    ``step()`` does one update; everything else is bookkeeping. Read ``adain_losses`` first.

    Args:
        pools: photographs and paintings, if they are in memory already.

    Raises:
        TrainingError: a setting cannot work.
        CourseError: a name to exclude is that of no file.
        ImageError: a folder is missing or holds no readable image.
        DecoderError: the initial decoder is missing, damaged or for another encoder.
    """

    def __init__(
        self,
        config: TrainingConfig,
        progress: bool = True,
        processes: Processes = ALONE,
        pools: Sequence[ImagePool] | None = None,
    ) -> None:
        check_config(config)
        if config.batch % processes.count:
            raise TrainingError(
                f"a batch of {config.batch} cannot be shared equally by {processes.count} "
                "processes; choose a multiple"
            )
        self.config, self.processes = config, processes
        self.out = Path(config.out)
        self.device = local_device(config.device)
        self.precision = pick_precision(config.precision, self.device)
        self.crops = (config.crop, config.style_crop or config.crop)
        pools = pools or [
            load_pool(folders, config.size, crop, config.images, config.exclude, progress)
            for folders, crop in zip((config.content, config.style), self.crops, strict=True)
        ]
        self.content_pool, self.style_pool = pools
        if files := [path for pool in pools for path in pool.files]:
            check_names(config.exclude, files)
        for pool in pools:
            for word, left_out in (("ignored", pool.ignored), ("skipped", pool.skipped)):
                for path, reason in left_out.items() if processes.first else ():
                    print(f"{word} {path}: {reason}")
            pool.move_if_it_fits(self.device)
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
            self.earlier_recipes = read_recipes(config.initial_decoder)
        self.decoder = decoder.to(self.device, memory_format=torch.channels_last).train()
        self.averaged = copy.deepcopy(self.decoder) if config.average else self.decoder
        self.parallel = self.decoder if processes.count == 1 else self.shared_decoder()
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # every step has the same shapes
        losses = functools.partial(adain_losses, relative=config.relative)
        losses = shifted_losses if config.shift_weight else losses
        self.losses = torch.compile(losses) if config.compile else losses
        self.recorded = RecordedStep(self) if self.can_be_recorded() else None
        self.optimizer = self.new_optimizer()
        self.completed = 0
        weights = (1.0, config.style_weight, config.shift_weight)
        self.weights = weights if config.shift_weight else weights[:2]
        self.sums = torch.zeros(len(self.weights), device=self.device)
        self.summed = 0  # steps in ``sums``
        self.elapsed = 0.0

    def new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.decoder.parameters(), self.config.learning_rate, fused=True)

    def can_be_recorded(self) -> bool:
        """Whether a step is the same sequence of kernels each time, on one GPU."""
        alone = self.device.type == "cuda" and self.processes.count == 1
        return alone and not self.config.shift_weight and not self.config.compile

    def shared_decoder(self) -> DistributedDataParallel:
        """The decoder with gradients averaged over all processes."""
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(self.decoder, device_ids=devices)

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
        if config.schedule == "cosine":
            return config.learning_rate * 0.5 * (1 + math.cos(math.pi * self.progress(step)))
        return config.learning_rate / (1 + config.learning_rate_decay * since)

    def progress(self, step: int) -> float:
        """The part of the run that is done, 0 to 1, by time if it has a time to end."""
        if self.config.minutes is not None:
            return min(1.0, self.elapsed / (60 * self.config.minutes))
        return min(1.0, step / self.total_steps)

    def batch(self, number: int) -> Tensor:
        """This process's crops of this step as float32 images (N, 3, crop, crop) on the device.

        ``number`` is 0 for photographs and 1 for paintings.
        """
        config, part = self.config, (self.processes.rank, self.processes.count)
        pool = (self.content_pool, self.style_pool)[number]
        seed = 2 * config.seed + number
        crops = draw_crops(pool, self.completed, config.batch, self.crops[number], seed, part)
        if self.device.type == "cuda" and crops.device.type == "cpu":
            crops = crops.pin_memory()  # the copy then runs beside the computation
        crops = crops.to(self.device, non_blocking=True).float().div_(255)
        return crops.contiguous(memory_format=torch.channels_last)

    def pair(self) -> tuple[Tensor, Tensor]:
        """The content and style crops of the coming step."""
        return self.batch(0), self.batch(1)

    def autocast(self) -> torch.autocast:
        enabled = self.precision != torch.float32
        return torch.autocast(self.device.type, self.precision, enabled=enabled)

    def step(self) -> None:
        """One update of the decoder; adds the losses to ``sums`` without waiting for the device."""
        config = self.config
        if self.completed == config.warmup_steps > 0:
            self.optimizer = self.new_optimizer()  # Adam's averages belong to the other loss
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate(self.completed)
        if self.completed < config.warmup_steps:
            losses = self.differentiate(self.autoencoder_loss)
        elif self.recorded is None:
            losses = self.differentiate(self.adain_loss)
        else:
            losses = self.recorded(*self.pair())
        self.optimizer.step()
        self.update_average()
        self.sums += torch.stack([part.detach() for part in losses])
        self.summed += 1
        self.completed += 1

    def differentiate(self, compute: Callable[..., tuple[Tensor, ...]], *batch: Tensor):
        """The losses that ``compute`` returns, with the gradient of their weighted sum."""
        self.optimizer.zero_grad()
        with self.autocast():
            losses = compute(*batch)
            loss = sum(weight * part for weight, part in zip(self.weights, losses, strict=True))
        loss.backward()
        return losses

    @torch.no_grad()
    def update_average(self) -> None:
        """Let the averaged weights follow; quickly at first, while there is little to average."""
        if self.averaged is self.decoder:
            return
        decay = min(self.config.average, (1 + self.completed) / (10 + self.completed))
        pair = [list(network.parameters()) for network in (self.averaged, self.decoder)]
        torch._foreach_lerp_(*pair, 1 - decay)

    def autoencoder_loss(self) -> tuple[Tensor, ...]:
        """Mean absolute pixel error of the warm-up, and 0 for the other parts."""
        loss = autoencoder_loss(self.encoder, self.parallel, self.batch(self.completed % 2))
        return loss, *[torch.zeros_like(loss)] * (len(self.weights) - 1)

    def adain_loss(self) -> tuple[Tensor, ...]:
        """Content and style loss of this step's batch, and the shift loss if it has a weight."""
        return self.pair_loss(*self.pair())

    def pair_loss(self, content: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        """The same of given crops."""
        try:
            if not self.config.shift_weight:
                return self.losses(self.encoder, self.parallel, content, style)
            offset = np.random.default_rng((self.config.seed, self.completed)).integers(0, CELL, 2)
            return self.losses(self.encoder, self.parallel, content, style, offset.tolist())
        except torch._dynamo.exc.BackendCompilerFailed as error:
            reason = str(error).strip().splitlines()[0]
            raise TrainingError(
                f"torch.compile failed ({reason}); train without --compile"
            ) from error

    def record_is_due(self) -> bool:
        """Whether a log record ends here, before a new phase begins or a new epoch.

        Epochs shorter than ``log_every`` share records.
        """
        since, every = self.completed - self.config.warmup_steps, self.config.log_every
        epoch = self.steps_per_epoch
        end_of_epoch = since > 0 and epoch >= every and since % epoch == 0
        return self.completed % every == 0 or since == 0 or end_of_epoch

    def log_record(self) -> dict[str, object]:
        """Average the losses since the last record, over all processes, and start anew."""
        share = self.summed * self.processes.count
        content, style, *shift = (self.processes.total(self.sums) / share).tolist()
        self.sums.zero_()
        self.summed = 0
        last = self.completed - 1
        return {
            "step": self.completed,
            "phase": "autoencoder" if last < self.config.warmup_steps else "adain",
            "epoch": round(
                max(0, self.completed - self.config.warmup_steps) / self.steps_per_epoch, 6
            ),
            "content_loss": content,
            "style_loss": style,
            **({"shift_loss": shift[0]} if shift else {}),
            "loss": sum(map(operator.mul, self.weights, (content, style, *shift))),
            "learning_rate": self.learning_rate(last),
            "seconds": round(self.elapsed, 1),
        }

    def film_frame(self) -> None:
        """Add a frame to the run's film, ``film.png``, if it has one."""
        if not self.config.film:
            return
        pictures = (images.to(self.device) for images in film_pairs())
        with self.autocast():
            frame = film_frame(self.encoder, self.averaged, *pictures)
        add_to_film(self.out / "film.png", frame, self.completed)

    @torch.no_grad()
    def preview(self) -> None:
        """Write a sheet of fixed crops: photographs down, paintings across."""
        config = self.config
        contents, styles = (
            draw_crops(pool, 0, 4, crop, config.seed).to(self.device).float() / 255
            for pool, crop in zip((self.content_pool, self.style_pool), self.crops, strict=True)
        )
        rows = [[None, *map(to_image, styles)]]
        with self.autocast():
            statistics = channel_statistics(self.encoder.encode(styles))
            for content in contents:
                features = self.encoder.encode(content[None]).expand(len(styles), -1, -1, -1)
                pictures = self.averaged(apply_statistics(features, statistics))
                rows.append([to_image(content), *map(to_image, pictures)])
        save_image(contact_sheet(rows, config.crop), self.out / "preview.jpg")
