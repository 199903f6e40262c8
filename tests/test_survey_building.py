"""Building a survey: the questions drawn, what the page holds, and what it must not hold."""

import base64
import hashlib
import io
import json
import random
import re
from collections import Counter

import pytest
import torch
from PIL import Image, ImageStat
from survey_kit import Tint, plain, write_preference_survey, write_style_survey

from course_lib.images import ImageError, square
from course_lib.survey.building import (
    draft_preference_survey,
    draft_style_survey,
    draw_pairs,
    nearest_styles,
)
from course_lib.survey.items import (
    PREFERENCE,
    STYLE,
    SurveyError,
    fingerprint,
    key_path,
    present,
    random_numbers,
    read_key,
    read_page,
)
from course_lib.survey.pages import Draft, write_survey

SEEDS = [f"{k * 0x9E3779B97F4A7C15 % 2**64:016x}" for k in range(4000)]


def picture(source):
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def far(one, other):
    """Largest difference between the mean colours of two pictures, of 255."""
    means = zip(ImageStat.Stat(one).mean, ImageStat.Stat(other).mean, strict=True)
    return max(abs(a - b) for a, b in means)


# --- order and positions ---


def test_the_generator_is_mulberry32():
    numbers = random_numbers(1)
    # What the published JavaScript gives for mulberry32(1).
    expected = [0.6270739405881613, 0.002735721180215478, 0.5274470399599522]
    assert [next(numbers) for _ in range(3)] == expected
    assert fingerprint("") == 0x811C9DC5 and fingerprint("foobar") == 0xBF9CF968


def test_every_order_and_position_is_equally_likely():
    orders, swaps, both = Counter(), Counter(), Counter()
    for seed in SEEDS:
        shown = present("abc", STYLE, "pqr", seed).items
        orders["".join(name for name, _ in shown)] += 1
        swaps.update(name for name, swapped in shown if swapped)
        both[tuple(sorted(shown))] += 1
    assert len(orders) == 6 and len(both) == 8
    expected, deviation = len(SEEDS) / 6, (len(SEEDS) * 5 / 36) ** 0.5
    assert all(abs(count - expected) < 4 * deviation for count in orders.values())
    assert all(abs(swaps[name] - 2000) < 4 * 32 for name in "pqr")
    assert all(abs(count - 500) < 4 * 21 for count in both.values())


@pytest.mark.parametrize("count", [1, 4, 7])
def test_preference_positions_are_counterbalanced_for_each_person(count):
    totals = Counter()
    for seed in SEEDS[:500]:
        shown = present("abc", PREFERENCE, range(count), seed).items
        totals[sum(swapped for _, swapped in shown)] += 1
    assert set(totals) == {count // 2, (count + 1) // 2}
    if count % 2:
        assert abs(totals[count // 2] - 250) < 4 * 12


def test_the_same_seed_shows_the_same_and_another_survey_another():
    assert present("abc", STYLE, "pqrst", SEEDS[3]) == present("abc", STYLE, "pqrst", SEEDS[3])
    assert len({present(name, STYLE, "pqrst", SEEDS[3]) for name in ("a", "b", "c", "d")}) > 1


# --- drawing ---


@pytest.mark.parametrize(("contents", "styles"), [(1, 5), (5, 1), (3, 3), (4, 6), (6, 4)])
def test_pairs_are_different_and_use_every_picture_equally(contents, styles):
    for count in (1, contents * styles // 2, contents * styles):
        pairs = draw_pairs(contents, styles, count, random.Random(3))
        assert len(set(pairs)) == count
        for column, size in ((0, contents), (1, styles)):
            used = Counter(pair[column] for pair in pairs)
            assert max(used.values()) - min(used[k] for k in range(size)) <= 1
    with pytest.raises(SurveyError, match="different pairs are needed"):
        draw_pairs(contents, styles, contents * styles + 1, random.Random(3))


def test_the_survey_asks_for_the_painting_that_was_used(tmp_path, make_images):
    key = write_style_survey(tmp_path / "s.html", make_images)
    page = read_page(tmp_path / "s.html")
    assert (len(page.items), len(key.questions), page.survey) == (5, 5, key.survey)
    for shown, item in zip(page.items, key.items, strict=True):
        assert [option["id"] for option in shown["options"]] == list(item.options)
        painting = tmp_path / "style" / item.labels[item.right]
        for option in shown["options"]:
            expected = square(tmp_path / "style" / item.labels[option["id"]], 32)
            assert far(picture(option["picture"]), expected) <= 3
        # The picture has the right painting's mean colour (clamping shifts it a little).
        assert far(picture(shown["picture"]), Image.open(painting)) <= 12
    assert read_key(tmp_path / "s.key.json") == key


def test_the_right_option_comes_first_about_half_of_the_time(tmp_path, make_images):
    first = 0
    for seed in range(12):
        key = write_style_survey(tmp_path / "s.html", make_images, seed=seed)
        first += sum(item.right == item.options[0] for item in key.questions)
    assert 16 <= first <= 44  # of 60


def test_distractors_are_drawn_or_nearest(tmp_path, make_images):
    make_images(tmp_path / "content", 4)
    paths = make_images(tmp_path / "style", 6, seed=9)
    means = torch.stack([Tint().encode_style(t).mean.flatten() for t in _tensors(paths)])
    nearest = nearest_styles(Tint(), paths, 64)
    for k, other in enumerate(nearest):
        distances = (means - means[k]).norm(dim=1)
        distances[k] = 9
        assert other == distances.argmin()
    drawn = set()
    for seed in range(8):
        for rule in ("random", "nearest"):
            draft = draft_style_survey(
                Tint(),
                tmp_path / "content",
                tmp_path / "style",
                5,
                seed,
                rule,
                size=16,
                style_size=64,
            )
            for item in draft.key:
                right = int(item.labels[item.right][6:8])
                wrong = next(int(v[6:8]) for k, v in item.labels.items() if k != item.right)
                assert wrong != right
                if rule == "nearest":
                    assert wrong == nearest[right]
                else:
                    drawn.add((right, wrong))
    assert len(drawn) > 15  # of 30


def _tensors(paths):
    from course_lib.images import load_image

    return [load_image(path, 64) for path in paths]


def test_practice_and_attention_items_are_extra(tmp_path, make_images):
    key = write_style_survey(tmp_path / "s.html", make_images, attention=True)
    page = read_page(tmp_path / "s.html")
    assert page.practice and len(page.items) == 6 and len(key.questions) == 5
    assert page.practice["id"] not in {item.id for item in key.items}
    check = next(item for item in key.items if item.attention)
    shown = next(item for item in page.items if item["id"] == check.id)
    same = [o["id"] for o in shown["options"] if o["picture"] == shown["picture"]]
    assert same == [check.right]
    write_style_survey(tmp_path / "s.html", make_images, practice=False)
    assert read_page(tmp_path / "s.html").practice is None


def test_the_same_seed_builds_the_same_survey(tmp_path, make_images):
    pages = []
    for seed in (4, 4, 5):
        write_style_survey(tmp_path / "s.html", make_images, seed=seed)
        pages.append((tmp_path / "s.html").read_bytes())
    assert pages[0] == pages[1] != pages[2]


def test_preference_pairs_have_one_name_and_are_blinded(tmp_path, make_images):
    key = write_preference_survey(tmp_path / "p.html", make_images)
    text = (tmp_path / "p.html").read_text().lower()
    assert "adain" not in text and "gatys" not in text and "image_0" not in text
    assert len(key.questions) == 6 and all(item.right is None for item in key.items)
    assert {frozenset(item.labels.values()) for item in key.items} == {
        frozenset(["adain", "gatys"])
    }
    # One method is always the first option, so that exchanging half of them is counterbalancing.
    assert len({item.labels[item.options[0]] for item in key.items}) == 1
    make_images(tmp_path / "third", 7, seed=8)
    folders = {name: tmp_path / name for name in ("adain", "gatys", "third")}
    duels = Counter(
        frozenset(i.labels.values()) for i in draft_preference_survey(folders, 6, size=16).key
    )
    assert set(duels.values()) == {2} and len(duels) == 3


# --- the page ---


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_images):
    """A survey whose files and title try to run something."""
    folder = tmp_path_factory.mktemp("hostile")
    make_images(folder / "content", 3)
    names = ['<img src=x onerror="alert(1)">', "<script>alert(2)<", "{{script}}", "=1+1", "a'b\"c"]
    for path, name in zip(make_images(folder / "style", 5, seed=9), names, strict=True):
        path.rename(path.with_name(f"{name}.png"))
    draft = draft_style_survey(Tint(), folder / "content", folder / "style", 4, size=32)
    title = "</title><script>alert(3)</script>{{survey}}<!--"
    key = write_survey(draft, folder / "s.html", title, send="</script><script>alert(4)</script>")
    return folder / "s.html", key, title


def test_nothing_in_names_or_title_becomes_part_of_the_page(page):
    text = page[0].read_text()
    assert "alert(3)" in text  # as text
    assert "<script>alert" not in text and "<img src=x" not in text and "<!--" not in text
    assert len(re.findall("<script", text)) == len(re.findall("</script>", text)) == 2
    assert "{{survey}}" in text and text.count('"use strict"') == 1
    assert read_page(page[0]).title == page[2]


def test_the_page_holds_no_answer(page):
    text = page[0].read_text()
    for name in ("onerror", "1+1", "alert(2)", "image_0", "right", "distractor", "content"):
        data = re.search(r'id="survey">(.*?)</script>', text, re.S)[1]
        assert name not in re.sub(r'"data:[^"]*"', "", data), name
    labels = {label for item in page[1].items for label in item.labels.values()}
    assert len(labels) > 2  # they are in the key
    for alt in re.findall(r'alt="([^"]*)"', text):
        assert alt in ("", "The image to compare")


def test_pictures_carry_no_metadata_and_paintings_have_one_shape(page):
    for item in read_page(page[0]).items:
        for source in (item["picture"], *(option["picture"] for option in item["options"])):
            image = picture(source)
            assert image.format == "JPEG" and not image.getexif() and "comment" not in image.info
        assert len({picture(option["picture"]).size for option in item["options"]}) == 1


def test_the_security_policy_allows_only_our_own_script_and_style(page):
    text = page[0].read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy and "http" not in policy
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert " style=" not in text and " onclick=" not in text


# --- errors ---


def test_errors_name_what_is_wrong_and_write_nothing(tmp_path, make_images):
    make_images(tmp_path / "content", 1)
    make_images(tmp_path / "style", 2, seed=5)
    make_images(tmp_path / "one", 1)

    def draft(questions=2, content="content", style="style", **options):
        return draft_style_survey(
            Tint(), tmp_path / content, tmp_path / style, questions, **options
        )

    with pytest.raises(SurveyError, match="1 photographs and 2 paintings make only 2"):
        draft()
    with pytest.raises(SurveyError, match="holds one painting"):
        draft(style="one")
    with pytest.raises(SurveyError, match="1 to 100 questions, not 101"):
        draft(101)
    with pytest.raises(ImageError, match="no such folder"):
        draft(content="nope")
    for name in ("s.pdf", "s"):
        with pytest.raises(SurveyError, match="ends in .html"):
            write_survey(draft(1, practice=False, size=16), tmp_path / name, "t")
    with pytest.raises(SurveyError, match="no text"):
        write_survey(draft(1, practice=False, size=16), tmp_path / "s.html", "a\udcff")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["content", "one", "style"]


def test_two_names_for_one_painting_are_noticed():
    with pytest.raises(SurveyError, match="a.png and b.png hold the same picture"):
        Draft(STYLE, random.Random(0)).add(plain(), [("a.png", plain()), ("b.png", plain())], {})


def test_comparing_needs_pictures_in_common(tmp_path, make_images):
    make_images(tmp_path / "a", 2)
    make_images(tmp_path / "b", 3)
    with pytest.raises(SurveyError, match="two methods or more"):
        draft_preference_survey({"a": tmp_path / "a"})
    with pytest.raises(SurveyError, match="only 2 pictures have the same name"):
        draft_preference_survey({"a": tmp_path / "a", "b": tmp_path / "b"}, 3)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", "not json", "[" * 100_000, '{"format": "style-survey-key-1"}']
)
def test_other_files_are_no_keys_and_no_pages(tmp_path, text):
    (tmp_path / "x").write_text(text)
    for read in (read_key, read_page):
        with pytest.raises(SurveyError, match="that 'survey build' wrote"):
            read(tmp_path / "x")


def test_damaged_keys_are_refused(tmp_path, make_images):
    write_style_survey(tmp_path / "s.html", make_images)
    path = key_path(tmp_path / "s.html")
    good = json.loads(path.read_text())
    changes = [
        ("kind", "other"),
        ("survey", 3),
        ("items", []),
        ("items", {}),
        ("settings", 7),
        ("items", [good["items"][0]] * 2),
        ("items", [good["items"][0] | {"right": "x"}]),
        ("items", [good["items"][0] | {"options": ["a"]}]),
        ("items", [good["items"][0] | {"labels": {"a": "b"}}]),
        ("items", [good["items"][0] | {"id": None}]),
    ]
    for name, value in changes:
        path.write_text(json.dumps(good | {name: value}))
        with pytest.raises(SurveyError, match="is not a key"):
            read_key(path)
