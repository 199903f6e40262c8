"""Build a survey: draw the questions and make the pictures."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from course_lib.images import (
    load_image,
    open_image,
    resize_shorter_side,
    square,
    to_image,
    to_tensor,
)
from course_lib.stylize import StyleTransfer
from course_lib.survey.items import PREFERENCE, STYLE, SurveyError
from course_lib.survey.pages import Draft

MOST_QUESTIONS = 100
NEAREST, RANDOM = "nearest", "random"


# --- which painting's style? ---


def draw_pairs(contents: int, styles: int, count: int, rng: random.Random) -> list[tuple[int, int]]:
    """``count`` different (content, style) pairs, every picture used as equally often as possible.

    Raises:
        SurveyError: there are fewer pairs than that.
    """
    if count > contents * styles:
        raise SurveyError(
            f"{count} different pairs are needed for the questions and the practice item, but "
            f"{contents} photographs and {styles} paintings make only {contents * styles}"
        )
    photographs, paintings = list(range(contents)), list(range(styles))
    rng.shuffle(photographs)
    rng.shuffle(paintings)
    used = [0] * contents
    pairs: list[tuple[int, int]] = []
    for i in range(count):
        s = paintings[i % styles]
        c = min((c for c in photographs if (c, s) not in pairs), key=used.__getitem__)
        used[c] += 1
        pairs.append((c, s))
    return pairs


def nearest_styles(transfer: StyleTransfer, paths: Sequence[Path], size: int) -> list[int]:
    """For every painting the one whose relu4_1 statistics are nearest: the hardest distractor.

    The distance is Euclidean over the 512 means and 512 standard deviations.
    """
    import torch

    rows = []
    for path in paths:
        style = transfer.encode_style(load_image(path, size))
        rows.append(torch.cat([style.mean.flatten(), style.std.flatten()]))
    distances = torch.cdist(torch.stack(rows)[None], torch.stack(rows)[None])[0]
    distances.fill_diagonal_(float("inf"))
    return distances.argmin(1).tolist()


def draft_style_survey(
    transfer: StyleTransfer,
    content: Path,
    style: Path,
    questions: int = 5,
    seed: int = 0,
    distractor: str = RANDOM,
    attention: bool = False,
    practice: bool = True,
    size: int = 384,
    style_size: int = 512,
) -> Draft:
    """Stylise pairs and set each beside its painting and another one.

    The draft names the pictures that cannot be read, and other files in the folders.

    Args:
        content, style: folders of photographs and paintings.
        seed: of the choice of pairs and distractors.
        distractor: ``random``, or ``nearest`` in feature statistics, which is harder.
        attention: add an item that shows one of the two paintings itself.
        size: of the pictures in the page, in pixels on the shorter side.
        style_size: at which the paintings are encoded.

    Raises:
        ImageError: a folder or picture cannot be read.
        SurveyError: too few pictures for so many questions.
    """
    check_count(questions)
    draft = Draft(STYLE, random.Random(seed))
    contents, styles = draft.pictures(content), draft.pictures(style)
    if len(styles) < 2:
        raise SurveyError(f"{style} holds one painting; a question needs another as distractor")
    pairs = draw_pairs(len(contents), len(styles), questions + practice, draft.rng)
    nearest = nearest_styles(transfer, styles, style_size) if distractor == NEAREST else None

    def other(right: int) -> int:
        drawn = draft.rng.randrange(len(styles) - 1)
        return nearest[right] if nearest else drawn + (drawn >= right)

    def options(right: int, wrong: int) -> list[tuple[str, Image.Image]]:
        return [(name(styles[k], style), square(styles[k], size)) for k in (right, wrong)]

    for number, (c, s) in enumerate(pairs):
        statistics = transfer.encode_style(load_image(styles[s], style_size))
        photograph = to_tensor(resize_shorter_side(open_image(contents[c]), size))
        picture = to_image(transfer.stylize(photograph, statistics))
        about = {"content": name(contents[c], content), "distractor": distractor}
        role = "practice" if number == questions else "question"
        draft.add(picture, options(s, other(s)), about, role)
    if attention:
        s = draft.rng.randrange(len(styles))
        about = {"content": "the painting itself", "distractor": RANDOM}
        draft.add(square(styles[s], size), options(s, other(s)), about, "attention")
    return draft


def check_count(questions: int) -> None:
    """Raise SurveyError unless there are 1 to 100 questions."""
    if not 1 <= questions <= MOST_QUESTIONS:
        raise SurveyError(f"a survey has 1 to {MOST_QUESTIONS} questions, not {questions}")


def name(path: Path, folder: Path) -> str:
    """A file's name below its folder."""
    return path.relative_to(folder).as_posix()


# --- which do you prefer? ---


def draft_preference_survey(
    methods: Mapping[str, Path],
    questions: int = 5,
    seed: int = 0,
    practice: bool = True,
    size: int = 512,
) -> Draft:
    """Set the pictures of two or more methods side by side, blinded.

    ``methods`` maps names to folders; pictures belong together when their names agree up to the
    extension. With more than two methods the pairs of methods take turns.

    Raises:
        ImageError: a folder or picture cannot be read.
        SurveyError: fewer than two methods, or too few pictures in common.
    """
    check_count(questions)
    if len(methods) < 2:
        raise SurveyError("a comparison needs two methods or more, each as NAME=FOLDER")
    draft = Draft(PREFERENCE, random.Random(seed))
    files = {
        method: {
            path.relative_to(folder).with_suffix("").as_posix(): path
            for path in draft.pictures(folder)
        }
        for method, folder in methods.items()
    }
    common = sorted(set.intersection(*(set(paths) for paths in files.values())))
    draft.rng.shuffle(common)
    names = list(methods)
    draft.rng.shuffle(names)
    duels = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    draft.rng.shuffle(duels)
    if questions > len(common):
        raise SurveyError(
            f"{questions} questions are asked for, but only {len(common)} pictures have the same "
            "name in every folder"
        )
    for number, stem in enumerate(common[: questions + practice]):
        a, b = duels[number % len(duels)]
        images = [(m, resize_shorter_side(open_image(files[m][stem]), size)) for m in (a, b)]
        draft.add(None, images, {"pair": stem}, "practice" if number == questions else "question")
    return draft
