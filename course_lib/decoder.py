"""The decoder: relu4_1 features back to an image, and its checkpoint format.

The mirror of VGG-19 up to relu4_1 (Huang & Belongie 2017, section 6): convolutions in reverse
order, nearest-neighbour upsampling where the encoder pools, reflection padding, no normalisation
layers. Checkpoints are safetensors files whose metadata say what they belong to.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from course_lib import CourseError
from course_lib.images import denormalize, reflect_pad
from course_lib.system.files import replacing
from course_lib.vgg import EncoderDescription, VGG19Encoder

FORMAT = "course-decoder-1"
# name of the encoder layer that each convolution mirrors, channels in, channels out
LAYERS = (
    ("conv4_1", 512, 256),
    ("conv3_4", 256, 256),
    ("conv3_3", 256, 256),
    ("conv3_2", 256, 256),
    ("conv3_1", 256, 128),
    ("conv2_2", 128, 128),
    ("conv2_1", 128, 64),
    ("conv1_2", 64, 64),
    ("conv1_1", 64, 3),
)
AFTER_UPSAMPLING = ("conv3_4", "conv2_2", "conv1_2")  # the encoder pools after these three


class DecoderError(CourseError, RuntimeError):
    """A decoder checkpoint that cannot be used; the message is one sentence for the user."""


class Decoder(nn.Module):
    """Map relu4_1 features (N, 512, h, w) to RGB images (N, 3, 8h, 8w), not clamped.

    The last convolution writes an image in the encoder's normalised space; ``denormalize`` is the
    final step. Weights start from ``kaiming_normal`` with a small last layer: PyTorch's default
    shrinks the signal in each of nine ReLU layers and stays grey for thousands of steps.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, channels_in, channels_out in LAYERS:
            conv = nn.Conv2d(channels_in, channels_out, 3)
            nn.init.zeros_(conv.bias)
            if name == "conv1_1":
                nn.init.normal_(conv.weight, std=0.02)
            else:
                nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            self.add_module(name, conv)

    def forward(self, features: Tensor) -> Tensor:
        """Decode (N, 512, h, w) features into (N, 3, 8h, 8w) images around [0, 1]."""
        x = features.to(self.conv4_1.weight.dtype)
        for name, _, _ in LAYERS:
            conv = getattr(self, name)
            if name in AFTER_UPSAMPLING:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.conv2d(reflect_pad(x), conv.weight, conv.bias)
            if name != "conv1_1":
                x = F.relu(x, inplace=True)
        return denormalize(x.float() if x.dtype != torch.float64 else x)


def save_decoder(
    decoder: Decoder,
    path: str | os.PathLike,
    encoder: VGG19Encoder,
    notes: Mapping[str, object],
    dtype: torch.dtype = torch.float16,
) -> Path:
    """Write a checkpoint: weights in half precision (about 7 MB) and metadata.

    Args:
        encoder: the one that the decoder was trained for; its description is recorded.
        notes: recipe, steps, data, licence ...; values that are not text are stored as JSON.

    A temporary file is written first and renamed, so an older checkpoint is never half replaced.
    """
    path = Path(path)
    tensors = {
        name: value.detach().to("cpu", dtype).contiguous()
        for name, value in decoder.state_dict().items()
    }
    metadata = {"format": FORMAT} | encoder.description.metadata()
    for key, value in notes.items():
        metadata[key] = value if isinstance(value, str) else json.dumps(value)
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)
    return path


def read_metadata(path: str | os.PathLike) -> dict[str, str]:
    """Read a checkpoint's metadata without its weights.

    Raises:
        DecoderError: the file is missing or is not one of our decoder checkpoints.
    """
    path = Path(path)
    if not path.is_file():
        raise DecoderError(f"{path}: no such decoder checkpoint")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise DecoderError(f"{path} is damaged or is not a safetensors file ({error})") from None
    if metadata.get("format") != FORMAT:
        raise DecoderError(f"{path} is not a decoder checkpoint of this course ({FORMAT})")
    return metadata


def read_encoder(path: str | os.PathLike) -> EncoderDescription:
    """The encoder that a checkpoint was trained for.

    Raises:
        DecoderError: the file is not one of our checkpoints, or names an encoder that is not known.
    """
    try:
        return EncoderDescription.read(read_metadata(path))
    except ValueError as error:
        raise DecoderError(f"{path} cannot be used: {error}") from None


def load_decoder(path: str | os.PathLike, encoder: VGG19Encoder | None = None) -> Decoder:
    """Read a checkpoint as a float32 decoder.

    Args:
        encoder: if given, must be the one that the decoder was trained for.

    Raises:
        DecoderError: the file is missing, damaged, has other tensors or weights that are not
            finite, or belongs to another encoder (the message names both).
    """
    read_metadata(path)  # complains about a file of another kind
    if encoder is not None and (own := read_encoder(path)) != encoder.description:
        raise DecoderError(
            f"{path} was trained for the encoder '{own}' and does not fit '{encoder.description}'"
        )
    with safe_open(path, "pt") as file:
        state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    with torch.device("meta"):
        decoder = Decoder()
    try:
        decoder.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise DecoderError(f"{path} holds other layers than the decoder ({error})") from None
    if not all(values.isfinite().all() for values in state.values()):
        raise DecoderError(f"{path} holds weights that are not finite; it would paint black")
    return decoder.eval()
