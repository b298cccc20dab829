"""What can go wrong with telling people."""

from __future__ import annotations

from typing import Literal

from cryptobot.core.errors import ConfigError, CryptobotError

Again = Literal["soon", "later", "never"]


class AlertError(CryptobotError):
    """A channel did not take a message. Trading goes on; the dispatcher tries again where that helps.

    Parameters
    ----------
    text
        What was seen and what to do, without any secret.
    again
        ``"soon"``: a passing fault. ``"later"``: a person must mend something first. ``"never"``: this message itself
        was refused.
    retry_after
        Seconds that the channel asked to be left alone; None where it did not.
    maybe_told
        Whether the message may have arrived all the same, for example when the answer was lost.
    """

    def __init__(
        self, text: str, *, again: Again = "soon", retry_after: float | None = None, maybe_told: bool = False
    ) -> None:
        super().__init__(text)
        self.again = again
        self.retry_after = retry_after
        self.maybe_told = maybe_told


class NotSetUpError(ConfigError):
    """A channel's address or token is not set anywhere: nobody wanted it yet."""
