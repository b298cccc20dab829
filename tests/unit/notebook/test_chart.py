"""The chart: bounded whatever the history, features where they belong, a window the user can move."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from cryptobot.core.types import Fill, Side
from cryptobot.notebook.bqplot_chart import BqplotChart
from cryptobot.notebook.chart import About, Trip, charts
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.view import SPAN
from cryptobot.notebook.window import MAX_CANDLES, MILLI
from cryptobot.trading.tape import TapeWindow

Make = Callable[..., TapeWindow]


@pytest.fixture
def chart() -> BqplotChart:
    made = charts.get("bqplot")()
    assert isinstance(made, BqplotChart)
    made.describe(About(Units.of("BTC/USDT", 60_000.0)))
    return made


def points(chart: BqplotChart) -> int:
    """Return the most points any mark of the chart has."""
    return max(len(mark.x) for pane in chart.panes for mark in pane.figure.marks)


def pan(chart: BqplotChart, low: int, high: int) -> None:
    """Move the window as the browser does: from another thread."""

    def move() -> None:
        moment = [dt.datetime.fromtimestamp(time / 1e9, dt.UTC).isoformat() for time in (low, high)]
        chart.panes[0].x.set_state({"min": moment[0], "max": moment[1]})

    thread = threading.Thread(target=move)
    thread.start()
    thread.join()


@pytest.mark.parametrize("bars", [1, 2, 49, 250, 251, 100_000])
def test_what_is_drawn_is_bounded(chart: BqplotChart, make_tape: Make, bars: int) -> None:
    chart.show(make_tape(bars))
    assert chart.drawn is not None
    assert 1 <= len(chart.drawn) <= MAX_CANDLES
    assert points(chart) <= 300


def test_zooming_out_joins_bars_without_losing_highs_and_lows(chart: BqplotChart, make_tape: Make) -> None:
    tape = make_tape(100_000)
    chart.show(tape)
    pan(chart, int(tape.time[0]), int(tape.time[-1]))
    chart.redraw()
    drawn = chart.drawn
    assert drawn is not None
    assert drawn.bars_each > 1
    assert len(drawn) <= MAX_CANDLES
    assert drawn.prices[:, 1].max() == tape.high.max()
    assert drawn.prices[:, 2].min() == tape.low.min()
    assert drawn.volume.sum() == pytest.approx(tape.volume.sum())
    assert points(chart) <= 300


def test_features_of_the_prices_magnitude_share_its_pane(chart: BqplotChart, make_tape: Make) -> None:
    n = 300
    price = np.full(n, 60_000.0)
    features = {"fast": price, "slow": price + 3, "rsi": np.full(n, 50.0), "volatility": np.full(n, 0.001)}
    chart.describe(About(Units.of("BTC/USDT", 60_000.0), {"volatility": [0.002]}))
    chart.show(make_tape(n, features=features))
    assert [pane.title for pane in chart.panes] == [
        *("Price", "Volume", "Rsi", "Volatility", "Equity", "Drawdown", "PnL per trade")
    ]
    averages = chart.panes[0].figure.marks[1]
    assert averages.y.shape == (2, MAX_CANDLES)
    threshold = chart.panes[3].figure.marks[0]
    assert threshold.y.shape[0] == 2
    assert threshold.y[1, 0] == pytest.approx(0.002)
    legend = chart.panes[3]
    assert (legend.factor, legend.unit) == (100, " %")


def test_the_height_of_the_whole_does_not_depend_on_the_strategy(chart: BqplotChart, make_tape: Make) -> None:
    before = sum(pane.height for pane in chart.panes)
    chart.show(make_tape(300))
    assert sum(pane.height for pane in chart.panes) == before


def test_lines_without_any_value_are_left_out(chart: BqplotChart, make_tape: Make) -> None:
    n = 100
    fast = np.full(n, 60_000.0)
    slow = np.full(n, np.nan)
    slow[-1] = 60_001.0
    chart.show(make_tape(n, features={"fast": fast, "slow": slow, "never": np.full(n, np.nan)}))
    assert chart.panes[0].figure.marks[1].y.shape[0] == 2
    ended = fast.copy()
    ended[-10:] = np.nan
    chart.show(make_tape(n, features={"fast": ended, "slow": np.full(n, np.nan), "never": slow}))
    row = np.atleast_2d(chart.panes[0].figure.marks[1].y)[0]
    assert np.isfinite(row[-1])  # bqplot cannot draw a line that ends without a value


def test_fills_become_triangles_at_their_bars(chart: BqplotChart, make_tape: Make) -> None:
    tape = make_tape(200)
    amount = Decimal(1)
    fills = tuple(
        Fill(str(at), str(at), int(tape.time[at]) + 5_000_000_000, side, amount, amount, amount)
        for at, side in ((150, Side.BUY), (160, Side.SELL))
    )
    chart.show(make_tape(200, fills=fills))
    bought, sold = chart.panes[0].figure.marks[2:]
    assert bought.x.astype("int64").tolist() == [tape.time[150] // MILLI]
    assert sold.x.astype("int64").tolist() == [tape.time[160] // MILLI]
    assert bought.y[0] < tape.low[150]
    assert sold.y[0] > tape.high[160]


def test_panning_ends_following_and_moves_every_pane(chart: BqplotChart, make_tape: Make) -> None:
    called: list[bool] = []
    chart.on_interaction = lambda: called.append(True)
    tape = make_tape(1000)
    chart.show(tape)
    assert chart.follow
    assert not called
    pan(chart, int(tape.time[400]), int(tape.time[500]))
    assert not chart.follow
    assert called
    chart.redraw()
    windows = {pane.x.get_window() for pane in chart.panes}
    assert windows == {(tape.time[400] / MILLI, tape.time[500] / MILLI)}
    visible = tape.high[400:501].max(), tape.low[400:501].min()
    assert chart.panes[0].y.min < visible[1] < visible[0] < chart.panes[0].y.max < visible[0] + 500
    chart.follow = True
    chart.redraw()
    window = chart.panes[0].x.get_window()
    assert window is not None
    assert window[1] > tape.time[-1] / MILLI
    assert (window[1] - window[0]) / 60_000 == pytest.approx(100, abs=5)  # the user's zoom stays


def test_nobody_gets_lost_beyond_the_bars(chart: BqplotChart, make_tape: Make) -> None:
    tape = make_tape(SPAN)
    chart.show(tape)
    day = 86_400_000_000_000
    pan(chart, int(tape.time[0]) - 400 * day, int(tape.time[-1]) + 400 * day)
    chart.redraw()
    window = chart.panes[0].x.get_window()
    assert window is not None
    assert window[1] - window[0] <= (SPAN + 10) * 60_000
    assert chart.drawn is not None
    assert len(chart.drawn) > SPAN / 2


def test_pointing_at_a_bar_answers_with_its_prices(chart: BqplotChart, make_tape: Make) -> None:
    tape = make_tape(300)
    chart.show(tape)
    overlay: Any = chart.widget.children[-1]
    overlay._receive(overlay, {"hover": int(tape.time[250]) / MILLI}, [])
    chart.redraw()
    labels = {label: text for label, text, *_ in overlay.hover["panes"][0]}
    assert labels["H"] == f"{tape.high[250]:,.2f}"
    overlay._receive(overlay, {"hover": None}, [])
    chart.redraw()
    assert overlay.hover == {}


def test_every_pane_has_a_few_round_labels(chart: BqplotChart, make_tape: Make) -> None:
    for bars in range(60, 400, 20):
        chart.show(make_tape(bars))
        for pane in chart.panes:
            ticks = pane.figure.axes[1].tick_values
            assert 1 <= len(ticks) <= 9  # bqplot would choose ten of its own where there are none
            assert all(pane.y.min <= tick <= pane.y.max for tick in ticks)


def test_an_empty_tape_shows_a_word_instead_of_axes(chart: BqplotChart, make_tape: Make) -> None:
    chart.show(make_tape(0))
    assert "cb-waiting" in chart.widget._dom_classes
    assert "Press Start" in chart.widget.children[-1].view["notice"]
    chart.show(make_tape(5))
    assert "cb-waiting" not in chart.widget._dom_classes


def test_what_was_filled_since_the_newest_close_is_drawn_at_once(chart: BqplotChart, make_tape: Make) -> None:
    time = int(make_tape(100).time[-1]) + 90 * 10**9  # within the bar that has not closed
    fill = Fill("id", "order", time, Side.BUY, Decimal(60_100), Decimal(1), Decimal(0))
    chart.describe(About(Units.of("BTC/USDT", 60_000.0), trips=[Trip(time - 10**9, time, -7.0)]))
    chart.show(make_tape(100, fills=(fill,)))
    buys = chart._price._triangles[Side.BUY]
    assert np.asarray(buys.x).astype("datetime64[ms]").astype(np.int64).tolist() == [
        int(make_tape(100).time[-1]) // MILLI + 60_000
    ]
    assert float(buys.y[0]) == pytest.approx(60_100, abs=100)
    assert float(buys.y[0]) < 60_100
    assert float(chart._results._values[-1]) == -7.0
