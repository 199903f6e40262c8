"""Small training runs for the lesson on loss curves: planted faults, and a sweep of style weights.

All of them learn from the bundled pictures alone, take minutes on one CPU core, and write their
logs to ``data/runs/``. They show what a curve can tell; no decoder worth keeping comes out.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib import DATA_DIR
from course_lib.decoder import Decoder
from course_lib.fast import apply_statistics, channel_statistics
from course_lib.images import (
    contact_sheet,
    library,
    save_image,
    save_small,
    square,
    to_image,
    to_tensor,
)
from course_lib.lessons.lesson04.faults import RUNS, shuffled_letters
from course_lib.stylize import DEFAULT_DECODER
from course_lib.system.devices import keep_freed_memory, machine
from course_lib.system.files import json_lines, relative_name, rounded, save_record, write_text
from course_lib.training.config import TrainingConfig
from course_lib.training.objective import adain_losses
from course_lib.training.trainer import Trainer
from course_lib.vgg import VGG19Encoder

# Pairs that no run below learns from: their losses and pictures are those of unseen images.
HELD_OUT = (("cat", "impasto_night"), ("city", "stained_glass"), ("cat", "woodblock_waves"))
HELD_OUT_FILES = tuple(sorted({f"{name}.jpg" for pair in HELD_OUT for name in pair}))

SMALL_RUN = TrainingConfig(
    content=(str(DATA_DIR / "content"),),
    style=(str(DATA_DIR / "style"),),
    out="",  # nothing but logs and pictures is kept
    exclude=HELD_OUT_FILES,
    images=None,
    batch=2,
    size=128,
    crop=64,
    style_weight=1.0,
    learning_rate=5e-4,
    warmup_steps=80,
    steps=240,
    log_every=4,
    initial_decoder=str(DEFAULT_DECODER),
)
# From nothing but noise a decoder takes an hour to get anywhere. So these runs keep the deep layers
# of the course's decoder and learn the shallow ones anew, which takes minutes.
LARGEST_SHEET = 300_000  # bytes
RENEWED = ("conv2_1", "conv1_2", "conv1_1")

FINE_TUNING = dataclasses.replace(
    SMALL_RUN, batch=4, crop=96, learning_rate=1e-4, warmup_steps=0, steps=250
)


def renew_layers(decoder: Decoder, seed: int) -> None:
    """Give the ``RENEWED`` layers the weights of a decoder that has learned nothing, in place."""
    torch.manual_seed(seed)
    fresh = Decoder()
    for name in RENEWED:
        getattr(decoder, name).load_state_dict(getattr(fresh, name).state_dict())


# --- running and judging ---


class Judge:
    """Losses and pictures of the held-out pairs, always by the course's own encoder and losses.

    Args:
        device: to compute on, in float32.
        size: side of the square pictures in pixels.
        crop: side of the crop in their middle that the losses are measured on; as in training,
            because losses of different sizes cannot be compared.
    """

    def __init__(self, device: torch.device, size: int, crop: int) -> None:
        self.encoder = VGG19Encoder().to(device)
        contents, styles = zip(*HELD_OUT, strict=True)
        self.content = _squares("content", contents, size).to(device)
        self.style = _squares("style", styles, size).to(device)
        first = (size - crop) // 2
        self.middle = (..., slice(first, first + crop), slice(first, first + crop))

    @torch.no_grad()
    def losses(self, decoder: nn.Module) -> dict[str, float]:
        pair = self.content[self.middle], self.style[self.middle]
        content, style = adain_losses(self.encoder, decoder, *pair)
        return {"held_out_content_loss": content.item(), "held_out_style_loss": style.item()}

    @torch.no_grad()
    def pictures(self, decoder: nn.Module) -> Tensor:
        """(pairs, 3, size, size) in [0, 1]."""
        statistics = channel_statistics(self.encoder.encode(self.style))
        features = apply_statistics(self.encoder.encode(self.content), statistics)
        return decoder(features).clamp(0, 1)


def _squares(kind: str, names: Sequence[str], size: int) -> Tensor:
    return torch.cat([to_tensor(square(library(kind)[name], size)) for name in names])


def run_trainer(trainer: Trainer, judge: Judge, judge_every: int = 20) -> list[dict[str, object]]:
    """Train to the end and return the log's records; some also hold the losses of unseen pairs.

    Keys are those of ``read_log`` without ``seconds``, which belong to one machine; every
    ``judge_every`` steps also ``held_out_content_loss`` and ``held_out_style_loss``.
    """
    records = []
    while trainer.completed < trainer.total_steps:
        trainer.step()
        done = trainer.completed == trainer.total_steps
        if not (done or trainer.record_is_due()):
            continue
        record = trainer.log_record()
        del record["seconds"]
        if done or trainer.completed % judge_every == 0:
            record |= judge.losses(trainer.decoder)
        records.append(rounded(record, 6))  # keeps the logs small
    return records


def _settings(trainer: Trainer, **changes: object) -> dict[str, object]:
    """What a record says about its runs: the configuration without paths, and the machine."""
    config = dataclasses.asdict(trainer.config)
    folders = {
        name: [relative_name(path) for path in config[name]] for name in ("content", "style")
    }
    kept = {name: value for name, value in config.items() if name not in ("out", "device")}
    if config["initial_decoder"]:
        kept["initial_decoder"] = relative_name(config["initial_decoder"])
    return kept | folders | {**machine(trainer.device, trainer.precision), **changes}


# --- the two experiments ---


def run_faults(
    out: Path,
    config: TrainingConfig = SMALL_RUN,
    preview_size: int = 128,
    only: Sequence[str] | None = None,
    on_done: Callable[[str, dict[str, object]], None] | None = None,
) -> None:
    """Train one healthy decoder and five with a planted fault, alike in all else.

    ``only``, if given, are the letters of the runs to do; the files of the others are left alone.

    Writes ``A.jsonl`` ... ``F.jsonl``, ``A.jpg`` ... ``F.jpg`` (the held-out pairs, made with the
    right encoder) and ``key.json`` (which letter is which) into ``out``.
    """
    keep_freed_memory()
    letters = shuffled_letters()
    for letter in only or letters:
        kind, changes = RUNS[letters[letter]]
        trainer = kind(dataclasses.replace(config, **changes), progress=False)
        renew_layers(trainer.decoder, config.seed)
        judge = Judge(trainer.device, preview_size, config.crop)
        records = run_trainer(trainer, judge)
        write_text(out / f"{letter}.jsonl", json_lines(records))
        pictures = [to_image(picture) for picture in judge.pictures(trainer.decoder)]
        save_image(contact_sheet([pictures], preview_size), out / f"{letter}.jpg")
        if on_done is not None:
            on_done(letter, records[-1])
    changes = {name: dict(changes) for name, (_, changes) in RUNS.items()}
    healthy = {name: getattr(config, name) for name in ("style_weight", "learning_rate")}
    settings = _settings(trainer, **healthy, renewed_layers=RENEWED, changes=changes)
    save_record(out / "key.json", settings, {"letters": letters})


def sweep_style_weights(
    out: Path,
    weights: Sequence[float],
    config: TrainingConfig,
    preview_size: int = 192,
    on_done: Callable[[float, dict[str, float]], None] | None = None,
) -> None:
    """Train on from one decoder with several style weights, and judge all on held-out pairs.

    Writes ``record.json`` (losses of the held-out pairs before and after), ``sheet.jpg`` (one row
    of pictures per weight, the first row from the decoder that all started from) and one log per
    weight into ``out``.
    """
    keep_freed_memory()
    rows, results, judge = [], {}, None

    def keep(name: str, decoder: nn.Module) -> None:
        results[name] = judge.losses(decoder)
        rows.append([to_image(picture) for picture in judge.pictures(decoder)])

    for weight in weights:
        trainer = Trainer(dataclasses.replace(config, style_weight=weight), progress=False)
        if judge is None:  # its pictures and encoder serve all weights
            judge = Judge(trainer.device, preview_size, config.crop)
            keep("start", trainer.decoder)
        write_text(out / f"style_weight_{weight:g}.jsonl", json_lines(run_trainer(trainer, judge)))
        keep(f"{weight:g}", trainer.decoder)
        if on_done is not None:
            on_done(weight, results[f"{weight:g}"])
    save_small(contact_sheet(rows, preview_size), out / "sheet.jpg", LARGEST_SHEET)
    settings = _settings(trainer, style_weight=list(weights), preview_size=preview_size)
    save_record(out / "record.json", settings, results)
