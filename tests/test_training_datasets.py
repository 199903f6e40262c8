"""Pools of training images and the crops drawn from them."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from course_lib.images import ImageError
from course_lib.training.datasets import ImagePool, draw_crops, load_pool


def load(*folders, size=16, crop=8, **options):
    return load_pool(folders, size, crop, progress=False, **options)


def flat_images(folder, colours, size=(20, 16)):
    """One flat grey image per value, so that a crop says which image it came from."""
    folder.mkdir(parents=True, exist_ok=True)
    for value in colours:
        Image.new("RGB", size, (value,) * 3).save(folder / f"{value:03d}.png")
    return folder


def values(pool):
    return [[int(image[0, 0, 0]) for image in group] for group in pool.groups]


def drawn(crops):
    assert (crops.flatten(1) == crops[:, :1, 0, 0]).all()
    return crops[:, 0, 0, 0].tolist()


# loading -----------------------------------------------------------------------------------------


def test_images_are_read_as_bytes(tmp_path, make_images):
    paths = make_images(tmp_path, 3, size=(20, 16))
    pool = load(tmp_path)
    assert len(pool) == 3 and pool.skipped == {}
    for path, image in zip(paths, pool.groups[0], strict=True):
        assert image.dtype == torch.uint8
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(Image.open(path)))


@pytest.mark.parametrize(
    "before, size, crop, after",
    [
        ((40, 80), 16, 8, (16, 32)),  # reduced to size
        ((80, 40), 16, 8, (32, 16)),
        ((12, 30), 16, 8, (12, 30)),  # smaller than size: never enlarged
        ((4, 6), 16, 8, (8, 12)),  # smaller than a crop: enlarged to just fit
        ((4, 6), 8, 8, (8, 12)),
        ((40, 40), 4, 8, (8, 8)),  # a crop must fit, whatever size says
        ((16, 16), 16, 16, (16, 16)),
    ],
)
def test_shorter_side_after_decoding(tmp_path, before, size, crop, after):
    Image.new("RGB", before).save(tmp_path / "a.png")
    (image,) = load(tmp_path, size=size, crop=crop).groups[0]
    assert tuple(image.shape) == (3, after[1], after[0])


def test_one_group_per_folder_and_nested_files(tmp_path):
    flat_images(tmp_path / "a" / "deep", [10, 20])
    flat_images(tmp_path / "a", [30])
    flat_images(tmp_path / "b", [40])
    pool = load(tmp_path / "a", tmp_path / "b")
    assert values(pool) == [[30, 10, 20], [40]] and len(pool) == 4


@pytest.mark.parametrize("limit, wanted", [(1, [0]), (2, [0, 5]), (5, [0, 2, 4, 6, 8])])
def test_limit_is_spread_over_the_folder(tmp_path, limit, wanted):
    flat_images(tmp_path, range(10))
    assert values(load(tmp_path, limit=limit)) == [wanted]


@pytest.mark.parametrize("limit", [None, 4, 5, 9, 1200])
def test_a_limit_above_the_number_of_files_takes_each_once(tmp_path, limit):
    flat_images(tmp_path, range(4))
    assert values(load(tmp_path, limit=limit)) == [[0, 1, 2, 3]]


def test_limit_is_shared_by_the_folders(tmp_path):
    a, b = flat_images(tmp_path / "a", range(6)), flat_images(tmp_path / "b", range(100, 109))
    pool = load(a, b, limit=6)
    assert [len(group) for group in pool.groups] == [3, 3] and len(pool) == 6


def test_excluded_names_are_left_out(tmp_path):
    flat_images(tmp_path, range(4))
    flat_images(tmp_path / "deep", [2, 9])
    assert values(load(tmp_path, exclude=["002.png", "none.png"])) == [[0, 1, 3, 9]]


def test_excluded_names_do_not_use_up_the_limit(tmp_path):
    flat_images(tmp_path, range(4))
    assert values(load(tmp_path, exclude=["000.png"], limit=3)) == [[1, 2, 3]]


def test_unreadable_images_are_skipped_and_listed(tmp_path):
    flat_images(tmp_path, [1, 2])
    (tmp_path / "bad.png").write_bytes(b"not an image")
    (tmp_path / "cut.png").write_bytes((tmp_path / "001.png").read_bytes()[:40])
    pool = load(tmp_path)
    assert values(pool) == [[1, 2]]
    assert set(pool.skipped) == {tmp_path / "bad.png", tmp_path / "cut.png"}
    assert all(str(path) in reason for path, reason in pool.skipped.items())


def test_folder_without_a_readable_image(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not an image")
    with pytest.raises(ImageError, match="no readable image"):
        load(tmp_path)


def test_everything_excluded(tmp_path):
    flat_images(tmp_path, [1])
    for limit in (None, 5):
        with pytest.raises(ImageError, match="no readable image"):
            load(tmp_path, exclude=["001.png"], limit=limit)


def test_missing_and_empty_folders(tmp_path):
    flat_images(tmp_path / "a", [1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no such folder"):
        load(tmp_path / "a", tmp_path / "gone")
    with pytest.raises(ImageError, match="holds no image files"):
        load(tmp_path / "a", tmp_path / "empty")


def test_odd_formats_train_too(tmp_path):
    Image.new("CMYK", (9, 9), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "b.png")
    Image.fromarray(np.full((9, 9), 257 * 40, np.uint16)).save(tmp_path / "c.png")
    groups = load(tmp_path).groups[0]
    assert [g[:, 0, 0].tolist() for g in groups] == [[255, 0, 0], [255] * 3, [40] * 3]


def test_a_folder_as_people_have_them(tmp_path):
    deep = tmp_path / "Zürich 2019" / "новая папка"
    deep.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
    Image.fromarray(noise).save(deep / "日本.jpg")
    Image.fromarray(noise).convert("L").save(deep / "grey.jpg")
    Image.fromarray(noise).convert("CMYK").save(tmp_path / "print.jpg")
    Image.fromarray(noise[:8, :8]).save(tmp_path / "icon.png")
    whole = (deep / "日本.jpg").read_bytes()
    (deep / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "readme.txt").write_text("photographs of 2019")
    (tmp_path / ".hidden.jpg").write_bytes(whole)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "thumbnail.jpg").write_bytes(whole)
    pool = load(tmp_path, size=32, crop=16)
    shapes = sorted(tuple(image.shape) for image in pool.groups[0])
    assert shapes == [(3, 16, 16), (3, 43, 32), (3, 43, 32), (3, 43, 32)]
    assert set(pool.skipped) == {deep / "cut.jpg"}
    assert draw_crops(pool, 0, 8, 16, seed=0).shape == (8, 3, 16, 16)


# drawing -----------------------------------------------------------------------------------------


@given(
    sides=st.tuples(st.integers(4, 20), st.integers(4, 30)),
    crop=st.integers(1, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_crops_are_windows_of_the_images(sides, crop, seed):
    crop = min(crop, *sides)
    places = torch.arange(sides[0] * sides[1]).reshape(sides)  # a pixel says where it was
    image = torch.stack([places // 256, places % 256, places * 0]).to(torch.uint8)
    for window in draw_crops(ImagePool([[image]]), 3, 4, crop, seed):
        first = int(window[0, 0, 0]) * 256 + int(window[1, 0, 0])
        top, left = divmod(first, sides[1])
        assert torch.equal(window, image[:, top : top + crop, left : left + crop])


def test_every_position_can_be_drawn():
    image = torch.arange(9, dtype=torch.uint8).reshape(1, 3, 3).expand(3, 3, 3)
    crops = draw_crops(ImagePool([[image]]), 0, 400, 2, seed=0)
    corners = Counter(crops[:, 0, 0, 0].tolist())
    assert set(corners) == {0, 1, 3, 4} and min(corners.values()) > 60


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    batch=st.integers(1, 6),
    parts=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_groups_take_turns_and_no_image_repeats_before_all_were_seen(lengths, batch, parts, seed):
    groups = [
        [torch.full((3, 8, 8), 10 * g + i, dtype=torch.uint8) for i in range(length)]
        for g, length in enumerate(lengths)
    ]
    pool, batch = ImagePool(groups), batch * parts
    steps = -(-40 // batch)
    shares = [
        draw_crops(pool, step, batch, 8, seed, (part, parts))
        for step in range(steps)
        for part in range(parts)
    ]
    # Steps and processes share one sequence.
    assert torch.equal(torch.cat(shares), draw_crops(pool, 0, steps * batch, 8, seed))
    sequence = drawn(torch.cat(shares))
    assert [v // 10 for v in sequence] == [k % len(groups) for k in range(len(sequence))]
    for g, length in enumerate(lengths):
        own = [v % 10 for v in sequence if v // 10 == g]
        passes = [own[i : i + length] for i in range(0, len(own), length)]
        assert all(len(set(p)) == len(p) for p in passes)


def test_draws_depend_on_seed_and_step_alone(tmp_path, make_images):
    make_images(tmp_path, 5)
    pool = load(tmp_path, size=40)
    first = [draw_crops(pool, step, 2, 8, seed=3) for step in range(6)]
    again = [draw_crops(pool, step, 2, 8, seed=3) for step in reversed(range(6))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert len({f.numpy().tobytes() for f in first}) == 6
    other = [draw_crops(pool, step, 2, 8, seed=4) for step in range(6)]
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_different_seeds_shuffle_differently(tmp_path):
    pool = load(flat_images(tmp_path, range(0, 200, 10)))
    orders = {
        tuple(drawn(draw_crops(pool, step, 20, 8, seed=seed)))
        for seed in range(5)
        for step in (0, 1)
    }
    assert len(orders) == 10  # every pass through the images has an order of its own, too
