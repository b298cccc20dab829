"""The panes below the price, the lines across it, and how the window is moved without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cryptobot.notebook.bqplot_chart import HEIGHT, BqplotChart
from cryptobot.notebook.chart import About, PriceLine, Trip
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.peaks import Peaks
from cryptobot.notebook.view import REACH
from cryptobot.trading.tape import TapeWindow

Make = Callable[..., TapeWindow]
UNITS = Units.of("BTC/USDT", 60_000.0)


def pane(chart: BqplotChart, title: str) -> Any:
    return next(found for found in chart.panes if found.title == title)


def legend(chart: BqplotChart, title: str) -> list[Any]:
    return next(found["legend"] for found in chart._overlay.view["panes"] if found["title"] == title)


def test_the_drawdown_counts_from_the_highest_equity_of_all(make_tape: Make) -> None:
    tape = make_tape(100)
    equity = np.r_[np.linspace(100, 120, 50), np.linspace(119, 90, 50)]
    chart = BqplotChart()
    chart.describe(About(UNITS))
    chart.show(replace(tape, equity=equity))
    line = pane(chart, "Drawdown").figure.marks[0].y
    expected = equity / np.maximum.accumulate(equity) - 1
    assert np.ravel(line) == pytest.approx(expected, abs=1e-6)
    chart.describe(About(UNITS, peak=150.0))
    chart.show(replace(tape, equity=equity))
    assert np.ravel(pane(chart, "Drawdown").figure.marks[0].y) == pytest.approx(equity / 150 - 1, abs=1e-6)
    assert legend(chart, "Drawdown")[0][1] == "−40.00 %"


def test_a_joined_candle_shows_its_worst_drawdown(make_tape: Make) -> None:
    tape = make_tape(10_000)
    equity = np.full(10_000, 100.0)
    equity[7_777] = 40.0
    chart = BqplotChart()
    chart.show(replace(tape, equity=equity))
    for _ in range(40):
        chart.move("wider")
    chart.redraw()
    assert chart.drawn is not None
    assert chart.drawn.bars_each > 1
    assert np.ravel(pane(chart, "Drawdown").figure.marks[0].y).min() == pytest.approx(-0.6)


def test_results_stand_where_trades_end_and_sum_up(make_tape: Make) -> None:
    tape = make_tape(200)
    trips = (
        Trip(int(tape.time[100]), int(tape.time[120]) + 5, 12.0),
        Trip(int(tape.time[130]), int(tape.time[140]), -7.0),
        Trip(int(tape.time[150]), None, 3.0),
    )
    chart = BqplotChart()
    chart.describe(About(UNITS, trips=trips))
    chart.show(tape)
    bars, dots = pane(chart, "PnL per trade").figure.marks
    assert dots.y.tolist() == [12.0, -7.0, 3.0]
    assert dots.x.astype("int64").tolist() == [int(tape.time[at]) // 10**6 for at in (120, 140, 199)]
    assert bars.y[:, 1].sum() == pytest.approx(8.0)
    assert pane(chart, "PnL per trade").y.min < -7 < 12 < pane(chart, "PnL per trade").y.max


def test_lines_across_the_price_are_named(make_tape: Make) -> None:
    chart = BqplotChart()
    chart.describe(About(UNITS, lines=[PriceLine("entry", 60_001.0), PriceLine("stop", 59_000.0)]))
    chart.show(make_tape(100))
    lines = chart._overlay.view["lines"]
    assert [(line["label"], line["text"]) for line in lines[:2]] == [("Entry", "60,001.00"), ("Stop", "59,000.00")]
    assert lines[-1]["kind"] == "last"  # the overlay keeps the last one in its place


def test_hidden_panes_give_their_height_to_the_price(make_tape: Make) -> None:
    chart = BqplotChart()
    chart.show(make_tape(300))
    tall = chart.panes[0].height
    for part in chart.parts:
        chart.show_part(part, False)
        assert sum(found.height for found in chart.panes) == HEIGHT
    assert [found.title for found in chart.panes] == ["Price"]
    assert chart.panes[0].bottom > 0  # the labels of the time stay
    for part in chart.parts:
        chart.show_part(part, True)
    assert chart.panes[0].height == tall
    assert [found.title for found in chart.panes][1:3] == ["Volume", "Volatility"]


def test_a_quick_update_leaves_the_lower_panes_for_later(make_tape: Make) -> None:
    chart = BqplotChart()
    chart.show(make_tape(300))
    below = pane(chart, "Volume").x.get_window()
    chart.show(make_tape(310), thorough=False)
    assert pane(chart, "Volume").x.get_window() == below != chart.panes[0].x.get_window()
    chart.show(make_tape(310))
    assert pane(chart, "Volume").x.get_window() == chart.panes[0].x.get_window()


def test_the_keyboard_pans_and_zooms(make_tape: Make) -> None:
    chart = BqplotChart()
    tape = make_tape(1000)
    chart.show(tape)

    def window() -> tuple[float, float]:
        found = chart.panes[0].x.get_window()
        assert found is not None
        return found

    wide = window()[1] - window()[0]
    chart.move("closer")
    assert window()[1] - window()[0] == pytest.approx(0.75 * wide, rel=0.02)
    assert chart.follow  # zooming does not leave the newest bar
    before = window()
    overlay = chart._overlay
    overlay._receive(overlay, {"key": "earlier"}, [])
    overlay._receive(overlay, {"key": "nonsense"}, [])
    chart.redraw()
    assert window()[0] < before[0]
    assert not chart.follow
    for _ in range(100):
        chart.move("earlier")
    chart.redraw()
    assert chart.drawn is not None
    assert len(chart.drawn) > 0  # nobody gets lost


def test_the_chart_asks_for_more_when_the_user_goes_back(make_tape: Make) -> None:
    whole = make_tape(20_000)
    chart = BqplotChart()

    def newest(n: int) -> TapeWindow:
        columns = ("time", "open", "high", "low", "close", "volume", "equity")
        cut = {name: getattr(whole, name)[-n:] for name in columns}
        return replace(whole, **cut, features={name: row[-n:] for name, row in whole.features.items()})

    assert chart.reach == REACH
    chart.show(newest(REACH))
    trip = Trip(int(whole.time[5_000]), int(whole.time[5_040]), 1.0)
    chart.go_to(trip)
    for _ in range(5):
        chart.show(newest(chart.reach))
    window = chart.panes[0].x.get_window()
    assert window is not None
    assert window[0] * 1e6 < trip.entered < trip.left < window[1] * 1e6  # type: ignore[operator]
    assert chart.reach > 15_000
    chart.follow = True
    chart.show(newest(chart.reach))
    assert chart.reach == REACH  # what is not looked at is not read


def test_the_highest_equity_is_kept_beyond_the_bars_shown(make_tape: Make) -> None:
    whole = make_tape(5_000)
    equity = 100 + 10 * np.sin(np.arange(5_000) / 300)
    whole = replace(whole, equity=equity)
    calls: list[int] = []

    def everything() -> TapeWindow:
        calls.append(1)
        return whole

    def cut(first: int, last: int) -> TapeWindow:
        return replace(whole, time=whole.time[first:last], equity=equity[first:last])

    peaks = Peaks(everything)
    assert peaks.before(cut(3_000, 4_000), 1_000) == pytest.approx(equity[:3_000].max())
    assert calls == [1]
    for start in range(3_000, 4_000, 37):
        assert peaks.before(cut(start, start + 1_000), 1_000) == pytest.approx(equity[:start].max())
    assert calls == [1]
    assert Peaks(everything).before(cut(0, 700), 1_000) is None  # fewer than asked for: nothing is before them
