"""The stylising network as an ONNX file, for programs that have neither Python nor PyTorch.

The graph is written node by node, the same 18 convolutions as ``vgg.py`` and ``decoder.py``, in
float32. Sizes and alpha are inputs; padding to a multiple of 8 and cutting off happen inside.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from course_lib import DATA_DIR, CourseError
from course_lib.adain import EPSILON
from course_lib.decoder import AFTER_UPSAMPLING, LAYERS, Decoder
from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, load_image
from course_lib.stylize import StyleTransfer
from course_lib.system.files import replacing
from course_lib.system.optional_packages import need
from course_lib.vgg import VGG19Encoder

OPSET, IR_VERSION = 18, 8  # the oldest that have all that is needed: ONNX Runtime from 1.14
SMALLEST = 9  # pixels per side: ONNX mirrors only what is larger than the margin
TOLERANCE = 1e-3  # between the file and PyTorch, for colours in [0, 1]
KINDS = ("network", "painter", "style", "encoder", "decoder")
LARGE = 1000  # numbers: constants above are kept in half precision if that is asked for


class ExportError(CourseError):
    """A network that cannot be exported; the message is one sentence for the user."""


@dataclass
class Graph:
    """Nodes and constants of an ONNX graph under construction; values are known by names."""

    onnx: ModuleType
    half: bool = False  # keep large constants in half precision
    nodes: list = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: object) -> str:
        """Append a node with one output, and return the output's name."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        node = self.onnx.helper.make_node(operator, list(inputs), [name], name, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, value: Tensor | np.ndarray | list, name: str = "") -> str:
        """A constant, kept once; numbers without a kind become int64 indices."""
        if isinstance(value, Tensor):
            value = value.detach().to("cpu", torch.float32).contiguous().numpy()
        array = np.asarray(value, np.int64) if isinstance(value, list) else value
        name = name or f"constant_{len(self.constants)}"
        self.constants.setdefault(name, array)
        return name

    def number(self, value: float) -> str:
        return self.constant(np.float32(value), f"number_{value!r}")

    def channels(self, values: tuple[float, ...], name: str) -> str:
        return self.constant(torch.tensor(values)[:, None, None], name)


def export_network(
    transfer: StyleTransfer,
    path: str | os.PathLike,
    kind: str = "network",
    notes: str = "",
    half: bool = False,
) -> Path:
    """Write an ONNX file.

    ``network``: content (N, 3, H, W), style (1, 3, h, w), alpha () -> stylised (N, 3, H, W).
    ``style``: style (1, 3, h, w) -> style_mean, style_std (1, 512, 1, 1). ``painter``: content,
    style_mean, style_std, alpha -> stylised. Colours are in [0, 1], sizes are free from 9 pixels.
    The two halves alone, for programs that do AdaIN themselves: ``encoder``, image (N, 3, 8h, 8w)
    -> features (N, 512, h, w), and ``decoder``, features -> picture, with sides from 16 pixels.

    Args:
        transfer: in float32.
        notes: kept in the file's description.
        half: store the weights in half precision, half as large; the arithmetic stays float32.

    Raises:
        ExportError: the weights are not float32, or the kind is unknown.
        MissingPackageError: ``onnx`` is not installed.
    """
    onnx = need("onnx", "onnx", "exporting")
    if kind not in KINDS:
        raise ExportError(f"unknown kind of network '{kind}'; use {', '.join(KINDS)}")
    if transfer.dtype != torch.float32:
        raise ExportError("only float32 can be exported; use --precision float32")
    graph = Graph(onnx, half)
    image = ["batch", 3, "height", "width"]
    style = ["one", 3, "style_height", "style_width"]
    shapes: dict[str, list] = {}
    results: dict[str, list] = {}
    end = f"{transfer.encoder.description}. {notes}".strip()
    if kind in ("encoder", "decoder"):
        features = ["batch", 512, "rows", "columns"]
        if kind == "encoder":
            shapes, results = {"image": image}, {"features": features}
            graph.add("Identity", add_encoder(graph, transfer.encoder, "image"), output="features")
        else:
            shapes, results = {"features": features}, {"picture": image}
            add_picture(graph, transfer.decoder, "features", "picture")
        return save_graph(graph, shapes, results, path, end)
    if kind != "style":
        shapes["content"] = image
        padded, size = add_padding(graph, "content")
        content = add_encoder(graph, transfer.encoder, padded)
    if kind == "painter":
        shapes |= dict.fromkeys(("style_mean", "style_std"), ["one", 512, 1, 1])
        mean, std = "style_mean", "style_std"
    else:
        shapes["style"] = style
        padded_style, _ = add_padding(graph, "style")
        mean, std = add_statistics(graph, add_encoder(graph, transfer.encoder, padded_style))
    if kind == "style":
        results = {"style_mean": ["one", 512, 1, 1], "style_std": ["one", 512, 1, 1]}
        graph.add("Identity", mean, output="style_mean")
        graph.add("Identity", std, output="style_std")
    else:
        shapes["alpha"] = []
        results = {"stylised": image}
        target = add_adain(graph, content, mean, std)
        picture = add_picture(graph, transfer.decoder, target)
        ends = [graph.constant([0, 0], "corner"), size, graph.constant([2, 3], "sides")]
        graph.add("Slice", picture, *ends, output="stylised")
    return save_graph(graph, shapes, results, path, end)


def add_padding(graph: Graph, image: str) -> tuple[str, str]:
    """Mirror an image to multiples of 8; returns that and the image's own (height, width)."""
    shape = graph.add("Shape", image)
    size = graph.add("Gather", shape, graph.constant([2, 3], "sides"), axis=0)
    missing = graph.add("Mod", graph.add("Neg", size), graph.constant([8, 8], "eights"))
    pads = graph.add("Concat", graph.constant([0] * 6, "no_pads"), missing, axis=0)
    return graph.add("Pad", image, pads, mode="reflect"), size


def add_encoder(graph: Graph, encoder: VGG19Encoder, x: str) -> str:
    """Nodes from an image with sides that are multiples of 8 to its relu4_1 features."""
    x = graph.add("Sub", x, graph.channels(IMAGENET_MEAN, "imagenet_mean"))
    x = graph.add("Div", x, graph.channels(IMAGENET_STD, "imagenet_std"))
    for name, layer in zip(encoder.names, encoder.features, strict=True):
        if name.startswith("conv"):
            x = add_convolution(graph, x, layer, f"encoder_{name}", encoder.padding == "reflect")
        elif name.startswith("relu"):
            x = graph.add("Relu", x)
        else:
            pool = "AveragePool" if encoder.pooling == "avg" else "MaxPool"
            x = graph.add(pool, x, kernel_shape=[2, 2], strides=[2, 2])
        if name == "relu4_1":
            break
    return x


def add_convolution(
    graph: Graph, x: str, layer: torch.nn.Conv2d, name: str, reflect: bool = True
) -> str:
    """A 3x3 convolution with a margin of one pixel, mirrored or zero."""
    weights = [
        graph.constant(layer.weight, f"{name}_weight"),
        graph.constant(layer.bias, f"{name}_bias"),
    ]
    if not reflect:
        return graph.add("Conv", x, *weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = graph.add("Pad", x, graph.constant([0, 0, 1, 1, 0, 0, 1, 1], "margin"), mode="reflect")
    return graph.add("Conv", x, *weights, kernel_shape=[3, 3])


def add_statistics(graph: Graph, x: str) -> tuple[str, str]:
    """Mean and standard deviation of every channel (equations 5 and 6)."""
    sides = graph.constant([2, 3], "sides")
    mean = graph.add("ReduceMean", x, sides, keepdims=1)
    gap = graph.add("Sub", x, mean)
    variance = graph.add("ReduceMean", graph.add("Mul", gap, gap), sides, keepdims=1)
    return mean, graph.add("Sqrt", graph.add("Add", variance, graph.number(EPSILON)))


def add_adain(graph: Graph, content: str, style_mean: str, style_std: str) -> str:
    """AdaIN (equation 8), blended by the input ``alpha`` (equation 14)."""
    mean, std = add_statistics(graph, content)
    white = graph.add("Div", graph.add("Sub", content, mean), std)
    target = graph.add("Add", graph.add("Mul", white, style_std), style_mean)
    return graph.add("Add", content, graph.add("Mul", "alpha", graph.add("Sub", target, content)))


def add_decoder(graph: Graph, decoder: Decoder, x: str) -> str:
    """Nodes from features to an image, not yet clamped."""
    scales = graph.constant(np.array([1, 1, 2, 2], np.float32), "twice")
    for name, _, _ in LAYERS:
        if name in AFTER_UPSAMPLING:
            x = graph.add(
                "Resize",
                x,
                "",
                scales,
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            )
        x = add_convolution(graph, x, getattr(decoder, name), f"decoder_{name}")
        if name != "conv1_1":
            x = graph.add("Relu", x)
    x = graph.add("Mul", x, graph.channels(IMAGENET_STD, "imagenet_std"))
    return graph.add("Add", x, graph.channels(IMAGENET_MEAN, "imagenet_mean"))


def add_picture(graph: Graph, decoder: Decoder, x: str, output: str = "") -> str:
    """Nodes from features to an image in [0, 1]."""
    x = add_decoder(graph, decoder, x)
    return graph.add("Clip", x, graph.number(0.0), graph.number(1.0), output=output)


def save_graph(
    graph: Graph,
    inputs: dict[str, list],
    outputs: dict[str, list],
    path: str | os.PathLike,
    description: str,
) -> Path:
    """Check the graph and write it (to a temporary name, then renamed)."""
    onnx = graph.onnx
    large = [n for n, v in graph.constants.items() if graph.half and v.size > LARGE]
    for name in large:  # a runtime casts them once, when it loads the file
        graph.constants[f"{name}_half"] = graph.constants.pop(name).astype(np.float16)
    kind = onnx.TensorProto.FLOAT
    casts = [onnx.helper.make_node("Cast", [f"{n}_half"], [n], f"cast_{n}", to=kind) for n in large]

    def values(shapes: dict[str, list]) -> list:
        return [onnx.helper.make_tensor_value_info(n, kind, shape) for n, shape in shapes.items()]

    constants = [onnx.numpy_helper.from_array(v, n) for n, v in graph.constants.items()]
    made = onnx.helper.make_graph(
        [*casts, *graph.nodes], "style_transfer", values(inputs), values(outputs), constants
    )
    model = onnx.helper.make_model(
        made,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="course_lib",
        doc_string=description,
    )
    onnx.checker.check_model(model, full_check=True)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return Path(path)


def run_exported(path: str | os.PathLike, **inputs: Tensor | float) -> list[Tensor]:
    """Run an ONNX file on the CPU; returns its outputs.

    Raises:
        MissingPackageError: ``onnxruntime`` is not installed.
    """
    runtime = need("onnxruntime", "onnxruntime", "running an exported network")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {
        name: np.asarray(value, np.float32) if not isinstance(value, Tensor) else value.numpy()
        for name, value in inputs.items()
    }
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
