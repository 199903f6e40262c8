"""The pictures that long commands end with: curves, bars and intervals, drawn without a screen."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from course_lib.system.printing import printable

Curve = tuple[Sequence[float], Sequence[float]]


def save_curves(curves: Mapping[str, Curve], path: Path, xlabel: str, ylabel: str) -> Path:
    """Draw named curves (x, y) with a logarithmic y axis."""

    def draw(axis: object) -> None:
        for name, (x, y) in curves.items():
            axis.plot(x, y, label=name, marker="." if len(x) < 20 else "")
        axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log")
        axis.legend(frameon=False)

    return _save(draw, path, 4.0)


def save_bars(values: Mapping[str, float], path: Path, xlabel: str) -> Path:
    """Draw one bar for each name, with its value written behind it."""

    def draw(axis: object) -> None:
        bars = axis.barh(range(len(values)), list(values.values()), color="#0072B2")
        axis.bar_label(bars, fmt="%.3g", padding=3)
        axis.set(yticks=range(len(values)), yticklabels=_labels(values), xlabel=xlabel)
        axis.margins(x=0.15)
        axis.invert_yaxis()

    return _save(draw, path, 1.2 + 0.4 * len(values))


def save_intervals(
    rows: Mapping[str, tuple[float, Sequence[float]]], path: Path, xlabel: str
) -> Path:
    """Draw shares (share, (low, high)) below each other; the dashed line is an even chance."""

    def draw(axis: object) -> None:
        for row, (share, (low, high)) in enumerate(rows.values()):
            axis.plot((low, high), (row, row), color="#0072B2", linewidth=3)
            axis.plot(share, row, "o", color="#D55E00")
        axis.axvline(0.5, color="black", linestyle="--", linewidth=1)
        axis.set(yticks=range(len(rows)), yticklabels=_labels(rows), xlim=(0, 1), xlabel=xlabel)
        axis.margins(y=0.2)
        axis.invert_yaxis()

    return _save(draw, path, 1.2 + 0.35 * len(rows))


def _labels(names: Iterable[str]) -> list[str]:
    """Names of files for an axis, where a ``$`` would begin a formula."""
    return [printable(name, 32).replace("$", r"\$") for name in names]


def _save(draw: Callable[[object], None], path: Path, height: float) -> Path:
    from matplotlib.figure import Figure

    from course_lib.system.files import replacing

    figure = Figure(figsize=(7, height), layout="constrained")
    axis = figure.subplots()
    axis.set_prop_cycle(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7"])  # Okabe and Ito's
    draw(axis)
    axis.grid(alpha=0.3)
    axis.set_axisbelow(True)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path
