"""One submission, graded in a process of its own: ``python -m course_lib.classroom.worker ...``.

Started by ``grading``, which ends it if it takes too long. Prints one line of JSON.
"""

import json
import sys
from pathlib import Path

import nbformat

from course_lib.classroom.generating import last_line, open_course


def grade_one(folder: Path, assignment: str, student: str, cell_seconds: int) -> dict:
    """Autograde one submission, make its feedback page, and collect notes."""
    course = open_course(folder)
    course.config.Execute.timeout = cell_seconds
    outcome = course.autograde(assignment, student)
    if not outcome["success"]:
        log = outcome.get("log") or ""
        return {"failed": reason(log) or last_line(outcome)}
    feedback = course.generate_feedback(assignment, student)
    notes = notes_of(folder / "autograded" / student / assignment)
    if not feedback["success"]:
        notes.append(f"no feedback page: {last_line(feedback)}")
    return {"notes": notes}


def reason(log: str) -> str:
    """What went wrong, in words for an instructor; empty if nothing known fits."""
    if "DeadKernelError" in log or "Kernel died" in log:
        return "the kernel died: the submission ended it (exit, quit) or ran out of memory"
    if "NotJSONError" in log or "not appear to be valid JSON" in log:
        return "the file is not a notebook"
    if "No notebooks found" in log:
        return "there is no notebook with the name of the release"
    if "Timeout waiting for IOPub" in log:
        return "the kernel stopped answering: a cell ignored that it was interrupted"
    return ""


def notes_of(folder: Path) -> list[str]:
    """What an instructor should know: cells stopped, cut, put back, or whose check failed."""
    notes = []
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "a cell of the student's own")
            outputs = cell.get("outputs", [])
            stopped = any(output.get("ename") == "CellTimeoutError" for output in outputs)
            if stopped:
                notes.append(f"{name}: stopped, it ran too long")
            for output in outputs:
                if "... cut off:" in output.get("text", ""):
                    notes.append(f"{name}: the output was cut off")
                if output.output_type == "error" and not stopped:
                    said = " ".join(output.evalue.split())[:300]
                    notes.append(f"{name}: {said or output.ename}")
    return notes


if __name__ == "__main__":
    course, task, person, seconds = sys.argv[1:]
    result = grade_one(Path(course), task, person, int(seconds))
    print("\n" + json.dumps(result))
