"""Answers to the exercise on activation normalisation (lesson 01)."""

import torch

from course_lib.lessons.lesson01 import checks

check = checks.check_rescale


def right(weight, bias, next_weight, scale):
    by_output, by_input = scale[:, None, None, None], scale[:, None, None]
    return weight / by_output, bias / scale, next_weight * by_input


def replace(position, value):
    """The right answer with one of its three parts computed by ``value`` instead."""

    def answer(*tensors):
        parts = list(right(*tensors))
        parts[position] = value(*tensors)
        return parts

    return answer


def rescale_in_place(weight, bias, next_weight, scale):
    bias /= scale
    return weight / scale[:, None, None, None], bias, next_weight * scale[:, None, None]


def with_einsum(weight, bias, next_weight, scale):
    inverse = 1 / scale
    return (
        torch.einsum("oihw,o->oihw", weight, inverse),
        bias * inverse,
        torch.einsum("oihw,i->oihw", next_weight, scale),
    )


def filter_by_filter(weight, bias, next_weight, scale):
    weight, bias, next_weight = weight.clone(), bias.clone(), next_weight.clone()
    for i, factor in enumerate(scale.tolist()):
        weight[i] /= factor
        bias[i] /= factor
        next_weight[:, i] *= factor
    return [weight, bias, next_weight]


RIGHT = {"shaped": right, "einsum": with_einsum, "filter by filter": filter_by_filter}


WRONG = {
    "scale not shaped": (replace(0, lambda w, b, n, k: w / k), "a RuntimeError"),
    "two tensors": (lambda w, b, n, k: right(w, b, n, k)[:2], "return 3 tensors"),
    "in place": (rescale_in_place, "in place"),
}
