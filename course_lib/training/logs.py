"""The log of a run: written line by line, read back as records, averaged per epoch."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from course_lib.system.files import json_lines, write_text
from course_lib.training.config import TrainingError


class Log:
    """``log.jsonl`` of a run, flushed record by record; TensorBoard gets a copy if installed.

    Args:
        folder: of the run; made beforehand.
        completed: records of later steps are dropped, because those steps are done again.
        writes: False for the processes that only compute.
    """

    def __init__(self, folder: Path, completed: int, writes: bool = True) -> None:
        self.file = self.board = None
        if writes:
            path = folder / "log.jsonl"
            _drop_after(path, completed)
            self.file = path.open("a")
            self.board = _tensorboard(folder / "tensorboard", completed)

    def write(self, record: dict[str, object]) -> None:
        if self.file is None:
            return
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()
        if self.board is not None:
            for name in ("content_loss", "style_loss", "loss", "learning_rate"):
                self.board.add_scalar(f"{record['phase']}/{name}", record[name], record["step"])
            self.board.flush()

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for part in (self.file, self.board):
            if part is not None:
                part.close()


def _tensorboard(folder: Path, completed: int) -> object | None:
    """A SummaryWriter, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=completed + 1)


def read_log(path: str | os.PathLike) -> list[dict[str, object]]:
    """Read the records of ``log.jsonl``; a last line cut short by a kill is left out.

    A record averages the losses of all steps since the record before it. Keys: ``step`` (steps
    done), ``phase`` (``autoencoder`` or ``adain``), ``epoch``, ``content_loss``, ``style_loss``
    (before its weight), ``loss``, ``learning_rate`` and ``seconds``.

    Raises:
        OSError: the file cannot be read.
        TrainingError: another line is not a record.
    """
    records = []
    lines = Path(path).read_bytes().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not record["step"] >= 0 or not all(_fits(*item) for item in record.items()):
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if number == len(lines):
                break
            raise TrainingError(f"{path}, line {number} is not a record of training") from None
        records.append(record)
    return records


def _fits(name: str, value: object) -> bool:
    """Whether a value of a record is of its kind: text for ``phase``, else a number."""
    if name == "phase":
        return isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in ("step", "epoch") or isinstance(value, int):
        return number and abs(value) < 2**53
    return number


def _drop_after(path: Path, completed: int) -> None:
    """Keep the records of the first ``completed`` steps."""
    if not path.exists():
        return
    write_text(path, json_lines(r for r in read_log(path) if r["step"] <= completed))


def epoch_losses(records: Iterable[dict[str, object]]) -> list[dict[str, float]]:
    """Average a log over epochs, as the report's Figure 2 does; the warm-up is left out.

    Args:
        records: of one run, from its start. A record spans two epochs only where epochs are shorter
            than ``log_every``; it then counts for the later one.

    Returns:
        One dictionary per epoch: ``epoch`` (from 1), ``content_loss``, ``style_loss``, ``loss``,
        ``steps``. The last epoch may be unfinished.

    Raises:
        TrainingError: a record lacks a loss, or is of a step before the one above it.
    """
    epochs: dict[int, dict[str, float]] = {}
    before = 0
    for record in records:
        if not {"phase", "epoch", "content_loss", "style_loss", "loss"} <= record.keys():
            raise TrainingError(f"the record of step {record['step']} lacks a loss or an epoch")
        if record["step"] <= before:
            raise TrainingError(f"the record of step {record['step']} follows that of {before}")
        steps, before = record["step"] - before, record["step"]
        if record["phase"] != "adain":
            continue
        number = max(1, math.ceil(record["epoch"] - 1e-6))
        sums = epochs.setdefault(number, {"epoch": number, "steps": 0})
        sums["steps"] += steps
        for name in ("content_loss", "style_loss", "loss"):
            sums[name] = sums.get(name, 0.0) + steps * record[name]
    for sums in epochs.values():
        for name in ("content_loss", "style_loss", "loss"):
            sums[name] /= sums["steps"]
    return list(epochs.values())
