"""Reading, writing, resizing and padding images."""

import errno
import os
import stat
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features
from torchvision.transforms import functional as TF

from course_lib.images import (
    ImageError,
    center_crop,
    check_output_path,
    contact_sheet,
    denormalize,
    find_images,
    load_image,
    normalize,
    open_image,
    pad_to_multiple,
    reflect_pad,
    resize_shorter_side,
    save_image,
    to_image,
    to_tensor,
)
from course_lib.system import picture_files

SIDES = st.tuples(st.integers(1, 24), st.integers(1, 24))  # height and width


def noise(height=9, width=13, channels=3, seed=0, high=256):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, high, shape, dtype=np.uint8)


def pixels(path):
    image = open_image(path)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def on_white(colour, alpha):
    alpha = alpha[..., None] / 255
    return colour * alpha + 255 * (1 - alpha)


# reading -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["png", "bmp", "tif", "ppm"])
def test_lossless_formats_are_read_exactly(tmp_path, extension):
    Image.fromarray(noise()).save(tmp_path / f"a.{extension}")
    assert np.array_equal(pixels(tmp_path / f"a.{extension}"), noise())


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = noise(channels=1)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert np.array_equal(pixels(tmp_path / "a.png"), np.repeat(grey[..., None], 3, 2))


def test_one_bit_becomes_black_and_white(tmp_path):
    bits = noise(channels=1) > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as stored:
        assert stored.mode == "1"
    assert np.array_equal(pixels(tmp_path / "a.png"), np.repeat(bits[..., None] * 255, 3, 2))


@pytest.mark.parametrize("extension", ["png", "tif", "webp"])
def test_transparency_is_composited_on_white(tmp_path, extension):
    rgba = noise(channels=4)
    rgba[0, :, 3], rgba[1, :, 3] = 0, 255
    path = tmp_path / f"a.{extension}"
    Image.fromarray(rgba).save(path, **({"lossless": True} if extension == "webp" else {}))
    result = pixels(path)
    assert np.abs(result - on_white(rgba[..., :3], rgba[..., 3])).max() <= 1
    assert (result[0] == 255).all() and np.array_equal(result[1], rgba[1, :, :3])


def test_grey_with_alpha_is_composited_on_white(tmp_path):
    la = noise(channels=2)
    Image.fromarray(la, "LA").save(tmp_path / "a.png")
    wanted = on_white(np.repeat(la[..., :1], 3, 2), la[..., 1])
    assert np.abs(pixels(tmp_path / "a.png") - wanted).max() <= 1


def palette_image():
    image = Image.fromarray(noise(channels=1, high=4), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30])
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]])
    return image, colours[np.asarray(image)]


def test_palette_is_looked_up(tmp_path):
    image, wanted = palette_image()
    image.save(tmp_path / "a.png")
    assert np.array_equal(pixels(tmp_path / "a.png"), wanted)


@pytest.mark.parametrize("transparency", [2, bytes([255, 255, 0, 128])])
def test_transparent_palette_entries_become_white(tmp_path, transparency):
    image, wanted = palette_image()
    image.save(tmp_path / "a.png", transparency=transparency)
    wanted = wanted.astype(float)
    wanted[np.asarray(image) == 2] = 255
    if isinstance(transparency, bytes):
        half = np.asarray(image) == 3
        wanted[half] = on_white(wanted[half], np.full(half.sum(), 128))
    assert np.abs(pixels(tmp_path / "a.png") - wanted).max() <= 1


@pytest.mark.parametrize("mode, key", [("RGB", (1, 2, 3)), ("L", 7)])
def test_transparent_colour_key_becomes_white(tmp_path, mode, key):
    image = Image.new(mode, (4, 4), key)
    image.putpixel((1, 1), (9, 9, 9) if mode == "RGB" else 9)
    image.save(tmp_path / "a.png", transparency=key)
    result = pixels(tmp_path / "a.png")
    assert (result[0] == 255).all() and (result[1, 1] == 9).all()


@pytest.mark.parametrize("extension, tolerance", [("tif", 1), ("jpg", 12)])
def test_cmyk_is_converted(tmp_path, extension, tolerance):
    cmyk = np.empty((16, 16, 4), np.uint8)
    cmyk[:] = (0, 128, 255, 51)
    Image.fromarray(cmyk, "CMYK").save(tmp_path / f"a.{extension}")
    wanted = (255 - cmyk[..., :3].astype(float)) * (255 - cmyk[..., 3:]) / 255
    assert np.abs(pixels(tmp_path / f"a.{extension}") - wanted).max() <= tolerance


@pytest.mark.parametrize("extension", ["png", "tif"])
def test_16_bit_grey_keeps_its_shades(tmp_path, extension):
    values = np.linspace(0, 65535, 12 * 11).round().astype(np.uint16).reshape(12, 11)
    path = tmp_path / f"a.{extension}"
    Image.fromarray(values).save(path)
    with Image.open(path) as stored:
        assert stored.mode.startswith("I;16")
    wanted = np.repeat((values / 257).round()[..., None], 3, 2)
    assert np.array_equal(pixels(path), wanted)


@pytest.mark.parametrize("top", [65535, 255, 131070])
def test_32_bit_integers_span_16_bits_whatever_values_occur(tmp_path, top):
    values = np.linspace(0, top, 60).round().astype(np.int32).reshape(6, 10)
    Image.fromarray(values, "I").save(tmp_path / "a.tif")
    wanted = np.repeat((values.clip(0, 65535) / 257).round()[..., None], 3, 2)
    assert np.array_equal(pixels(tmp_path / "a.tif"), wanted)


@pytest.mark.parametrize("top", [1, 0.3, 255])
def test_float_images_span_0_to_1_whatever_values_occur(tmp_path, top):
    values = np.linspace(-0.1, top, 60, dtype=np.float32).reshape(6, 10)
    Image.fromarray(values, "F").save(tmp_path / "a.tiff")
    wanted = np.repeat((values.clip(0, 1).astype(float) * 255)[..., None], 3, 2)
    assert np.abs(pixels(tmp_path / "a.tiff") - wanted).max() <= 0.5001


def test_float_images_with_nan_are_read_without_a_warning(tmp_path, recwarn):
    values = np.array([[0, 0.5], [1, np.nan]], np.float32)
    Image.fromarray(values, "F").save(tmp_path / "a.tiff")
    assert pixels(tmp_path / "a.tiff")[..., 0].tolist() == [[0, 128], [255, 0]]
    assert not recwarn.list


STORED = {  # how a camera stores the upright picture for each EXIF orientation
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_exif_rotation_is_applied(tmp_path, orientation, extension):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[16:, 32:] = (255, 0, 0), (0, 0, 255)
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{extension}"
    stored.save(path, exif=exif, **({"quality": 100} if extension == "jpg" else {}))
    result = pixels(path)
    assert result.shape == upright.shape
    assert np.abs(result - upright).mean() < (1 if extension == "png" else 8)


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (pixels(tmp_path / "a.gif") == (255, 0, 0)).all()


@pytest.mark.skipif(not features.check("avif"), reason="Pillow was built without AVIF")
def test_avif_is_read(tmp_path):
    Image.new("RGB", (16, 16), (200, 100, 50)).save(tmp_path / "a.avif")
    assert np.abs(pixels(tmp_path / "a.avif") - (200, 100, 50)).max() < 6


@pytest.mark.parametrize("name", ["Brücke é", "мост", "橋 東京", "a b'c%20", "🎨", "x" * 240])
def test_names_in_any_script(tmp_path, name):
    path = tmp_path / f"{name}.png"
    save_image(Image.fromarray(noise()), path)
    assert np.array_equal(pixels(path), noise())
    assert find_images(tmp_path) == [path]


def test_content_counts_not_the_extension(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(pixels(tmp_path / "a.jpg"), noise())


def test_paths_may_be_text(tmp_path):
    save_image(Image.fromarray(noise()), str(tmp_path / "a.png"))
    assert np.array_equal(pixels(str(tmp_path / "a.png")), noise())


def one_sentence(caught, path):
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path / "gone.png")
    assert "no such file" in one_sentence(caught, tmp_path / "gone.png")


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path)
    assert "folder" in one_sentence(caught, tmp_path)


@pytest.mark.parametrize("content", [b"", b"just some text\n", b"\x00" * 100])
def test_not_an_image(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path / "a.png")
    assert "not an image" in one_sentence(caught, tmp_path / "a.png")


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "gif", "tif"])
def test_truncated_file_is_refused(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    Image.fromarray(noise(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError) as caught:
        open_image(path)
    kind = "is not an image" if extension == "webp" else "is damaged or truncated"
    assert kind in one_sentence(caught, path)


def png_with_size(path, width, height):
    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("width, height", [(13_378, 13_378), (18_000, 18_000)])
def test_decompression_bomb_is_refused_by_its_header(tmp_path, width, height):
    png_with_size(tmp_path / "bomb.png", width, height)
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError) as caught:
        open_image(tmp_path / "bomb.png")
    assert f"{width} x {height} pixels" in one_sentence(caught, tmp_path / "bomb.png")
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_bomb_of_billions_is_refused_too(tmp_path):
    png_with_size(tmp_path / "bomb.png", 100_000, 100_000)
    with pytest.raises(ImageError, match="million pixels allowed"):
        open_image(tmp_path / "bomb.png")


def test_threads_that_read_together_leave_the_limit_in_place(tmp_path):
    png_with_size(tmp_path / "bomb.png", 13_378, 13_378)
    Image.fromarray(noise()).save(tmp_path / "a.png")

    def read(number):
        path = tmp_path / ("bomb.png" if number % 2 else "a.png")
        try:
            return open_image(path).size
        except ImageError:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(200))) == {(13, 9), None}
    assert picture_files.MAX_PIXELS == Image.MAX_IMAGE_PIXELS


def test_pixel_limit_is_inclusive(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_PIXELS", 9 * 13)
    Image.fromarray(noise(9, 13)).save(tmp_path / "a.png")
    Image.fromarray(noise(9, 14)).save(tmp_path / "b.png")
    open_image(tmp_path / "a.png")
    with pytest.raises(ImageError):
        open_image(tmp_path / "b.png")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_says_permission(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(ImageError, match="permission denied"):
        open_image(tmp_path / "a.png")


def test_permission_error_is_translated(tmp_path, monkeypatch):
    Image.fromarray(noise()).save(tmp_path / "a.png")

    def refuse(path, formats):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ImageError, match="permission denied"):
        open_image(tmp_path / "a.png")


# tensors -----------------------------------------------------------------------------------------


def test_load_image_gives_the_convention(tmp_path):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    tensor = load_image(tmp_path / "a.png")
    assert tensor.shape == (1, 3, 9, 13) and tensor.dtype == torch.float32
    wanted = noise().astype(np.float64).transpose(2, 0, 1)[None] / 255
    assert np.abs(tensor.numpy() - wanted).max() < 1e-7


@pytest.mark.parametrize("size, shape", [(9, (9, 13)), (18, (18, 26)), (3, (3, 4)), (1, (1, 1))])
def test_load_image_resizes_the_shorter_side(tmp_path, size, shape):
    Image.fromarray(noise()).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png", size).shape == (1, 3, *shape)


def test_tensor_and_picture_round_trip_for_all_256_values():
    array = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    array[..., 1] = array[::-1, :, 1]
    tensor = to_tensor(Image.fromarray(array))
    assert np.array_equal(np.asarray(to_image(tensor)), array)
    assert np.array_equal(np.asarray(to_image(tensor[0])), array)


def test_to_image_rounds_and_clamps():
    row = torch.tensor([-3.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 254.6 / 255, 7.0])
    image = to_image(row.expand(3, 1, 6))
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 254, 255, 255]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_to_image_takes_any_float_type_and_gradients(dtype):
    tensor = torch.full((1, 3, 2, 2), 0.5, dtype=dtype, requires_grad=True)
    assert (np.asarray(to_image(tensor)) == 128).all()


@pytest.mark.parametrize("shape", [(2, 3, 4, 4), (1, 4, 4), (4, 4), (1, 1, 4, 4), (1, 1, 3, 4, 4)])
def test_to_image_refuses_other_shapes(shape):
    with pytest.raises(ImageError, match=r"\(3, H, W\)"):
        to_image(torch.zeros(shape))


def test_to_image_of_channels_last_memory():
    tensor = to_tensor(Image.fromarray(noise()))
    last = tensor.contiguous(memory_format=torch.channels_last)
    assert np.array_equal(np.asarray(to_image(last)), noise())


# writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.tif", "a.bmp"])
def test_saved_image_reads_back_exactly(tmp_path, name):
    tensor = to_tensor(Image.fromarray(noise()))
    assert save_image(tensor, tmp_path / name) == tmp_path / name
    assert torch.equal(load_image(tmp_path / name), tensor)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_lossy_formats_are_saved_at_high_quality(tmp_path, name):
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    array = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], 128), 2).astype(np.uint8)
    save_image(Image.fromarray(array), tmp_path / name)
    assert np.abs(pixels(tmp_path / name) - array).mean() < 2
    with Image.open(tmp_path / name) as stored:
        assert stored.format == ("WEBP" if name.endswith("webp") else "JPEG")


def test_missing_folders_are_made(tmp_path):
    save_image(torch.zeros(3, 2, 2), tmp_path / "x" / "y" / "a.png")
    assert (tmp_path / "x" / "y" / "a.png").is_file()


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_others_may_read_the_saved_file(tmp_path):
    path = save_image(torch.zeros(3, 2, 2), tmp_path / "a.png")
    assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444


@pytest.mark.parametrize("name", ["a", "a.xyz", "a.txt", ".png", "a.png.bak"])
def test_unknown_extension(tmp_path, name):
    with pytest.raises(ImageError, match=r"use \.png or \.jpg"):
        save_image(torch.zeros(3, 2, 2), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_output_that_is_a_folder(tmp_path):
    with pytest.raises(ImageError, match="is a folder"):
        check_output_path(tmp_path)


def test_unwritable_place(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ImageError) as caught:
        save_image(torch.zeros(3, 2, 2), tmp_path / "file" / "a.png")
    assert "cannot be written" in one_sentence(caught, tmp_path / "file" / "a.png")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ValueError()])
def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error):
    path = save_image(Image.fromarray(noise()), tmp_path / "a.png")

    def half(self, name, **options):
        Path(name).write_bytes(b"half")
        raise error

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(ImageError, match="cannot be written"):
        save_image(torch.zeros(3, 2, 2), path)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["a.png"]
    assert np.array_equal(pixels(path), noise())


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def half(self, name, **options):
        Path(name).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(KeyboardInterrupt):
        save_image(torch.zeros(3, 2, 2), tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_extension_is_written_or_refused_cleanly(tmp_path):
    Image.init()
    for extension in sorted(Image.EXTENSION):
        try:
            save_image(Image.fromarray(noise(16, 16)), tmp_path / f"a{extension}")
        except ImageError:
            assert os.listdir(tmp_path) == []
        else:
            assert os.listdir(tmp_path) == [f"a{extension}"]
            (tmp_path / f"a{extension}").unlink()


# folders -----------------------------------------------------------------------------------------


def test_find_images_is_nested_sorted_and_skips_hidden(tmp_path):
    names = ["b.png", "a.JPG", "sub/c.webp", "sub/deep/d.tiff", ".hidden.png", ".git/e.png"]
    for name in [*names, "notes.txt", "sub/f.pdf"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a.JPG", "b.png", "sub/c.webp", "sub/deep/d.tiff"]


def test_find_images_inside_a_hidden_folder_given_by_name(tmp_path):
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.png").write_bytes(b"x")
    assert find_images(tmp_path / ".cache") == [tmp_path / ".cache" / "a.png"]


@pytest.mark.parametrize("name", ["gone", "file.png"])
def test_find_images_needs_a_folder(tmp_path, name):
    (tmp_path / "file.png").write_bytes(b"x")
    with pytest.raises(ImageError, match="no such folder"):
        find_images(tmp_path / name)


def test_find_images_in_an_empty_folder(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ImageError, match="holds no image files"):
        find_images(tmp_path)


# sizes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before, size, after",
    [
        ((200, 100), 50, (100, 50)),
        ((100, 200), 50, (50, 100)),
        ((30, 30), 30, (30, 30)),
        ((10, 7), 70, (100, 70)),
        ((1000, 3), 1, (333, 1)),
        ((3, 1), 1, (3, 1)),
        ((333, 500), 100, (100, 150)),
    ],
)
def test_resize_keeps_the_aspect_ratio(before, size, after):
    assert resize_shorter_side(Image.new("RGB", before), size).size == after


def test_resize_averages_when_shrinking():
    checks = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    small = resize_shorter_side(Image.fromarray(checks.astype(np.uint8)).convert("RGB"), 8)
    assert np.abs(np.asarray(small).astype(int) - 127).max() <= 2


@pytest.mark.parametrize("size", [0, -4])
def test_resize_needs_a_positive_size(size):
    with pytest.raises(ImageError, match="at least 1"):
        resize_shorter_side(Image.new("RGB", (4, 4)), size)


@pytest.mark.parametrize("size", [13_378, 10**400])
def test_resize_beyond_the_pixel_limit_is_refused(size):
    with pytest.raises(ImageError, match="choose a smaller size"):
        resize_shorter_side(Image.new("RGB", (4, 4)), size)


@pytest.mark.parametrize("height, width", [(8, 14), (14, 8), (6, 6)])
def test_center_crop_cuts_the_middle(height, width):
    array = noise(height, width)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    wanted = array[top : top + side, left : left + side]
    assert np.array_equal(np.asarray(center_crop(Image.fromarray(array))), wanted)


def test_contact_sheet_places_tiles_row_by_row():
    red, blue = Image.new("RGB", (30, 60), "red"), Image.new("RGB", (50, 20), "blue")
    sheet = np.asarray(contact_sheet([[None, red], [blue]], tile=10, gap=2))
    wanted = np.full((26, 26, 3), 255)
    wanted[2:12, 14:24], wanted[14:24, 2:12] = (255, 0, 0), (0, 0, 255)
    assert np.array_equal(sheet, wanted)


# normalisation -----------------------------------------------------------------------------------


def test_normalize_uses_the_imagenet_statistics():
    x = torch.rand(2, 3, 5, 7)
    wanted = TF.normalize(x, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    torch.testing.assert_close(normalize(x), wanted)
    assert torch.allclose(normalize(x)[1, 2, 3, 4], (x[1, 2, 3, 4] - 0.406) / 0.225)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_denormalize_undoes_normalize(dtype):
    x = torch.rand(2, 3, 5, 7, dtype=dtype) * 3 - 1
    torch.testing.assert_close(denormalize(normalize(x)), x)
    torch.testing.assert_close(normalize(denormalize(x)), x)
    assert normalize(x).dtype == dtype


# padding -----------------------------------------------------------------------------------------


@given(sides=SIDES, pads=st.tuples(*[st.integers(0, 20)] * 4), last=st.booleans())
def test_reflect_pad_equals_numpy(sides, pads, last):
    (height, width), (left, right, top, bottom) = sides, pads
    array = np.random.default_rng(0).normal(size=(2, 3, height, width)).astype(np.float32)
    tensor = torch.from_numpy(array)
    if last:
        tensor = tensor.contiguous(memory_format=torch.channels_last)
    wanted = np.pad(array, [(0, 0), (0, 0), (top, bottom), (left, right)], mode="reflect")
    assert np.array_equal(reflect_pad(tensor, *pads).numpy(), wanted)


def test_reflect_pad_is_one_pixel_unless_told():
    array = np.random.default_rng(0).normal(size=(1, 2, 3, 4))
    wanted = np.pad(array, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="reflect")
    assert np.array_equal(reflect_pad(torch.from_numpy(array)).numpy(), wanted)


@pytest.mark.parametrize("shape", [(1, 2, 4, 5), (1, 2, 1, 1), (1, 2, 1, 5)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_reflect_pad_keeps_the_dtype_even_under_autocast(shape, dtype):
    x = torch.rand(shape).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        assert reflect_pad(x).dtype == dtype


@pytest.mark.parametrize("shape", [(2, 2, 3, 4), (1, 2, 1, 2)])
def test_reflect_pad_has_the_right_gradient(shape):
    x = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: reflect_pad(t, 2, 1, 3, 2), x)


@given(sides=SIDES, multiple=st.integers(1, 16))
def test_pad_to_multiple_for_every_size(sides, multiple):
    x = torch.rand(1, 3, *sides)
    room = [(0, -side % multiple) for side in sides]
    wanted = np.pad(x.numpy(), [(0, 0), (0, 0), *room], mode="reflect")
    assert np.array_equal(pad_to_multiple(x, multiple).numpy(), wanted)
