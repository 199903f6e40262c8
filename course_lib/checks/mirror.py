"""The check of lesson 03 on mirroring a list of layers."""

from collections.abc import Callable

from course_lib.checks.comparing import CheckFailed, explained

Layers = list[tuple[str, int, int]]

VGG_TO_RELU4_1: Layers = [
    ("conv", 3, 64), ("conv", 64, 64), ("pool", 64, 64),
    ("conv", 64, 128), ("conv", 128, 128), ("pool", 128, 128),
    ("conv", 128, 256), ("conv", 256, 256), ("conv", 256, 256), ("conv", 256, 256),
    ("pool", 256, 256), ("conv", 256, 512),
]  # fmt: skip
OTHER_NETWORK: Layers = [("conv", 1, 5), ("pool", 5, 5), ("pool", 5, 5), ("conv", 5, 7)]


def _mirror(layers: Layers) -> Layers:
    return [(_opposite(kind), out, into) for kind, into, out in reversed(layers)]


def _small_networks() -> list[tuple[Layers]]:
    return [([("conv", 3, 4)],), ([("conv", 3, 4), ("conv", 4, 8)],),
            ([("conv", 3, 4), ("pool", 4, 4), ("conv", 4, 8)],)]  # fmt: skip


@explained('lesson 03, section 1 "The mirror"', _mirror, ("layers",), _small_networks)
def check_mirror(answer: Callable[[Layers], Layers]) -> None:
    """Exercise 03.1: ``answer(layers)`` -> the decoder's layers, from relu4_1 to the image.

    Raises:
        CheckFailed: with the likely mistake.
    """
    for layers in (VGG_TO_RELU4_1, OTHER_NETWORK):
        given = list(layers)
        result = answer(given)
        if given != layers:
            raise CheckFailed("the encoder's own list was changed: reversed(layers) makes a copy")
        if result is None:
            return print("mirror: not attempted yet")
        if not isinstance(result, list | tuple):
            raise CheckFailed(f"return a list of layers, got {type(result).__name__}")
        result = [tuple(layer) for layer in result]
        expected = _mirror(layers)
        for diagnosis, wrong in _mirror_mistakes(layers, expected).items():
            if result == wrong != expected:
                raise CheckFailed(diagnosis)
        if len(result) != len(expected):
            raise CheckFailed(f"{len(layers)} layers give {len(expected)}, got {len(result)}")
        for number, (mine, right) in enumerate(zip(result, expected, strict=True), 1):
            if mine != right:
                raise CheckFailed(f"layer {number} from relu4_1 should be {right}, got {mine}")
    print("mirror: correct, for VGG-19 and for another network")


def _opposite(kind: str) -> str:
    return "upsample" if kind == "pool" else kind


def _mirror_mistakes(layers: Layers, expected: Layers) -> dict[str, Layers]:
    """Results of the likely mistakes in mirroring a network."""
    back = layers[::-1]
    return {
        "this is the encoder itself": layers,
        "the order is the encoder's: the decoder starts where the encoder ends": expected[::-1],
        "the channels are not exchanged: what a layer gave is what its mirror takes": [
            (_opposite(kind), into, out) for kind, into, out in back
        ],
        "the channels are not exchanged, and 'pool' is still there: undo it by 'upsample'": back,
        "'pool' would halve the maps once more: in its place the decoder needs 'upsample'": [
            (kind, out, into) for kind, into, out in back
        ],
        "nothing enlarges the maps: where the encoder pools, put 'upsample'": [
            layer for layer in expected if layer[0] != "upsample"
        ],
    }
