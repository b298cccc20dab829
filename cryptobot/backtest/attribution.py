"""Why a session earned something else than the backtest of its bars: the whole gap, split by cause.

The backtest is turned into what really happened in steps; each step lets one cause in, for all orders at once, and the
money it changes is that cause's share. The shares therefore sum to the whole gap, to the last digit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.core.bars import BarColumns
from cryptobot.core.money import ONE, ZERO, Market, cut_quantity, decimal_of, exact_money
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs, fill_price
from cryptobot.strategy.decision import Decisions

if TYPE_CHECKING:
    import pandas as pd

#: Causes in the order in which they are let in, with what they mean.
CAUSES: Final = {
    "outage": "the bot did not see bars on which it should have traded",
    "signal": "the bot decided differently on a bar that it saw",
    "missed fill": "an order was refused, not sent or not filled",
    "timing": "an order was filled in another bar than the next one",
    "price": "the bot's feed had other prices than these bars",
    "slippage": "an order was filled at another price than the open and the assumed slippage",
    "partial fill": "an order was filled in part",
    "rounding": "another quantity was traded than the sizing and the market's lot give",
    "fee": "another fee was charged than assumed",
    "foreign order": "an execution belongs to no order of the bot",
}
# Money is compared to this step, so that sums of differences are exact.
_STEP: Final = Decimal("1e-12")


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
    """

    times: NDArray[np.int64]
    opens: NDArray[np.float64]
    intents: Sequence[Intent]
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class Share:
    """What one cause made of the money.

    Attributes
    ----------
    cause
        One of `CAUSES`.
    amount
        In the quote currency; below 0 it cost money.
    orders
        How many orders or bars it concerns.
    """

    cause: str
    amount: Decimal
    orders: int


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The gap between a session and its backtest.

    Attributes
    ----------
    expected, actual
        Equity at the last close, in the quote currency, to 12 decimals.
    shares
        One for each cause; their amounts sum to ``gap`` exactly.
    """

    expected: Decimal
    actual: Decimal
    shares: tuple[Share, ...]

    @property
    def gap(self) -> Decimal:
        """What the session earned more than the backtest; below 0 less."""
        return self.actual - self.expected

    @property
    def table(self) -> pd.DataFrame:
        """A row for each cause: cause, amount, orders, meaning."""
        import pandas as pd

        rows = [(share.cause, float(share.amount), share.orders, CAUSES[share.cause]) for share in self.shares]
        return pd.DataFrame(rows, columns=["cause", "amount", "orders", "meaning"])

    def summary(self) -> str:
        """Say in one sentence where the gap comes from."""
        found = sorted((share for share in self.shares if share.amount), key=lambda share: -abs(share.amount))
        if not found:
            return "The session earned what the backtest says, to the last digit."
        parts = ", ".join(f"{float(share.amount):+,.8g} by {share.cause}" for share in found)
        return f"The session earned {float(self.gap):+,.8g} against the backtest: {parts}."


@dataclass(frozen=True, slots=True)
class _Order:
    """One filled order; None means by rule."""

    side: Side
    row: int
    open: float
    price: Decimal | None = None
    part: Decimal = ONE
    quantity: Decimal | None = None
    fee: Decimal | None = None
    base_fee: Decimal = ZERO


@exact_money
def attribute(
    decisions: Decisions,
    bars: BarColumns,
    session: Session,
    *,
    cash: Decimal,
    costs: Costs,
    sizing: Sizing,
    market: Market,
) -> Attribution:
    """Split the gap between a session and the backtest of its bars by cause.

    Parameters
    ----------
    decisions
        What the strategy decides on the bars, one a row.
    bars
        The bars that were traded, in the words of the backtest.
    session
        What was done.
    cash
        Both began with, in the quote currency.
    costs
        What the backtest assumes.
    sizing
        What a buy may spend.
    market
        Its tick, lot and minimum notional.
    """
    last = decimal_of(float(bars.close[-1]))
    session = _until_the_end(session, bars)
    seen = np.isin(bars.time, session.times)

    def by_rule(chosen: Decisions) -> Decimal:
        books = keep_ledger(chosen, bars, cash=cash, costs=costs, sizing=sizing, market=market).portfolio
        return _to_step(books.equity(last))

    meant = _decided(decisions, bars, session.intents)
    own = {intent.id for intent in session.intents}
    filled = _filled(bars, session)
    worths = [by_rule(decisions)]
    worths.append(by_rule(_only(decisions, seen)))
    worths.append(by_rule(meant))
    counts = [
        int(np.count_nonzero((decisions.buy | decisions.sell) & ~seen)),
        int(np.count_nonzero(seen & _acted_differently(decisions, meant))),
    ]

    step: list[_Order] = [_Order(intent.side, row + 1, _open(bars, row + 1)) for intent, row, _ in filled]

    def let_in(changed: list[_Order]) -> None:
        nonlocal step
        counts.append(sum(a != b for a, b in zip(step, changed, strict=True)))
        step = changed
        worths.append(_to_step(_play(step, cash, costs, sizing, market, last)))

    let_in(step)
    counts[-1] = len(session.intents) - len(filled)
    rows = [_row_of(bars, fills[0].time) for _, _, fills in filled]
    let_in([replace(order, row=row, open=_open(bars, row)) for order, row in zip(step, rows, strict=True)])
    let_in([replace(order, open=_own_open(bars, session, order)) for order in step])
    let_in(
        [
            replace(order, price=_paid(order, fills, costs, market))
            for order, (_, _, fills) in zip(step, filled, strict=True)
        ]
    )
    parts = [_part(order, intent, fills, costs, market) for order, (intent, _, fills) in zip(step, filled, strict=True)]
    let_in([replace(order, part=part) for order, part in zip(step, parts, strict=True)])
    let_in(
        [
            replace(order, quantity=sum((fill.quantity for fill in fills), ZERO))
            for order, (_, _, fills) in zip(step, filled, strict=True)
        ]
    )
    counts[-1] = _differently_sized(step, cash, costs, sizing, market)
    let_in([_charged(order, fills, market) for order, (_, _, fills) in zip(step, filled, strict=True)])
    counts[-1] = _differently_charged(step, costs, market)
    foreign = [fill for fill in session.fills if fill.intent_id not in own]
    strangers = [_charged(_Order(f.side, 0, 0.0, price=f.price, quantity=f.quantity), [f], market) for f in foreign]
    worths.append(_to_step(_play([*step, *strangers], cash, costs, sizing, market, last)))
    counts.append(len(foreign))
    shares = tuple(
        Share(cause, after - before, count if after != before or cause in ("missed fill", "foreign order") else 0)
        for cause, (before, after), count in zip(CAUSES, itertools.pairwise(worths), counts, strict=True)
    )
    return Attribution(worths[0], worths[-1], shares)


def _play(
    orders: Sequence[_Order], cash: Decimal, costs: Costs, sizing: Sizing, market: Market, last: Decimal
) -> Decimal:
    """Return the equity at the last close after these orders, in their sequence."""
    held = ZERO
    for order in orders:
        if order.row < 0:
            continue
        price = (
            order.price if order.price is not None else fill_price(order.side, decimal_of(order.open), costs, market)
        )
        quantity = (
            order.quantity if order.quantity is not None else _sized(order, price, cash, held, costs, sizing, market)
        )
        if quantity is None:
            continue
        value = price * quantity
        fee = order.fee if order.fee is not None else value * costs.fee
        if order.side is Side.BUY:
            cash -= value + fee
            held += quantity - order.base_fee
        else:
            cash += value - fee
            held -= quantity + order.base_fee
    return cash + held * last


def _sized(
    order: _Order, price: Decimal, cash: Decimal, held: Decimal, costs: Costs, sizing: Sizing, market: Market
) -> Decimal | None:
    """Return the quantity that the rules give, or None where they trade nothing."""
    if price <= 0:
        return None
    if order.side is Side.BUY:
        if held > 0 and order.part == 1:
            return None
        spend = decimal_of(sizing.quote_amount(cash), "sizing")
        quantity = market.round_quantity(cut_quantity(spend / (price * (ONE + costs.fee))))
    else:
        quantity = market.round_quantity(held)
    return None if market.refusal(price, quantity) is not None else quantity * order.part


def _decided(decisions: Decisions, bars: BarColumns, intents: Sequence[Intent]) -> Decisions:
    """Return the decisions that the intents show."""
    buy, sell = np.zeros(len(bars), dtype=np.bool_), np.zeros(len(bars), dtype=np.bool_)
    for intent in intents:
        row = _decision_row(bars, intent)
        if row >= 0:
            (buy if intent.side is Side.BUY else sell)[row] = True
    return Decisions(decisions.time, buy, sell, decisions.features)


def _only(decisions: Decisions, rows: NDArray[np.bool_]) -> Decisions:
    return Decisions(decisions.time, decisions.buy & rows, decisions.sell & rows, decisions.features)


def _acted_differently(decisions: Decisions, meant: Decisions) -> NDArray[np.bool_]:
    """Rows on which the bot acted although the strategy says nothing of the kind, or the other way round."""
    long, differs = False, np.zeros(len(decisions.time), dtype=np.bool_)
    for row in np.flatnonzero(decisions.buy | decisions.sell | meant.buy | meant.sell).tolist():
        wanted = bool(decisions.sell[row]) if long else bool(decisions.buy[row])
        acted = bool(meant.sell[row]) if long else bool(meant.buy[row])
        differs[row] = wanted != acted
        long = long != acted
    return differs


def _until_the_end(session: Session, bars: BarColumns) -> Session:
    """Leave out what was decided at the last close or done after it: the backtest ends there."""
    end = int(bars.time[-1]) + bars.timeframe.nanoseconds
    return replace(
        session,
        intents=[intent for intent in session.intents if _decision_row(bars, intent) < len(bars) - 1],
        fills=[fill for fill in session.fills if fill.time < end],
    )


def _filled(bars: BarColumns, session: Session) -> list[tuple[Intent, int, list[Fill]]]:
    """Return the intents that were filled, with the row each was decided on and its fills."""
    fills: dict[str, list[Fill]] = {}
    for fill in session.fills:
        fills.setdefault(fill.intent_id, []).append(fill)
    return [(intent, _decision_row(bars, intent), fills[intent.id]) for intent in session.intents if intent.id in fills]


def _decision_row(bars: BarColumns, intent: Intent) -> int:
    """Return the row of the bar whose close the intent was decided at, or the last one before it."""
    return int(np.searchsorted(bars.time, intent.time - bars.timeframe.nanoseconds, side="right")) - 1


def _row_of(bars: BarColumns, time: int) -> int:
    return max(0, int(np.searchsorted(bars.time, time, side="right")) - 1)


def _open(bars: BarColumns, row: int) -> float:
    """Return the open of a row; an order decided on the last one is valued at its close."""
    return float(bars.open[row]) if row < len(bars) else float(bars.close[-1])


def _own_open(bars: BarColumns, session: Session, order: _Order) -> float:
    if order.row >= len(bars):
        return order.open
    at = int(np.searchsorted(session.times, bars.time[order.row]))
    same = at < session.times.size and session.times[at] == bars.time[order.row]
    return float(session.opens[at]) if same else order.open


def _paid(order: _Order, fills: Sequence[Fill], costs: Costs, market: Market) -> Decimal | None:
    """Return the average price that was paid, or None where it is the one that was assumed."""
    assumed = fill_price(order.side, decimal_of(order.open), costs, market)
    if all(fill.price == assumed for fill in fills):
        return None
    value = sum((fill.price * fill.quantity for fill in fills), ZERO)
    return value / sum((fill.quantity for fill in fills), ZERO)


def _part(order: _Order, intent: Intent, fills: Sequence[Fill], costs: Costs, market: Market) -> Decimal:
    """Return which part of what was ordered was filled; 1 where only a lot's rounding is missing."""
    done = sum((fill.quantity for fill in fills), ZERO)
    if intent.quantity is not None:
        asked = market.round_quantity(intent.quantity)
    else:
        price = order.price or fill_price(order.side, decimal_of(order.open), costs, market)
        asked = market.round_quantity(cut_quantity((intent.quote_amount or ZERO) / (price * (ONE + costs.fee))))
    lot = market.lot_size if market.lot_size is not None else asked * Decimal("1e-9")
    return ONE if asked <= 0 or done >= asked - 2 * lot else done / asked


def _charged(order: _Order, fills: Sequence[Fill], market: Market) -> _Order:
    """Let the fees in that were really charged; fees in a third currency change neither cash nor position."""
    cash = sum((fill.fee for fill in fills if fill.fee_asset in (None, market.quote)), ZERO)
    base = sum((fill.fee for fill in fills if fill.fee_asset == market.base), ZERO)
    return replace(order, fee=cash, base_fee=base)


def _differently_sized(orders: Sequence[_Order], cash: Decimal, costs: Costs, sizing: Sizing, market: Market) -> int:
    """Count the orders whose quantity is another than the rules give after the same orders before them."""
    count, held = 0, ZERO
    for order in orders:
        price = (
            order.price if order.price is not None else fill_price(order.side, decimal_of(order.open), costs, market)
        )
        quantity = order.quantity or ZERO
        count += _sized(order, price, cash, held, costs, sizing, market) != quantity
        value = price * quantity
        sign = 1 if order.side is Side.BUY else -1
        cash -= sign * value + value * costs.fee
        held += sign * quantity
    return count


def _differently_charged(orders: Sequence[_Order], costs: Costs, market: Market) -> int:
    count = 0
    for order in orders:
        price = (
            order.price if order.price is not None else fill_price(order.side, decimal_of(order.open), costs, market)
        )
        count += bool(order.base_fee) or order.fee != price * (order.quantity or ZERO) * costs.fee
    return count


def _to_step(amount: Decimal) -> Decimal:
    return amount.quantize(_STEP)
