"""What the tests of the survey share: a stylisation that costs nothing, surveys, and answers."""

import json

import torch

from course_lib.images import to_image
from course_lib.stylize import StyleStatistics
from course_lib.survey.building import draft_preference_survey, draft_style_survey
from course_lib.survey.items import make_result, present
from course_lib.survey.pages import write_survey


class Tint:
    """Stands in for ``StyleTransfer``: gives a photograph the painting's mean colour."""

    def encode_style(self, image):
        mean = image.mean((2, 3), keepdim=True)
        return StyleStatistics(mean, torch.ones_like(mean), "mean colour")

    def stylize(self, content, style):
        return content - content.mean((2, 3), keepdim=True) + style.mean


def write_style_survey(out, make_images, title="Which style?", questions=5, **options):
    """A small survey of the first kind beside ``out``; returns its key."""
    make_images(out.parent / "content", 4)
    make_images(out.parent / "style", 6, seed=9)
    draft = draft_style_survey(
        Tint(), out.parent / "content", out.parent / "style", questions, **{"size": 32} | options
    )
    return write_survey(draft, out, title)


def write_preference_survey(out, make_images, methods=("adain", "gatys"), questions=6, **options):
    """A small survey of the second kind beside ``out``; returns its key."""
    folders = {name: out.parent / name for name in methods}
    for seed, folder in enumerate(folders.values()):
        make_images(folder, questions + 1, seed=seed)
    draft = draft_preference_survey(folders, questions, **{"size": 32} | options)
    return write_survey(draft, out, "Which picture?")


def answer(key, seed="00000000000000ff", right=lambda k: True, simulated=False, time=2000):
    """The result of a participant whose k-th answer shown is right or not."""
    items = {item.id: item for item in key.items}
    answers = []
    for k, (name, swapped) in enumerate(present(key.survey, key.kind, list(items), seed).items):
        item = items[name]
        best = item.right or min(item.options, key=item.labels.__getitem__)
        other = next(option for option in item.options if option != best)
        choice = best if item.attention or right(k) else other
        shown = item.options[::-1] if swapped else item.options
        answers.append((name, choice, 1 + shown.index(choice), time))
    return make_result(key.survey, seed, answers, simulated)


def save(result, path):
    path.write_text(result if isinstance(result, str) else json.dumps(result), encoding="utf-8")
    return path


def plain(width=8, height=8, value=0.5):
    """A picture of one grey."""
    return to_image(torch.full((1, 3, height, width), value))
