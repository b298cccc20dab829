"""The engine as a pure state machine: events in, actions out, no clock, no thread, no exchange."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import DataError
from cryptobot.core.events import BarClosed, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import FixedQuote, FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Side
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.indicators import SMA
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.trading.actions import Halt, Notice, Submit
from cryptobot.trading.engine import Engine

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000
MARKET = Market("BTC/USDT")


def make_engine(strategy, *, cash=1_000, sizing=None, grid=2):
    names = (f"o-{n}" for n in itertools.count(1))
    portfolio = Portfolio(cash)
    return Engine(
        strategy, MARKET, Timeframe(60), PriceGrid(grid), portfolio, sizing or FractionOfEquity(), names.__next__
    )


def filled(intent, price=100, name=None, **changes):
    quantity = intent.quantity if intent.side is Side.SELL else intent.quote_amount / price
    values = {
        "id": name or f"f-{intent.id}",
        "intent_id": intent.id,
        "time": intent.time,
        "side": intent.side,
        "price": Decimal(price),
        "quantity": quantity,
        "fee": Decimal(0),
    }
    return OrderFilled(Fill(**{**values, **changes}))


def sent(actions):
    return [action.intent for action in actions if isinstance(action, Submit)]


def notices(actions):
    return [action.text for action in actions if isinstance(action, Notice)]


def halts(actions):
    return [action.reason for action in actions if isinstance(action, Halt)]


# -- orders


def test_a_buy_signal_sends_one_order_for_all_the_cash(told, make_bar):
    engine = make_engine(told())
    [intent] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    assert (intent.side, intent.quote_amount, intent.quantity, intent.symbol) == (Side.BUY, 1_000, None, "BTC/USDT")
    assert intent.time == START + MINUTE  # the close of the bar
    assert intent.reason == "buy signal at the close of 2024-01-01 00:00:00 UTC"
    assert engine.waiting is intent


def test_a_sell_signal_sells_what_is_held(told, make_bar):
    engine = make_engine(told(), sizing=FixedQuote(250))
    [bought] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    assert bought.quote_amount == 250
    assert notices(engine.handle(filled(bought))) == ["Bought 2.5 BTC at 100 USDT."]
    [sold] = sent(engine.handle(BarClosed(make_bar(1, word="s"))))
    assert (sold.side, sold.quantity, sold.quote_amount) == (Side.SELL, Decimal("2.5"), None)
    assert notices(engine.handle(filled(sold, 110))) == ["Sold 2.5 BTC at 110 USDT: profit 25.00 USDT (+10.00 %)."]
    assert engine.portfolio.cash == 1_025
    assert sold.id != bought.id


@pytest.mark.parametrize("words", ["--", "s-", "ss"])
def test_without_a_reason_nothing_is_sent(told, make_bar, words):
    engine = make_engine(told())
    assert [engine.handle(BarClosed(make_bar(n, word=word))) for n, word in enumerate(words)] == [[], []]


def test_a_buy_while_long_does_nothing(told, make_bar):
    engine = make_engine(told(), sizing=FixedQuote(100))
    engine.handle(filled(*sent(engine.handle(BarClosed(make_bar(0, word="b"))))))
    assert engine.handle(BarClosed(make_bar(1, word="b"))) == []
    assert engine.portfolio.cash == 900


def test_buy_and_sell_at_once_sells_when_long_and_buys_when_flat(told, make_bar):
    engine = make_engine(told())
    [first] = sent(engine.handle(BarClosed(make_bar(0, word="x"))))
    engine.handle(filled(first))
    [second] = sent(engine.handle(BarClosed(make_bar(1, word="x"))))
    assert [first.side, second.side] == [Side.BUY, Side.SELL]


def test_no_second_order_while_one_waits(told, make_bar):
    engine = make_engine(told())
    [first] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    for number, word in enumerate("bsxb", start=1):
        assert engine.handle(BarClosed(make_bar(number, word=word))) == []
        assert engine.waiting is first
    engine.handle(filled(first))
    assert engine.waiting is None
    assert len(sent(engine.handle(BarClosed(make_bar(5, word="s"))))) == 1


def test_a_part_of_an_order_leaves_it_waiting(told, make_bar):
    engine = make_engine(told())
    [intent] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    half = filled(intent, quantity=Decimal(5), name="one").fill
    engine.handle(OrderFilled(half, complete=False))
    assert engine.handle(BarClosed(make_bar(1, word="s"))) == []
    engine.handle(filled(intent, quantity=Decimal(5), name="two"))
    [sale] = sent(engine.handle(BarClosed(make_bar(2, word="s"))))
    assert sale.quantity == 10


def test_after_a_refusal_the_next_signal_tries_again(told, make_bar):
    engine = make_engine(told())
    [first] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    [text] = notices(engine.handle(OrderRefused(first.id, 0, "under the minimum notional 5")))
    assert text == "Order o-1 was refused: under the minimum notional 5. Nothing was traded."
    assert engine.handle(BarClosed(make_bar(1))) == []
    [second] = sent(engine.handle(BarClosed(make_bar(2, word="b"))))
    assert (second.side, second.quote_amount) == (Side.BUY, 1_000)
    assert second.id != first.id


def test_a_refusal_of_another_order_does_not_end_the_waiting(told, make_bar):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0, word="b")))
    engine.handle(OrderRefused("somebody-else", 0, "no"))
    assert engine.waiting is not None


@pytest.mark.parametrize("wrong", [{"quantity": Decimal(11)}, {"price": Decimal(0)}, {"quantity": Decimal("NaN")}])
def test_a_fill_that_cannot_be_halts(told, make_bar, wrong):
    engine = make_engine(told())
    engine.handle(filled(*sent(engine.handle(BarClosed(make_bar(0, word="b"))))))
    [sale] = sent(engine.handle(BarClosed(make_bar(1, word="s"))))
    [reason] = halts(engine.handle(filled(sale, **wrong)))
    assert "fill f-o-2" in reason
    assert engine.halted == reason
    assert engine.portfolio.quantity == 10
    assert engine.handle(BarClosed(make_bar(2, word="s"))) == []


class Greedy:
    def __init__(self, answer):
        self.answer = answer

    def quote_amount(self, cash):
        return self.answer


@pytest.mark.parametrize("amount", [1_000.01, -1, math.nan, math.inf, "all", None, Decimal("NaN"), Decimal(2_000)])
def test_a_sizing_that_returns_nonsense_halts(told, make_bar, amount):
    engine = make_engine(told(), sizing=Greedy(amount))
    actions = engine.handle(BarClosed(make_bar(0, word="b")))
    assert sent(actions) == []
    [reason] = halts(actions)
    assert reason.startswith("sizing: ")
    assert engine.waiting is None


# -- bars


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_late_or_repeated_bar_is_dropped_and_told(told, make_bar, late):
    engine = make_engine(told())
    for number in range(3):
        engine.handle(BarClosed(make_bar(number)))
    before = (engine.last_bar, len(engine.tape), engine.explain())
    [notice] = engine.handle(BarClosed(make_bar(late, price=500, word="b")))
    assert notice == Notice(
        "warning", f"Bar of 2024-01-01 00:0{late}:00 UTC came late or twice and is dropped.", "stale_feed"
    )
    assert (engine.last_bar, len(engine.tape), engine.explain()) == before


def test_a_dropped_bar_does_not_disturb_the_strategy(make_bar):
    prices = [100 + (n * 37 % 11) for n in range(60)]
    clean, disturbed = make_engine(MovingAverageCrossover(2, 5)), make_engine(MovingAverageCrossover(2, 5))
    for number, price in enumerate(prices):
        event = BarClosed(make_bar(number, price))
        one, other = clean.handle(event), disturbed.handle(event)
        assert one == other
        disturbed.handle(event)
        disturbed.handle(BarClosed(make_bar(max(0, number - 3), 1)))
        for engine, actions in ((clean, one), (disturbed, other)):
            for intent in sent(actions):
                engine.handle(filled(intent, price))
    assert clean.portfolio.trades == disturbed.portfolio.trades != []


@pytest.mark.parametrize(
    ("next_minute", "words"),
    [
        (2, "1 bar is missing between 2024-01-01 00:00:00 UTC and 2024-01-01 00:02:00 UTC."),
        (81, "80 bars are missing between 2024-01-01 00:00:00 UTC and 2024-01-01 01:21:00 UTC."),
    ],
)
def test_a_hole_is_named_and_the_next_row_is_the_next_bar(told, make_bar, next_minute, words):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0)))
    actions = engine.handle(BarClosed(make_bar(next_minute, word="b")))
    assert actions[0] == Notice("warning", words, "stale_feed")
    assert len(sent(actions)) == 1
    assert len(engine.tape) == 2


def test_a_bar_off_the_interval_is_named(told, make_bar):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0)))
    assert notices(engine.handle(BarClosed(make_bar(0)._replace(time=START + 90 * 10**9)))) == [
        "There is no whole number of 1m bars between 2024-01-01 00:00:00 UTC and 2024-01-01 00:01:30 UTC."
    ]


GOOD = {"open": 100.0, "high": 101.0, "low": 99.0, "close": 100.0, "volume": 1.0}
IMPOSSIBLE = [
    *[
        ({name: value}, name)
        for name in ("open", "high", "low", "close")
        for value in (math.nan, math.inf, -math.inf, 0.0, -1.0)
    ],
    *[({"volume": value}, "volume") for value in (math.nan, math.inf, -1.0)],
    ({"high": 98.0}, "high 98.0"),
    ({"low": 100.5}, "low 100.5"),
    ({"close": 101.5}, "close 101.5"),
    ({"high": 1e300}, "1e+300"),
    ({"open": 1e300, "high": 1e300, "low": 1e300, "close": 1e300}, "1e+300"),
    ({"close": 100.001}, "100.001"),
]


@pytest.mark.parametrize(("wrong", "words"), IMPOSSIBLE)
@pytest.mark.parametrize("position", ["flat", "long"])
def test_an_impossible_bar_halts_with_a_reason_and_no_order(told, make_bar, wrong, words, position):
    engine = make_engine(told())
    [intent] = sent(engine.handle(BarClosed(make_bar(0, word="b"))))
    engine.handle(filled(intent) if position == "long" else OrderRefused(intent.id, 0, "no"))
    # The volume tells the strategy to buy and to sell, so that whatever it holds it would trade.
    values = {**GOOD, "volume": 3.0, **wrong}
    actions = engine.handle(BarClosed(Bar(START + MINUTE, **values)))
    assert sent(actions) == []
    [reason] = halts(actions)
    assert words in reason
    assert engine.halted == reason
    assert engine.last_bar.time == START
    assert len(engine.tape) == 1
    for number in range(2, 5):
        assert sent(engine.handle(BarClosed(make_bar(number, word="x")))) == []


def test_a_halt_before_the_first_decision_is_explained(told):
    engine = make_engine(told())
    assert engine.explain().text == "No bar has closed yet."
    engine.handle(BarClosed(Bar(START, **{**GOOD, "close": math.nan})))
    assert "halted before it could decide" in engine.explain().text
    assert "close is nan" in engine.explain().text


# -- strategies that fail


def conditions(buy, sell=None):
    class Odd(Strategy):
        def should_buy(self, x):
            return buy(x)

        def should_sell(self, x):
            return (sell or (lambda x: x.close < 0))(x)

    return Odd()


def explode(x):
    raise ZeroDivisionError("by me")


NONSENSE = {
    "raises": explode,
    "none": lambda x: None,
    "true": lambda x: True,
    "numpy-true": lambda x: np.True_,
    "text": lambda x: "buy",
    "list": lambda x: [True, True],
    "floats": lambda x: x.close,
    "nan-floats": lambda x: np.full(2, np.nan),
    "ints": lambda x: np.ones(2, dtype=int),
    "objects": lambda x: np.array([True, True], dtype=object),
    "too-short": lambda x: np.ones(1, dtype=bool),
    "too-long": lambda x: np.ones(3, dtype=bool),
    "two-dimensional": lambda x: np.ones((2, 1), dtype=bool),
    "unknown-name": lambda x: x.clsoe > 0,
    "assigns": lambda x: setattr(x, "close", 1),
    "writes": lambda x: x.close.__setitem__(0, 1.0),
}


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("which", ["should_buy", "should_sell"])
def test_a_strategy_that_returns_nonsense_halts_and_never_trades(make_bar, name, which):
    always = lambda x: x.close > 0  # noqa: E731 - the other condition would trade at once
    odd = conditions(NONSENSE[name]) if which == "should_buy" else conditions(always, NONSENSE[name])
    engine = make_engine(odd)
    actions = engine.handle(BarClosed(make_bar(0)))
    assert sent(actions) == []
    [reason] = halts(actions)
    assert "Odd" in reason or "x has no" in reason or "x.close" in reason
    assert sent(engine.handle(BarClosed(make_bar(1)))) == []


def test_a_strategy_that_fails_later_halts_then_and_keeps_the_position(make_bar):
    def buy(x):
        if x.close[-1] >= 103:
            raise RuntimeError("no idea what to do above 103")
        return x.close > 0

    engine = make_engine(conditions(buy))
    engine.handle(filled(*sent(engine.handle(BarClosed(make_bar(0))))))
    assert engine.handle(BarClosed(make_bar(1, 101))) == []
    [reason] = halts(engine.handle(BarClosed(make_bar(2, 104))))
    assert "Odd.should_buy raised RuntimeError: no idea what to do above 103" in reason
    assert engine.portfolio.quantity == 10


def test_after_a_halt_it_goes_on_as_if_the_failed_bar_had_never_come(make_bar):
    class Averaged(Strategy):
        def features(self):
            return {"average": SMA(3)}

        def should_buy(self, x):
            if x.close[-1] == 104:
                raise RuntimeError("not this bar")
            return x.close > x.average

        def should_sell(self, x):
            return x.close < x.average

    prices = [100, 101, 99, 102, 104, 98, 103]
    halting, other = make_engine(Averaged()), make_engine(Averaged())
    for number, price in enumerate(prices):
        if halts(halting.handle(BarClosed(make_bar(number, price)))):
            halting.resume()
            assert halting.halted is None
        elif price != 104:
            other.handle(BarClosed(make_bar(number, price)))
    assert [float(v) for v in halting.tape.window(None, [], 0).features["average"][2:]] == [
        float(v) for v in other.tape.window(None, [], 0).features["average"][2:]
    ]
    assert halting.explain().features == other.explain().features


class Eager(Strategy):
    """Would buy on every row, were it not for its undefined average."""

    def features(self):
        return {"average": SMA(5)}

    def should_buy(self, x):
        return (x.average > 0) | (x.average != x.average)

    def should_sell(self, x):
        return x.close < 0


def test_nothing_is_traded_while_a_feature_is_undefined(make_bar):
    engine = make_engine(Eager())
    counts = [len(sent(engine.handle(BarClosed(make_bar(n))))) for n in range(5)]
    assert counts == [0, 0, 0, 0, 1]


def test_past_bars_warm_up_and_trade_nothing(make_bar):
    engine = make_engine(Eager())
    assert engine.prime([make_bar(n) for n in range(20)]) == []
    assert engine.waiting is None
    assert "this bar was past when the bot started" in engine.explain().text
    assert len(sent(engine.handle(BarClosed(make_bar(20))))) == 1
    assert len(engine.tape) == 21


def test_holes_of_the_past_are_named(make_bar):
    [one] = make_engine(Eager()).prime([make_bar(n) for n in (0, 1, 4)])
    assert one.text.startswith("2 bars are missing between")
    [many] = make_engine(Eager()).prime([make_bar(n) for n in (0, 2, 4, 9)])
    assert many.text.startswith("Bars are missing at 3 places of the history. 1 bar is missing between")


@pytest.mark.parametrize("numbers", [(0, 1, 1), (0, 2, 1)])
def test_a_past_out_of_order_is_refused(make_bar, numbers):
    with pytest.raises(DataError, match="oldest first, each once"):
        make_engine(Eager()).prime([make_bar(n) for n in numbers])


def test_an_impossible_past_is_refused(make_bar):
    with pytest.raises(DataError, match="close is nan"):
        make_engine(Eager()).prime([make_bar(0), Bar(START + MINUTE, 1.0, 1.0, 1.0, math.nan, 1.0)])


# -- parameters


def test_changed_parameters_count_from_the_next_close(told, make_bar):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0, word=5.0)))  # a buy for shift 4, nothing for shift 0
    engine.change_strategy(told(shift=4))
    assert engine.strategy == told()
    assert engine.waiting is None
    actions = engine.handle(BarClosed(make_bar(1, word=5.0)))
    assert notices(actions) == ["Parameters changed: Told(shift=4)."]
    assert len(sent(actions)) == 1
    assert engine.strategy == told(shift=4)
    assert engine.parameter_changes == 1


def test_of_several_changes_between_two_bars_the_last_counts(told, make_bar):
    engine = make_engine(told())
    engine.change_strategy(told(shift=4))
    engine.change_strategy(told(shift=7))
    engine.handle(BarClosed(make_bar(0)))
    assert (engine.strategy, engine.parameter_changes) == (told(shift=7), 1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(9_000, 11_000), min_size=30, max_size=120), st.integers(0, 29), st.booleans())
def test_after_a_change_the_bot_equals_a_fresh_one_that_saw_the_same(ticks, change, primed):
    old, new = MovingAverageCrossover(2, 7, 3), MovingAverageCrossover(3, 5, 4)
    bars = [Bar(START + n * MINUTE, t / 100, t / 100, t / 100, t / 100, 1.0) for n, t in enumerate(ticks)]
    engine = make_engine(old)
    first = 10 if primed else 0
    engine.prime(bars[:first])
    change = max(change, first)
    before, after = old.live(PriceGrid(2)), new.live(PriceGrid(2))
    wanted = [(before.update(b), after.update(b)) for b in bars]
    for number in range(first, len(bars)):
        if number == change:
            engine.change_strategy(new)
        decision = wanted[number][1 if number >= change else 0]
        long = not engine.portfolio.is_flat
        intents = sent(engine.handle(BarClosed(bars[number])))
        assert [i.side for i in intents] == (
            [Side.SELL] if long and decision.sell else [Side.BUY] if not long and decision.buy else []
        )
        for intent in intents:
            engine.handle(filled(intent, Decimal(ticks[number]) / 100))
    tape = engine.tape.window(None, [], 0)
    assert tape.time.tolist() == [b.time for b in bars]
    for name in ("fast", "slow", "volatility"):
        np.testing.assert_array_equal(tape.features[name], [w[1].features[name] for w in wanted])


# -- determinism

steps = st.lists(
    st.tuples(
        st.sampled_from(["-", "b", "s", "x"]),
        st.integers(1, 20_000),
        st.sampled_from([1, 1, 1, 1, 2, 0, -3]),
        st.sampled_from(["fill", "fill", "refuse", "later", "twice"]),
        st.sampled_from([None, None, None, 0, 1]),
    ),
    max_size=40,
)
CODES = {"-": 0.0, "b": 1.0, "s": 2.0, "x": 3.0}


def run_steps(told, drawn):
    """Play the steps on a new engine; return all actions and the engine, checking the rules of orders on the way."""
    engine = make_engine(told())
    said, waiting, minute = [], None, 0
    for word, ticks, ahead, fate, shift in drawn:
        minute = max(0, minute + ahead)
        if shift is not None:
            engine.change_strategy(told(shift=shift))
        cash, held, halted = engine.portfolio.cash, engine.portfolio.quantity, engine.halted
        price = ticks / 100
        actions = engine.handle(BarClosed(Bar(START + minute * MINUTE, price, price, price, price, CODES[word])))
        said += actions
        intents = sent(actions)
        assert len(intents) <= 1
        for intent in intents:
            assert waiting is None
            assert halted is None
            assert (intent.side is Side.BUY) == (held == 0)
            assert intent.quantity == held if held else intent.quote_amount == cash > 0
            waiting = intent
        if waiting is not None and fate != "later":
            answer = OrderRefused(waiting.id, 0, "no") if fate == "refuse" else filled(waiting, Decimal(ticks) / 100)
            for _ in range(2 if fate == "twice" else 1):
                said += engine.handle(answer)
            waiting = None
        assert engine.waiting == waiting
        assert engine.portfolio.quantity >= 0
    return said, engine


@settings(max_examples=150, deadline=None)
@given(steps)
def test_the_same_events_give_the_same_actions(told_steps):
    from cryptobot.strategy.param import param

    class Obeys(Strategy):
        shift = param(0, ge=0, le=1)

        def should_buy(self, x):
            return (x.volume == 1.0 + self.shift) | (x.volume == 3.0)

        def should_sell(self, x):
            return (x.volume == 2.0 + self.shift) | (x.volume == 3.0)

    one, first = run_steps(Obeys, told_steps)
    other, second = run_steps(Obeys, told_steps)
    assert one == other
    assert first.explain() == second.explain()
    assert first.portfolio.trades == second.portfolio.trades
    assert (first.portfolio.cash, first.portfolio.quantity) == (second.portfolio.cash, second.portfolio.quantity)
    assert first.halted is None
