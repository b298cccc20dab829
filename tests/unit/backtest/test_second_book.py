"""vectorbt's book must agree with the exact one, and a difference is an error."""

from __future__ import annotations

import dataclasses
import warnings
from decimal import Decimal

import numpy as np
import pytest

from cryptobot.backtest import ledger as ledgers
from cryptobot.backtest import second_book
from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.run import backtest
from cryptobot.backtest.second_book import keep_second_book, power_of_two
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import CryptobotError, ParityError
from cryptobot.core.money import Market
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.exchange.matching import Costs

COSTS = Costs(Decimal("0.001"), Decimal(0))


def worth(book):
    return np.asarray(book.portfolio.value()) / book.scale


@pytest.fixture
def bars(bars_of):
    return BarColumns.of(bars_of(100 + np.arange(40.0) % 7, "b.s." * 10))


@pytest.fixture
def keep(scripted, bars):
    def keep(cash=10_000, sizing=None):
        return keep_ledger(
            scripted.batch(bars),
            bars,
            cash=cash,
            costs=COSTS,
            sizing=sizing or FractionOfEquity(),
            market=Market("A/B"),
        )

    return keep


def test_they_agree(keep, bars):
    ledger = keep()
    book = keep_second_book(ledger, bars, COSTS)
    assert book.portfolio.orders.count() == 20
    assert book.portfolio.trades.count() == 10
    assert worth(book) == pytest.approx(ledger.equity(bars.close), rel=1e-13)
    assert book.portfolio.init_cash == 10_000


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ledger: ledger.cash.__setitem__(3, ledger.cash[3] * 2),
        lambda ledger: ledger.quantity.__setitem__(4, ledger.quantity[4] + Decimal("1e-5")),
        lambda ledger: (
            ledger.fills.__setitem__(2, dataclasses.replace(ledger.fills[2], fee=Decimal(5)))
            or ledger.cash.__setitem__(2, ledger.cash[2] + 5)
        ),
        lambda ledger: ledger.fills.__setitem__(2, dataclasses.replace(ledger.fills[2], quantity=Decimal(0))),
    ],
    ids=["cash", "quantity", "fee", "an order vectorbt drops"],
)
def test_a_difference_is_an_error(keep, bars, spoil):
    ledger = keep()
    spoil(ledger)
    with pytest.raises(ParityError, match="two books of this backtest differ") as raised:
        keep_second_book(ledger, bars, COSTS)
    assert isinstance(raised.value, CryptobotError)


def test_a_difference_in_the_fee_is_an_error(keep, bars):
    with pytest.raises(ParityError, match=r"at bar 1 .* exact book is worth"):
        keep_second_book(keep(), bars, Costs(Decimal("0.0010001"), Decimal(0)))


def test_an_order_at_another_price_is_an_error(keep, bars, monkeypatch):
    ours = second_book.load_vectorbt().Portfolio
    simulate = ours.from_orders
    monkeypatch.setattr(ours, "from_orders", lambda *a, **k: simulate(*a, **{**k, "slippage": 1e-6}))
    with pytest.raises(ParityError, match="order 1 is Fill"):
        keep_second_book(keep(), bars, COSTS)


def test_backtest_shows_no_result_that_the_books_disagree_on(scripted, bars_of, monkeypatch):
    wrong = ledgers.fill_market_order

    def cheating(intent, price, time, costs, market, fill_id):
        return wrong(intent, price, time, Costs(Decimal("0.0005"), Decimal(0)), market, fill_id)

    monkeypatch.setattr(ledgers, "fill_market_order", cheating)
    with pytest.raises(ParityError):
        backtest(scripted, bars_of([90, 100, 110, 120], "b.s."))


@pytest.mark.parametrize("cash", [1e-30, 1e-9, 1e-4, 10_000, 1e15, 1e200])
def test_money_is_fed_in_units_of_a_power_of_two(keep, bars, cash):
    ledger = keep(cash)
    scale = power_of_two(ledger)
    assert np.frexp(scale)[0] == 0.5
    assert min(float(fill.quantity) for fill in ledger.fills) * scale >= 1e-4
    assert (scale == 1) == (cash >= 10_000)
    book = keep_second_book(ledger, bars, COSTS)
    assert worth(book) == pytest.approx(ledger.equity(bars.close), rel=1e-13)


def test_small_prices_need_no_other_care(scripted, bars_of):
    opens = (100 + np.arange(40.0) % 7) * 1e-10
    plain = backtest(scripted, bars_of(opens * 1e10, "b.s." * 10))
    small = backtest(scripted, bars_of(opens, "b.s." * 10))
    assert small.stats.total_return == pytest.approx(plain.stats.total_return, rel=1e-12)


@pytest.mark.parametrize("left", ["1e-8", "9e-10", "5e-10", "1e-12", "1e-15", "1e-22"])
def test_what_vectorbt_forgets_of_the_cash_is_kept(keep, bars, left):
    """vectorbt takes a balance under 1e-9 of the one before for zero; our portfolio does not."""
    ledger = keep(sizing=FractionOfEquity(Decimal(1) - Decimal(left)))
    book = keep_second_book(ledger, bars, COSTS)
    assert book.portfolio.orders.count() == 20
    assert worth(book) == pytest.approx(ledger.equity(bars.close), rel=1e-13)
    assert book.portfolio.final_value() == pytest.approx(worth(book)[-1], rel=1e-13)


def test_a_wiped_account_is_still_counted(scripted, bars_of):
    opens = 100 + np.arange(4000.0) % 7
    report = backtest(scripted, bars_of(opens, "b.s." * 1000), fee=0.05)
    assert report.stats.trades == 1000
    assert 0 < report.stats.final_equity < 1e-30
    assert report.stats.total_return == -1


def test_no_warning_escapes(scripted, bars_of):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = backtest(scripted, bars_of([90, 100, 110, 120], "b.s."))
        report.plot()
        report._repr_html_()


def test_the_portfolio_can_be_grouped_and_saved(keep, bars):
    portfolio = keep_second_book(keep(), bars, COSTS).portfolio
    assert list(portfolio.cash(group_by=True)) == pytest.approx(list(portfolio.cash()), rel=1e-13)
    again = type(portfolio).loads(portfolio.dumps())
    assert again.total_return() == portfolio.total_return()
