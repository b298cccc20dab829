"""The errors a panel has met, in Python and in the page: shown, logged, raised on request, never swallowed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cryptobot.core.errors import CryptobotError

MAX_ERRORS = 100


class Health:
    """A bounded list of errors.

    Parameters
    ----------
    log
        Where each new error is written: `bot.log`, called with a level and a text.
    """

    def __init__(self, log: Callable[[str, str], object]) -> None:
        self._log = log
        self._guard = threading.Lock()
        self._errors: dict[str, int] = {}

    @property
    def errors(self) -> list[str]:
        """What went wrong, oldest first; repetitions are counted once."""
        with self._guard:
            return list(self._errors)

    def note(self, where: str, error: Exception | str) -> None:
        """Keep an error and write it to the log, once however often it comes back.

        Parameters
        ----------
        where
            What was being done.
        error
            What happened.
        """
        what = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else error
        text = f"panel, {where}: {what}"
        with self._guard:
            new = text not in self._errors and len(self._errors) < MAX_ERRORS
            if new or text in self._errors:
                self._errors[text] = self._errors.get(text, 0) + 1
        if new:
            self._log("error", text)

    def check(self) -> None:
        """Raise the first error, if there is one.

        Raises
        ------
        CryptobotError
            Naming the first error and how many there are.
        """
        errors = self.errors
        if errors:
            more = f" ({len(errors) - 1} more in panel.errors)" if len(errors) > 1 else ""
            raise CryptobotError(f"The control panel is not healthy: {errors[0]}{more}. The bot's log has the details.")
