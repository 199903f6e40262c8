"""The house: which room of the library may import which, and what their modules are called."""

import ast
import re

import pytest

from course_lib import REPOSITORY

PACKAGE = REPOSITORY / "course_lib"
README = (PACKAGE / "README.md").read_text(encoding="utf-8").split("## A reading list")[0]
CORE = {"images", "adain", "losses", "vgg", "decoder", "polish", "stylize", "fast"}
# Every floor rests on those before it. Rooms of one floor do not know each other; the core and
# ``system`` are one.
FLOORS = (
    CORE | {"system"},
    {"training", "gatys", "painting", "survey", "measuring"},
    {"playground"},
    {"lessons", "classroom"},
    {"records"},
    {"cli", "__main__"},
)
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}
MOST_ROOMS = 22
# Modules with the same name hold the same kind of thing.
SHARED_NAMES = {
    "__init__",
    "build",
    "checks",
    "config",
    "figures",
    "film",
    "homework",
    "loop",
    "objective",
}


def name_of(path):
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path):
    """The modules of the course that a file imports, also inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # names in annotations; nothing is imported when it runs
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} uses a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else node.module for name in whole}
    return {name for name in found if name.split(".")[0] == "course_lib"}


GRAPH = {name: imports(path) for name, path in MODULES.items()}


def room(module):
    return module.split(".")[1]


def lesson(module):
    """``lesson03`` for a module of that lesson, and nothing for others."""
    found = re.match(r"course_lib\.lessons\.(lesson\d\d)\b", module)
    return found[1] if found else None


def test_the_graph_sees_the_imports():
    assert len(MODULES) > 100
    assert {"course_lib.adain", "course_lib.vgg"} <= GRAPH["course_lib.stylize"]
    assert any(
        "course_lib.painting.batch" in targets
        for name, targets in GRAPH.items()
        if room(f"{name}.") == "cli"
    )  # inside functions
    assert GRAPH["course_lib.lessons.lesson02.checks"]


def test_every_room_has_a_floor():
    assert {room(name) for name in MODULES if name != "course_lib"} == set(FLOOR)
    assert len(list(PACKAGE.rglob("__init__.py"))) <= MOST_ROOMS


@pytest.mark.parametrize("name", [name for name in MODULES if name != "course_lib"])
def test_a_room_rests_on_the_floors_below_it(name):
    for target in GRAPH[name] - {"course_lib"}:
        mine, its = room(name), room(target)
        below = FLOOR[its] < FLOOR[mine] or (FLOOR[its], FLOOR[mine]) in ((0, 0), (5, 5))
        assert mine == its or below, f"{name} imports {target}"
        assert lesson(target) in (None, lesson(name)) or mine != "lessons", f"{name}: {target}"


def test_no_import_goes_round_in_a_circle():
    done = set()

    def visit(name, above):
        assert name not in above, f"circle: {' -> '.join([*above, name])}"
        if name not in done:
            for target in sorted(GRAPH[name] - {"course_lib"}):
                visit(target, [*above, name])
            done.add(name)

    for name in GRAPH:
        visit(name, [])


@pytest.mark.parametrize("name", MODULES)
def test_what_a_user_can_mend_is_a_course_error(name):
    """Anything else ends in a traceback that asks for a report; a ValueError can be a mistake."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            sentence = " " in ast.unparse(node.exc).partition("(")[2]
            assert ast.unparse(node.exc.func) != "ValueError" or not sentence, ast.unparse(node)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name_of)
def test_no_room_has_a_face_that_only_imports(path):
    assert not imports(path), f"{path}: import from the module that defines it"


def test_a_name_means_one_thing():
    stems = [path.stem for path in MODULES.values() if path.stem not in SHARED_NAMES]
    twice = {stem for stem in stems if stems.count(stem) > 1}
    assert not twice


def test_the_readmes_floors_are_the_real_ones():
    rows = re.findall(r"^\| (`[^|]+(?:\.py|/)`[^|]*) \|", README, re.MULTILINE)
    named = [re.findall(r"`(\w+)(?:\.py|/)`", row) for row in rows]
    assert sorted(name for row in named for name in row) == sorted(FLOOR)
    floors = [FLOOR[name] for row in named for name in row]
    assert floors == sorted(floors)
