"""The arithmetic of AdaIN, counted from the shapes of its layers."""

from course_lib.decoder import AFTER_UPSAMPLING, LAYERS
from course_lib.vgg import layer_names


def conv_macs(channels_in: int, channels_out: int, height: int, width: int, kernel: int = 3) -> int:
    """Multiplications (with an addition each) of a convolution whose output is height x width."""
    return channels_in * channels_out * kernel**2 * height * width


def count_macs(size: int) -> list[dict[str, object]]:
    """Every convolution of AdaIN for a square picture and its style, from their shapes alone.

    Args:
        size: side in pixels, a multiple of 8.

    Returns:
        In order: ``part`` (``content encoder``, ``style encoder``, ``decoder``), ``layer``,
        ``channels`` [in, out], ``side`` of the output, ``macs``.
    """
    encoder, side, channels = [], size, 3
    for name in layer_names():
        if name.startswith("pool"):
            side //= 2
        elif name.startswith("conv"):
            out = 64 * 2 ** min(int(name[4]) - 1, 3)
            encoder.append((name, channels, out, side))
            channels = out
        if name == "relu4_1":
            break
    decoder, side = [], size // 8
    for name, channels, out in LAYERS:
        side *= 2 if name in AFTER_UPSAMPLING else 1
        decoder.append((name, channels, out, side))
    parts = (("content encoder", encoder), ("style encoder", encoder), ("decoder", decoder))
    return [
        {
            "part": part,
            "layer": name,
            "channels": [channels, out],
            "side": side,
            "macs": conv_macs(channels, out, side, side),
        }
        for part, rows in parts
        for name, channels, out, side in rows
    ]
