"""Kill a process of its own in the middle of some work."""

import os
import signal
from collections.abc import Callable
from typing import Any


def kill(work: Callable[[], object], place: Any, name: str, *, before: bool = False) -> None:
    """Do some work in another process, and kill that at its first call of a function, when it returns or `before`.

    `place` and `name`: the module or class, and the function in it.
    """
    child = os.fork()
    if child == 0:
        try:
            _set_trap(place, name, before=before)
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"the work did not reach {name}"


def _set_trap(place: Any, name: str, *, before: bool) -> None:
    function = getattr(place, name)

    def trap(*arguments: Any, **named: Any) -> None:
        if not before:
            function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, name, trap)
