"""A sample to try a channel with."""

from __future__ import annotations

import math
from typing import Final

from cryptobot.alerts.alert import Alert

_POINTS: Final = 120


def sample(time: int) -> Alert:
    """Return an alert that says that it is a test.

    Parameters
    ----------
    time
        Now, nanoseconds since 1970-01-01 UTC.
    """
    wave = (10_000 + 80 * math.sin(n / 9) + 2.5 * n for n in range(_POINTS))
    return Alert(
        time=time,
        level="info",
        topic="test",
        title="Test",
        text="This is a test of the alerts: nothing was traded. Alerts of a bot look like this one.",
        facts={"market": "BTC/USDT", "price": "64,000.10 USDT", "quantity": "0.015 BTC", "pnl": "+12.34 USDT"},
        bot="cryptobot alerts test",
        mode="test",
        market="BTC/USDT",
        equity=tuple(wave),
    )
