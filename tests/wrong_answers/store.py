"""Answers to step 2 of lesson 08's build: a picture store that heeds two shares."""

import dataclasses

import torch

from course_lib.adain import channel_statistics
from course_lib.lessons.lesson08 import build
from course_lib.playground.picture_store import PictureStore

check = build.check_store


def store(own=lambda self, look: self.features(look).float().cpu(), swap=False, fixed=(), **kept):
    """A store, or with the options one with a mistake."""

    class Store(PictureStore):
        means = deviations = 1.0

        def statistics(self, name, look):
            style = super().statistics(name, look)
            content = channel_statistics(own(self, look))
            shares = {"means": self.means, "deviations": self.deviations} | dict(fixed)
            means, deviations = list(shares.values())[:: -1 if swap else 1]
            mean, std = build.between(content, style, means, deviations)
            made = {"mean": mean, "std": std}
            return dataclasses.replace(
                style,
                **{part: getattr(style, part) if part in kept else made[part] for part in made},
            )

    return Store


class Short(PictureStore):
    means = deviations = 1.0

    def statistics(self, name, look):
        style, features = super().statistics(name, look), self.features(look)
        content = channel_statistics(features.float().cpu())
        return dataclasses.replace(
            style,
            mean=torch.lerp(content.mean, style.mean, float(self.means)),
            std=(1 - self.deviations) * content.std + self.deviations * style.std,
        )


class Measured(store()):
    """What was measured of the photograph is kept, too."""

    def features(self, look):
        return self._keep("own", look.content, lambda: PictureStore.features(self, look))


RIGHT = {"the course's": build.TwoShares, "short": Short, "measured once": Measured}


class Stub(PictureStore):
    means = deviations = 1.0


def encodes(self, look):
    return self.transfer.encode(self.photograph(look)).float().cpu()


def of_the_pixels(self, look):
    return self.photograph(look).mean(1, True).expand(-1, 512, -1, -1)


WRONG = {
    "swapped": (store(swap=True), "changed places"),
    "no means": (store(fixed={"means": 1.0}), "self.means is not used"),
    "no deviations": (store(fixed={"deviations": 1.0}), "self.deviations are not used"),
    "means thrown away": (store(mean=True), "self.means is not used"),
    "deviations thrown away": (store(std=True), "self.deviations are not used"),
    "neither": (Stub, "self.means is not used"),
    "encodes each time": (store(own=encodes), "encodes again"),
    "statistics of pixels": (store(own=of_the_pixels), "of the values differ"),
}
