"""Checks of one step of training, with small stand-ins for the two networks: lesson 03 and A7."""

import copy
from collections.abc import Callable, Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.adain import adain
from course_lib.images import denormalize, normalize
from course_lib.lessons.agreement import close, compare, number_of
from course_lib.lessons.answers import VISIBLE, CheckFailed, NotAttempted
from course_lib.lessons.checking import explained, kinds
from course_lib.lessons.smallest_case import contrast, show
from course_lib.losses import STYLE_LAYERS, content_loss, style_loss


class SmallEncoder(nn.Module):
    """A stand-in for VGG-19: four random, frozen layers with the same names and sizes."""

    def __init__(self) -> None:
        super().__init__()
        channels = (3, 4, 6, 8, 10)
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:], strict=False)
        )
        for conv in self.convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor, layers: Iterable[str] = ("relu4_1",)) -> dict[str, Tensor]:
        found, x = {}, normalize(images)
        for block, conv in enumerate(self.convs, 1):
            x = F.relu(conv(x if block == 1 else F.max_pool2d(x, 2)))
            found[f"relu{block}_1"] = x
        return {name: found[name] for name in layers}

    def encode(self, images: Tensor) -> Tensor:
        return self(images)["relu4_1"]


class SmallDecoder(nn.Module):
    """A stand-in for the decoder, whose images leave [0, 1] here and there."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(10, 6, 1), nn.Conv2d(6, 3, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        x = F.interpolate(F.relu(self.first(features)), scale_factor=8, mode="nearest")
        return denormalize(3 * self.last(x))


def crops(pictures: Sequence[Tensor], count: int, side: int, generator: torch.Generator) -> Tensor:
    """``count`` square crops (count, 3, side, side) from pictures (3, H, W), drawn anywhere."""
    found = []
    for _ in range(count):
        picture = pictures[torch.randint(len(pictures), (), generator=generator)]
        y, x = (
            int(torch.randint(length - side + 1, (), generator=generator))
            for length in picture.shape[-2:]
        )
        found.append(picture[:, y : y + side, x : x + side])
    return torch.stack(found)


# What a resumed training forgets -> what to do about it.
FORGOTTEN = {
    "rate": "the learning rate never changes: set it in every step, in optimizer.param_groups",
    "weight": "the style weight is missing: content + 10 * style",
    "decoder": "the weights were not restored: load_state_dict into the given decoder",
    "average": "the average began anew: it belongs into the state",
    "optimizer": "Adam forgot its averages of the gradients: its state_dict belongs into the state",
    "generator": "the generator began anew, and the same crops came again: keep its get_state()",
    "step": "the steps were counted from 0 again, and the rate with them: keep the step",
}

STYLE_WEIGHT = 0.5
RATE = 0.01  # of plain gradient descent, so that the size of a step shows the size of a loss
Step = Callable[[nn.Module, nn.Module, torch.optim.Optimizer, Tensor, Tensor, float], float]


@explained(
    'lesson 03, section 5 "One step", and lesson 04, section 5 for what each fault looks like'
)
def check_training_step(answer: Step, seed: int = VISIBLE) -> None:
    """Exercise 03.3: ``answer(encoder, decoder, optimizer, content, style, style_weight)``.

    The answer updates the decoder once and returns the loss before the update, as a number.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3 + seed)
        encoder, decoder = SmallEncoder(), SmallDecoder()
        batches = torch.rand(2, 2, 2, 3, 16, 16)  # steps, content and style, N, colours, H, W
    batches[:, 1] = batches[:, 1] ** 3  # another manner
    for device in dict.fromkeys(device for _, device in kinds()):
        encoder, decoder, batches = encoder.to(device), decoder.to(device), batches.to(device)
        if _check_two_steps(answer, encoder, decoder, batches) is None:
            if seed != VISIBLE:
                raise NotAttempted("training_step: not attempted")
            return print("training_step: not attempted yet")
    _check_targets(answer, encoder, decoder, *batches[0])
    print("training_step: correct (two steps, compared weight by weight)")


def _check_two_steps(
    answer: Step, encoder: nn.Module, decoder: nn.Module, batches: Tensor
) -> bool | None:
    """Compare how the weights move with the right movement; None if nothing was done at all."""
    frozen = copy.deepcopy(encoder.state_dict())
    outcome = _two_steps(answer, encoder, decoder, batches)
    if outcome is None:
        return None
    moved, values = outcome
    if not all(torch.equal(frozen[name], value) for name, value in encoder.state_dict().items()):
        changed = next(n for n, v in encoder.state_dict().items() if not torch.equal(frozen[n], v))
        pair = [show(w[changed].flatten()[0].item()) for w in (frozen, encoder.state_dict())]
        raise CheckFailed(
            "the encoder's weights have changed: only the decoder learns",
            f"The first weight of the encoder's {changed} should stay {pair[0]}, it is {pair[1]}",
        )
    right, right_values = _two_steps(_reference(), encoder, decoder, batches)
    scale = right.abs().max()
    if not close(moved / scale, right / scale):
        worst = (moved - right).abs().argmax()
        example = (
            f"In two steps weight {worst} of the decoder should move by {right[worst]:.3g}, it "
            f"moved by {moved[worst]:.3g}"
        )
        mistakes = {
            diagnosis: lambda step=step: _two_steps(step, encoder, decoder, batches)[0] / scale
            for diagnosis, step in step_mistakes().items()
        }
        try:
            compare(moved / scale, right / scale, mistakes, "the decoder's weights after two steps")
        except CheckFailed as failure:  # its numbers are scaled
            raise CheckFailed(failure.diagnosis, example) from None
    _check_returned(values, right_values)
    return True


def _check_targets(
    answer: Step, encoder: nn.Module, decoder: nn.Module, content: Tensor, style: Tensor
) -> None:
    """Complain if a gradient runs through the targets, back to the photograph or the painting."""
    images = {"photograph": content.clone(), "painting": style.clone()}
    optimizer = torch.optim.SGD(copy.deepcopy(decoder).parameters(), RATE)
    content, style = (image.requires_grad_() for image in images.values())
    answer(encoder, copy.deepcopy(decoder), optimizer, content, style, STYLE_WEIGHT)
    for name, image in images.items():
        if image.grad is not None:
            target = "t" if name == "photograph" else "the painting's statistics"
            raise CheckFailed(
                f"the target is not detached: a gradient ran through {target} back to the {name}, "
                "and a target that can move is no target; compute it inside torch.no_grad(), or "
                "detach() it",
                f"The {name} should have no gradient, it has one as large as "
                f"{image.grad.abs().max():.2g}",
            )


def _two_steps(
    step: Step, encoder: nn.Module, decoder: nn.Module, batches: Tensor
) -> tuple[Tensor, list[object]] | None:
    """How far two calls move the weights of a fresh copy of the decoder, and what they return.

    Raises:
        CheckFailed: the weights did not move at all, or there was no gradient to follow.
    """
    decoder = copy.deepcopy(decoder)
    before = torch.cat([p.detach().flatten().clone() for p in decoder.parameters()])
    optimizer = torch.optim.SGD(decoder.parameters(), RATE)
    values = []
    for content, style in batches:
        try:
            value = step(encoder, decoder, optimizer, content.clone(), style.clone(), STYLE_WEIGHT)
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
            raise CheckFailed(
                "backward() finds no way to the decoder: decoder(t) and the encoding of its image "
                "must run outside torch.no_grad(), without detach(); only targets belong inside",
                f"Expected a gradient for every weight, got: {str(error).splitlines()[0]}",
            ) from None
        values.append(value)
    after = torch.cat([p.detach().flatten() for p in decoder.parameters()])
    if torch.equal(before, after):
        if values[0] is None:
            return None
        _complain_about_no_update(decoder)
    return after - before, values


def _complain_about_no_update(decoder: nn.Module) -> None:
    gradients = [p.grad for p in decoder.parameters() if p.grad is not None]
    if any(gradient.abs().max() > 0 for gradient in gradients):
        largest = max(gradient.abs().max().item() for gradient in gradients)
        raise CheckFailed(
            "there is a gradient, but no weight moved: call optimizer.step()",
            f"Expected steps of up to {RATE * largest:.2g}, got 0",
        )
    raise CheckFailed(
        "no weight moved and there is no gradient: loss.backward() is missing, or zero_grad() came "
        "between backward() and step() and wiped it out",
        "Expected moved weights after two steps, got the weights from before",
    )


def _check_returned(values: Sequence[object], right: Sequence[float]) -> None:
    """Complain unless the numbers are the losses before each update."""
    for mine, wanted in zip(values, right, strict=True):
        if mine is None:
            raise CheckFailed(
                "the update is right; now return the loss, as a number",
                f"Expected {wanted:.4f}, got None",
            )
        if isinstance(mine, Tensor):
            if mine.requires_grad:
                raise CheckFailed(
                    "the update is right, but the returned tensor keeps the whole graph in memory: "
                    "return loss.item()",
                    f"Expected the number {wanted:.4f}, got a tensor that requires a gradient",
                )
            mine = mine.item() if mine.numel() == 1 else float("nan")
        if not abs(number_of(mine, "the loss") - wanted) <= 1e-3 * wanted:
            raise CheckFailed(
                "the update is right, but the number is not content + style_weight * style before "
                f"the update: {contrast(wanted, mine, digits=6)}"
            )


def _reference(loss: Callable[..., Tensor] | None = None, zero_grad: bool = True) -> Step:
    """A training step with one thing changed, or the right one."""
    loss = loss or step_loss()

    def step(
        encoder: nn.Module,
        decoder: nn.Module,
        optimizer: torch.optim.Optimizer,
        content: Tensor,
        style: Tensor,
        style_weight: float,
    ) -> float:
        value = loss(encoder, decoder, content, style, style_weight)
        if zero_grad:
            optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    return step


def step_loss(
    decoded: Callable[[Tensor], Tensor] = lambda image: image,
    layers: Sequence[str] = STYLE_LAYERS,
    target: str = "adain",
    input_: str = "adain",
    style_of: str = "style",
    total: Callable[[Tensor, Tensor, float], Tensor] = lambda c, s, weight: c + weight * s,
) -> Callable[..., Tensor]:
    """The loss of a step, in the variations that mistakes make of it."""

    def loss(
        encoder: nn.Module, decoder: nn.Module, content: Tensor, style: Tensor, weight: float
    ) -> Tensor:
        images = {"content": content, "style": style}
        maps = {name: encoder.encode(image) for name, image in images.items()}
        maps["adain"] = adain(maps["content"], maps["style"])
        maps["swapped"] = adain(maps["style"], maps["content"])
        image = decoded(decoder(maps[input_]))
        features = encoder(image, STYLE_LAYERS)
        wanted = encoder(images[style_of], layers)
        if target == "pixels":
            content_part = F.mse_loss(image, content)
        else:
            content_part = content_loss(features["relu4_1"], maps[target])
        return total(content_part, style_loss(features, wanted), weight)

    return loss


# Diagnosis -> what is changed in ``step_loss``.
PICTURE_MISTAKES: dict[str, dict[str, object]] = {
    "the content loss compares with the photograph's features: compare with t, the AdaIN output "
    "that was decoded": {"target": "content"},
    "the content loss compares pixels: compare the features of the decoded image with t": {
        "target": "pixels"
    },
    "the decoder was fed the photograph's own features: decode the AdaIN output": {
        "input_": "content",
        "target": "content",
    },
    "the decoder was fed the photograph's own features, and t is not decoded": {
        "input_": "content"
    },
    "content and style are swapped in AdaIN": {"input_": "swapped", "target": "swapped"},
    "content and style are swapped": {
        "input_": "swapped",
        "target": "swapped",
        "style_of": "content",
    },
    "the style loss compares with the photograph's statistics: take the painting's": {
        "style_of": "content"
    },
    "the style loss uses relu4_1 alone: take all STYLE_LAYERS": {"layers": ("relu4_1",)},
    "the decoded image was clamped: where it leaves [0, 1] the gradient is lost; clamp only to "
    "show a picture": {"decoded": lambda image: image.clamp(0, 1)},
    "the decoded image was normalised before the encoder, which normalises by itself": {
        "decoded": normalize
    },
    "the image was denormalised a second time: the decoder does it as its last step": {
        "decoded": denormalize
    },
}
TOTAL_MISTAKES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "the style weight is missing: content + style_weight * style": lambda c, s, weight: c + s,
    "the style weight stands at the content loss": lambda c, s, weight: weight * c + s,
    "the style loss is missing": lambda c, s, weight: c,
    "the content loss is missing": lambda c, s, weight: weight * s,
    "the weight multiplies both losses": lambda c, s, weight: weight * (c + s),
}


def step_mistakes() -> dict[str, Step]:
    """Diagnosis -> a step with that mistake."""
    changes = {text: {"total": total} for text, total in TOTAL_MISTAKES.items()} | PICTURE_MISTAKES
    steps = {text: _reference(step_loss(**change)) for text, change in changes.items()}
    steps["the second step went along both gradients: call optimizer.zero_grad() in every step"] = (
        _reference(zero_grad=False)
    )
    return steps
