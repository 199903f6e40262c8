"""The recipe study: short training runs of equal wall time from one start, judged on other pairs.

Each arm changes one thing of ``BASE``. What does not win stays out of the recipe that we ship.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.adain import ChannelStatistics, adain
from course_lib.fast import apply_statistics, channel_statistics, layer_statistics
from course_lib.images import contact_sheet, find_images, square, to_image, to_tensor
from course_lib.losses import STYLE_LAYERS, content_loss, gram_matrix, style_loss
from course_lib.system.devices import machine, synchronize
from course_lib.training.config import TrainingConfig
from course_lib.training.datasets import ImagePool
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder

KEPT = 2048  # style crops whose statistics are measured beforehand
BASE = {
    "batch": 8,
    "crop": 256,
    "style_crop": 224,
    "style_weight": 10.0,
    "learning_rate": 3e-4,
    "schedule": "cosine",
    "average": 0.995,
    "size": 288,
    "images": None,
    "seed": 1,
}
ARMS: Mapping[str, Mapping[str, object]] = {
    "base": {},
    "style weight 1": {"style_weight": 1.0},
    "style weight 3": {"style_weight": 3.0},
    "style weight 30": {"style_weight": 30.0},
    "rate 1e-4": {"learning_rate": 1e-4},
    "rate 1e-3": {"learning_rate": 1e-3},
    "the authors' schedule": {
        "schedule": "inverse",
        "learning_rate": 1e-4,
        "learning_rate_decay": 5e-5,
    },
    "Muon": {"optimizer": "muon", "learning_rate": 3e-3},
    "crops of 128, batch 32": {"crop": 128, "style_crop": 128, "batch": 32},
    "crops of 192, batch 14": {"crop": 192, "style_crop": 192, "batch": 14},
    "batch 16": {"batch": 16},
    "relative losses": {"relative": True},
    "shift loss": {"shift_weight": 300.0},
    "kept statistics": {"kept": KEPT},
    "autoencoder first": {"warmup_steps": 150},
    "Adam, longer": {"learning_rate": 4e-4, "warmup_steps": 300, "average": 0.999},
    "Muon, longer": {
        "optimizer": "muon",
        "learning_rate": 2e-3,
        "warmup_steps": 300,
        "average": 0.999,
    },
}
JUDGED = 40  # held-out pairs
SHOWN = 6  # of them on the sheet


class StudyTrainer(Trainer):
    """The trainer with what is on trial: Muon, and style statistics computed once and kept.

    Args:
        optimizer: ``adam`` or ``muon``.
        kept: number of style crops whose statistics are measured beforehand; 0 measures afresh.
    """

    def __init__(
        self,
        config: TrainingConfig,
        pools: Sequence[ImagePool],
        optimizer: str = "adam",
        kept: int = 0,
    ) -> None:
        self.kept, self.kind = None, optimizer
        super().__init__(config, progress=False, pools=pools)
        self.first = copy.deepcopy(self.decoder.state_dict())
        if kept:
            self.kept, self.recorded = self.measure_styles(kept), None

    def new_optimizer(self) -> "torch.optim.Optimizer | Muon":
        if self.kind == "muon":
            return Muon(self.decoder, self.config.learning_rate)
        return super().new_optimizer()

    def restart(self) -> None:
        """Go back to the first weights."""
        self.decoder.load_state_dict(self.first)
        self.averaged.load_state_dict(self.first)
        self.optimizer = self.new_optimizer()
        self.sums.zero_()
        self.completed, self.summed, self.elapsed = 0, 0, 0.0

    @torch.no_grad()
    def measure_styles(self, count: int) -> dict[str, ChannelStatistics]:
        """Statistics of ``count`` style crops at every layer, each (count, C, 1, 1)."""
        parts: dict[str, list[ChannelStatistics]] = {layer: [] for layer in STYLE_LAYERS}
        for step in range(count // self.config.batch):
            self.completed = step
            with self.autocast():
                features = self.encoder(self.batch(1), STYLE_LAYERS)
            for layer, maps in features.items():
                parts[layer].append(channel_statistics(maps))
        self.completed = 0
        return {
            k: ChannelStatistics(*map(torch.cat, zip(*v, strict=True))) for k, v in parts.items()
        }

    def pair(self) -> tuple[Tensor, Tensor]:
        return super().pair() if self.kept is None else (self.batch(0), torch.empty(0))

    def can_be_recorded(self) -> bool:
        return super().can_be_recorded() and self.kept is None

    def pair_loss(self, content: Tensor, style: Tensor) -> tuple[Tensor, ...]:
        if self.kept is None:
            return super().pair_loss(content, style)
        size = self.config.batch
        count = len(self.kept["relu1_1"].mean)
        chosen = torch.arange(self.completed * size, (self.completed + 1) * size) % count
        chosen = chosen.to(self.device)
        wanted = {k: ChannelStatistics(*(part[chosen] for part in v)) for k, v in self.kept.items()}
        with torch.no_grad():
            target = apply_statistics(self.encoder.encode(content), wanted["relu4_1"])
        features = self.encoder(self.parallel(target), STYLE_LAYERS)
        mine = layer_statistics(features)
        return content_loss(features["relu4_1"], target), style_loss(mine, wanted)


def squares(folder: Path, size: int, count: int) -> Tensor:
    """The first images of a folder as squares, (count, 3, size, size) in [0, 1]."""
    return torch.cat([to_tensor(square(path, size)) for path in find_images(folder)[:count]])


@torch.no_grad()
def judge(
    encoder: VGG19Encoder, decoder: nn.Module, contents: Tensor, styles: Tensor, rows: int = 8
) -> tuple[dict[str, float], Tensor]:
    """Losses of pairs that were not trained on, in the precision that autocast is in.

    Args:
        contents, styles: (N, 3, H, W) in [0, 1]; the i-th photograph is painted in the i-th style.
        rows: pairs at a time.

    Returns:
        Means over the pairs of ``content_loss``, ``style_loss``, ``style_ratio`` (to the untouched
        photograph's) and ``gram_ratio`` (mean over layers of the relative error of Gram matrices),
        and the pictures (N, 3, H, W).
    """
    scores: dict[str, list[float]] = {}
    pictures = []
    for content, style in zip(contents.split(1), styles.split(1), strict=True):
        before = encoder(content, STYLE_LAYERS)
        wanted = encoder(style, STYLE_LAYERS)
        target = adain(before["relu4_1"], wanted["relu4_1"])
        picture = decoder(target).clamp(0, 1)
        after = encoder(picture, STYLE_LAYERS)
        grams = []
        for layer in STYLE_LAYERS:
            goal = gram_matrix(wanted[layer])
            error = (gram_matrix(after[layer]) - goal).square().mean()
            grams.append((error / goal.square().mean()).item())
        loss = style_loss(after, wanted).item()
        row = {
            "content_loss": content_loss(after["relu4_1"], target).item(),
            "style_loss": loss,
            "style_ratio": loss / style_loss(before, wanted).item(),
            "gram_ratio": sum(grams) / len(grams),
        }
        for name, value in row.items():
            scores.setdefault(name, []).append(value)
        pictures.append(picture.float().cpu())
    return {k: sum(v) / len(v) for k, v in scores.items()}, torch.cat(pictures)


def recipe_study(
    base: Mapping[str, object],
    pools: Sequence[ImagePool],
    held_out: tuple[Path, Path],
    seconds: float,
    sheet: Callable[[object], None],
    arms: Sequence[str] = tuple(ARMS),
    size: int = 256,
    kept: int = KEPT,
    say: Callable[[str], None] = print,
) -> tuple[dict[str, object], dict[str, object]]:
    """Train every arm for the same time and judge it.

    Args:
        base: settings of ``TrainingConfig`` that all arms share, on top of ``BASE``.
        pools: photographs and paintings in memory.
        held_out: folders of photographs and paintings to judge by.
        seconds: of training per arm, judging not counted.
        sheet: called with the contact sheet: pairs across, arms down.
        kept: style crops of the arm with kept statistics.

    Returns:
        Settings, and for each arm its steps and the scores of the last and the averaged weights.
    """
    contents, styles = (squares(folder, size, JUDGED) for folder in held_out)
    count = min(len(contents), len(styles))
    contents, styles = contents[:count], styles[:count]
    results: dict[str, object] = {}
    shown = [[to_image(c) for c in contents[:SHOWN]], [to_image(s) for s in styles[:SHOWN]]]
    names = ["photographs", "paintings"]
    for name in arms:
        settings = {**BASE, **base, **ARMS[name]}
        extra = {k: settings.pop(k) for k in ("optimizer", "kept") if k in settings}
        extra |= {"kept": kept} if "kept" in extra else {}
        config = TrainingConfig(**settings, minutes=seconds / 60)
        trainer = StudyTrainer(config, pools, **extra)
        for _ in range(config.warmup_steps + 3):  # choosing algorithms does not count
            trainer.step()
        trainer.restart()
        run(trainer, seconds)
        losses = [value / max(1, trainer.summed) for value in trainer.sums.tolist()]
        row: dict[str, object] = {"steps": trainer.completed, "training_losses": losses}
        for kind, network in (("last", trainer.decoder), ("averaged", trainer.averaged)):
            with trainer.autocast():
                row[kind], pictures = judge(
                    trainer.encoder, network, *(x.to(trainer.device) for x in (contents, styles))
                )
        shown.append([to_image(picture) for picture in pictures[:SHOWN]])
        names.append(name)
        results[name] = row
        say(f"{name}: {row}")
        sheet(contact_sheet(shown, 176))
    settings = {
        "base": BASE | {k: v for k, v in base.items() if k not in ("content", "style", "out")},
        "arms": {name: dict(ARMS[name]) for name in arms},
        "seconds": seconds,
        "pairs": count,
        "size": size,
        "content_images": len(pools[0]),
        "style_images": len(pools[1]),
        **machine(trainer.device, trainer.precision),
        "rows_of_the_sheet": names,
    }
    return settings, results


def run(trainer: Trainer, seconds: float) -> None:
    """Step until the time is over; the device is waited for, so that queued work counts."""
    started = time.perf_counter()
    while trainer.elapsed < seconds:
        trainer.step()
        if trainer.completed % 10 == 0:
            synchronize(trainer.device)
        trainer.elapsed = time.perf_counter() - started
    synchronize(trainer.device)


class Muon:
    """PyTorch's Muon for the kernels, as matrices (C_out, 9 C_in), and Adam for the biases.

    Muon makes the rows of every update orthogonal, so that no few directions take all of a step
    (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon). Works like an optimiser of
    ``torch.optim``; rates are those of Adam, to within a few times.
    """

    def __init__(self, network: nn.Module, rate: float) -> None:
        kernels = [p for p in network.parameters() if p.dim() == 4]
        for p in kernels:  # then a kernel is a matrix in memory, too
            p.data = p.data.contiguous(memory_format=torch.channels_last)
        self.kernels = kernels
        self.matrices = [nn.Parameter(p.data.permute(0, 2, 3, 1).flatten(1)) for p in kernels]
        biases = [p for p in network.parameters() if p.dim() == 1]
        self.muon = torch.optim.Muon(
            self.matrices, lr=rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.Adam(biases, lr=rate, fused=True)

    @property
    def param_groups(self) -> list[dict[str, object]]:
        return [*self.muon.param_groups, *self.adam.param_groups]

    def zero_grad(self) -> None:
        for p in self.kernels:
            p.grad = None
        self.adam.zero_grad()

    def step(self) -> None:
        for p, matrix in zip(self.kernels, self.matrices, strict=True):
            matrix.grad = p.grad.permute(0, 2, 3, 1).flatten(1)
        self.muon.step()
        self.adam.step()

    def state_dict(self) -> dict[str, object]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
