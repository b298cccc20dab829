"""Ctrl-C that is heard whenever it comes."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LATER: Final = 0.02  # seconds


@contextmanager
def never_lost() -> Iterator[None]:
    """Say Ctrl-C once more when it came while an object was being let go of: Python forgets what is raised there.

    While modules are loaded that is several moments in a hundred.
    """
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # A little later: said here, it would be raised in here and forgotten as well.
            again = threading.Timer(_LATER, _interrupt)
            again.daemon = True
            again.start()
        else:
            before(lost)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _interrupt() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # reaches a main thread that waits, too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
