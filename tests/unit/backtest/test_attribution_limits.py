"""Sessions under limits, with protective orders and persons in between, against the backtest under the same limits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.attribution import CAUSES, attribute
from cryptobot.backtest.limited_ledger import keep_limited_ledger
from cryptobot.backtest.session import Session
from cryptobot.core.bars import BarColumns
from cryptobot.core.limits import Limits
from cryptobot.core.order_types import OrderType
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.protection import stop_price, target_price
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs
from cryptobot.market.practice import PRACTICE_MARKET

CASH = Decimal(10_000)
COSTS = Costs(Decimal("0.001"), Decimal(2))
BARS = BarColumns.of(cb.practice_bars(1_500, seed=5))
DECISIONS = cb.MovingAverageCrossover(5, 15).batch(BARS)
STEP = BARS.timeframe.nanoseconds
LIMITS = {
    "order value": Limits(max_order_value=700),
    "position value": Limits(max_position_value=900, max_order_value=5_000),
    "stop": Limits(stop_loss=0.001),
    "stop and target": Limits(stop_loss=0.002, take_profit=0.001, max_order_value=3_000),
    "collar": Limits(price_collar=0.01, max_order_value=2_000),
    "daily loss": Limits(max_daily_loss=250, stop_loss=0.01),
}


def perfect(limits):
    """A session that did what the backtest under these limits says, its intents made from the bars alone."""
    ledger = keep_limited_ledger(
        DECISIONS, BARS, cash=CASH, costs=COSTS, sizing=FractionOfEquity(), market=PRACTICE_MARKET, limits=limits
    )
    intents, protective, cash, entry = [], set(), CASH, Decimal(0)
    for fill, row, after in zip(ledger.fills, ledger.rows, ledger.cash, strict=True):
        closed = int(BARS.time[row - 1]) + STEP
        common = {"id": fill.intent_id, "symbol": PRACTICE_MARKET.symbol, "side": fill.side}
        if fill.side is Side.BUY:
            entry = fill.price
            spent = min(amount for amount in (cash, limits.max_order_value, limits.max_position_value) if amount)
            asked = {"quantity": fill.quantity} if limits.price_collar else {"quote_amount": spent}
            intents.append(Intent(time=closed, **asked, **common))
        elif DECISIONS.sell[row - 1] and fill.time == BARS.time[row] and not waited(fill, row, entry, limits):
            intents.append(Intent(time=closed, quantity=fill.quantity, **common))
        else:
            stop, target = stop_price(entry, limits, PRACTICE_MARKET), target_price(entry, limits, PRACTICE_MARKET)
            hit = target is not None and fill.price >= target
            kind = (
                {"type": OrderType.LIMIT_MAKER, "price": target}
                if hit
                else {"type": OrderType.STOP_LOSS, "stop_price": stop}
            )
            intents.append(Intent(time=int(BARS.time[row - 1]), quantity=fill.quantity, **common, **kind))
            protective.add(fill.intent_id)
        cash = after
    return Session(BARS.time, BARS.open, intents, list(ledger.fills), protective=frozenset(protective)), ledger


def waited(fill, row, entry, limits):
    """Whether a sale came from an order that rested: its position was still open at this bar's open."""
    stop, target = stop_price(entry, limits, PRACTICE_MARKET), target_price(entry, limits, PRACTICE_MARKET)
    at_open = PRACTICE_MARKET.round_price(Decimal(str(BARS.open[row])) * (1 - COSTS.slippage_bps / 10_000), Side.SELL)
    return fill.price != at_open and (stop is not None or target is not None)


def run(session, limits):
    found = attribute(
        DECISIONS,
        BARS,
        session,
        cash=CASH,
        costs=COSTS,
        sizing=FractionOfEquity(),
        market=PRACTICE_MARKET,
        limits=limits,
    )
    assert sum(share.amount for share in found.shares) == found.gap == found.actual - found.expected
    assert [share.cause for share in found.shares] == list(CAUSES)
    return found


def found_in(attribution):
    return {share.cause for share in attribution.shares if share.amount}


def equity_of(session):
    books = Portfolio(CASH, PRACTICE_MARKET)
    for fill in session.fills:
        books.apply(fill)
    return books.equity(float(BARS.close[-1])).quantize(Decimal("1e-12"))


@pytest.mark.parametrize("name", LIMITS)
def test_a_session_that_kept_the_same_limits_has_no_gap_of_any_cause(name):
    session, ledger = perfect(LIMITS[name])
    assert len(session.fills) > 10
    assert bool(session.protective) or not name.startswith("stop")
    found = run(session, LIMITS[name])
    assert found.gap == 0
    assert found_in(found) == set(), found
    assert found.expected == ledger.portfolio.equity(float(BARS.close[-1])).quantize(Decimal("1e-12"))


def test_without_its_limits_the_same_session_would_have_had_a_gap():
    """So the limits are what explains it."""
    session, _ = perfect(LIMITS["order value"])
    found = attribute(
        DECISIONS, BARS, session, cash=CASH, costs=COSTS, sizing=FractionOfEquity(), market=PRACTICE_MARKET
    )
    assert found.gap != 0


def test_a_stop_that_gave_way_is_slippage():
    limits = LIMITS["stop"]
    session, _ = perfect(limits)
    at = next(n for n, fill in enumerate(session.fills) if fill.intent_id in session.protective)
    fills = list(session.fills)
    fills[at] = replace(fills[at], price=fills[at].price - 7)
    changed = replace(session, fills=fills)
    found = run(changed, limits)
    amounts = {share.cause: share.amount for share in found.shares}
    assert amounts["slippage"] < 0
    assert found.actual == equity_of(changed)
    assert {"signal", "missed fill", "protection", "timing", "manual order", "outage"}.isdisjoint(found_in(found))


def test_a_stop_that_was_never_placed_is_protection():
    limits = LIMITS["stop"]
    session, _ = perfect(limits)
    at = max(n for n, fill in enumerate(session.fills) if fill.intent_id in session.protective)
    gone = session.fills[at].intent_id
    # Its position is held until the end, so that nothing else is done.
    kept = replace(
        session,
        fills=[fill for fill in session.fills[:at] if fill.intent_id != gone],
        intents=[intent for intent in session.intents if intent.id in {f.intent_id for f in session.fills[:at]}],
    )
    found = run(kept, limits)
    assert {"protection", "signal"} == found_in(found)
    assert found.actual == equity_of(kept)


def test_an_entry_that_was_refused_is_a_missed_fill_and_no_other_decision():
    limits = LIMITS["order value"]
    session, _ = perfect(limits)
    at = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY and n > 4)
    gone = {session.fills[at].intent_id, session.fills[at + 1].intent_id}
    row = int(np.searchsorted(BARS.time, session.fills[at].time)) - 1
    kept = replace(
        session,
        fills=[fill for fill in session.fills if fill.intent_id not in gone],
        intents=[intent for intent in session.intents if intent.id not in gone],
        refused=BARS.time[row : row + 1],
    )
    found = run(kept, limits)
    assert "missed fill" in found_in(found)
    told = {share.cause: share.orders for share in found.shares}
    assert told["missed fill"] == 1


@pytest.mark.parametrize("limits", [None, LIMITS["order value"]])
def test_a_position_that_a_person_sold_is_a_manual_order(limits):
    rules = limits or Limits(max_order_value=10**9)
    session, _ = perfect(rules)
    at = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY and n > 4)
    bought, sold = session.fills[at], session.fills[at + 1]
    rows = [int(np.searchsorted(BARS.time, fill.time)) for fill in (bought, sold)]
    assert rows[1] - rows[0] > 3
    row = rows[0] + 2
    price = Decimal(str(BARS.open[row])) * (1 - COSTS.slippage_bps / 10_000)
    price = PRACTICE_MARKET.round_price(price, Side.SELL)
    by_hand = Intent("hand", int(BARS.time[row]) + 7, PRACTICE_MARKET.symbol, Side.SELL, quantity=bought.quantity)
    fill = Fill(
        "hand", "hand", int(BARS.time[row]) + 8, Side.SELL, price, bought.quantity, price * bought.quantity * COSTS.fee
    )
    # From then on nothing is bought until the end.
    kept = replace(
        session,
        intents=[*session.intents[: at + 1], by_hand],
        fills=[*session.fills[: at + 1], fill],
        manual=frozenset({"hand"}),
        no_buying=BARS.time[row:],
    )
    found = run(kept, limits)
    assert found_in(found) == {"manual order"}
    assert found.actual == equity_of(kept)
    assert found.gap != 0
