"""The tables of orders, notices, limits and trades: what stands in them, and how it is marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.notebook.limit_words import amount, used
from cryptobot.notebook.limits_table import LimitsTable
from cryptobot.notebook.notices_table import NoticesTable
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.orders_table import OrdersTable, stop_prices
from cryptobot.notebook.panel import ControlPanel
from cryptobot.trading.actions import Notice
from cryptobot.trading.status import BotStatus

UNITS = Units.of("BTC/USDT", 60_000.0)


@pytest.fixture
def status(finished_bot: cb.Bot) -> BotStatus:
    limits = {"max_daily_loss": "200", "max_open_orders": "4", "max_drawdown": "0.2", "max_order_value": "500"}
    return replace(finished_bot.status(), limits=limits, day_pnl=Decimal(-170), open_orders=1)


def test_limits_say_how_much_of_them_is_used(status: BotStatus) -> None:
    assert [(entry.name, entry.share) for entry in used(status)] == [
        ("max_daily_loss", 0.85),
        ("max_open_orders", 0.25),
    ]
    assert used(replace(status, day_pnl=Decimal(10)))[-1].share == 0  # a gain uses nothing of a loss
    table = LimitsTable()
    table.show(status, UNITS)
    assert [table.text(row, 0) for row in range(4)] == ["Loss a day", "Open orders", "Drawdown", "Largest order"]
    assert [table.text(row, 1) for row in range(4)] == ["200.00 USDT", "4", "20.00 %", "500.00 USDT"]
    assert [table.text(row, 2) for row in range(4)] == ["85 %", "25 %", "–", "–"]
    assert table.text(0, 3) == "▲ close to it"  # a word, not only a colour
    table.show(replace(status, day_pnl=Decimal(-230)), UNITS)
    assert table.text(0, 3) == "▲ reached"


def test_every_limit_has_a_word_and_a_unit() -> None:
    for name in cb.Limits.__dataclass_fields__:
        assert amount(name, "1", UNITS)
    table = LimitsTable()
    assert "No limits are set" in table.empty


def orders(**changes: object) -> pd.DataFrame:
    order = {
        "id": "b-1", "side": "sell", "type": "stop_loss", "state": "acknowledged", "quantity": 0.25, "filled": 0.0,
        "price": None, "stop_price": 58_000.0, "time": pd.Timestamp("2026-01-02 03:04:05", tz="UTC"), "reason": "",
    }  # fmt: skip
    return pd.DataFrame([order | changes])


def test_orders_and_the_lines_they_draw() -> None:
    table = OrdersTable()
    table.show(orders(), UNITS)
    cells = [table.text(0, column) for column in range(9)]
    assert cells == [
        "2026-01-02 03:04:05", "▼ sell", "stop loss", "0.25", "0.0", "–", "58,000.00", "acknowledged", "b-1",
    ]  # fmt: skip
    assert stop_prices(orders()) == [("stop", 58_000.0)]
    assert stop_prices(orders(price=61_000.0, stop_price=None)) == [("target", 61_000.0)]
    assert stop_prices(orders(side="buy")) == []
    table.show(orders(state="unknown"), UNITS)
    assert table.text(0, 7) == "▲ unknown"


def test_the_columns_are_those_of_a_bot(finished_bot: cb.Bot) -> None:
    table = OrdersTable()
    table.show(finished_bot.open_orders(), UNITS)
    assert table.rows == []
    assert set(orders().columns) == set(finished_bot.open_orders().columns)


def test_notices_come_newest_first_with_their_figures() -> None:
    table = NoticesTable()
    table.show([Notice("info", "Bought.", "entry", {"price": "1"}), Notice("error", "<b>Lost</b>", "unknown_order")])
    assert [table.text(0, column) for column in range(4)] == ["▲ error", "unknown order", "<b>Lost</b>", ""]
    assert [table.text(1, column) for column in range(4)] == ["info", "entry", "Bought.", "price 1"]


def test_trades_are_sorted_by_number_and_lead_to_the_chart(
    finished_bot: cb.Bot, open_panel: Callable[..., ControlPanel]
) -> None:
    panel = open_panel(finished_bot)
    table = panel.layout.trades
    trades = finished_bot.trades()
    pnl = [row["cells"][6][2] for row in table.rows]
    assert pnl == pytest.approx(trades["pnl"].tolist()[::-1])
    chosen = table.rows[4]["id"]
    table.chosen = chosen
    panel.refresh()
    trade = trades.iloc[-5]
    window = panel.layout.chart.panes[0].x.get_window()
    assert window[0] < trade["entry_time"].value / 1e6 < trade["exit_time"].value / 1e6 < window[1]
    assert not panel.layout.chart.follow
    assert panel.layout.chart._overlay.view["band"] == [
        trade["entry_time"].value // 10**6,
        trade["exit_time"].value // 10**6,
    ]
    panel.layout.tools.follow.value = True
    panel.refresh()
    assert panel.layout.chart._overlay.view["band"] == []
    panel.assert_healthy()
