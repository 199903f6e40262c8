"""Answers to the first step of lesson 02's build, the covariance."""

import torch

from course_lib.lessons.lesson02 import build

check = build.check_covariance


def with_einsum(features):
    mean = features.mean((2, 3))[:, :, None]
    centred = features.flatten(2) - mean
    return mean, torch.einsum("nik,njk->nij", centred, centred) / centred.shape[2]


def sample_by_sample(features):
    flat = features.flatten(2)
    matrices = [torch.cov(x, correction=0).reshape(len(x), len(x)) for x in flat]
    return [flat.mean(2, keepdim=True), torch.stack(matrices)]


def from_the_second_moment(features):
    flat = features.flatten(2)
    mean = flat.mean(2, keepdim=True)
    return mean, flat @ flat.transpose(1, 2) / flat.shape[2] - mean @ mean.transpose(1, 2)


RIGHT = {
    "the course's": build.covariance,
    "einsum, a tuple": with_einsum,
    "torch.cov, a list": sample_by_sample,
    "second moment less the mean's": from_the_second_moment,
}


def in_place(features):
    mean = features.mean((2, 3), keepdim=True)
    features -= mean
    flat = features.flatten(2)
    return mean.flatten(2), flat @ flat.transpose(1, 2) / flat.shape[2]


WRONG = {
    "the matrix alone": (lambda x: build.covariance(x)[1], "return 2 tensors"),
    "in place": (in_place, "in place"),
    "nothing like it": (lambda x: [0 * part for part in build.covariance(x)], "of the values"),
}
