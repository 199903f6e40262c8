"""What tests of the command line share; the fixture ``run`` is in ``conftest.py``."""

import contextlib
import signal
import subprocess

from course_lib import REPOSITORY


@contextlib.contextmanager
def started(command, **options):
    """A child process that Ctrl-C reaches, ended whatever happens.

    It has the default action for SIGINT even where the tests were started with the signal ignored,
    as ``nohup`` and some services do; Python then makes it a KeyboardInterrupt.
    """

    def restore():
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": REPOSITORY}
    command = list(map(str, command))
    with subprocess.Popen(command, preexec_fn=restore, **pipes | options) as process:
        try:
            yield process
        finally:
            process.kill()


def complains(result, *words):
    """Assert that a command failed with one sentence that holds all ``words``."""
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n"), err
    for word in words:
        assert word in err
    assert "Traceback" not in err
