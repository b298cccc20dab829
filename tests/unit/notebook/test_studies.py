"""Indicators that the user adds: stepped as a bot steps them, each bar once, shown and taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.notebook.panel import ControlPanel
from cryptobot.notebook.studies import MOST, ROWS, Studies
from cryptobot.trading.tape import TapeWindow

Make = Callable[..., TapeWindow]
Open = Callable[..., ControlPanel]


def part(tape: TapeWindow, start: int, stop: int) -> TapeWindow:
    """Return a stretch of a tape, as a bot gives it when it has come so far."""
    columns = ("time", "open", "high", "low", "close", "volume", "equity")
    return replace(
        tape,
        **{name: getattr(tape, name)[start:stop] for name in columns},
        features={name: values[start:stop] for name, values in tape.features.items()},
    )


@pytest.fixture
def failed() -> list[tuple[str, Exception]]:
    return []


@pytest.fixture
def studies(failed: list[tuple[str, Exception]]) -> Studies:
    return Studies(lambda name, error: failed.append((name, error)))


def batch(feature: cb.Feature, tape: TapeWindow) -> Any:
    """Return what a backtest makes of a feature: the oracle."""

    class Looks(cb.Strategy):
        def features(self) -> dict[str, cb.Feature]:
            return {"it": feature}

        def should_buy(self, x: Any) -> Any:
            return x.close < 0

        should_sell = should_buy

    import pandas as pd

    bars = {name: getattr(tape, name) for name in ("open", "high", "low", "close", "volume")}
    return Looks().batch(pd.DataFrame(bars, index=pd.to_datetime(tape.time, utc=True))).features["it"]


@pytest.mark.parametrize("feature", [cb.RSI(14), cb.EMA(9), cb.ATR(5), cb.SMA(4, of=cb.RSI(6)), cb.SMA(3, of="volume")])
def test_it_is_what_a_backtest_computes_however_it_came(studies: Studies, make_tape: Make, feature: cb.Feature) -> None:
    tape = make_tape(400)
    name = studies.add(feature)
    for stop in (50, 51, 51, 120, 400):
        values = studies.added(part(tape, 0, stop)).features[name]
        np.testing.assert_array_equal(values, batch(feature, tape)[:stop])
    assert set(studies.added(tape).features) == {"fast", "volatility", name}
    shorter = studies.added(part(tape, 300, 400)).features[name]  # the user has zoomed in: what is known stays
    np.testing.assert_array_equal(shorter, batch(feature, tape)[300:])


def test_each_bar_is_stepped_once(studies: Studies, make_tape: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptobot.strategy.live import Stepped

    stepped: list[int] = []
    update = Stepped.update
    monkeypatch.setattr(Stepped, "update", lambda self, bar: stepped.append(bar.time) or update(self, bar))
    tape = make_tape(300)
    studies.add(cb.RSI(14))
    for stop in (200, 200, 201, 300):
        studies.added(part(tape, max(0, stop - 150), stop))
    assert stepped == tape.time[50:].tolist()


def test_a_tape_that_goes_further_back_or_does_not_join_on_is_stepped_anew(studies: Studies, make_tape: Make) -> None:
    tape = make_tape(300)
    name = studies.add(cb.EMA(9))
    studies.added(part(tape, 200, 300))
    np.testing.assert_array_equal(studies.added(tape).features[name], batch(cb.EMA(9), tape))
    later = replace(tape, time=tape.time + 10**15)
    np.testing.assert_array_equal(studies.added(later).features[name], batch(cb.EMA(9), tape))


def test_what_it_keeps_is_bounded(studies: Studies, make_tape: Make) -> None:
    tape = make_tape(3 * ROWS)
    name = studies.add(cb.SMA(2))
    values = studies.added(tape).features[name]
    assert np.isnan(values[:-ROWS]).all()
    assert np.isfinite(values[-ROWS + 1 :]).all()
    for stop in range(ROWS, 3 * ROWS, 500):
        studies.added(part(tape, 0, stop))
    assert len(studies._studies[name]._times) <= 2 * ROWS


def test_one_that_fails_is_told_and_taken_away(
    studies: Studies, make_tape: Make, failed: list[tuple[str, Exception]]
) -> None:
    class Broken(cb.SMA):
        def state(self) -> list[float]:
            return []  # its kernel needs more

    studies.add(cb.RSI(14))
    name = studies.add(Broken(3))
    assert list(studies.added(make_tape(50)).features) == ["fast", "volatility", "RSI(14)"]
    assert studies.names == ("RSI(14)",)
    [(who, error)] = failed
    assert (who, type(error)) == (name, IndexError)


def test_bad_input_is_refused_with_a_way_on(studies: Studies) -> None:
    with pytest.raises(cb.ConfigError, match=r"indicator: .*RSI.* is none\. Make one: RSI\(\)\. Allowed: a feature"):
        studies.add(cb.RSI)  # type: ignore[arg-type]
    with pytest.raises(cb.ConfigError, match=r"`RSI\(4\)` is not shown\."):
        studies.remove("RSI(4)")
    for window in range(2, 2 + MOST):
        studies.add(cb.SMA(window))
    studies.add(cb.SMA(2))  # shown already
    with pytest.raises(cb.ConfigError, match=r"6 are shown already .*panel\.remove_indicator"):
        studies.add(cb.SMA(99))


def test_the_panel_shows_them_and_the_bot_does_not_trade_on_them(finished_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(finished_bot)
    chart, picker = panel.layout.chart, panel.layout.tools.indicators
    before = [pane.title for pane in chart.panes]
    picker.picker.value = "rsi"  # as a click does
    name = panel.add_indicator(cb.SMA(7))
    panel.refresh()
    assert picker.picker.value == ""
    assert list(picker.buttons) == ["RSI(14)", "SMA(7)"]
    assert [pane.title for pane in chart.panes] == [*before[:3], "RSI(14)", *before[3:]]
    assert [entry[0] for entry in chart._overlay.view["panes"][0]["legend"]][-1] == name
    assert [entry[1] for entry in chart._overlay.view["panes"][3]["legend"]][1:] == ["30", "70"]
    assert set(finished_bot.tape(1).features) == {"fast", "slow", "volatility"}
    picker.buttons["RSI(14)"].click()
    panel.remove_indicator(name)
    panel.refresh()
    assert [pane.title for pane in chart.panes] == before
    assert not picker.buttons
    panel.assert_healthy()


def test_the_list_is_closed_when_all_places_are_taken(finished_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(finished_bot)
    for window in range(2, 2 + MOST):
        panel.add_indicator(cb.SMA(window))
    assert panel.layout.tools.indicators.picker.disabled
    panel.remove_indicator("SMA(2)")
    assert not panel.layout.tools.indicators.picker.disabled
