"""Which submissions are alike, as a hint to a person: short exercises have few different answers.

Compared is the code of each exercise after its names, comments and docstrings are taken away, and
what JupyterLab draws by lot: the ids of cells that a student has added.
"""

import ast
import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from course_lib.classroom.generating import ASSIGNMENTS_DIR, ClassroomError
from course_lib.classroom.grading import find_submissions

SMALLEST = 30  # nodes of a syntax tree; nearly everybody writes the same below
COMMON = 3  # an answer that more students than this give is an ordinary one


@dataclass(frozen=True)
class Hint:
    """What two submissions share.

    Attributes:
        same_code: exercises whose code is the same but for names, and of few others' submissions.
        same_text: those of them that are the same to the letter, comments included.
        same_cells: how many cells of the students' own have the same id, which is drawn by lot.
    """

    students: tuple[str, str]
    same_code: tuple[str, ...]
    same_text: tuple[str, ...]
    same_cells: int

    def __str__(self) -> str:
        parts = []
        if self.same_code:
            parts.append(f"the same code but for names in {', '.join(self.same_code)}")
        if self.same_text:
            parts.append(f"to the letter in {', '.join(self.same_text)}")
        if self.same_cells:
            parts.append(f"{self.same_cells} added cells with the same id, which is drawn by lot")
        return f"{' and '.join(self.students)}: {'; '.join(parts)}"


def find_hints(submitted: Path, assignment: str) -> list[Hint]:
    """Pairs of submissions that are alike, those that share most first.

    Answers that are short, that are the published solution, or that many students give, count for
    nothing. What is no notebook, or no Python, is left out.

    Raises:
        ClassroomError: no submissions, or an unknown assignment.
    """
    source = cells_of(ASSIGNMENTS_DIR / "source" / assignment)
    if not source:
        raise ClassroomError(f"there is no assignment {assignment}; see notebooks/assignments")
    exercises = {name for name, cell in source.items() if is_answer(cell)}
    release = cells_of(ASSIGNMENTS_DIR / "release" / assignment, key="id")
    texts: dict[str, dict[str, str]] = {}
    own: dict[str, set[str]] = {}
    for student in find_submissions(submitted, assignment):
        folder = submitted / student / assignment
        found = cells_of(folder)
        texts[student] = {n: text_of(found[n]) for n in sorted(exercises & set(found))}
        own[student] = set(cells_of(folder, key="id")) - set(release)
    published = {shape(text_of(source[name])) for name in exercises}
    shapes = {
        student: {name: shape(text) for name, text in answers.items()}
        for student, answers in texts.items()
    }
    frequent = Counter(s for answers in shapes.values() for s in answers.values())
    hints = []
    for a, b in itertools.combinations(sorted(texts), 2):
        same = tuple(
            name
            for name, mine in shapes[a].items()
            if mine and mine == shapes[b].get(name) and mine not in published
            if frequent[mine] <= COMMON
        )
        letters = tuple(name for name in same if texts[a][name] == texts[b][name])
        if same or own[a] & own[b]:
            hints.append(Hint((a, b), same, letters, len(own[a] & own[b])))
    return sorted(hints, key=lambda h: (-h.same_cells, -len(h.same_code), h.students))


def cells_of(folder: Path, key: str = "grade_id") -> dict[str, dict]:
    """Cells of the notebooks of a folder, by nbgrader's name for them or by ``id``."""
    found: dict[str, dict] = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            for cell in cells:
                about = cell if key == "id" else cell["metadata"].get("nbgrader", {})
                if about.get(key):
                    found[about[key]] = cell
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def is_answer(cell: dict) -> bool:
    """Whether a cell of the source is a function to write, no figure and no check."""
    settings = cell["metadata"].get("nbgrader", {})
    return cell["cell_type"] == "code" and settings["solution"] and not settings["grade"]


def text_of(cell: dict) -> str:
    return "".join(cell["source"])


def shape(code: str) -> str:
    """The syntax tree without docstrings, every name replaced by the number of its first use.

    Empty for what is no Python, and for what is so short that nearly everybody writes the same.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    names: dict[str, str] = defaultdict(lambda: f"n{len(names)}")
    nodes = list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    for node in nodes:
        for part in ("name", "id", "arg"):
            if isinstance(getattr(node, part, None), str):
                setattr(node, part, names[getattr(node, part)])
    return ast.dump(tree) if len(list(ast.walk(tree))) >= SMALLEST else ""
