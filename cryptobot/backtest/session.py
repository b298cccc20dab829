"""What a bot really did, as the backtest of its bars looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.types import Fill, Intent


def _no_times() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What a bot really did.

    Attributes
    ----------
    times
        Open times of the bars it saw while it traded, int64, ascending.
    opens
        Their opens as its feed had them, float64 of the same shape.
    intents
        Its decisions to trade, oldest first.
    fills
        All executions of its account in this market, oldest first.
    manual, protective
        Ids of the intents that a person wanted, and of those that protect a position; the rest are the strategy's.
    refused
        Open times of the bars at whose close the bot wanted to buy and sent nothing, int64, ascending.
    no_buying, no_selling
        Open times of the bars at whose close a person kept the bot from it, int64, ascending.
    cleared
        Open times of the bars after which a person let the bot trade again, int64, ascending.
    """

    times: NDArray[np.int64]
    opens: NDArray[np.float64]
    intents: Sequence[Intent]
    fills: Sequence[Fill]
    manual: frozenset[str] = frozenset()
    protective: frozenset[str] = frozenset()
    refused: NDArray[np.int64] = field(default_factory=_no_times)
    no_buying: NDArray[np.int64] = field(default_factory=_no_times)
    no_selling: NDArray[np.int64] = field(default_factory=_no_times)
    cleared: NDArray[np.int64] = field(default_factory=_no_times)
