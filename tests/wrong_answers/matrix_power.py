"""Answers to the second step of lesson 02's build, a matrix to a real power."""

import torch

from course_lib.lessons.lesson02 import build

check = build.check_matrix_power


def with_singular_values(matrix, power):
    u, s, _ = torch.linalg.svd(matrix)
    return u @ torch.diag_embed((s + 1e-5) ** power) @ u.mT


def with_epsilon_on_the_diagonal(matrix, power):
    shifted = matrix + 1e-5 * torch.eye(matrix.shape[1]).to(matrix)
    values, vectors = torch.linalg.eigh(shifted)
    return torch.einsum("nij,nj,nkj->nik", vectors, values.clamp(min=1e-5) ** power, vectors)


RIGHT = {
    "the course's": build.matrix_power,
    "svd": with_singular_values,
    "epsilon on the diagonal, einsum": with_epsilon_on_the_diagonal,
}


def without_clamp(matrix, power):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * (values - 1.2e-5)[:, None] ** power @ vectors.mT  # as if rounded downwards


WRONG = {
    "without clamp": (without_clamp, "not finite"),
    "a tuple": (lambda m, p: (build.matrix_power(m, p),), "expected a tensor"),
    "a sum over the batch": (lambda m, p: build.matrix_power(m, p).sum(0), "the shape is"),
    "nothing like it": (lambda m, p: m * 0, "of the values differ"),
}
