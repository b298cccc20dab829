"""Asking an exchange for what a start needs: one failure in passing is no reason not to start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from cryptobot.core.clock import Clock
from cryptobot.core.errors import TransientError
from cryptobot.trading.actions import Notice

T = TypeVar("T")

# Seconds before it is asked again. Short: whoever starts a bot waits for it, and a wrong address fails like this, too.
_PAUSES: Final = (0.5, 1.5)


async def asked(question: Callable[[], Awaitable[T]], clock: Clock, tell: Callable[[Notice], None]) -> T:
    """Return an exchange's answer; ask again, twice, if it fails in passing.

    Parameters
    ----------
    question
        Asks for something, and changes nothing.
    clock, tell
        For the pauses, and for a word about each.

    Raises
    ------
    TransientError
        If it failed three times.
    """
    for pause in _PAUSES:
        try:
            return await question()
        except TransientError as error:
            tell(Notice("info", f"{error} It is asked again in {pause:g} s.", "connection"))
        await clock.sleep(pause)
    return await question()
