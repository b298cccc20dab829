"""Alerts as lines of Python's logging."""

from __future__ import annotations

import logging
from typing import Any, Final

from cryptobot.alerts import words
from cryptobot.alerts.alert import Message
from cryptobot.alerts.catalogue import alert
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.clean import clean
from cryptobot.core.logs import logger

_LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


@alert("log")
class LogAlerts(AlertChannel):
    """Alerts as lines of Python's logging, logger ``cryptobot.alerts``, one line each.

    Parameters
    ----------
    **delivery
        How it wants to be told; see `Delivery`. Unless it is said otherwise, every alert has a line of its own.

    Examples
    --------
    >>> LogAlerts(level="warning")
    LogAlerts(level='warning')
    """

    def __init__(self, **delivery: Any) -> None:
        super().__init__(**{"seconds_between": 0.0, "most_waiting": 100, "same_within": 0.0, **delivery})
        self._logger = logger("cryptobot.alerts")

    def send(self, message: Message) -> None:
        """Write one line."""
        line = " | ".join(words.plain(message).splitlines())
        self._logger.log(_LEVELS[message.level], "%s", clean(line, 4_000, one_line=True))
