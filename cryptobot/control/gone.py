"""The error of a handle whose bot is not there."""

from __future__ import annotations

from cryptobot.core.errors import CryptobotError


class BotGoneError(CryptobotError):
    """No process of this bot answers: it was never launched, it has ended, or it hangs."""
