"""The trading engine without any input or output: events in, actions out.

It knows no clock, no network, no disk and no thread, so that one seed replays a whole day in milliseconds and every
mode trades with the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cryptobot.core.bars import problem_of, time_text
from cryptobot.core.errors import ConfigError, CryptobotError, DataError
from cryptobot.core.events import (
    BarClosed,
    ConnectionChanged,
    ExchangeEvent,
    OrderChanged,
    OrderFilled,
    OrderRefused,
)
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import Sizing
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Intent, Side, Trade
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decision
from cryptobot.trading.actions import Action, Halt, Notice, Submit
from cryptobot.trading.explanation import Explanation, explain, nothing_yet
from cryptobot.trading.tape import Tape

# Bars that changed parameters are shown for: some 0.3 s of work.
_REWOUND: Final = 20_000
_WAITING: Final = "nothing is done, because an order is still on its way"
# A message is repeated soon or never; the books themselves know every fill they ever booked.
_REPEATED: Final = 100


class Engine:
    """Decides and keeps the books.

    Parameters
    ----------
    strategy
        What decides.
    market
        What is traded, with its rules.
    timeframe
        Interval of the bars.
    grid
        The decimal grid of the market's prices.
    portfolio
        The bot's own books.
    sizing
        What an entry may spend.
    next_id
        Makes client order ids, one a call.

    Attributes
    ----------
    halted
        Why it no longer trades, or None.
    waiting
        The intent that has no answer yet, or None.
    intents
        Every decision to trade, oldest first.
    fills, refused
        Every answer to its orders, oldest first.
    tape
        Bars, features and equity, for charts and for later.
    """

    def __init__(
        self,
        strategy: Strategy,
        market: Market,
        timeframe: Timeframe,
        grid: PriceGrid,
        portfolio: Portfolio,
        sizing: Sizing,
        next_id: Callable[[], str],
    ) -> None:
        self.strategy = strategy
        self.market = market
        self.timeframe = timeframe
        self.portfolio = portfolio
        self.halted: str | None = None
        self.waiting: Intent | None = None
        self.last_bar: Bar | None = None
        self.intents: list[Intent] = []
        self.fills: list[Fill] = []
        self.refused: list[OrderRefused] = []
        self.parameter_changes = 0
        self._grid = grid
        self._sizing = sizing
        self._next_id = next_id
        self._live = strategy.live(grid)
        self._next_strategy: Strategy | None = None
        self._decision: Decision | None = None
        self._before: Decision | None = None
        self._outcome = ""
        self._was_long = False
        self.tape = Tape(list(strategy.nodes))

    def prime(self, bars: list[Bar]) -> list[Notice]:
        """Let the strategy see past bars; nothing is traded on them.

        Returns
        -------
        list of Notice
            What is odd about them: bars that are missing.

        Raises
        ------
        CryptobotError
            If a bar cannot be trusted or the strategy fails.
        """
        notices: list[Notice] = []
        for bar in bars:
            last = self.last_bar
            if last is not None and bar.time <= last.time:
                raise DataError(
                    f"history: the bar of {time_text(bar.time)} comes after that of {time_text(last.time)}. Past bars "
                    "are needed oldest first, each once; nothing is traded until the feed is right."
                )
            notices += self._holes_before(bar)
            self._see(bar)
            self._outcome = "nothing is done, because this bar was past when the bot started"
        if len(notices) > 1:
            return [Notice("warning", f"Bars are missing at {len(notices)} places of the history. {notices[0].text}")]
        return notices

    def handle(self, event: ExchangeEvent) -> list[Action]:
        """Take one event and say what is to be done."""
        if isinstance(event, BarClosed):
            return self._on_bar(event.bar)
        if isinstance(event, OrderFilled):
            return self._on_fill(event)
        if isinstance(event, OrderChanged):
            return self._on_change(event.order)
        if isinstance(event, ConnectionChanged):
            return [Notice("info" if event.up else "warning", event.reason)]
        return self._on_refusal(event)

    def resume(self) -> None:
        """Go on after a halt.

        The bar it halted on may have reached some of the features and not others, so the strategy starts anew and sees
        every bar on the tape again.

        Raises
        ------
        CryptobotError
            If the strategy fails on them.
        """
        if self.halted is None:
            return
        live = self.strategy.live(self._grid)
        for bar, _ in self.tape.rows():
            live.update(bar)
        self._live = live
        self.halted = None

    def change_strategy(self, strategy: Strategy) -> None:
        """Trade with changed parameters from the next bar's close on."""
        self._next_strategy = strategy

    def withdraw(self) -> list[Notice]:
        """Give up waiting for an answer: the exchange has dropped the order."""
        if self.waiting is None:
            return []
        dropped, self.waiting = self.waiting, None
        return [Notice("warning", f"Order {dropped.id} ({dropped.side}) was not filled and is withdrawn.")]

    def unanswered(self) -> list[Notice]:
        """Name the order whose outcome nobody knows: it may be open or filled on the exchange."""
        if self.waiting is None:
            return []
        sent = self.waiting
        text = f"Order {sent.id} ({sent.side}) has no answer: it may be open or filled. Look at the exchange."
        return [Notice("error", text)]

    def explain(self) -> Explanation:
        """Say why the last bar did or did not trade."""
        if self._decision is None or self.last_bar is None:
            why = f"The bot halted before it could decide: {self.halted}" if self.halted else "No bar has closed yet."
            return nothing_yet(why)
        said = self.strategy.explain(self._decision, self._before)
        position = "long" if self._was_long else "flat"
        return explain(self._decision, self.last_bar.close, said, position, self._outcome)

    def _on_bar(self, bar: Bar) -> list[Action]:
        last = self.last_bar
        if last is not None and bar.time <= last.time:
            return [Notice("warning", f"Bar of {time_text(bar.time)} came late or twice and is dropped.")]
        actions: list[Action] = [*self._holes_before(bar)]
        try:
            if self._next_strategy is not None:
                actions.append(self._adopt(self._next_strategy))
            self._see(bar)
            actions += self._decide(bar)
        except CryptobotError as error:
            actions.append(self._halt(str(error)))
        return actions

    def _holes_before(self, bar: Bar) -> list[Notice]:
        last, step = self.last_bar, self.timeframe.nanoseconds
        if last is None or bar.time == last.time + step:
            return []
        between = f"between {time_text(last.time)} and {time_text(bar.time)}"
        missing, rest = divmod(bar.time - last.time, step)
        if rest:
            return [Notice("warning", f"There is no whole number of {self.timeframe} bars {between}.")]
        what = "1 bar is" if missing == 2 else f"{missing - 1} bars are"
        return [Notice("warning", f"{what} missing {between}.")]

    def _see(self, bar: Bar) -> None:
        problem = problem_of(bar)
        if problem is not None:
            raise DataError(
                f"The bar of {time_text(bar.time)} cannot be: {problem}. Trading stops until the feed is right."
            )
        self._before = self._decision
        decision = self._live.update(bar)
        self._decision = decision
        self.last_bar = bar
        self.tape.append(
            bar, decision.features, float(self.portfolio.cash) + float(self.portfolio.quantity) * bar.close
        )

    def _decide(self, bar: Bar) -> list[Action]:
        decision = self._decision
        self._was_long = long = not self.portfolio.is_flat
        if decision is None or self.halted is not None:
            self._outcome = "nothing is done, because the bot is halted"
            return []
        if self.waiting is not None:
            self._outcome = _WAITING
            return []
        if long and decision.sell:
            return self._trade(Side.SELL, bar)
        if not long and decision.buy:
            return self._trade(Side.BUY, bar)
        if decision.buy:
            self._outcome = "nothing is done, because a position is held already"
        elif decision.sell:
            self._outcome = "nothing is done, because there is nothing to sell"
        else:
            self._outcome = "nothing is done"
        return []

    def _trade(self, side: Side, bar: Bar) -> list[Action]:
        portfolio = self.portfolio
        spend = self._spending() if side is Side.BUY else None
        intent = Intent(
            id=self._next_id(),
            time=bar.time + self.timeframe.nanoseconds,
            symbol=self.market.symbol,
            side=side,
            quote_amount=spend,
            quantity=portfolio.quantity if side is Side.SELL else None,
            reason=f"{side} signal at the close of {time_text(bar.time)}",
        )
        self.waiting = intent
        self.intents.append(intent)
        self._outcome = f"a {side} order is sent, to be filled at the next bar's open"
        return [Submit(intent)]

    def _spending(self) -> Decimal:
        cash = self.portfolio.cash
        amount = decimal_of(self._sizing.quote_amount(cash), "sizing")
        if not 0 <= amount <= cash:
            raise ConfigError(
                f"sizing: {self._sizing!r} wants to spend {amount} of {cash}. Allowed: at least 0 and at most the cash "
                "there is; quote_amount(cash) must keep within it."
            )
        return amount

    def _on_fill(self, event: OrderFilled) -> list[Action]:
        fill = event.fill
        if event.complete and self.waiting is not None and self.waiting.id == fill.intent_id:
            self.waiting = None
        if any(fill.id == booked.id for booked in self.fills[-_REPEATED:]):
            return [Notice("warning", f"Fill {fill.id} came twice and counts once.")]
        try:
            trade = self.portfolio.apply(fill, complete=event.complete)
        except CryptobotError as error:
            return [self._halt(str(error))]
        self.fills.append(fill)
        return [self._told(fill, trade)]

    def _on_change(self, order: Order) -> list[Action]:
        if order.is_open or self.waiting is None or self.waiting.id != order.client_id:
            return []
        if order.status is OrderStatus.FILLED:  # its fills tell the rest
            return []
        self.waiting = None
        rest = (
            f"after {order.filled_quantity:,.8g} {self.market.base}; the rest was not traded"
            if order.filled_quantity
            else "nothing was traded"
        )
        actions: list[Action] = [Notice("warning", f"Order {order.client_id} ended as {order.status}: {rest}.")]
        last = self.fills[-1] if self.fills else None
        trade = self.portfolio.settle(last.price) if last is not None else None
        if trade is not None:
            actions.append(Notice("info", f"The position is closed: {_result(trade, self.market.quote)}."))
        return actions

    def _told(self, fill: Fill, trade: Trade | None) -> Notice:
        did = "Bought" if fill.side is Side.BUY else "Sold"
        text = f"{did} {fill.quantity:,.8g} {self.market.base} at {fill.price:,.10g} {self.market.quote}"
        return Notice("info", text + (f": {_result(trade, self.market.quote)}." if trade else "."))

    def _on_refusal(self, event: OrderRefused) -> list[Action]:
        self.refused.append(event)
        if self.waiting is not None and self.waiting.id == event.intent_id:
            self.waiting = None
        return [Notice("warning", f"Order {event.intent_id} was refused: {event.reason}. Nothing was traded.")]

    def _adopt(self, strategy: Strategy) -> Notice:
        self._next_strategy = None
        live = strategy.live(self._grid)
        tape = Tape(list(strategy.nodes))
        decision: Decision | None = None
        for bar, equity in self.tape.rows(max(_REWOUND, strategy.memory)):
            decision = live.update(bar)
            tape.append(bar, decision.features, equity)
        self.strategy, self._live, self.tape, self._decision = strategy, live, tape, decision
        self.parameter_changes += 1
        return Notice("info", f"Parameters changed: {strategy!r}.")

    def _halt(self, reason: str) -> Halt:
        self.halted = reason
        self._outcome = f"the bot halted: {reason}"
        return Halt(reason)


def _result(trade: Trade, quote: str) -> str:
    return f"{'profit' if trade.pnl >= 0 else 'loss'} {abs(trade.pnl):,.2f} {quote} ({100 * trade.return_:+.2f} %)"
