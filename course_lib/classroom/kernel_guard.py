"""Installed in the kernel of a submission while it is graded: limits, and a tripwire.

The tripwire notices and stops what plain Python does to read or delete notebooks or the gradebook,
and writes down that it was tried. It is no prison: somebody who means to get round it can. A
machine that must be safe from its students grades them in a container without a network.
"""

import os
import sys

LOG = "COURSE_GUARD_LOG"
FORBIDDEN = (".ipynb", "gradebook.db")
MOST_CHARACTERS = 200_000  # printed by one cell
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


def _refuse_to_exit(*_arguments: object) -> None:
    raise RuntimeError("exit() and quit() would end the notebook: take them out")
