"""The settings of an optimisation, checked when they are made."""

import math
from dataclasses import dataclass

from course_lib import CourseError
from course_lib.vgg import SOURCES, layer_names

OPTIMIZERS = ("lbfgs", "adam", "sgd", "adadelta")
MOST = {"scales": 16, "history_size": 10_000, "evaluations_per_step": 10_000}
INITS = ("noise", "content", "style")
CONTENT_LAYERS = ("conv4_2",)
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

# ``python -m course_lib gatys-optimizers`` tries others; GatysConfig explains the units.
LEARNING_RATES = {"lbfgs": 1.0, "adam": 0.03, "sgd": 0.001, "adadelta": 3.0}


class GatysError(CourseError, ValueError):
    """A setting or an image that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class GatysConfig:
    """Every setting of ``optimize``. The defaults are the report's, but for ``style_weight``.

    Weights never carry over from other code: they depend on the encoder's scale (here the mean
    activation is 1), on whether losses are sums or means, and on the division of the Gram matrix
    (here by the number of positions, equation 3). The report does not state its weight; ours was
    chosen by eye from ``data/runs/gatys/weights.jpg``: from the photograph it paints boldly, while
    from noise a smaller one keeps more of the subject.

    Args:
        steps: calls of the optimiser per scale. A step of L-BFGS has up to
            ``evaluations_per_step`` evaluations of the loss, a step of the others one.
        optimizer: ``lbfgs``, ``adam``, ``sgd`` or ``adadelta``.
        init: ``noise`` (white, uniform in [0.35, 0.65]), ``content``, or ``style`` (cut to
            the content's shape).
        content_layers, style_layers: names such as ``conv4_2`` (before its ReLU) or ``relu4_2``.
        content_weight, style_weight, tv_weight: factors of the three losses.
        relative: divide each layer's loss by the mean square of its target (features or Gram
            matrix), so that every layer counts alike: equation 5 leaves the factors w_l free, and
            without this the deepest layers, whose activations are rare and large, outweigh the
            colours of the first by orders of magnitude.
        style_layer_weights: one factor per style layer; 1 / number of layers if not given.
        learning_rate: ``LEARNING_RATES`` if not given. L-BFGS: a factor of its step. The
            others work on pixel values in [0, 1], with the loss divided by its first value and
            multiplied by the number of values, so that rates fit every size and weight.
        evaluations_per_step: L-BFGS's ``max_iter``, 20 in PyTorch.
        max_evaluations: stop after so many evaluations, even within a step.
        history_size: pairs of vectors that L-BFGS remembers.
        scales: the last runs at full size, each one before at half the size of the next.
        snapshots: evaluations, counted from 1, after which ``optimize`` shows its image.
        seed: of the noise.
        encoder, normalize_activations, padding, pooling: see ``VGG19Encoder``.
        device, precision: see ``devices``; Gram matrices and L-BFGS's vectors are always float32.

    Raises:
        GatysError: a value that cannot be used.
    """

    steps: int = 50
    optimizer: str = "lbfgs"
    init: str = "noise"
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 0.0
    relative: bool = True
    style_layer_weights: tuple[float, ...] | None = None
    learning_rate: float | None = None
    evaluations_per_step: int = 20
    max_evaluations: int | None = None
    history_size: int = 50
    scales: int = 1
    snapshots: tuple[int, ...] = ()
    seed: int = 0
    encoder: str = "original"
    normalize_activations: bool = True
    padding: str = "reflect"
    pooling: str = "max"
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name, choices in (
            ("optimizer", OPTIMIZERS), ("init", INITS), ("encoder", SOURCES),
            ("padding", ("reflect", "zeros")), ("pooling", ("max", "avg")),
        ):  # fmt: skip
            if getattr(self, name) not in choices:
                raise GatysError(
                    f"unknown {name} '{getattr(self, name)}'; choose from {', '.join(choices)}"
                )
        for layer in (*self.content_layers, *self.style_layers):
            if layer not in layer_names():
                raise GatysError(f"unknown layer '{layer}'; layers are {', '.join(layer_names())}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name, least in (("steps", 0), ("evaluations_per_step", 1), ("max_evaluations", 0),
                            ("history_size", 1), ("scales", 1)):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not least <= value <= MOST.get(name, 10**9):
                most = MOST.get(name, 10**9)
                raise GatysError(f"{name} must be at least {least}, got {value}; at most {most}")
        if not 0 <= self.seed < 2**63:
            raise GatysError(f"seed must be from 0 to 2**63 - 1, got {self.seed}")
        for name in ("content_weight", "style_weight", "tv_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise GatysError(f"{name} must be a number from 0 up, got {value}")
        weights = self.style_layer_weights
        if weights is not None and len(weights) != len(self.style_layers):
            raise GatysError(
                f"{len(weights)} style layer weights for {len(self.style_layers)} style layers"
            )
        if weights is not None and not all(math.isfinite(w) and w >= 0 for w in weights):
            raise GatysError(f"style layer weights must be numbers from 0 up, got {weights}")
        rate = self.learning_rate
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise GatysError(f"the learning rate must be a number above 0, got {rate}")
        if not self.content_weight * len(self.content_layers) and not (
            self.style_weight * len(self.style_layers) or self.tv_weight
        ):
            raise GatysError("every loss has weight 0 or no layer: there is nothing to minimise")

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        return self.learning_rate or LEARNING_RATES[self.optimizer]

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer needed, once, from the first to the deepest."""
        wanted = {*self.content_layers, *self.style_layers}
        return tuple(name for name in layer_names() if name in wanted)

    @property
    def layer_weights(self) -> tuple[float, ...]:
        """The factor of every style layer."""
        count = len(self.style_layers)
        return self.style_layer_weights or (1 / max(1, count),) * count

    @property
    def planned_evaluations(self) -> int:
        """The most evaluations of the loss that the run may take."""
        per_step = self.evaluations_per_step if self.optimizer == "lbfgs" else 1
        planned = self.scales * self.steps * per_step
        return planned if self.max_evaluations is None else min(planned, self.max_evaluations)
