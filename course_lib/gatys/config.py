"""The settings of an optimisation, checked when they are made."""

from dataclasses import dataclass

from course_lib import CourseError
from course_lib.system.fields import ENCODER_SOURCES, PADDINGS, check_fields, option

OPTIMIZERS = ("lbfgs", "adam", "sgd", "adadelta")
INITS = ("noise", "content", "style")
CONTENT_LAYERS = ("conv4_2",)
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

# ``python -m course_lib gatys-optimizers`` tries others; GatysConfig explains the units.
LEARNING_RATES = {"lbfgs": 1.0, "adam": 0.03, "sgd": 0.0003, "adadelta": 3.0}


class GatysError(CourseError):
    """A setting or an image that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class GatysConfig:
    """Every setting of ``optimize``. The defaults are the report's, but for ``style_weight``.

    Weights never carry over from other code: they depend on the encoder's scale (here the mean
    activation is 1), on whether losses are sums or means, and on the division of the Gram matrix
    (here by the number of positions, equation 3). The report does not state its weight; ours was
    chosen by eye from ``data/runs/gatys/weights.jpg``: from the photograph it paints boldly, while
    from noise a smaller one keeps more of the subject.

    A step is a call of the optimiser: L-BFGS takes up to ``evaluations_per_step`` evaluations of
    the loss in it, the others one. Noise is white, uniform in [0.35, 0.65]; the style as a start is
    cut to the content's shape. Layers are names such as ``conv4_2`` (before its ReLU) or
    ``relu4_2``. The rate of L-BFGS is a factor of its step; the others work on pixel values in
    [0, 1], with the loss divided by its first value and multiplied by the number of values, so that
    rates fit every size and weight. ``relative`` divides each layer's loss by the mean square of
    its target (features or Gram matrix), so that every layer counts alike: equation 5 leaves the
    factors w_l free, and without this the deepest layers, whose activations are rare and large,
    outweigh the colours of the first by orders of magnitude. Each scale before the last runs at
    half the size of the next. Gram matrices and L-BFGS's vectors are float32 in any precision.
    ``snapshots`` are evaluations, counted from 1, after which ``optimize`` shows its image.

    Raises:
        GatysError: a value that cannot be used.
    """

    steps: int = option(50, "calls of the optimiser at each scale", at_least=0)
    optimizer: str = option("lbfgs", "method", OPTIMIZERS)
    init: str = option("noise", "where to start", INITS)
    content_layers: tuple[str, ...] = option(CONTENT_LAYERS, "or relu4_2 and so on", name="LAYER")
    style_layers: tuple[str, ...] = option(STYLE_LAYERS, "or relu1_1 and so on", name="LAYER")
    content_weight: float = option(1.0, "factor of the content loss", at_least=0)
    style_weight: float = option(5.0, "factor of the style loss", at_least=0)
    tv_weight: float = option(0.0, "factor of the total variation", at_least=0)
    relative: bool = option(True, "divide each layer's loss by its target's mean square")
    style_layer_weights: tuple[float, ...] | None = option(
        None, "a factor for each style layer; 1 / their number if not given", name="W", at_least=0
    )
    learning_rate: float | None = option(None, "one that suits the optimiser if not given", above=0)
    evaluations_per_step: int = option(
        20, "of the loss, at most, in a step of L-BFGS", at_least=1, at_most=10_000
    )
    max_evaluations: int | None = option(None, "stop after so many, even within a step", at_least=0)
    history_size: int = option(
        100, "pairs of vectors that L-BFGS remembers", at_least=1, at_most=10_000
    )
    scales: int = option(1, "from coarse to fine in so many sizes", at_least=1, at_most=16)
    snapshots: tuple[int, ...] = ()
    seed: int = option(0, "of the noise", at_least=0, below=2**63)
    encoder: str = option("original", "VGG-19 weights", ENCODER_SOURCES)
    normalize_activations: bool = option(True, "scale each filter to a mean activation of 1")
    padding: str = option("reflect", "of the encoder's convolutions", PADDINGS)
    pooling: str = option("max", "of the encoder", ("max", "avg"))
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        check_fields(self, GatysError)
        from course_lib.vgg import layer_names  # PyTorch, which --help does without

        for layer in (*self.content_layers, *self.style_layers):
            if layer not in layer_names():
                raise GatysError(f"unknown layer '{layer}'; layers are {', '.join(layer_names())}")
        weights = self.style_layer_weights
        if weights is not None and len(weights) != len(self.style_layers):
            raise GatysError(
                f"{len(weights)} style layer weights for {len(self.style_layers)} style layers"
            )
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
        from course_lib.vgg import layer_names

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
