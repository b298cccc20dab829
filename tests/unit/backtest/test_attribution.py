"""The gap between a session and its backtest: every planted cause is found, named and priced, and nothing is left over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.backtest.attribution import CAUSES, attribute
from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.session import Session
from cryptobot.core.bars import BarColumns
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs
from cryptobot.market.practice import PRACTICE_MARKET

CASH = Decimal(10_000)
COSTS = Costs(Decimal("0.001"), Decimal(2))
BARS = BarColumns.of(cb.practice_bars(1_500, seed=5))
DECISIONS = cb.MovingAverageCrossover(5, 15).batch(BARS)
STEP = BARS.timeframe.nanoseconds


def perfect(market=PRACTICE_MARKET):
    """A session that did exactly what the backtest says."""
    ledger = keep_ledger(DECISIONS, BARS, cash=CASH, costs=COSTS, sizing=FractionOfEquity(), market=market)
    intents, fills, cash, held = [], [], CASH, Decimal(0)
    for fill, row, after, quantity in zip(ledger.fills, ledger.rows, ledger.cash, ledger.quantity, strict=True):
        spends = {"quote_amount": cash} if fill.side is Side.BUY else {"quantity": held}
        intents.append(Intent(fill.intent_id, int(BARS.time[row - 1]) + STEP, market.symbol, fill.side, **spends))
        fills.append(fill)
        cash, held = after, quantity
    return Session(BARS.time, BARS.open, intents, fills)


def run(session, market=PRACTICE_MARKET):
    found = attribute(DECISIONS, BARS, session, cash=CASH, costs=COSTS, sizing=FractionOfEquity(), market=market)
    assert sum(share.amount for share in found.shares) == found.gap == found.actual - found.expected
    assert [share.cause for share in found.shares] == list(CAUSES)
    return found


def found_in(attribution):
    return {share.cause for share in attribution.shares if share.amount}


def changed(session, number, **changes):
    fills = list(session.fills)
    fills[number] = replace(fills[number], **changes)
    return replace(session, fills=fills)


def equity_of(session):
    books = Portfolio(CASH, PRACTICE_MARKET)
    for fill in session.fills:
        books.apply(fill)
    return books.equity(float(BARS.close[-1])).quantize(Decimal("1e-12"))


def test_a_perfect_session_has_no_gap_of_any_cause():
    for market in (PRACTICE_MARKET, cb.Market("BASE/QUOTE")):
        found = run(perfect(market), market)
        assert found.gap == 0
        assert found_in(found) == set()
        assert all(share.orders == 0 for share in found.shares)
    assert "to the last digit" in found.summary()


def test_a_worse_price_is_slippage_and_costs_what_it_costs():
    session = perfect()
    last = session.fills[-1]
    worse = last.price + (5 if last.side is Side.BUY else -5)
    # Quantity and fee stay as they were, so that only the price differs.
    found = run(changed(session, -1, price=worse))
    amounts = {share.cause: share.amount for share in found.shares}
    assert "slippage" in found_in(found)
    assert found.actual == equity_of(changed(session, -1, price=worse))
    assert amounts["slippage"] + amounts["rounding"] + amounts["fee"] == found.gap
    assert amounts["slippage"] < 0
    assert next(share.orders for share in found.shares if share.cause == "slippage") == 1


def test_a_higher_fee_is_a_fee_to_the_last_digit():
    session = perfect()
    fee = session.fills[3].fee
    found = run(changed(session, 3, fee=fee + Decimal("1.5")))
    assert found_in(found) == {"fee"}
    assert found.gap == Decimal("-1.5")
    assert next(share.orders for share in found.shares if share.cause == "fee") == 1


def test_an_order_that_was_refused_is_a_missed_fill():
    session = perfect()
    entry = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY and n > 4)
    gone = {session.fills[entry].intent_id, session.fills[entry + 1].intent_id}
    # The entry was refused, so the exit never was an intent: a signal that the flat bot rightly ignored.
    kept = replace(
        session,
        fills=[fill for fill in session.fills if fill.intent_id not in gone],
        intents=[intent for intent in session.intents if intent.id != session.fills[entry + 1].intent_id],
    )
    found = run(kept)
    assert {"missed fill"} <= found_in(found)
    assert next(share.orders for share in found.shares if share.cause == "missed fill") == 1


def test_bars_that_the_bot_slept_through_are_an_outage():
    session = perfect()
    entry = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY and n > 4)
    first, last = session.intents[entry].time - STEP, session.intents[entry + 1].time - STEP
    awake = (session.times < first) | (session.times > last)
    gone = {session.intents[entry].id, session.intents[entry + 1].id}
    found = run(
        Session(
            session.times[awake],
            session.opens[awake],
            [intent for intent in session.intents if intent.id not in gone],
            [fill for fill in session.fills if fill.intent_id not in gone],
        )
    )
    assert "outage" in found_in(found)
    assert "signal" not in found_in(found)
    assert "missed fill" not in found_in(found)


def test_a_trade_that_the_strategy_did_not_ask_for_is_a_signal():
    session = perfect()
    entry = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY and n > 4)
    gone = {session.intents[entry].id, session.intents[entry + 1].id}
    found = run(
        replace(
            session,
            intents=[intent for intent in session.intents if intent.id not in gone],
            fills=[fill for fill in session.fills if fill.intent_id not in gone],
        )
    )
    assert "signal" in found_in(found)
    assert not {"outage", "missed fill", "timing"} & found_in(found)
    assert next(share.orders for share in found.shares if share.cause == "signal") == 1  # flat, the exit is none


def test_a_late_fill_is_timing_and_what_it_paid_beyond_the_open_slippage():
    session = perfect()
    found = run(changed(session, 6, time=session.fills[6].time + STEP))
    assert "timing" in found_in(found)
    assert "missed fill" not in found_in(found)
    assert next(share.orders for share in found.shares if share.cause == "timing") == 1


def test_a_fill_in_part_is_one():
    session = perfect()
    sale = next(n for n in range(len(session.fills) - 1, 0, -1) if session.fills[n].side is Side.SELL)
    half = (session.fills[sale].quantity / 2).quantize(Decimal("0.00001"))
    kept = replace(session, fills=session.fills[: sale + 1], intents=session.intents[: sale + 1])
    found = run(changed(kept, sale, quantity=half, fee=half * session.fills[sale].price * COSTS.fee))
    assert "partial fill" in found_in(found)


def test_a_feed_with_other_prices_is_named_price():
    session = perfect()
    opens = session.opens.copy()
    row = int(np.searchsorted(session.times, session.fills[-1].time))
    opens[row] += 7.0
    fill = session.fills[-1]
    sign = 1 + COSTS.slippage_bps / 10_000 * (1 if fill.side is Side.BUY else -1)
    price = PRACTICE_MARKET.round_price(Decimal(str(opens[row])) * sign, fill.side)
    found = run(replace(changed(session, -1, price=price), opens=opens))
    assert "price" in found_in(found)
    assert "slippage" not in found_in(found)


def test_what_comes_after_the_last_close_is_not_the_sessions():
    session = perfect()
    end = int(BARS.time[-1]) + STEP
    after = Intent("after", end, PRACTICE_MARKET.symbol, Side.BUY, quote_amount=Decimal(100))
    fill = Fill("after", "after", end, Side.BUY, Decimal(60_000), Decimal("0.001"), Decimal(1))
    found = run(replace(session, intents=[*session.intents, after], fills=[*session.fills, fill]))
    assert found.gap == 0
    assert all(share.orders == 0 for share in found.shares)


def test_an_execution_of_somebody_else_is_a_foreign_order_worth_what_it_did():
    session = perfect()
    stranger = Fill("x", "by-hand", int(BARS.time[-1]), Side.BUY, Decimal(30_000), Decimal("0.01"), Decimal("0.3"))
    found = run(replace(session, fills=[*session.fills, stranger]))
    assert found_in(found) == {"foreign order"}
    last = Decimal(str(float(BARS.close[-1])))
    assert found.gap == (Decimal("0.01") * last - Decimal("300.3")).quantize(Decimal("1e-12"))


def test_fees_in_the_base_currency_are_counted_where_they_are_taken():
    session = perfect()
    entry = next(n for n, fill in enumerate(session.fills) if fill.side is Side.BUY)
    fill = session.fills[entry]
    found = run(changed(session, entry, fee=fill.quantity * Decimal("0.001"), fee_asset="BTC"))
    assert found_in(found) == {"fee"}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_happened_the_causes_sum_to_the_whole_gap(data):
    """`run` asserts it; the actual equity is also what plain books of the fills say."""
    session = perfect()
    fills, intents = list(session.fills), list(session.intents)
    for _ in range(data.draw(st.integers(0, 6))):
        number = data.draw(st.integers(0, len(fills) - 1))
        kind = data.draw(st.sampled_from(["price", "fee", "time", "quantity", "intent"]))
        fill = fills[number]
        if kind == "price":
            fills[number] = replace(fill, price=fill.price + data.draw(st.integers(-50, 50)))
        elif kind == "fee":
            fills[number] = replace(fill, fee=Decimal(data.draw(st.integers(-5, 50))))
        elif kind == "time":
            fills[number] = replace(fill, time=fill.time + data.draw(st.integers(0, 3)) * STEP)
        elif kind == "quantity" and fill.side is Side.BUY:
            fills[number] = replace(fill, quantity=fill.quantity + Decimal("0.001"))
        elif kind == "intent":
            intents = [intent for intent in intents if intent.id != fill.intent_id]
    slept = data.draw(st.integers(1, len(BARS)))
    drawn = Session(session.times[:slept], session.opens[:slept], intents, fills)
    found = run(drawn)
    assert abs(found.actual - equity_of(drawn)) <= Decimal("1e-12")
    assert set(found.table.columns) == {"cause", "amount", "orders", "meaning"}


@pytest.mark.parametrize("amount", [1, -1])
def test_its_sentence_names_the_causes(amount):
    session = perfect()
    found = run(changed(session, 3, fee=session.fills[3].fee + amount))
    assert f"{-amount:+d} by fee" in found.summary()
