"""Scores of single pictures: cases with known answers, controls, and tricks that win a score."""

import math
from dataclasses import replace

import pytest
import torch

from course_lib.images import ImageError
from course_lib.measuring.controls import CONTROLS, TRICKS
from course_lib.measuring.scores import (
    SCORES,
    colour_distance,
    colour_histogram,
    content_distance,
    edge_distance,
    edge_strength,
    gram_distance,
    machine_judge,
    measure,
    relative_distance,
    score,
    statistics_distance,
)

DISTANCES = (statistics_distance, gram_distance, content_distance, edge_distance, colour_distance)


def picture(seed, size=32):
    """Two random colours, a random edge between them, and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.rand(2, 3, 1, 1, generator=generator)
    at = torch.randint(size // 4, size - size // 4, (1,), generator=generator).item()
    image = colours[:1].expand(1, 3, size, size).clone()
    image[..., at:] = colours[1:]
    noise = torch.randn(1, 3, size, size, generator=generator)
    return (image + 0.05 * noise).clamp(0, 1)


@pytest.fixture(scope="module")
def seen(encoder):
    """seed -> the measurements of ``picture(seed)``."""
    return {seed: measure(encoder, picture(seed)) for seed in range(4)}


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_are_zero_for_equal_pictures_symmetric_and_bounded(distance, seen):
    assert distance(seen[0], seen[0]) == pytest.approx(0, abs=1e-9)
    there, back = distance(seen[0], seen[1]), distance(seen[1], seen[0])
    assert there == pytest.approx(back)
    assert 0 < there <= (2 if distance is edge_distance else 1)


def test_relative_distance_has_known_values():
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    assert relative_distance([a], [b]) == pytest.approx(1)
    assert relative_distance([a], [2 * a]) == pytest.approx(3 / math.sqrt(9 + 36))
    assert relative_distance([a, b], [a, 0 * b]) == pytest.approx(4 / math.sqrt(9 + 16 + 9))
    assert relative_distance([0 * a], [0 * a]) == 0


def test_edges_are_seen_where_they_are():
    image = torch.zeros(1, 3, 6, 8)
    image[..., 4:] = 1  # a vertical edge; Sobel's kernel is divided by 8
    wanted = torch.zeros(6, 8)
    wanted[:, 3:5] = 0.5
    assert torch.allclose(edge_strength(image), wanted)
    assert torch.allclose(edge_strength(image.transpose(2, 3)), wanted.T)


def test_edge_distance_ignores_contrast_and_knows_flat_pictures(encoder, seen):
    weaker = measure(encoder, 0.5 * picture(0) + 0.2)
    assert edge_distance(seen[0], weaker) == pytest.approx(0, abs=1e-5)
    flat, grey = (measure(encoder, torch.full((1, 3, 32, 32), v)) for v in (0.5, 0.7))
    assert edge_distance(flat, grey) == 0
    assert edge_distance(flat, seen[0]) == edge_distance(seen[0], flat) == 1


def test_opposite_edges_are_two_apart(seen):
    edges = seen[0].edges
    assert edge_distance(seen[0], replace(seen[0], edges=1 - edges)) == pytest.approx(2)


def test_colour_distance_counts_pixels(encoder):
    black, white = torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)
    quarter = black.clone()
    quarter[..., :8, :8] = 1
    a, b, c = (measure(encoder, image) for image in (black, white, quarter))
    assert colour_distance(a, b) == 1
    assert colour_distance(a, c) == pytest.approx(0.25)
    histogram = colour_histogram(quarter)
    assert (histogram[0], histogram[-1]) == (0.75, 0.25)


def test_the_judge_takes_the_nearer_style_and_halves_ties(seen):
    assert machine_judge(seen[0], seen[0], [seen[1], seen[2]]) == 1
    assert machine_judge(seen[1], seen[0], [seen[1]]) == 0
    assert machine_judge(seen[0], seen[1], [seen[1]]) == 0.5
    assert machine_judge(seen[2], seen[0], [seen[2], seen[0]]) == 0.25
    assert machine_judge(seen[0], seen[0], []) is None


def test_controls_have_the_scores_that_they_must_have(encoder, seen):
    content, style, others = seen[0], seen[1], [seen[2], seen[3]]
    rows = {}
    for name, make in CONTROLS.items():
        result = measure(encoder, make(picture(0), picture(1)))
        rows[name] = score(result, content, style, others)
        assert set(rows[name]) == set(SCORES)
    for key in ("content", "edges"):
        assert rows["content copied"][key] == pytest.approx(0, abs=1e-9)
        assert rows["style copied"][key] > 0.2 and rows["noise"][key] > 0.2
    for key in ("statistics", "gram", "colours"):
        assert rows["style copied"][key] == 0
        assert rows["content copied"][key] > 0.1 and rows["noise"][key] > 0.1
    assert rows["style copied"]["judge"] == 1
    assert rows["noise"]["edges"] == pytest.approx(1, abs=0.2)


def test_without_style_the_judge_guesses_on_average(seen):
    """Of every two styles one is nearer, so over all questions exactly half are right."""
    styles = [seen[1], seen[2], seen[3]]
    rates = [
        machine_judge(seen[0], style, [o for o in styles if o is not style]) for style in styles
    ]
    assert sum(rates) / 3 == pytest.approx(0.5)


def test_each_trick_wins_its_score(encoder, seen):
    content, style = picture(0), picture(1)
    tricked = {name: measure(encoder, make(content, style)) for name, make in TRICKS.items()}
    assert edge_distance(tricked["negative"], seen[0]) == pytest.approx(0, abs=1e-5)
    assert colour_distance(tricked["shuffled pixels"], seen[1]) == 0
    assert edge_distance(tricked["shuffled pixels"], seen[0]) > 0.5
    untouched = statistics_distance(seen[0], seen[1])
    assert statistics_distance(tricked["recoloured"], seen[1]) < untouched
    assert edge_distance(tricked["recoloured"], seen[0]) < 0.3
    assert statistics_distance(tricked["double exposure"], seen[1]) < untouched


def test_shuffled_tiles_keep_every_pixel_and_the_gram_matrices(encoder):
    style = picture(1, 64)
    moved = TRICKS["shuffled tiles"](style, style, tile=16)
    assert not torch.equal(moved, style)
    assert torch.equal(moved.flatten().sort()[0], style.flatten().sort()[0])
    a, b, c = (measure(encoder, image) for image in (style, moved, picture(0, 64)))
    assert gram_distance(a, b) < 0.6 * gram_distance(a, c)
    small = picture(1, 8)  # not one whole tile
    assert torch.equal(TRICKS["shuffled tiles"](small, small, tile=16), small)


def test_scores_of_one_pixel_are_numbers(encoder):
    a, b = (measure(encoder, torch.full((1, 3, 1, 1), value)) for value in (0.2, 0.9))
    for value in score(a, b, b, [a]).values():
        assert math.isfinite(value)
    for make in (*CONTROLS.values(), *TRICKS.values()):
        assert make(torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_pictures_that_cannot_be_measured_are_refused(encoder, seen):
    for shape in ((3, 8, 8), (2, 3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)):
        with pytest.raises(ImageError, match="one image of shape"):
            measure(encoder, torch.zeros(shape))
    with pytest.raises(ImageError, match="no numbers"):
        measure(encoder, torch.full((1, 3, 8, 8), float("nan")))
    other = measure(encoder, torch.rand(1, 3, 16, 24))
    for distance in (content_distance, edge_distance):
        with pytest.raises(ValueError, match="32 x 32 and 24 x 16"):
            distance(seen[0], other)
