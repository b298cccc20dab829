"""The first book under limits: bar by bar through the gate and the matching core that a bot trades through."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Final

from cryptobot.backtest.ledger import Ledger, spending
from cryptobot.core.bars import BarColumns
from cryptobot.core.events import OrderRefused
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.order_types import OrderType
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.protection import protection
from cryptobot.core.risk import Refusal, RiskGate, Situation
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Bar, Intent, OcoIntent, Side
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.matching.core import MatchingCore
from cryptobot.exchange.matching.events import CoreEvent, Ended, Executed
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.matching.refusal import Refused
from cryptobot.exchange.rules import MarketRules
from cryptobot.strategy.decision import Decisions

_ALL: Final = frozenset(OrderType)


def keep_limited_ledger(
    decisions: Decisions,
    bars: BarColumns,
    *,
    cash: float | Decimal,
    costs: Costs,
    sizing: Sizing,
    market: Market,
    limits: Limits,
    cleared: Collection[int] = (),
) -> Ledger:
    """Trade every decision that the limits let pass, as `keep_ledger` does without any.

    Protective orders rest from the entry's fill on and are filled within the bars: at their price, or at the open
    where a bar begins beyond it; where a bar reaches both, the stop comes first. Limits on the equity are looked at
    at every close.

    Parameters
    ----------
    decisions, bars, cash, costs, sizing, market
        As for `keep_ledger`.
    limits
        What may not be exceeded.
    cleared
        Rows after which a person let it trade again, whatever limit it had reached.

    Raises
    ------
    ConfigError
        If the sizing wants to spend more than there is.
    """
    book = _LimitedBook(decisions, bars, cash=cash, costs=costs, sizing=sizing, market=market, limits=limits)
    return book.keep(frozenset(cleared))


class _LimitedBook:
    """The state of one run."""

    def __init__(
        self,
        decisions: Decisions,
        bars: BarColumns,
        *,
        cash: float | Decimal,
        costs: Costs,
        sizing: Sizing,
        market: Market,
        limits: Limits,
    ) -> None:
        self.books = Portfolio(cash, market)
        self.ledger = Ledger(self.books)
        self._decisions, self._bars = decisions, bars
        self._costs, self._sizing, self._market, self._limits = costs, sizing, market, limits
        self._gate = RiskGate(limits, market)
        self._core = MatchingCore(
            [MarketRules(market)],
            {market.quote: self.books.cash, market.base: Decimal(0)},
            Fees(costs.fee, costs.fee, "quote"),
            slippage_bps=costs.slippage_bps,
        )
        self._pending: Intent | None = None
        self._protecting: list[str] = []
        self._orders = 0
        self._row = 0

    def keep(self, cleared: frozenset[int]) -> Ledger:
        """Go through all bars."""
        bars, decisions, core, symbol = self._bars, self._decisions, self._core, self._market.symbol
        step, last = bars.timeframe.nanoseconds, len(bars) - 1
        watched = self._limits.max_daily_loss is not None or self._limits.max_drawdown is not None
        signals = (decisions.buy | decisions.sell).tolist()
        rows = bars.rows()
        for row, bar in enumerate(rows):
            self._row = row
            if self._pending is not None or self._protecting:
                self._open(bar)
                self._book(core.finish_bar(symbol, bar))
            if watched:
                self._gate.on_bar(bar.time + step, self.books.equity(bar.close))
            if row < last and signals[row]:
                self._decide(row, bar, bar.time + step)
            if row in cleared:
                self._gate.clear()
        return self.ledger

    def _open(self, bar: Bar) -> None:
        core, pending = self._core, self._pending
        self._book(core.open_bar(self._market.symbol, bar))
        if pending is None:
            return
        self._pending = None
        try:
            events = core.submit(pending, bar.time)
        except Refused as refused:
            self._refuse(pending, bar.time, refused.reason)
            return
        self._book(events)
        ended = next((event for event in events if isinstance(event, Ended)), None)
        if ended is not None:
            if not ended.order.filled_quantity:
                self._refuse(pending, bar.time, str(ended.reason))
            elif pending.side is Side.BUY:
                self._protect(bar.time)

    def _decide(self, row: int, bar: Bar, closed: int) -> None:
        market, books = self._market, self.books
        price = decimal_of(bar.close)
        if books.is_flat and self._decisions.buy[row]:
            intent = Intent(
                self._next_id(),
                closed,
                market.symbol,
                Side.BUY,
                quote_amount=spending(self._sizing, books.cash),
                reason="buy signal",
            )
        elif not books.is_flat and self._decisions.sell[row]:
            self._withdraw(closed)
            intent = Intent(
                self._next_id(), closed, market.symbol, Side.SELL, quantity=books.quantity, reason="sell signal"
            )
        else:
            return
        situation = Situation(closed, price, books.quantity, len(self._protecting), fee=self._costs.fee)
        passed = self._gate.check(intent, situation)
        if isinstance(passed, Refusal):
            self._refuse(intent, closed, passed.reason)
            return
        self._gate.sent(closed)
        self._pending = passed

    def _book(self, events: Iterable[CoreEvent]) -> None:
        """Take executions into the books, and keep the protective orders in step with the position."""
        for event in events:
            if not isinstance(event, Executed):
                continue
            fill = event.fill
            self.books.apply(fill, complete=not event.order.is_open)
            self.ledger.fills.append(fill)
            self.ledger.rows.append(self._row)
            self.ledger.cash.append(self.books.cash)
            self.ledger.quantity.append(self.books.quantity + self.books.dust)
            if fill.side is Side.BUY and not event.order.is_open:
                self._protect(fill.time)
            elif self.books.is_flat:
                self._protecting.clear()  # the core has ended the other one of a pair

    def _protect(self, time: int) -> None:
        books = self.books
        if books.is_flat or books.entry_price is None or self._protecting:
            return
        ids = (self._next_id(), self._next_id(), self._next_id())
        wanted = protection(
            books.entry_price, books.quantity, time, self._limits, self._market, ids, order_types=_ALL, oco=True
        )
        if wanted is None:
            return
        try:
            if isinstance(wanted, OcoIntent):
                self._core.submit_oco(wanted, time)
                self._protecting = [wanted.above.id, wanted.below.id]
            else:
                self._core.submit(wanted, time)
                self._protecting = [wanted.id]
        except Refused:
            # The price is there already, or no such order is taken: what it would have done is done now.
            sale = Intent(self._next_id(), time, self._market.symbol, Side.SELL, quantity=books.quantity)
            try:
                self._book(self._core.submit(sale, time))
            except Refused as refused:
                self.ledger.refused.append(OrderRefused(sale.id, time, refused.reason))

    def _withdraw(self, time: int) -> None:
        """Take the protective orders away before the position is sold."""
        if self._protecting:
            self._core.cancel(self._market.symbol, time, client_id=self._protecting[0])  # its pair goes with it
            self._protecting.clear()

    def _refuse(self, intent: Intent, time: int, reason: str) -> None:
        self.ledger.refused.append(OrderRefused(intent.id, time, reason))
        if intent.side is Side.SELL:
            self._protect(time)

    def _next_id(self) -> str:
        self._orders += 1
        return f"backtest-{self._orders}"
