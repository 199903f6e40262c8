"""Answers to the first step of lesson 01's build, the layers behind a state dict."""

from course_lib.lessons.lesson01 import build

check = build.check_layout


def from_the_gaps(state):
    indices = sorted({int(key.split(".")[0]) for key in state})
    result, block, number = [], 1, 1
    for index, following in zip(indices, [*indices[1:], None], strict=True):
        result += [[f"conv{block}_{number}", index], [f"relu{block}_{number}", index + 1]]
        number += 1
        if following == index + 3:
            result.append([f"pool{block}", index + 2])
            block, number = block + 1, 1
    return result


RIGHT = {"the course's": build.layout, "from the gaps": from_the_gaps}


def changed(change):
    return lambda state: change(build.layout(state))


def sorted_as_text(state):
    return sorted(build.layout(state), key=lambda pair: str(pair[1]))


def renumbered(layers):
    return [(name, i) for i, (name, _) in enumerate(x for x in layers if x[0] != "pool1")]


WRONG = {
    "no pools": (changed(lambda x: [p for p in x if "pool" not in p[0]]), "poolings are missing"),
    "no relus": (
        changed(lambda x: [p for p in x if "relu" not in p[0]]),
        "ReLUs? (are|is) missing",
    ),
    "sorted as text": (sorted_as_text, "as numbers"),
    "no last relu": (changed(lambda x: x[:-1]), "last ReLU is missing"),
    "one more": (changed(lambda x: [*x, x[-1]]), "a layer too many"),
    "indices from 1": (changed(lambda x: [(n, i + 1) for n, i in x]), "indices are not"),
    "names alone": (changed(lambda x: [n for n, _ in x]), "list of pairs"),
    "counted from 0": (
        changed(lambda x: [(n.replace("_1", "_0"), i) for n, i in x]),
        "count from 1 in each block",
    ),
    "a dictionary": (changed(dict), "list of pairs"),
}
