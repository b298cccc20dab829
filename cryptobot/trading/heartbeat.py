"""A sign of life to somebody outside, who notices when it stays away: for the failures that no bot can tell of itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cryptobot.alerts.errors import AlertError
from cryptobot.alerts.http import post, require_url, secrets_of
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr

_TIMEOUT: Final = 10.0
_GOOD: Final = range(200, 300)


class Heartbeat:
    """Posts to an address while something is alive.

    Parameters
    ----------
    url
        Of the watcher, for example a check at healthchecks.io. It is a secret.
    looks
        Returns a number that grows while the bot looks after its session; None when it does not run.
    told
        Takes a level and a text, when the watcher cannot be reached and when it can again.
    every
        Seconds from one sign to the next, at least 1.

    Raises
    ------
    ConfigError
        If the address is none, or the seconds are too few.
    """

    def __init__(
        self,
        url: str | SecretStr,
        looks: Callable[[], int | None],
        told: Callable[[str, str], None],
        every: float = 60.0,
    ) -> None:
        if not every >= 1:
            raise ConfigError(f"watch: every = {every!r} is not allowed. Give at least 1 second.")
        self._url = require_url(url, "heartbeat").get_secret_value()
        self._looks = looks
        self._told = told
        self._every = every
        self._seen: int | None = None
        self._failing = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cryptobot-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Send no more; the watcher will notice, as it does after a crash."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def beat(self) -> bool:
        """Send one sign of life, if there is life: the bot must have looked since the last one. Return whether it was."""
        looks = self._looks()
        alive = looks is not None and looks != self._seen
        self._seen = looks
        if alive:
            self._send()
        return alive

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self.beat()

    def _send(self) -> None:
        try:
            status = post(self._url, b"{}", {}, _TIMEOUT, secrets_of(self._url)).status
            problem = None if status in _GOOD else f"it answers {status}"
        except AlertError as error:
            problem = str(error)
        if problem is not None and not self._failing:
            self._told("warning", f"The watcher of the heartbeat was not reached: {problem}")
        elif problem is None and self._failing:
            self._told("info", "The watcher of the heartbeat is reached again.")
        self._failing = problem is not None
