"""A worker for the newest request only: while it is busy, newer requests replace those waiting."""

import atexit
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Request = TypeVar("Request")


class LatestOnly(Generic[Request]):
    """Calls ``work(request)`` in a thread of its own, one request at a time, always the newest.

    A slider that is dragged asks for more pictures than can be made. Those asked for while one is
    being made are dropped, all but the last: so the picture follows the slider and never lags by
    more than two calls.

    Args:
        work: what is done with a request.
        failed: called with the exception if ``work`` raises one; the worker goes on.

    Attributes:
        done: requests that were worked on.
        dropped: requests that a newer one replaced.
    """

    def __init__(
        self, work: Callable[[Request], object], failed: Callable[[Exception], object]
    ) -> None:
        self._work, self._failed = work, failed
        self._condition = threading.Condition()
        self._waiting: list[Request] = []  # none or one
        self._busy = self._closed = False
        self.done = self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="playground", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a thread cut off in the middle of a product ends in a crash

    def ask(self, request: Request) -> None:
        """Take a request and return at once; one that is still waiting is dropped."""
        with self._condition:
            self.dropped += len(self._waiting)
            self._waiting = [request]
            self._condition.notify_all()

    @property
    def overtaken(self) -> bool:
        """Whether what is being worked on need not be finished: a newer request waits."""
        with self._condition:
            return bool(self._waiting) or self._closed

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; False if that took longer than ``timeout`` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: not (self._busy or self._waiting), timeout)

    def close(self) -> None:
        """End the thread after the request that it is working on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._thread.join()
        atexit.unregister(self.close)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                self._condition.notify_all()
                self._condition.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                request = self._waiting.pop()
                self._busy = True
            try:
                self._work(request)
            except Exception as error:
                self._failed(error)
            finally:
                self.done += 1
