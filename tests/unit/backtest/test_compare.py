"""Tables of trades, and what differs between two of them."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from cryptobot.backtest.compare import compare_trades
from cryptobot.backtest.trade_table import TRADE_COLUMNS, trade_table
from cryptobot.core.errors import DataError
from cryptobot.core.types import Trade

MINUTE = 60_000_000_000


def trade(n: int) -> Trade:
    return Trade(
        n * MINUTE, Decimal(100), (n + 1) * MINUTE, Decimal(110), Decimal(2), Decimal("0.42"), Decimal("19.58")
    )


@pytest.fixture
def table():
    still = Trade(90 * MINUTE, Decimal(100), None, None, Decimal(2), Decimal("0.2"), Decimal(-1))
    return trade_table([trade(n) for n in (1, 5, 9)], still)


def test_the_types_of_a_table_with_and_without_rows(table):
    for each in (table, trade_table([])):
        assert list(each.columns) == list(TRADE_COLUMNS)
        assert str(each["entry_time"].dtype) == str(each["exit_time"].dtype) == "datetime64[ns, UTC]"
        assert str(each["status"].dtype) == "str"
        assert {str(each[name].dtype) for name in TRADE_COLUMNS} == {"datetime64[ns, UTC]", "str", "float64"}
    assert len(trade_table([])) == 0
    assert table["return"].iloc[0] == 0.0979
    assert list(table["status"]) == ["closed"] * 3 + ["open"]
    assert table["exit_time"].isna().tolist() == [False] * 3 + [True]


def test_equal_tables(table):
    result = compare_trades(table, table.copy())
    assert result.ok
    assert (result.differences, result.trades, len(result.table)) == (0, 4, 0)
    assert result.summary == "4 trades compared: no differences."
    assert repr(result) == "TradeComparison: 4 trades compared: no differences."


def test_no_trades_on_either_side():
    assert compare_trades(trade_table([]), trade_table([])).ok


@pytest.mark.parametrize("column", ["entry_price", "exit_price", "quantity", "fees", "pnl", "return"])
@pytest.mark.parametrize(("change", "differences"), [(1e-10, 0), (1e-6, 1)])
def test_numbers_agree_within_a_billionth(table, column, change, differences):
    other = table.copy()
    other.loc[1, column] *= 1 + change
    result = compare_trades(table, other)
    assert result.differences == differences
    if differences:
        assert list(result.table["column"]) == [column]
        assert f"trade 1 (entered 1970-01-01 00:05:00 UTC) in `{column}`" in result.summary


def test_a_profit_near_zero_is_held_against_what_the_trade_cost(table):
    left, right = table.copy(), table.copy()
    left.loc[0, "pnl"], right.loc[0, "pnl"] = 1e-13, -1e-13
    assert compare_trades(left, right).ok
    right.loc[0, "pnl"] = -1e-6
    assert not compare_trades(left, right).ok


def test_what_one_side_has_not_is_told_in_words_and_stays_a_missing_value_in_the_table(table):
    other = table.copy()
    other.loc[2, ["exit_time", "exit_price"]] = pd.NaT, float("nan")
    result = compare_trades(table, other, ("in the backtest", "at the bot"))
    assert result.summary.endswith("in `exit_time`: 1970-01-01 00:10:00+00:00 in the backtest, none at the bot.")
    assert result.table["right"].isna().all()
    without = compare_trades(table.drop(columns=[]), other.assign(exit_time=table["exit_time"]))
    assert without.summary.endswith("in `exit_price`: 110.0 on the left, none on the right.")


def test_times_and_status_agree_exactly(table):
    other = table.copy()
    other.loc[2, "exit_time"] += pd.Timedelta(1, unit="ns")
    other.loc[3, "status"] = "closed"
    result = compare_trades(table, other)
    assert result.differences == 2
    assert list(result.table["column"]) == ["exit_time", "status"]


def test_an_exit_on_one_side_only(table):
    other = table.copy()
    other.loc[3, ["exit_price"]] = 120.0
    assert list(compare_trades(table, other).table["column"]) == ["exit_price"]


@pytest.mark.parametrize(("swap", "side"), [(False, "right"), (True, "left")])
def test_a_missing_trade_is_one_difference_and_not_all_that_follow(table, swap, side):
    pair = (table.drop(index=1), table) if swap else (table, table.drop(index=1))
    result = compare_trades(*pair)
    assert (result.trades, result.differences) == (4, 1)
    assert result.summary.endswith(
        f"the first is trade 1 (entered 1970-01-01 00:05:00 UTC), which is missing on the {side}."
    )


def test_everything_missing(table):
    assert compare_trades(table, trade_table([])).differences == 4


def test_a_table_without_a_column(table):
    with pytest.raises(DataError, match=r"right: .*`pnl` is not there"):
        compare_trades(table, table.drop(columns="pnl"))
