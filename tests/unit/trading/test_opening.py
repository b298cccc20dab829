"""The beginning of a session: what the account holds the first time, what the journal says any other time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError, JournalError, OrderUnknown
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance
from cryptobot.trading.journal import RiskMark, SessionStarted, TradingStateChange
from cryptobot.trading.opening import Plan, open_desk
from cryptobot.trading.order_table import COLUMNS, order_rows, order_table
from cryptobot.trading.recorder import Recorder
from tests.unit.trading.shop import START, SYMBOL, Bench, Moody, Shop


class Desk:
    """Opens desks on one shop and one journal."""

    def __init__(self, told, shop=None, journal=None):
        self.shop = shop or Shop(SimulatedClock(START))
        self.journal = journal or Moody()
        self.notices = []
        self.told = told
        self.asked = 0

    def open(self, limits=None, strategy=None):
        recorder = Recorder(self.journal, self.shop.clock, self.notices.append)
        plan = Plan(self.shop, SYMBOL, Timeframe(60), FractionOfEquity(), limits or Limits(), "bot")
        opening = open_desk(plan, strategy or self.told, recorder, self.shop.clock, self.notices.append)
        return asyncio.run(opening)


@pytest.fixture
def desk(told):
    return Desk(told)


def test_a_first_session_begins_with_what_the_account_holds(desk):
    async def balances():
        return {"USDT": Balance(Decimal(900), Decimal(100)), "BTC": Balance(Decimal("0.000001"))}

    desk.shop.balances = balances
    desk.shop.ahead = 7
    opened = desk.open()
    assert desk.journal.contents("session") == [
        SessionStarted(Decimal(900), Decimal("0.000001"), Decimal(100), START + 7)
    ]
    assert desk.journal.durable == [True]
    assert opened.engine.portfolio.cash == 900
    assert opened.engine.portfolio.is_flat
    assert (opened.gateway.account.base, opened.gateway.account.quote) == (Decimal("0.000001"), 1000)
    assert opened.gateway.strangers.origin == opened.gateway.since == START + 7
    assert desk.notices == []


@pytest.mark.parametrize("locked", [False, True])
def test_coins_that_are_not_the_bots_are_refused_at_first(desk, locked):
    async def balances():
        coins = Decimal("0.1")
        return {"USDT": Balance(Decimal(1000)), "BTC": Balance(*((Decimal(0), coins) if locked else (coins,)))}

    desk.shop.balances = balances
    with pytest.raises(ConfigError, match=r"holds 0\.1 BTC that this bot did not buy"):
        desk.open()
    assert desk.journal.count == 0


def test_a_full_disk_begins_nothing(desk):
    desk.journal.full = True
    with pytest.raises(JournalError):
        desk.open()


def traded(desk):
    """Leave a journal behind with a position and a pair of orders, one of them filled in part."""
    desk.open()
    bench = Bench(desk.shop, desk.journal)
    entry = bench.buy()
    bench.submit(entry)
    bench.shop.buy_whole(entry.id)
    bench.hear_wire()
    pair = bench.pair(bench.position)
    bench.submit(pair)
    return bench, pair


def test_another_session_goes_on_with_the_books_and_the_orders(desk):
    bench, pair = traded(desk)
    opened = desk.open()
    assert opened.engine.portfolio.quantity == 10
    assert opened.engine.portfolio.cash == 9_000
    assert set(opened.engine.exits.guard.ids) == {pair.above.id, pair.below.id}
    assert [intent.id for intent in opened.engine.intents] == [f"{bench.ids.prefix}-1"]
    assert [fill.id for fill in opened.engine.fills] == bench.written_fills()
    assert len(desk.journal.contents("session")) == 1
    assert "Goes on from its journal: 0 trades, a position of 10 BTC, 2 orders at work." in desk.notices[-1].text
    assert desk.notices[-1].topic == "started"
    assert opened.gateway.ids.prefix != bench.ids.prefix


def test_that_trading_was_halted_is_said_at_the_next_start(desk):
    desk.open()
    desk.journal.append(START, "trading_state", TradingStateChange("halted", "killed by the user", "user"))
    desk.open()
    assert desk.notices[-1].text.endswith("0 orders at work. Trading is halted since then: killed by the user.")


def test_an_entry_that_is_still_at_work_is_waited_for(desk):
    desk.open()
    bench = Bench(desk.shop, desk.journal)
    entry = bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"))
    bench.submit(entry)
    opened = desk.open()
    assert opened.engine.waiting.id == entry.id
    assert opened.gateway.blocked is not None


@pytest.mark.parametrize("state", ["active", "reducing", "halted"])
def test_what_may_be_traded_stays_so(desk, state):
    desk.open()
    desk.journal.append(1, "trading_state", TradingStateChange("halted", "x", "user"))
    desk.journal.append(1, "trading_state", TradingStateChange(state, "why", "user"))
    gate = desk.open().engine.gate
    assert (str(gate.state), gate.reason) == (state, "why")


def test_a_trading_state_that_nobody_knows_is_refused(desk):
    desk.open()
    desk.journal.append(1, "trading_state", TradingStateChange("sleeping"))
    with pytest.raises(JournalError, match=r"'sleeping' is unknown. Known: `active`, `reducing`, `halted`"):
        desk.open()


def test_what_the_limits_remember_is_recalled(desk):
    desk.open()
    mark = RiskMark(3, Decimal(1000), Decimal(900), Decimal(1100), 3)
    desk.journal.append(1, "risk", mark)
    memory = desk.open(Limits(max_daily_loss=50)).engine.gate.memory
    assert RiskMark(*memory) == mark


def test_parameters_that_change_while_history_is_read_count(desk, told):
    asked = iter([told(), told(shift=1), told(shift=1), told(shift=1)])
    assert desk.open(strategy=lambda: next(asked)).engine.strategy == told(shift=1)


def test_history_is_seen_before_the_first_bar(desk, make_bar):
    desk.shop.past = [make_bar(number, word="b") for number in range(5)]
    opened = desk.open()
    assert opened.engine.last_bar == desk.shop.past[-1]
    assert opened.engine.intents == []


# -- venues whose account lives in this process


class Forgetful(Shop):
    """A shop that is given its account back."""

    lost = ()

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.keeps_account = False
        self.given = []

    async def restore(self, symbol, balances, orders, after):
        self.given.append((symbol, balances, list(orders), after))
        return list(self.lost)


@pytest.fixture
def forgetful(told):
    return Desk(told, Forgetful(SimulatedClock(START)))


def test_a_first_session_gives_nothing_back(forgetful):
    forgetful.open()
    assert forgetful.shop.given == []


def test_balances_and_orders_are_given_back_with_what_is_left_of_them(forgetful):
    bench, pair = traded(forgetful)
    forgetful.open()
    [(symbol, balances, orders, after)] = forgetful.shop.given
    assert (symbol, after) == (SYMBOL, None)
    assert balances == {"BTC": 10, "USDT": 9_000}
    assert orders == [pair]
    bench.shop.execute(pair.above.id, 4, 110)
    bench.hear_wire()
    forgetful.open()
    _, balances, orders, _ = forgetful.shop.given[-1]
    assert balances == {"BTC": 6, "USDT": 9_440}
    assert orders == [replace(pair.above, quantity=Decimal(6))]


def test_a_pair_is_given_back_only_as_long_as_both_rest(forgetful):
    bench, pair = traded(forgetful)
    bench.shop.orders[pair.above.id] = replace(bench.shop.orders[pair.above.id], list_id=None)
    bench.cancel(pair.below.id)
    forgetful.open()
    assert forgetful.shop.given[-1][2] == [pair.above]


def test_what_nobody_has_seen_is_not_given_back(forgetful):
    forgetful.open()
    bench = Bench(forgetful.shop, forgetful.journal)
    entry = bench.buy()
    bench.submit(entry)
    bench.shop.buy_whole(entry.id)
    bench.hear_wire()
    bench.shop.fault("submit", OrderUnknown("timeout"))
    bench.submit(bench.stop(4))
    bench.submit(bench.sell(2))  # at the market: it does not rest
    forgetful.open()
    assert forgetful.shop.given[-1][2] == []


def test_orders_that_are_not_taken_again_have_ended(forgetful):
    _, pair = traded(forgetful)
    forgetful.shop.lost = (pair.above.id, pair.below.id)
    opened = forgetful.open()
    assert opened.gateway.open_lives == []
    assert {str(opened.gateway.lives[leg.id].state) for leg in (pair.above, pair.below)} == {"cancelled"}
    assert opened.engine.exits.protected is None  # no limits, no wish


def test_an_order_that_is_not_taken_again_keeps_what_was_executed(forgetful):
    bench, pair = traded(forgetful)
    bench.shop.execute(pair.above.id, 4, 110)
    bench.hear_wire()
    forgetful.shop.lost = (pair.above.id,)
    opened = forgetful.open()
    life = opened.gateway.lives[pair.above.id]
    assert (str(life.state), life.filled_quantity, life.missing) == ("cancelled", 4, 0)
    assert opened.engine.portfolio.quantity == 6


# -- the table of open orders


def test_open_orders_as_a_table(desk):
    bench, pair = traded(desk)
    bench.shop.execute(pair.above.id, 4, 110)
    bench.hear_wire()
    opened = desk.open()
    table = order_table(order_rows(opened.gateway.open_lives))
    assert list(table.columns) == list(COLUMNS)
    [row] = table.to_dict("records")
    assert (row["id"], row["side"], row["type"], row["state"]) == (
        pair.above.id,
        "sell",
        "limit_maker",
        "partially_filled",
    )
    assert (row["quantity"], row["filled"], row["price"]) == (10.0, 4.0, 110.0)
    assert row["stop_price"] is None or row["stop_price"] != row["stop_price"]
    assert str(row["time"]) == "2024-01-01 00:00:00+00:00"


def test_a_table_of_no_orders_has_its_columns():
    table = order_table([])
    assert list(table.columns) == list(COLUMNS)
    assert str(table["time"].dtype) == "datetime64[ns, UTC]"
