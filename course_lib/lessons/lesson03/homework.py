"""Checks of assignment A3 (decoder, losses, training).

Each takes the answer and a seed; see ``homework_checking``.
"""

import copy
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from course_lib.adain import channel_statistics
from course_lib.images import reflect_pad
from course_lib.lessons.checking import call, compare, random_features
from course_lib.lessons.homework_checking import (
    VISIBLE,
    Cases,
    attempted,
    draw,
    draw_shapes,
    homework,
    repeat,
)
from course_lib.lessons.lesson03 import checks, step_checks
from course_lib.lessons.lesson03.step_checks import SmallDecoder, SmallEncoder
from course_lib.losses import content_loss, style_loss
from course_lib.training.objective import adain_losses


@homework("budget", names=("steps", "epochs"))
def check_budget(seed: int) -> Cases:
    """A3.1: ``answer(seconds_per_step, minutes, images, batch)`` -> (steps, epochs)."""
    rng = draw(seed)
    for _ in range(3):
        seconds, minutes = rng.randint(2, 30) / 8, rng.randint(10, 90)
        batch, images = rng.choice((3, 4, 8)), rng.randint(50, 400)
        steps = math.floor(60 * minutes / seconds)
        mistakes = {
            "minutes have 60 seconds": (math.floor(minutes / seconds), 0.0),
            "a step that does not end in time does not count: round down": (
                math.ceil(60 * minutes / seconds),
                steps * batch / images,
            ),
            "one epoch shows every image once, and a step shows a whole batch": (
                steps,
                steps / images,
            ),
            "the two results are swapped": (steps * batch / images, steps),
        }
        right = (steps, steps * batch / images)
        yield (seconds, minutes, images, batch), right, mistakes


@homework("up_block")
def check_up_block(seed: int) -> Cases:
    """A3.2: ``answer(x, weight, bias)``: nearest x2, reflection, 3 x 3 convolution, ReLU."""
    for n, c, h, w in draw_shapes(seed):
        generator = torch.Generator().manual_seed(seed + n)
        x = random_features((n, c, h, w), seed) - 1
        weight = torch.randn(c + 1, c, 3, 3, generator=generator)
        bias = torch.randn(c + 1, generator=generator)
        big = F.interpolate(x, scale_factor=2, mode="nearest")
        smooth = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        plain = F.conv2d(reflect_pad(big), weight, bias)
        mistakes = {
            "the ReLU at the end is missing": plain,
            "differs along the border: the padding is zeros; call reflect_pad(x) before F.conv2d": (
                F.conv2d(big, weight, bias, padding=1).relu()
            ),
            "without padding the maps shrink by two: call reflect_pad(x) before F.conv2d": (
                F.conv2d(big, weight, bias).relu()
            ),
            "nothing is enlarged: F.interpolate(x, scale_factor=2, mode='nearest')": (
                F.conv2d(reflect_pad(x), weight, bias).relu()
            ),
            "this enlarges bilinearly: the decoder uses mode='nearest'": F.conv2d(
                reflect_pad(smooth), weight, bias
            ).relu(),
            "the bias is missing": F.conv2d(reflect_pad(big), weight).relu(),
            "the enlarging comes first, then the convolution": F.interpolate(
                F.conv2d(reflect_pad(x), weight, bias).relu(), scale_factor=2, mode="nearest"
            ),
        }
        yield (x, weight, bias), plain.relu(), mistakes


def check_losses(content: Callable, style: Callable, seed: int = VISIBLE) -> None:
    """A3.3: ``content(features, target)`` and ``style(features, targets)``: scalars."""
    features, targets = {}, {}
    for number, shape in enumerate(draw_shapes(seed), 1):
        features[f"relu{number}_1"] = random_features((2, *shape[1:]), seed + number)
        other = 2 * random_features((2, shape[1], 4, 5), seed + 10 + number)
        targets[f"relu{number}_1"] = channel_statistics(other)
    mine = features["relu2_1"]
    target = random_features(tuple(mine.shape), seed + 20)
    result = call(content, mine, target)
    if attempted(result, "content_loss", seed):
        mistakes = checks.check_content_loss.mistakes(mine, target)
        compare(result, content_loss(mine, target), mistakes, "content_loss")
        print("content_loss: correct")
    if seed == VISIBLE:
        return checks.check_style_loss(style)
    repeat(style, style_loss, (features, targets), "style_loss")


def check_step(answer: Callable, seed: int = VISIBLE) -> None:
    """A3.4: the lesson's ``check_training_step``; a graded seed has other networks and pictures."""
    if seed == VISIBLE:
        return step_checks.check_training_step(answer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder, decoder = SmallEncoder(), SmallDecoder()
        content, style = torch.rand(2, 1 + seed % 3, 3, 24, 16)
    twin = copy.deepcopy(decoder)
    optimizers = [torch.optim.SGD(net.parameters(), 0.01) for net in (decoder, twin)]
    result = answer(encoder, decoder, optimizers[0], content, style.square(), 0.25)
    attempted(result, "training_step", seed)
    losses = adain_losses(encoder, twin, content, style.square())
    loss = losses[0] + 0.25 * losses[1]
    loss.backward()
    optimizers[1].step()
    compare(result, loss.item(), {}, "training_step, the loss")
    moved = [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in (decoder, twin)]
    compare(moved[0], moved[1], {}, "training_step, the decoder's weights")
