"""The stylising network as an ONNX file, for programs that have neither Python nor PyTorch.

``torch.onnx`` follows the same code that paints here, in float32. Sizes and alpha stay inputs;
padding to a multiple of 8 and cutting off happen inside.
"""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import DATA_DIR, CourseError
from course_lib.adain import ChannelStatistics, apply_statistics, channel_statistics
from course_lib.images import load_image
from course_lib.stylize import StyleTransfer
from course_lib.system.files import replacing
from course_lib.system.optional_packages import need

OPSET = 18
SMALLEST = 9  # pixels per side: ONNX mirrors only what is larger than the margin
TOLERANCE = 1e-3  # between the file and PyTorch, for colours in [0, 1]
LARGE = 1000  # numbers: constants above are kept in half precision if that is asked for
# Axis of an input -> the name of its side, which is free.
IMAGE = {0: "batch", 2: "height", 3: "width"}
STYLE = {2: "style_height", 3: "style_width"}
FEATURES = {0: "batch", 2: "rows", 3: "columns"}


class ExportError(CourseError):
    """A network that cannot be exported; the message is one sentence for the user."""


class Network(nn.Module):
    """Content (N, 3, H, W), style (1, 3, h, w), alpha () -> stylised (N, 3, H, W)."""

    sides, outputs = {"content": IMAGE, "style": STYLE, "alpha": {}}, ("stylised",)

    def __init__(self, transfer: StyleTransfer) -> None:
        super().__init__()
        self.encoder, self.decoder = transfer.encoder, transfer.decoder

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        return self.paint(content, channel_statistics(self.features(style)), alpha)

    def features(self, image: Tensor) -> Tensor:
        """relu4_1 of an image that is mirrored to multiples of 8."""
        height, width = image.shape[2:]
        return self.encoder.encode(F.pad(image, (0, -width % 8, 0, -height % 8), mode="reflect"))

    def paint(self, content: Tensor, style: ChannelStatistics, alpha: Tensor) -> Tensor:
        features = self.features(content)
        # Equation 14; ``blend`` asks first whether alpha is 1, and a graph cannot.
        target = torch.lerp(features, apply_statistics(features, style), alpha)
        return self.decode(target)[..., : content.shape[2], : content.shape[3]]

    def decode(self, features: Tensor) -> Tensor:
        return self.decoder(features).clamp(0, 1)


class Painter(Network):
    """Content (N, 3, H, W), style_mean, style_std (1, 512, 1, 1), alpha () -> stylised."""

    sides = {"content": IMAGE, "style_mean": {}, "style_std": {}, "alpha": {}}

    def forward(self, content: Tensor, mean: Tensor, std: Tensor, alpha: Tensor) -> Tensor:
        return self.paint(content, ChannelStatistics(mean, std), alpha)


class Style(Network):
    """Style (1, 3, h, w) -> style_mean, style_std (1, 512, 1, 1), what a painter asks for."""

    sides, outputs = {"style": STYLE}, ("style_mean", "style_std")

    def forward(self, style: Tensor) -> ChannelStatistics:
        return channel_statistics(self.features(style))


class Encoder(Network):
    """Image (N, 3, 8h, 8w) -> features (N, 512, h, w), for programs that do AdaIN themselves."""

    sides, outputs = {"image": IMAGE}, ("features",)

    def forward(self, image: Tensor) -> Tensor:
        return self.encoder.encode(image)


class Decoder(Network):
    """Features (N, 512, h, w) -> picture (N, 3, 8h, 8w) in [0, 1]; h and w from 2."""

    sides, outputs = {"features": FEATURES}, ("picture",)

    def forward(self, features: Tensor) -> Tensor:
        return self.decode(features)


KINDS = {kind.__name__.lower(): kind for kind in (Network, Painter, Style, Encoder, Decoder)}
# Name of an input -> its shape while the network is followed; free sides differ from each other,
# so that none is taken for another.
FOLLOWED = {
    "content": (2, 3, 37, 46),
    "style": (1, 3, 29, 52),
    "image": (2, 3, 40, 56),
    "features": (2, 512, 5, 7),
    "style_mean": (1, 512, 1, 1),
    "style_std": (1, 512, 1, 1),
    "alpha": (),
}


def export_network(
    transfer: StyleTransfer,
    path: str | os.PathLike,
    kind: str = "network",
    notes: str = "",
    half: bool = False,
) -> Path:
    """Write an ONNX file. Colours are in [0, 1], sizes are free from 9 pixels.

    Args:
        transfer: in float32, on the CPU.
        kind: one of ``KINDS``, whose docstrings give inputs and outputs.
        notes: kept in the file's description.
        half: store the weights in half precision, half as large; the arithmetic stays float32.

    Raises:
        ExportError: the weights are not float32, or the kind is unknown.
        MissingPackageError: ``onnxscript`` is not installed.
    """
    need("onnxscript", "onnxscript", "exporting")
    import onnx  # comes with it

    if kind not in KINDS:
        raise ExportError(f"unknown kind of network '{kind}'; use {', '.join(KINDS)}")
    if transfer.dtype != torch.float32:
        raise ExportError("only float32 can be exported; use --precision float32")
    network = KINDS[kind](transfer).eval()
    followed = tuple(torch.rand(FOLLOWED[name]) for name in network.sides)
    with torch.no_grad():
        network(*followed)  # so that ``normalize`` keeps its constants as numbers, not as symbols
    model = torch.onnx.export(
        network,
        followed,
        input_names=list(network.sides),
        output_names=list(network.outputs),
        dynamic_shapes=tuple(network.sides.values()),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    ).model_proto
    if "content" in network.sides:  # the picture is as large as the photograph
        model.graph.output[0].type.CopyFrom(model.graph.input[0].type)
    if half:
        halve(model.graph)
    model.doc_string = f"{transfer.encoder.description}. {notes}".strip()
    onnx.checker.check_model(model, full_check=True)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return Path(path)


def halve(graph: object) -> None:
    """Keep large constants in half precision; a runtime casts them once, when it loads the file."""
    from onnx import TensorProto, helper, numpy_helper

    for tensor in graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32 and value.size > LARGE:
            name, small = tensor.name, f"{tensor.name}_half"
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), small))
            kind = TensorProto.FLOAT
            graph.node.insert(0, helper.make_node("Cast", [small], [name], f"{name}_cast", to=kind))


def run_exported(path: str | os.PathLike, **inputs: Tensor | float) -> list[Tensor]:
    """Run an ONNX file on the CPU; returns its outputs.

    Raises:
        MissingPackageError: ``onnxruntime`` is not installed.
    """
    runtime = need("onnxruntime", "onnxruntime", "running an exported network")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    return [torch.from_numpy(np.asarray(output)) for output in session.run(None, feeds)]


def check_exported(
    transfer: StyleTransfer, path: str | os.PathLike, style_path: str | os.PathLike | None = None
) -> float:
    """Largest difference of colours in [0, 1] between exported files and PyTorch.

    A bundled photograph and style, cut to sizes that are no multiples of 8, with three alphas.
    ``path`` holds a ``network``, or a ``painter`` that goes with the ``style`` of ``style_path``.
    """
    content = load_image(DATA_DIR / "content" / "cat.jpg", 150)[..., :101, :131].contiguous()
    style = load_image(DATA_DIR / "style" / "impasto_night.jpg", 100)[..., :83, :90].contiguous()
    inputs: dict[str, Tensor] = {"style": style}
    if style_path is not None:
        mean, std = run_exported(style_path, style=style)
        inputs = {"style_mean": mean, "style_std": std}
    differences = [
        run_exported(path, content=content, alpha=alpha, **inputs)[0]
        - transfer.stylize(content, style, alpha).cpu()
        for alpha in (0.0, 0.5, 1.0)
    ]
    return max(gap.abs().max().item() for gap in differences)
