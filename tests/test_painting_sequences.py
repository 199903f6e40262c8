"""Moving pictures: frames in order, times kept, bad frames named, statistics smoothed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from command_kit import complains
from PIL import Image, ImageSequence

from course_lib import DATA_DIR
from course_lib.adain import ChannelStatistics
from course_lib.images import ImageError, load_image, square, to_image, to_tensor
from course_lib.painting import frames, sequences
from course_lib.painting.frames import FolderWriter, Frame, natural_order, open_frames
from course_lib.painting.sequences import (
    FramePainter,
    Smoothing,
    check_output,
    open_writer,
    stylize_sequence,
)
from course_lib.stylize import StyleTransfer
from course_lib.system import optional_packages

QUICK = ["--style-size", 24, "--device", "cpu", "--precision", "float32"]
with_ffmpeg = pytest.mark.skipif(
    importlib.util.find_spec("imageio_ffmpeg") is None,
    reason="imageio-ffmpeg is not installed: pip install imageio-ffmpeg",
)
_load = StyleTransfer.load


@pytest.fixture(scope="module")
def transfer():
    return _load(device="cpu", precision="float32")


@pytest.fixture(autouse=True)
def load_once(transfer, monkeypatch):
    monkeypatch.setattr(StyleTransfer, "load", lambda *options: transfer)


@pytest.fixture(scope="module")
def style(transfer):
    return transfer.encode_style(load_image(DATA_DIR / "style" / "impasto_night.jpg", 48))


@pytest.fixture
def painting(make_images, tmp_path):
    return make_images(tmp_path / "styles", 1, (32, 32), seed=3)[0]


def make_gif(path, count=4, size=(26, 18), durations=(50, 120, 300, 40), **options):
    """A GIF of a square that moves over noise, with its own time for every frame."""
    rng = np.random.default_rng(0)
    ground = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    pictures = []
    for i in range(count):
        array = ground.copy()
        array[4:10, 3 + 4 * i : 9 + 4 * i] = (250, 40, 40)
        pictures.append(Image.fromarray(array))
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=list(durations)[:count], **options
    )
    return path


def read_gif(path):
    """Durations, loop, and pictures of an animation."""
    with Image.open(path) as image:
        loop = image.info.get("loop")
        shown = [(f.info.get("duration"), f.convert("RGB")) for f in ImageSequence.Iterator(image)]
    return [time for time, _ in shown], loop, [picture for _, picture in shown]


# --- a GIF ---


@pytest.mark.parametrize("loop", [None, 0, 3])
def test_a_gif_keeps_its_size_times_and_loop(run, tmp_path, painting, loop):
    options = {} if loop is None else {"loop": loop}
    source = make_gif(tmp_path / "in.gif", **options)
    out = tmp_path / "new" / "out.gif"
    code, printed, _ = run("sequence", source, painting, "-o", out, *QUICK)
    assert code == 0
    assert printed.startswith(f"4 frames in {out}, 0 skipped, ")
    times, kept, pictures = read_gif(out)
    assert (times, kept) == ([50, 120, 300, 40], loop)
    assert {picture.size for picture in pictures} == {(26, 18)}
    before = read_gif(source)[2]
    assert all(a.tobytes() != b.tobytes() for a, b in zip(before, pictures, strict=True))


def test_every_frame_is_the_stylised_frame(transfer, style, tmp_path):
    source = open_frames(make_gif(tmp_path / "in.gif"))
    writer = FolderWriter(tmp_path / "out")
    report = stylize_sequence(transfer, source, writer, style, progress=False)
    assert (report.saved, report.skipped) == (4, {})
    for i, picture in enumerate(read_gif(tmp_path / "in.gif")[2], 1):
        expected = to_image(transfer.stylize(to_tensor(picture), style))
        made = Image.open(tmp_path / "out" / f"frame_{i:05d}.png")
        gap = np.abs(np.asarray(made, int) - np.asarray(expected, int))
        assert gap.max() <= 1


def test_transparency_becomes_white(tmp_path):
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 4, 8))
    second = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    path = tmp_path / "a.gif"
    picture.save(path, save_all=True, append_images=[second], disposal=2)
    first = next(open_frames(path).frames).picture
    assert first.getpixel((1, 1)) == (255, 255, 255) and first.getpixel((6, 6)) == (255, 0, 0)


def test_hundredths_of_a_second_add_up(tmp_path):
    writer = frames.GifWriter(tmp_path / "a.gif", 0)
    for i in range(30):
        picture = Image.new("RGB", (8, 8), (8 * i, 0, 0))
        writer.add(picture, Frame("f", 1 / 30, picture))
    writer.close()
    times, _, _ = read_gif(tmp_path / "a.gif")
    assert sum(times) == 1000 and set(times) == {30, 40}


def test_a_single_picture_is_sent_to_stylize(run, tmp_path, painting):
    complains(
        run("sequence", painting, painting, "-o", tmp_path / "out.gif", *QUICK),
        "is a single picture",
        "use 'stylize'",
    )


# --- a folder ---


def test_frames_go_in_natural_order():
    names = ["f10.png", "f9.png", "f1.png", "b/2.png", "a2.png", "f_1.png"]
    ordered = sorted(names, key=lambda name: natural_order(Path(name)))
    assert ordered == ["a2.png", "b/2.png", "f1.png", "f9.png", "f10.png", "f_1.png"]


def test_a_folder_keeps_its_names_and_bad_frames_are_named(run, tmp_path, painting, make_images):
    make_images(tmp_path / "in", 4, (26, 18))
    (tmp_path / "in" / "image_02.png").write_text("not a picture")
    code, printed, err = run("sequence", tmp_path / "in", painting, "-o", tmp_path / "out", *QUICK)
    assert code == 1
    assert printed.startswith(f"3 frames in {tmp_path / 'out'}, 1 skipped, ")
    assert "skipped image_02.png: " in err and "is not an image" in err
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["image_00.png", "image_01.png", "image_03.png"]


@pytest.mark.parametrize("name", ["out", "out.gif"])
def test_results_inside_the_folder_are_no_frames_of_a_second_run(
    run, tmp_path, painting, make_images, name
):
    make_images(tmp_path / "in", 2, (16, 16))
    for _ in range(2):
        code, printed, _ = run(
            "sequence", tmp_path / "in", painting, "-o", tmp_path / "in" / name, *QUICK
        )
        assert code == 0 and printed.startswith("2 frames in ")


def test_a_gif_holds_the_frame_before_a_bad_one(run, tmp_path, painting, make_images):
    paths = make_images(tmp_path / "in", 4, (26, 18))
    paths[1].write_text("not a picture")
    Image.new("RGB", (20, 20)).save(paths[3])
    out = tmp_path / "out.gif"
    code, _, err = run("sequence", tmp_path / "in", painting, "-o", out, "--fps", 10, *QUICK)
    assert code == 1
    assert "image_01.png" in err
    assert "skipped image_03.png: it has 20 x 20 pixels, the first 26 x 18" in err
    times, loop, pictures = read_gif(out)
    assert (times, loop, len(pictures)) == ([200, 200], 0, 2)


def test_if_all_frames_are_bad_nothing_is_written(run, tmp_path, painting, make_images):
    for path in make_images(tmp_path / "in", 2):
        path.write_text("not a picture")
    for out in (tmp_path / "out", tmp_path / "out.gif"):
        code, printed, err = run("sequence", tmp_path / "in", painting, "-o", out, *QUICK)
        assert (code, printed) == (2, "")
        assert err.splitlines()[-1].startswith("error: no frame of ")
        assert not out.exists()


def test_a_failure_half_way_leaves_no_partial_gif(transfer, style, tmp_path, monkeypatch):
    source = open_frames(make_gif(tmp_path / "in.gif"))
    out = tmp_path / "new" / "out.gif"

    def full_disk(self, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(ImageError, match="No space left"):
        stylize_sequence(transfer, source, open_writer(source, out), style, progress=False)
    assert list(out.parent.iterdir()) == []


# --- smoothing ---


def statistics(value):
    return ChannelStatistics(torch.full((1, 2, 1, 1), value), torch.full((1, 2, 1, 1), 2 * value))


def test_smoothing_is_a_moving_average():
    smooth = Smoothing(0.75)
    means = [smooth(statistics(v)).mean[0, 0].item() for v in (1.0, 5.0, 5.0)]
    assert means == pytest.approx([1, 2, 2.75])
    assert smooth.state.std[0, 0].item() == pytest.approx(5.5)
    none = Smoothing(0)
    assert [none(statistics(v)).mean[0, 0].item() for v in (1.0, 5.0)] == [1, 5]


@pytest.mark.parametrize("strength", [1, -0.1, float("nan")])
def test_smoothing_has_a_range(strength):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        Smoothing(strength)


def test_what_comes_in_changes_the_rest_less_with_smoothing(transfer, style):
    ground = square(DATA_DIR / "content" / "coffee.jpg", 96)
    visited = ground.copy()
    visited.paste((255, 255, 255), (56, 0, 96, 96))  # something large comes in at the right
    jumps = []
    for strength in (0.0, 0.9):
        painter = FramePainter(transfer, style, 1.0, Smoothing(strength))
        before, after = (
            np.asarray(painter(Frame("f", 0.1, picture)), float)[:, :24]
            for picture in (ground, visited)
        )
        jumps.append(np.abs(after - before).mean())
    assert jumps[1] < 0.5 * jumps[0]


# --- video ---


@with_ffmpeg
def test_a_video_keeps_its_rate_and_number_of_frames(run, tmp_path, painting):
    gif = make_gif(tmp_path / "in.gif", size=(33, 24), durations=(40,) * 4)
    video, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    assert run("sequence", gif, painting, "-o", video, *QUICK)[0] == 0
    code, printed, _ = run("sequence", video, painting, "-o", out, *QUICK)
    assert code == 0
    assert printed.startswith(f"4 frames in {out}, 0 skipped")
    shown = list(open_frames(out).frames)
    assert [frame.seconds for frame in shown] == pytest.approx([0.04] * 4)
    assert shown[0].picture.size == (34, 24)  # an odd side gets one line more
    made = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert made == []


@with_ffmpeg
def test_a_broken_video_is_one_sentence(run, tmp_path, painting):
    (tmp_path / "in.mp4").write_bytes(b"not a video" * 50)
    result = run("sequence", tmp_path / "in.mp4", painting, "-o", tmp_path / "out.mp4", *QUICK)
    complains(result, "in.mp4 is not a video that ffmpeg can read")


@pytest.mark.parametrize("names", [("in.mp4", "out.gif"), ("in.gif", "out.mp4")])
def test_without_ffmpeg_the_advice_is_one_sentence(run, tmp_path, painting, monkeypatch, names):
    make_gif(tmp_path / "in.gif")
    (tmp_path / "in.mp4").write_bytes(b"a video")
    monkeypatch.setattr(optional_packages.importlib.util, "find_spec", lambda name: None)
    result = run("sequence", tmp_path / names[0], painting, "-o", tmp_path / names[1], *QUICK)
    complains(result, "needs the package imageio-ffmpeg: run 'pip install imageio-ffmpeg'")
    assert not (tmp_path / names[1]).exists()


# --- mistakes ---


@pytest.mark.parametrize(
    ("content", "out", "words"),
    [
        ("missing", "out", "missing: no such file"),
        ("in.gif", "in.gif", "one of the inputs"),
        ("in.gif", "out.txt", "a .gif or a video file"),
        ("in.gif", "folder.gif", "is a folder; give a file name"),
        ("frames", "frames", "one of the inputs"),
        ("broken.gif", "out.gif", "is not an image"),
    ],
)
def test_mistakes_in_names(run, tmp_path, painting, make_images, content, out, words):
    make_gif(tmp_path / "in.gif")
    make_images(tmp_path / "frames", 2)
    (tmp_path / "broken.gif").write_text("not a picture")
    (tmp_path / "folder.gif").mkdir()
    before = (tmp_path / "in.gif").read_bytes()
    complains(run("sequence", tmp_path / content, painting, "-o", tmp_path / out, *QUICK), words)
    assert (tmp_path / "in.gif").read_bytes() == before


@pytest.mark.parametrize(
    "options", [["--smooth", 1], ["--smooth", "x"], ["--fps", 0], ["--fps", "nan"], ["--alpha", 2]]
)
def test_numbers_out_of_range_are_one_sentence(run, tmp_path, painting, options):
    source = make_gif(tmp_path / "in.gif")
    complains(run("sequence", source, painting, "-o", tmp_path / "out", *options), options[0])


def test_a_style_in_the_way_is_not_replaced(tmp_path, make_images):
    paths = make_images(tmp_path / "frames", 1)
    style = make_images(tmp_path / "out", 1)[0]
    with pytest.raises(ImageError, match="one of the inputs"):
        check_output(paths[0].parent, [style], tmp_path / "out")


def test_an_oversized_later_frame_is_one_sentence(run, tmp_path, painting):
    noise = [Image.effect_noise((24, 16), 60 + k) for k in range(3)]
    noise[0].save(tmp_path / "in.gif", save_all=True, append_images=noise[1:], duration=50)
    data = bytearray((tmp_path / "in.gif").read_bytes())
    first = data.index(b"\x21\xf9\x04")
    second = data.index(b"\x21\xf9\x04", first + 1) + 8  # its image block
    assert data[second] == 0x2C
    data[second + 5 : second + 9] = b"\xff\xff\xff\xff"  # 65,535 x 65,535
    (tmp_path / "in.gif").write_bytes(data)
    code, _, err = run("sequence", tmp_path / "in.gif", painting, "-o", tmp_path / "out", *QUICK)
    assert code in (1, 2) and "Traceback" not in err
    assert "frame 2" in err or err.startswith("error: ")


def test_another_pace_than_the_sounds_is_said(run, tmp_path, painting, monkeypatch):
    source = frames.Source(tmp_path / "in.mp4", 0, iter(()), sound=tmp_path / "in.mp4", fps=25.0)
    (tmp_path / "in.mp4").write_bytes(b"film")
    monkeypatch.setattr(frames, "open_frames", lambda *options: source)
    monkeypatch.setattr(sequences, "open_writer", lambda *options: frames.FolderWriter(tmp_path))
    for fps, said in ((10, True), (25, False)):
        command = ("sequence", tmp_path / "in.mp4", painting, "-o", tmp_path / "out.mp4")
        code, _, err = run(*command, "--fps", fps, *QUICK)
        assert code == 2 and ("picture and sound part ways" in err) is said
