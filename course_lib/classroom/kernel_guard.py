"""Installed in the kernel of a submission while it is graded: limits, fresh checks, a tripwire.

Before every cell the checks are what they were when the kernel started, whatever a submission has
made of them. The tripwire notices and stops what plain Python does to read or delete notebooks or
the gradebook, and writes down that it was tried. It is no prison: somebody who means to get round
it can. A machine that must be safe from its students grades them in a sandbox without a network.
"""

import importlib
import os
import sys
from types import ModuleType

LOG = "COURSE_GUARD_LOG"
CHECKS = "COURSE_GUARD_CHECKS"  # the module of the assignment's checks
FORBIDDEN = (".ipynb", "gradebook.db")
MOST_CHARACTERS = 200_000  # printed by one cell
BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
CUT = "\n... cut off: this cell prints too much ...\n"


def install() -> None:
    """Guard this kernel from now on, if the environment names a log. It cannot be undone."""
    log = os.environ.get(LOG)
    if not log:
        return
    # Opened once: the hook itself must not open files.
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.addaudithook(lambda event, arguments: _watch(event, arguments, descriptor))
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        _limit_output(shell)
        _keep_checks(shell, os.environ.get(CHECKS, ""))
        shell.events.register("post_run_cell", lambda _result: _forget_tests(shell.user_ns))
        shell.user_ns["exit"] = shell.user_ns["quit"] = _refuse_to_exit


def _watch(event: str, arguments: tuple, log: int) -> None:
    """The audit hook: raise PermissionError where a submission reaches for what is not its own."""
    if event in ("open", "sqlite3.connect", "os.remove", "os.rename"):
        text = _text(arguments[0])
        found = text.endswith(FORBIDDEN)
    elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"):
        text = " ".join(_text(part) for part in arguments)
        found = any(word in text for word in FORBIDDEN)
    else:
        return
    if found:
        name = text.replace("\n", " ")[-60:]
        os.write(log, f"{name}\n".encode(errors="replace"))
        raise PermissionError(f"not while grading: {name} is not a submission's to read or change")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _limit_output(shell: object) -> None:
    """Let each cell print only so much: 200 MB through a kernel's sockets take minutes."""
    from ipykernel.iostream import OutStream

    printed = [0]
    write = OutStream.write

    def limited(stream: OutStream, text: str) -> int:
        left = MOST_CHARACTERS - printed[0]
        printed[0] += len(text)
        if len(text) <= left:
            return write(stream, text)
        if left >= 0:  # the first time only
            write(stream, text[:left] + CUT)
        return len(text)

    OutStream.write = limited
    shell.events.register("pre_run_cell", lambda _info: printed.__setitem__(0, 0))


def _keep_checks(shell: object, name: str) -> None:
    """Put back the course's modules, and what checks rest on, before every cell."""
    checks = importlib.import_module(name) if name else None
    kept: dict[str, tuple[ModuleType, dict[str, object]]] = {
        name: (module, dict(vars(module)))
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] == "course_lib" or name in ("torch", "math", "builtins")
    }

    def put_back(_info: object) -> None:
        for name, (module, names) in kept.items():
            sys.modules[name] = module
            vars(module).update(names)
        if checks is not None:
            shell.user_ns["homework"] = checks

    shell.events.register("pre_run_cell", put_back)


def _forget_tests(names: dict[str, object]) -> None:
    """Take hidden tests out of what IPython remembers of the cells that have run."""
    for name, value in list(names.items()):
        if isinstance(value, str) and name.startswith("_i") and BEGIN in value:
            names[name] = value.partition(BEGIN)[0]
    said = names.get("In", [])
    said[:] = [text.partition(BEGIN)[0] for text in said]


def _refuse_to_exit(*_arguments: object) -> None:
    raise RuntimeError("exit() and quit() would end the notebook: take them out")
