"""Books against an oracle in fractions."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError, ExchangeError
from cryptobot.core.money import Market
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.types import Fill, Side

prices = st.integers(1, 10**8).map(lambda ticks: Decimal(ticks).scaleb(-2))
fees = st.integers(0, 10**6).map(lambda units: Decimal(units).scaleb(-8))
# (buy?, lots, price, fee): a sale is cut to what is held
orders = st.lists(st.tuples(st.booleans(), st.integers(1, 10**7), prices, fees), max_size=30)


def fill(number, side, quantity, price, fee="0", time=None):
    return Fill(
        f"f{number}",
        f"i{number}",
        number if time is None else time,
        side,
        Decimal(price),
        Decimal(quantity),
        Decimal(fee),
    )


def fills_of(drawn):
    held = Decimal(0)
    for number, (buys, lots, price, fee) in enumerate(drawn):
        quantity = Decimal(lots).scaleb(-5)
        if not buys:
            quantity = min(quantity, held)
            if quantity == 0:
                continue
        held += quantity if buys else -quantity
        yield fill(number, Side.BUY if buys else Side.SELL, quantity, price, fee)


@given(orders, prices)
def test_money_is_conserved_exactly(drawn, last):
    books = Portfolio(10_000)
    cash, quantity, paid = Fraction(10_000), Fraction(0), Fraction(0)
    for one in fills_of(drawn):
        books.apply(one)
        value, sign = Fraction(one.price) * Fraction(one.quantity), 1 if one.side is Side.SELL else -1
        cash += sign * value - Fraction(one.fee)
        quantity -= sign * Fraction(one.quantity)
        paid += Fraction(one.fee)
        assert (Fraction(books.cash), Fraction(books.quantity), Fraction(books.fees)) == (cash, quantity, paid)
    assert Fraction(books.equity(last)) == cash + quantity * Fraction(last)
    open_trade = books.open_trade(last)
    pnl = sum((Fraction(t.pnl) for t in books.trades), Fraction(0)) + Fraction(open_trade.pnl if open_trade else 0)
    assert pnl == Fraction(books.equity(last)) - 10_000
    assert Fraction(books.realised_pnl) == sum((Fraction(t.pnl) for t in books.trades), Fraction(0))


@given(orders, st.randoms(use_true_random=False))
def test_a_repeated_message_changes_nothing(drawn, random):
    once, often = Portfolio(10_000), Portfolio(10_000)
    seen = []
    for one in fills_of(drawn):
        once.apply(one)
        often.apply(one)
        seen.append(one)
        assert often.apply(random.choice(seen)) is None
    assert (once.cash, once.quantity, once.fees, once.trades, once.entry_price) == (
        often.cash,
        often.quantity,
        often.fees,
        often.trades,
        often.entry_price,
    )


@given(orders)
def test_the_callers_decimal_context_does_not_matter(drawn):
    fine, coarse = Portfolio(10_000), Portfolio(10_000)
    for one in fills_of(drawn):
        fine.apply(one)
        with localcontext(Context(prec=4)):
            coarse.apply(one)
    assert (fine.cash, fine.trades) == (coarse.cash, coarse.trades)


def test_partial_fills_are_averaged_into_one_round_trip():
    books = Portfolio(1_000)
    books.apply(fill(1, Side.BUY, 1, 100, "0.1"))
    books.apply(fill(2, Side.BUY, 3, 104, "0.3"))
    assert books.entry_price == 103
    assert books.apply(fill(3, Side.SELL, 2, 110, "0.2")) is None
    assert books.entry_price == 103
    trade = books.apply(fill(4, Side.SELL, 2, 100, "0.2"))
    assert trade is books.trades[0]
    assert (trade.entry_time, trade.exit_time) == (1, 4)
    assert (trade.entry_price, trade.exit_price, trade.quantity) == (103, 105, 4)
    assert (trade.fees, trade.pnl) == (Decimal("0.8"), Decimal("7.2"))
    assert abs(trade.return_ - Decimal("7.2") / 412) < Decimal("1e-27")
    assert not trade.is_open
    assert books.is_flat
    assert books.entry_price is None


def test_the_next_round_trip_starts_clean():
    books = Portfolio(1_000)
    for number, (side, price) in enumerate([(Side.BUY, 10), (Side.SELL, 11), (Side.BUY, 20), (Side.SELL, 18)]):
        books.apply(fill(number, side, 5, price, "1"))
    assert [(t.entry_time, t.entry_price, t.exit_price, t.fees, t.pnl) for t in books.trades] == [
        (0, 10, 11, 2, 3),
        (2, 20, 18, 2, -12),
    ]


def test_an_open_position_is_a_trade_at_todays_price():
    books = Portfolio(1_000)
    assert books.open_trade(5) is None
    books.apply(fill(1, Side.BUY, 4, 100, "1"))
    books.apply(fill(2, Side.SELL, 1, 110, "1"))
    trade = books.open_trade(120.0)
    assert trade.is_open
    assert (trade.exit_time, trade.exit_price) == (None, None)
    assert (trade.quantity, trade.fees, trade.pnl) == (4, 2, 110 + 3 * 120 - 400 - 2)
    assert books.equity("120") == books.initial_cash + trade.pnl


def test_a_sale_of_more_than_is_held_is_refused_and_not_booked():
    books = Portfolio(1_000)
    books.apply(fill(1, Side.BUY, 1, 100))
    before = (books.cash, books.quantity, books.fees)
    with pytest.raises(ExchangeError, match="sells 2, but the books hold only 1"):
        books.apply(fill(2, Side.SELL, 2, 100, "5"))
    assert (books.cash, books.quantity, books.fees) == before
    assert books.apply(fill(2, Side.SELL, 1, 100)) is not None, "the refused id is free for the corrected fill"


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(("field", "value"), [("quantity", "0"), ("quantity", "-1"), ("price", "NaN"), ("price", "0")])
def test_an_impossible_fill_is_refused_and_not_booked(side, field, value):
    books = Portfolio(1_000)
    books.apply(fill(1, Side.BUY, 1, 100))
    broken = {"quantity": "1", "price": "100", field: value}
    with pytest.raises(ExchangeError, match=f"its {field} is {value}"):
        books.apply(fill(2, side, **broken))
    assert (books.cash, books.quantity) == (900, 1)


@pytest.mark.parametrize("cash", [0, -1, float("nan"), float("inf"), "a", None])
def test_cash_is_above_zero(cash):
    with pytest.raises(ConfigError, match="cash: "):
        Portfolio(cash)


LOTS = Market("BTC/USDT", "0.01", "0.001", "5")
assets = st.sampled_from([None, "USDT", "BTC", "BNB"])


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 10**7), prices, assets, st.booleans()), max_size=30),
    prices,
    st.integers(0, 30),
)
def test_money_is_conserved_whatever_the_fees_are_taken_in(drawn, last, rate):
    """Profits of closed trades, the open one and the dust make up the whole change of the equity, to the last digit."""
    books = Portfolio(10**9, LOTS)
    cash, held, other = Fraction(10**9), Fraction(0), Fraction(0)
    for number, (buys, lots, price, asset, complete) in enumerate(drawn):
        quantity = Decimal(lots).scaleb(-5)
        if not buys:
            quantity = min(quantity, books.quantity / 2 if asset == "BTC" else books.quantity)
            if quantity <= 0:
                continue
        share = Decimal(rate).scaleb(-4)
        fee = quantity * share if asset in ("BTC", "BNB") else quantity * price * share
        one = Fill(f"f{number}", "i", number, Side.BUY if buys else Side.SELL, price, quantity, fee, asset)
        books.apply(one, complete=complete)
        sign = 1 if buys else -1
        cash -= sign * Fraction(price) * Fraction(quantity) + (Fraction(fee) if asset in (None, "USDT") else 0)
        held += sign * Fraction(quantity) - (Fraction(fee) if asset == "BTC" else 0)
        other += Fraction(fee) if asset == "BNB" else 0
        assert Fraction(books.cash) == cash
        assert Fraction(books.quantity) + Fraction(books.dust) == held
        assert books.quantity >= 0
    assert Fraction(books.other_fees.get("BNB", Decimal(0))) == other
    opened = books.open_trade(last)
    pnl = sum((Fraction(t.pnl) for t in books.trades), Fraction(0)) + Fraction(opened.pnl if opened else 0)
    assert pnl + Fraction(books.dust) * Fraction(last) == Fraction(books.equity(last)) - 10**9


def test_what_is_too_little_to_be_sold_is_dust_and_joins_the_next_position():
    books = Portfolio(1_000, LOTS)
    books.apply(Fill("a", "i", 1, Side.BUY, Decimal(100), Decimal(1), Decimal("0.0015"), "BTC"))
    assert books.quantity == Decimal("0.9985")
    trade = books.apply(Fill("b", "j", 2, Side.SELL, Decimal(110), Decimal("0.998"), Decimal(0)))
    assert trade is not None
    assert trade.pnl == Decimal("109.78") - 100  # money back less money out: the dust is not counted as if it were sold
    assert trade.fees == Decimal("0.15")
    assert books.is_flat
    assert books.dust == Decimal("0.0005")
    assert books.equity(100) == Decimal("1009.78") + Decimal("0.05")
    books.apply(Fill("c", "k", 3, Side.BUY, Decimal(100), Decimal(1), Decimal("0.0015"), "BTC"))
    assert (books.quantity, books.dust) == (Decimal("0.999"), 0)
    assert books.apply(Fill("d", "l", 4, Side.SELL, Decimal(100), Decimal("0.999"), Decimal(0))) is not None


def test_a_sale_that_goes_on_leaves_no_dust_yet():
    books = Portfolio(1_000, LOTS)
    books.apply(Fill("a", "i", 1, Side.BUY, Decimal(100), Decimal(1), Decimal(0)))
    assert books.apply(Fill("b", "j", 2, Side.SELL, Decimal(100), Decimal("0.98"), Decimal(0)), complete=False) is None
    assert not books.is_flat
    assert books.settle(Decimal(100)) is not None  # the order was cancelled: 0.02 is worth 2, under the minimum of 5
    assert books.is_flat
    assert books.dust == Decimal("0.02")


def test_a_position_that_was_never_sold_is_no_dust():
    books = Portfolio(1_000, LOTS)
    books.apply(Fill("a", "i", 1, Side.BUY, Decimal(100), Decimal("0.01"), Decimal(0)))
    assert books.settle(Decimal(100)) is None
    assert not books.is_flat


def test_a_fee_in_the_base_needs_a_market():
    with pytest.raises(ExchangeError, match="know no market"):
        Portfolio(1_000).apply(Fill("a", "i", 1, Side.BUY, Decimal(100), Decimal(1), Decimal("0.001"), "BTC"))
