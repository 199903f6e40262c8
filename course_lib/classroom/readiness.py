"""Is this machine ready to teach on? What ``doctor`` checks, and the whole way of an assignment."""

import shutil
import socket
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib import REPOSITORY
from course_lib.classroom import bundle, generating, grading
from course_lib.system.doctor import Check, run_checks

DISK_NEEDED = 2  # GiB, for submissions, feedback and training runs
TRIAL = "A1"


def run_readiness() -> Iterator[Check]:
    """Run every check, one after the other; a check that breaks is itself a failure."""
    yield from run_checks()
    checks: tuple[tuple[str, Callable[[], Check]], ...] = (
        ("nbgrader", check_nbgrader),
        ("releases", check_releases),
        ("grading", check_grading),
        ("students' bundle", check_bundle),
        ("disk", check_disk),
        ("JupyterLab's port", check_port),
    )
    for name, check in checks:
        try:
            yield check()
        except Exception as error:  # the report must go on whatever is broken
            yield Check(name, False, f"{type(error).__name__}: {error}", generating.INSTALL)


def check_nbgrader() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Check("nbgrader", True, version("nbgrader"))
    except PackageNotFoundError:
        return Check("nbgrader", False, "not installed", generating.INSTALL)


def check_releases() -> Check:
    """The committed releases are what the sources give."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = generating.make_releases(Path(folder))
        committed = generating.ASSIGNMENTS_DIR / "release"
        stale = [
            path.name for path in fresh if not same(path, committed / path.relative_to(folder))
        ]
    found = f"stale: {', '.join(stale)}" if stale else f"{len(fresh)} match their sources"
    return Check("releases", not stale, found, "run 'make assignments'")


def same(a: Path, b: Path) -> bool:
    return b.is_file() and a.read_bytes() == b.read_bytes()


def check_grading() -> Check:
    """A full solution, handed in as a student would, gets every point, and a feedback page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = generating.ASSIGNMENTS_DIR / "source" / TRIAL
        shutil.copytree(source, folder / "in" / "trial" / TRIAL)
        grade = next(iter(list(grading.grade_all(TRIAL, folder / "in", folder / "out"))))
        page = list((folder / "out" / "feedback").rglob("*.html"))
    best = sum(grade.most.values()) - grade.waiting
    ok = not grade.failed and grade.points == best > 0 and len(page) == 1
    found = grade.failed or (
        f"{TRIAL}: {grade.points:g} of {best:g} points, {grade.waiting:g} by "
        f"hand, {len(page)} feedback page"
    )
    return Check("grading", ok, found, "the lines of the grader above say why; try 'make test'")


def check_bundle() -> Check:
    with tempfile.TemporaryDirectory() as folder:
        path, count = bundle.make_bundle(Path(folder) / "bundle.zip")
        megabytes = path.stat().st_size / 1e6
        with zipfile.ZipFile(path) as archive:
            leaks = [n for n in archive.namelist() if "/source/" in n or "INSTRUCTORS" in n]
    found = f"{count} files, {megabytes:.0f} MB" if not leaks else f"holds {', '.join(leaks)}"
    return Check("students' bundle", not leaks, found, "run 'make release'")


def check_disk() -> Check:
    free = shutil.disk_usage(REPOSITORY).free / 2**30
    return Check("disk", free >= DISK_NEEDED, f"{free:.0f} GiB free", "make room")


def check_port() -> Check:
    """JupyterLab takes the next port if 8888 is taken, which surprises people with a projector."""
    with socket.socket() as server:
        taken = server.connect_ex(("127.0.0.1", 8888)) == 0
    return Check(
        "JupyterLab's port",
        True,
        "8888 is taken: the next one will be used" if taken else "8888 is free",
    )
