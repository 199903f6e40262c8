"""What lies beside the pixels of a file, good or broken: orientation, texts, profiles, gamma."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from course_lib.images import ImageError, open_image

SHADES = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
PICTURE = Image.fromarray(SHADES)


def stored(kind, **options):
    file = io.BytesIO()
    PICTURE.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, data, wrong=0):
    crc = struct.pack(">I", zlib.crc32(kind + data) ^ wrong)
    return struct.pack(">I", len(data)) + kind + data + crc


def png_with(*chunks, **options):
    data = stored("PNG", **options)
    return data[:33] + b"".join(chunks) + data[33:]


def jpeg_with(marker, payload, data=None):
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload
    data = data or stored("JPEG", quality=95)
    return data[:2] + segment + data[2:]


def turned(orientation=6):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


FAR = b"Exif\0\0MM\0*\xff\xff\xff\xf0"  # its directory lies outside of the file
PNGS = {
    "text bomb": png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2 << 20)))),
    "much text": png_with(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))] * 65),
    "profile bomb": png_with(chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2 << 20)))),
    "profile of garbage": png_with(chunk(b"iCCP", b"p\0\0garbage")),
    "text with a wrong checksum": png_with(chunk(b"tEXt", b"a\0b", wrong=1)),
    "profile with a wrong checksum": png_with(chunk(b"iCCP", b"p\0\0x", wrong=1)),
    "EXIF with a wrong checksum": png_with(chunk(b"eXIf", turned()[6:], wrong=1)),
    "EXIF of garbage": png_with(chunk(b"eXIf", FAR[6:])),
    "text without an end": png_with(chunk(b"iTXt", b"a\0\1\0")),
    "a short pHYs": png_with(chunk(b"pHYs", b"\0")),
}
JPEGS = {
    "EXIF outside": jpeg_with(0xE1, FAR),
    "EXIF of garbage": jpeg_with(0xE1, b"Exif\0\0" + bytes(range(256)) * 20),
    "broken tag": jpeg_with(
        0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\xff\xff\xff\xff"
    ),
    "profile of garbage": jpeg_with(0xE2, b"ICC_PROFILE\0\1\1garbage"),
    "profile in too many parts": jpeg_with(0xE2, b"ICC_PROFILE\0\1\7garbage"),
    "index of pictures": jpeg_with(0xE2, b"MPF\0MM\0*\xff\xff\xff\xf0"),
    "Photoshop block": jpeg_with(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10ab"),
    "a short APP0": jpeg_with(0xE0, b"JFIF\0\1"),
    "large comment": jpeg_with(0xFE, bytes(65000)),
}


@pytest.mark.parametrize("name", PNGS)
def test_broken_side_data_do_not_spoil_a_png(tmp_path, name):
    (tmp_path / "a.png").write_bytes(PNGS[name])
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.png")), SHADES)


@pytest.mark.parametrize("name", JPEGS)
def test_broken_side_data_do_not_spoil_a_jpeg(tmp_path, name):
    (tmp_path / "plain.jpg").write_bytes(stored("JPEG", quality=95))
    (tmp_path / "a.jpg").write_bytes(JPEGS[name])
    found, plain = (np.asarray(open_image(tmp_path / n)) for n in ("a.jpg", "plain.jpg"))
    assert np.array_equal(found, plain)


def test_the_orientation_is_read_beside_a_broken_text(tmp_path):
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2 << 20)))
    (tmp_path / "a.png").write_bytes(png_with(bomb, exif=turned()))
    upright = np.rot90(SHADES, -1)
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.png")), upright)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_broken_pixels_are_still_refused(tmp_path, kind):
    data = stored(kind)
    (tmp_path / "a").write_bytes(data[:-100])
    with pytest.raises(ImageError, match="is damaged or truncated"):
        open_image(tmp_path / "a")


# --- colours ---


def profile(primaries, gamma=2.2):
    """A matrix profile (ICC version 2) from the XYZ of red, green and blue, adapted to D50."""

    def fixed(*values):
        return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))

    def tag_xyz(values):
        return b"XYZ \0\0\0\0" + fixed(*values)

    tags = {b"wtpt": tag_xyz((0.9642, 1.0, 0.8249))}
    tags |= {bytes([c]) + b"XYZ": tag_xyz(v) for c, v in zip(b"rgb", primaries, strict=True)}
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags |= {bytes([c]) + b"TRC": curve for c in b"rgb"}
    text = b"test\0"
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78 + 3)
    tags[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    offset, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = (
        struct.pack(
            ">I4sI4s4s4s", offset + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ "
        )
        + bytes(12)
        + b"acsp"
        + bytes(28)
    )
    return header + fixed(0.9642, 1.0, 0.8249) + bytes(48) + table + body


ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def adobe_to_srgb(colour):
    """By hand: light by gamma 2.2, XYZ of D50, sRGB's matrix and curve."""
    xyz = np.array(ADOBE).T @ (np.array(colour) / 255) ** (563 / 256)
    to_srgb = np.array(
        [[3.1339, -1.6169, -0.4906], [-0.9788, 1.9161, 0.0335], [0.0719, -0.2290, 1.4052]]
    )
    light = (to_srgb @ xyz).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("colour", [(100, 200, 90), (128, 128, 128), (200, 120, 60)])
def test_adobe_rgb_becomes_srgb(tmp_path, kind, colour):
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    picture = Image.new("RGB", (16, 16), colour)
    picture.save(tmp_path / "a", kind, icc_profile=profile(ADOBE, 563 / 256), **options)
    found = np.asarray(open_image(tmp_path / "a"))[8, 8]
    wanted = adobe_to_srgb(colour)
    assert np.abs(found - wanted).max() <= 3, (found, wanted)
    if len(set(colour)) > 1:
        assert np.abs(np.array(colour) - wanted).max() > 10


def test_a_picture_in_srgb_is_left_as_it_is(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    PICTURE.save(tmp_path / "a.png", icc_profile=srgb)
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.png")), SHADES)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_a_profile_of_another_kind_of_picture_does_no_harm(tmp_path, mode):
    picture = PICTURE.convert("L").convert(mode) if mode == "LA" else PICTURE.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    picture.save(tmp_path / "plain", kind)
    picture.save(tmp_path / "a", kind, icc_profile=profile(ADOBE, 563 / 256))
    found, plain = (np.asarray(open_image(tmp_path / n)).astype(int) for n in ("a", "plain"))
    assert found.shape == plain.shape and np.abs(found - plain).max() < 150


def test_transparency_is_kept_through_a_profile(tmp_path):
    picture = Image.new("RGBA", (4, 4), (100, 200, 90, 0))
    picture.save(tmp_path / "a.png", icc_profile=profile(ADOBE))
    assert (np.asarray(open_image(tmp_path / "a.png")) == 255).all()


def test_linear_gamma_of_a_png_becomes_srgb(tmp_path):
    grey = Image.new("RGB", (4, 4), (55, 55, 55))
    grey.save(tmp_path / "plain.png")
    data = (tmp_path / "plain.png").read_bytes()
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    (tmp_path / "linear.png").write_bytes(data[:33] + gamma + data[33:])
    usual = chunk(b"gAMA", struct.pack(">I", 45_455))
    (tmp_path / "usual.png").write_bytes(data[:33] + usual + data[33:])
    assert np.asarray(open_image(tmp_path / "linear.png"))[0, 0].tolist() == [128] * 3
    assert np.asarray(open_image(tmp_path / "usual.png"))[0, 0].tolist() == [55] * 3


# --- files that are no pictures, or none for Pillow ---


@pytest.mark.parametrize(
    "start, kind",
    [(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL")],
)
def test_a_format_without_a_decoder_is_named_with_what_to_do(tmp_path, start, kind):
    (tmp_path / "a.jpg").write_bytes(start + bytes(100))
    with pytest.raises(ImageError, match=f"is a {kind} picture, .*save it as JPEG or PNG first"):
        open_image(tmp_path / "a.jpg")


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="is a pipe or a device"):
        open_image(tmp_path / "pipe.png")


def test_a_postscript_file_starts_no_other_program(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(ImageError, match="is not an image"):
        open_image(tmp_path / "a.png")


def test_the_default_text_limits_of_pillow_stay(tmp_path):
    assert PngImagePlugin.MAX_TEXT_CHUNK == 1 << 20
