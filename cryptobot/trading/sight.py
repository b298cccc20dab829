"""What a strategy sees: closed bars in order, each once, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptobot.core.bars import problem_of, time_text
from cryptobot.core.errors import DataError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decision
from cryptobot.trading.actions import Notice
from cryptobot.trading.explanation import Explanation, explain
from cryptobot.trading.stint import Stint
from cryptobot.trading.tape import Tape

# Bars that changed parameters are shown for: some 0.3 s of work.
_REWOUND: Final = 20_000


class Sight:
    """A strategy at work on a market's bars.

    Parameters
    ----------
    strategy
        What decides.
    timeframe
        Interval of the bars.
    grid
        The decimal grid of the market's prices.

    Attributes
    ----------
    strategy
        The same, or the one that was adopted since.
    decision
        What it says to the newest bar, or None before the first.
    last_bar
        The newest bar, or None.
    tape
        Bars, features and equity, for charts and for later.
    stints
        Every strategy that has decided here, oldest first.
    """

    def __init__(self, strategy: Strategy, timeframe: Timeframe, grid: PriceGrid) -> None:
        self.strategy = strategy
        self.decision: Decision | None = None
        self.last_bar: Bar | None = None
        self.tape = Tape(list(strategy.nodes))
        self.stints = [Stint(0, strategy)]
        self._step = timeframe.nanoseconds
        self._timeframe = timeframe
        self._grid = grid
        self._live = strategy.live(grid)
        self._before: Decision | None = None

    @property
    def changes(self) -> int:
        """How often another strategy, or other parameters, were adopted."""
        return len(self.stints) - 1

    def prime(self, bars: list[Bar], equity: Callable[[float], float]) -> list[Notice]:
        """Look at past bars; raises as `see` does, and if they are out of order.

        Parameters
        ----------
        bars
            Oldest first.
        equity
            Says what the bot is worth at a close.

        Returns
        -------
        list of Notice
            What is odd about them: bars that are missing.
        """
        notices: list[Notice] = []
        for bar in bars:
            last = self.last_bar
            if last is not None and bar.time <= last.time:
                raise DataError(
                    f"history: the bar of {time_text(bar.time)} comes after that of {time_text(last.time)}. Past bars "
                    "are needed oldest first, each once; nothing is traded until the feed is right."
                )
            notices += self.holes_before(bar)
            self.see(bar, equity(bar.close))
        if len(notices) > 1:
            return [Notice("warning", f"Bars are missing at {len(notices)} places of the history. {notices[0].text}")]
        return notices

    def holes_before(self, bar: Bar) -> list[Notice]:
        """Say whether bars are missing between the newest one and this."""
        last, step = self.last_bar, self._step
        if last is None or bar.time == last.time + step:
            return []
        between = f"between {time_text(last.time)} and {time_text(bar.time)}"
        missing, rest = divmod(bar.time - last.time, step)
        if rest:
            return [Notice("warning", f"There is no whole number of {self._timeframe} bars {between}.", "stale_feed")]
        what = "1 bar is" if missing == 2 else f"{missing - 1} bars are"
        return [Notice("warning", f"{what} missing {between}.", "stale_feed")]

    def see(self, bar: Bar, equity: float) -> None:
        """Look at a bar that has closed.

        Parameters
        ----------
        bar
            Later than the newest one.
        equity
            Of the bot at its close, in the quote currency.

        Raises
        ------
        CryptobotError
            If the bar cannot be trusted or the strategy fails.
        """
        problem = problem_of(bar)
        if problem is not None:
            raise DataError(
                f"The bar of {time_text(bar.time)} cannot be: {problem}. Trading stops until the feed is right."
            )
        self._before = self.decision
        decision = self._live.update(bar)
        self.decision = decision
        self.last_bar = bar
        self.tape.append(bar, decision.features, equity)

    def renew(self) -> None:
        """Start the strategy anew and show it every bar on the tape again.

        The bar that it failed on may have reached some of the features and not others.
        """
        live = self.strategy.live(self._grid)
        for bar, _ in self.tape.rows():
            live.update(bar)
        self._live = live

    def adopt(self, strategy: Strategy) -> None:
        """Go on with another strategy, which is shown what the tape still holds."""
        live = strategy.live(self._grid)
        tape = Tape(list(strategy.nodes))
        decision: Decision | None = None
        for bar, equity in self.tape.rows(max(_REWOUND, strategy.memory)):
            decision = live.update(bar)
            tape.append(bar, decision.features, equity)
        self.strategy, self._live, self.tape, self.decision = strategy, live, tape, decision
        self.stints.append(Stint(0 if self.last_bar is None else self.last_bar.time + self._step, strategy))

    def explain(self, position: str, outcome: str) -> Explanation | None:
        """Say why the newest bar did or did not trade, or None before the first."""
        if self.decision is None or self.last_bar is None:
            return None
        said = self.strategy.explain(self.decision, self._before)
        return explain(self.decision, self.last_bar.close, said, position, outcome)
