"""Why a session earned something else than the backtest of its bars: the whole gap, split by cause.

The backtest is turned into what really happened in steps; each step lets one cause in, for all orders at once, and the
money it changes is that cause's share. The shares therefore sum to the whole gap, to the last digit.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.limited_ledger import keep_limited_ledger
from cryptobot.backtest.replayed_orders import (
    ReplayedOrder,
    Terms,
    differently_charged,
    differently_sized,
    paid,
    part_of,
    worth_of,
)
from cryptobot.backtest.session import Session
from cryptobot.core.bars import BarColumns
from cryptobot.core.limits import Limits
from cryptobot.core.money import ZERO, Market, decimal_of, exact_money
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.decision import Decisions

if TYPE_CHECKING:
    import pandas as pd

#: Causes in the order in which they are let in, with what they mean.
CAUSES: Final = {
    "outage": "the bot did not see bars on which it should have traded",
    "manual order": "a person sold, kept the bot from trading, or let it trade again",
    "signal": "the bot decided differently on a bar that it saw",
    "missed fill": "an order was refused, not sent or not filled",
    "protection": "a stop-loss or take-profit was filled where the bars show no such thing, or the other way round",
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
# Told how many even where they happened to change no money.
_COUNTED: Final = ("missed fill", "foreign order")


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
    limits: Limits | None = None,
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
    limits
        What neither may exceed, with the protective orders of both.
    """
    terms = Terms(cash, costs, sizing, market, limits, decimal_of(float(bars.close[-1])))
    session = _until_the_end(session, bars)
    steps = [*_of_decisions(decisions, bars, session, terms), *_of_orders(bars, session, terms)]
    worths = [worth for worth, _ in steps]
    shares = tuple(
        Share(cause, after - before, count if after != before or cause in _COUNTED else 0)
        for cause, (before, after), (_, count) in zip(CAUSES, itertools.pairwise(worths), steps[1:], strict=True)
    )
    return Attribution(worths[0], worths[-1], shares)


def _of_decisions(decisions: Decisions, bars: BarColumns, session: Session, terms: Terms) -> list[tuple[Decimal, int]]:
    """Let in, one after another, what the bot did not see, what a person did, and what it decided differently."""
    seen = np.isin(bars.time, session.times)
    awake = _only(decisions, seen, seen)
    told = _with_a_persons(awake, bars, session)
    meant = _decided(decisions, bars, session, _signals(session))
    meant.buy[np.isin(bars.time, session.refused)] = True
    cleared = _cleared(bars, session)
    by_person = _changed(awake, told) + (len(cleared) if terms.limits is not None else 0)
    return [
        (_by_rule(decisions, bars, terms), 0),
        (_by_rule(awake, bars, terms), int(np.count_nonzero((decisions.buy | decisions.sell) & ~seen))),
        (_by_rule(told, bars, terms, cleared), by_person),
        (_by_rule(meant, bars, terms, cleared), int(np.count_nonzero(seen & _acted_differently(told, meant)))),
    ]


def _of_orders(bars: BarColumns, session: Session, terms: Terms) -> list[tuple[Decimal, int]]:
    """Let in, one after another, what became of the orders."""
    own = {intent.id for intent in session.intents}
    filled = _filled(bars, session)
    done: list[tuple[Decimal, int]] = []
    orders: list[ReplayedOrder] = []

    def let_in(changed: list[ReplayedOrder], count: int | None = None) -> None:
        nonlocal orders
        differing = sum(a != b for a, b in zip(orders, changed, strict=True)) if count is None else count
        orders = changed
        done.append((_to_step(worth_of(orders, terms)), differing))

    def each(change: Callable[[ReplayedOrder, Intent, list[Fill]], ReplayedOrder]) -> list[ReplayedOrder]:
        return [change(order, intent, fills) for order, (intent, _, fills) in zip(orders, filled, strict=True)]

    signals, protective = _signals(session), session.protective
    gone = len(signals) - sum(intent.id not in protective for intent, _, _ in filled) + session.refused.size
    orders = [_by_rule_order(bars, intent, row, fills, waits=intent.id in protective) for intent, row, fills in filled]
    if terms.limits is None:
        let_in(orders, gone)
        done.append((done[-1][0], 0))
    else:  # the protective orders are first those that the bars show, then those that were filled
        ids = {intent.id for intent, _, _ in filled}
        kept = _decided(None, bars, session, [intent for intent in signals if intent.id in ids])
        done.append((_by_rule(kept, bars, terms, _cleared(bars, session)), gone))
        let_in(orders, sum(intent.id in protective for intent, _, _ in filled))

    def in_its_bar(order: ReplayedOrder, _: Intent, fills: list[Fill]) -> ReplayedOrder:
        row = _row_of(bars, fills[0].time)
        return replace(order, row=row, open=_open(bars, row))

    let_in(each(in_its_bar))
    let_in(each(lambda order, *_: replace(order, open=_own_open(bars, session, order))))
    let_in(each(lambda order, _, fills: replace(order, price=paid(order, fills, terms))))
    let_in(each(lambda order, intent, fills: replace(order, part=part_of(order, intent, fills, terms))))
    let_in(each(lambda order, _, fills: replace(order, quantity=sum((fill.quantity for fill in fills), ZERO))))
    done[-1] = (done[-1][0], differently_sized(orders, terms))
    let_in(each(lambda order, _, fills: _charged(order, fills, terms.market)))
    done[-1] = (done[-1][0], differently_charged(orders, terms))
    foreign = [fill for fill in session.fills if fill.intent_id not in own]
    strangers = [
        _charged(ReplayedOrder(f.side, 0, 0.0, 0.0, price=f.price, quantity=f.quantity), [f], terms.market)
        for f in foreign
    ]
    done.append((_to_step(worth_of([*orders, *strangers], terms)), len(foreign)))
    return done


def _signals(session: Session) -> list[Intent]:
    return [intent for intent in session.intents if intent.id not in session.protective]


def _cleared(bars: BarColumns, session: Session) -> list[int]:
    """Rows after which a person let the bot trade again."""
    rows = np.searchsorted(bars.time, session.cleared, side="right") - 1
    return [int(row) for row in np.unique(rows) if row >= 0]


def _by_rule(chosen: Decisions, bars: BarColumns, terms: Terms, cleared: Sequence[int] = ()) -> Decimal:
    common = {"cash": terms.cash, "costs": terms.costs, "sizing": terms.sizing, "market": terms.market}
    if terms.limits is None:
        ledger = keep_ledger(chosen, bars, **common)  # type: ignore[arg-type]
    else:
        ledger = keep_limited_ledger(chosen, bars, limits=terms.limits, cleared=cleared, **common)  # type: ignore[arg-type]
    return _to_step(ledger.portfolio.equity(terms.last))


def _by_rule_order(bars: BarColumns, intent: Intent, row: int, fills: Sequence[Fill], *, waits: bool) -> ReplayedOrder:
    """Return an order as the rules carry it out: at the next open, or a protective one at its price when it was."""
    close = float(bars.close[max(0, row)])
    if not waits:
        return ReplayedOrder(intent.side, row + 1, _open(bars, row + 1), close)
    row = _row_of(bars, fills[0].time)
    target = intent.price if intent.stop_price is None else None
    return ReplayedOrder(intent.side, row, _open(bars, row), close, stop=intent.stop_price, target=target)


def _with_a_persons(decisions: Decisions, bars: BarColumns, session: Session) -> Decisions:
    """Return the decisions with a person's in their place."""
    buy = decisions.buy & ~np.isin(bars.time, session.no_buying)
    sell = decisions.sell & ~np.isin(bars.time, session.no_selling)
    for row in _manual_rows(bars, session):
        sell[row] = True
    return Decisions(decisions.time, buy, sell, decisions.features)


def _manual_rows(bars: BarColumns, session: Session) -> list[int]:
    """Rows at whose next open a person's sales were carried out."""
    first: dict[str, int] = {}
    for fill in session.fills:
        if fill.intent_id in session.manual:
            first.setdefault(fill.intent_id, _row_of(bars, fill.time) - 1)
    return [row for row in first.values() if row >= 0]


def _decided(decisions: Decisions | None, bars: BarColumns, session: Session, intents: Sequence[Intent]) -> Decisions:
    """Return the decisions that the intents show."""
    buy, sell = np.zeros(len(bars), dtype=np.bool_), np.zeros(len(bars), dtype=np.bool_)
    for intent in intents:
        row = _decision_row(bars, intent)
        if row >= 0 and intent.id not in session.manual:
            (buy if intent.side is Side.BUY else sell)[row] = True
    for row in _manual_rows(bars, session):
        sell[row] = True
    return Decisions(bars.time, buy, sell, {} if decisions is None else decisions.features)


def _only(decisions: Decisions, buys: NDArray[np.bool_], sells: NDArray[np.bool_]) -> Decisions:
    return Decisions(decisions.time, decisions.buy & buys, decisions.sell & sells, decisions.features)


def _changed(before: Decisions, after: Decisions) -> int:
    return int(np.count_nonzero((before.buy != after.buy) | (before.sell != after.sell)))


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
    fills = [fill for fill in session.fills if fill.time < end]
    done = {fill.intent_id for fill in fills}
    return replace(
        session,
        intents=[
            intent
            for intent in session.intents
            if (intent.id in done if intent.id in session.manual else _decision_row(bars, intent) < len(bars) - 1)
        ],
        fills=fills,
        refused=session.refused[session.refused < bars.time[-1]],
    )


def _filled(bars: BarColumns, session: Session) -> list[tuple[Intent, int, list[Fill]]]:
    """Return the intents that were filled, with the row each was decided on and its fills."""
    fills: dict[str, list[Fill]] = {}
    for fill in session.fills:
        fills.setdefault(fill.intent_id, []).append(fill)
    return [
        # A person decides at any time, and is carried out at once.
        (
            intent,
            _row_of(bars, fills[intent.id][0].time) - 1 if intent.id in session.manual else _decision_row(bars, intent),
            fills[intent.id],
        )
        for intent in session.intents
        if intent.id in fills
    ]


def _decision_row(bars: BarColumns, intent: Intent) -> int:
    """Return the row of the bar whose close the intent was decided at, or the last one before it."""
    return int(np.searchsorted(bars.time, intent.time - bars.timeframe.nanoseconds, side="right")) - 1


def _row_of(bars: BarColumns, time: int) -> int:
    return max(0, int(np.searchsorted(bars.time, time, side="right")) - 1)


def _open(bars: BarColumns, row: int) -> float:
    """Return the open of a row; an order decided on the last one is valued at its close."""
    return float(bars.open[row]) if row < len(bars) else float(bars.close[-1])


def _own_open(bars: BarColumns, session: Session, order: ReplayedOrder) -> float:
    if order.row >= len(bars):
        return order.open
    at = int(np.searchsorted(session.times, bars.time[order.row]))
    same = at < session.times.size and session.times[at] == bars.time[order.row]
    return float(session.opens[at]) if same else order.open


def _charged(order: ReplayedOrder, fills: Sequence[Fill], market: Market) -> ReplayedOrder:
    """Let the fees in that were really charged; fees in a third currency change neither cash nor position."""
    cash = sum((fill.fee for fill in fills if fill.fee_asset in (None, market.quote)), ZERO)
    base = sum((fill.fee for fill in fills if fill.fee_asset == market.base), ZERO)
    return replace(order, fee=cash, base_fee=base)


def _to_step(amount: Decimal) -> Decimal:
    return amount.quantize(_STEP)
