"""The control panel without a browser: every control by click, errors, life and end."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.notebook.panel import ControlPanel

Open = Callable[..., ControlPanel]


def test_shows_where_a_bot_stands(finished_bot: cb.Bot, open_panel: Open) -> None:
    layout = open_panel(finished_bot).layout
    status = finished_bot.status()
    assert layout.header.text("mode") == "PRACTICE"
    assert layout.header.text("state") == "FINISHED"
    assert layout.header.text("market") == status.symbol
    assert layout.figures.text("trades") == str(status.trades)
    assert layout.figures.text("equity") == f"{status.equity:,.2f}"
    assert layout.account.text("bars") == str(status.bars)
    assert layout.decision.text("decision") == finished_bot.explain().text
    assert len(layout.trades.rows) == len(finished_bot.trades())
    assert [line[3] for line in layout.log.lines] == [line.text for line in finished_bot.logs()]


def test_start_and_stop_by_click(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    assert panel.layout.header.text("state") == "READY"
    assert panel.layout.figures.text("equity") == "–"
    assert not panel.layout.start.disabled
    assert panel.layout.stop.disabled
    panel.layout.start.click()
    panel.settle()
    panel.refresh()
    assert practice_bot.status().state == "running"
    assert panel.layout.start.disabled
    assert not panel.layout.stop.disabled
    panel.layout.stop.click()
    panel.settle()
    panel.refresh()
    assert practice_bot.status().state == "stopped"
    assert panel.layout.header.text("state") == "STOPPED"
    assert not panel.layout.start.disabled
    panel.assert_healthy()


def test_one_panel_a_bot_until_it_is_closed(finished_bot: cb.Bot, open_panel: Open) -> None:
    first = open_panel(finished_bot)
    again = open_panel(finished_bot, refresh=2.0)
    assert again is first
    assert again.widget is first.widget
    first.close()
    first.close()
    assert first.closed
    assert not first.alive
    assert open_panel(finished_bot) is not first


def test_close_ends_its_threads_and_leaves_the_bot_alone(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    panel.layout.start.click()
    panel.settle()
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("cryptobot-panel")]
    panel.close()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert practice_bot.status().state == "running"


def test_a_forgotten_panel_ends_with_its_bot() -> None:
    bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange())
    panel = ControlPanel(bot)
    thread = panel._loop._thread
    gone = weakref.ref(bot)
    del bot, panel
    thread.join(0.5)  # the thread holds its owner only while it ticks
    gc.collect()
    thread.join(5)
    gc.collect()
    assert gone() is None
    assert not thread.is_alive()


def test_nothing_but_heartbeats_is_sent_while_nobody_looks(finished_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(finished_bot)
    before = panel.layout.log.lines
    finished_bot.log("info", "news")
    panel.tick()
    assert panel.layout.log.lines == before
    panel.refresh()
    assert panel.layout.log.lines[-1][3] == "news"


def test_a_page_gets_the_next_frame_when_it_has_painted_the_last(finished_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(finished_bot, refresh=8.0)
    frames = panel.layout.frames
    with panel._lock:  # the panel's own thread must not tick in between
        frames._receive(frames, {"view": "page", "hello": True, "visible": True}, [])
        panel._framed_at = float("-inf")
        panel._updater.forget()
        finished_bot.log("info", "first")
        panel.tick()
        assert panel.layout.log.lines[-1][3] == "first"
        finished_bot.log("info", "second")
        panel._framed_at = float("-inf")
        panel._updater.forget()
        panel.tick()
        assert panel.layout.log.lines[-1][3] == "first"
        frames._receive(frames, {"view": "page", "ack": frames.sent, "visible": True}, [])
        panel.tick()
        assert panel.layout.log.lines[-1][3] == "second"


def test_parameters_are_applied_or_refused_beside_the_form(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    form = panel.layout.form
    assert list(form.fields) == ["fast", "slow", "volatility_window", "volatility_threshold"]
    assert "Bars in the fast average" in form.fields["fast"].tooltip
    assert form.apply.disabled
    form.fields["fast"].value = 50
    assert not form.apply.disabled
    form.apply.click()
    panel.settle()
    assert "`fast` below `slow`" in form.message.text("message")
    assert practice_bot.strategy.params["fast"] == 10
    form.undo.click()
    assert form.fields["fast"].value == 10
    form.fields["fast"].value = 5
    form.apply.click()
    panel.settle()
    panel.refresh()
    assert practice_bot.strategy.params["fast"] == 5
    assert form.message.text("message") == "In use."
    panel.assert_healthy()


def test_parameters_changed_elsewhere_appear_unless_the_field_is_being_edited(
    practice_bot: cb.Bot, open_panel: Open
) -> None:
    panel = open_panel(practice_bot)
    fields = panel.layout.form.fields
    fields["slow"].value = 99
    practice_bot.set_parameters(fast=7)
    panel.refresh()
    assert fields["fast"].value == 7
    assert fields["slow"].value == 99


def test_errors_of_a_command_are_shown_logged_and_raised(
    practice_bot: cb.Bot, open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode() -> None:
        raise RuntimeError("<b>no</b>")

    monkeypatch.setattr(practice_bot, "start", explode)
    panel = open_panel(practice_bot)
    panel.layout.start.click()
    panel.settle()
    panel.refresh()
    with pytest.raises(cb.CryptobotError, match=r"RuntimeError: <b>no</b>"):
        panel.assert_healthy()
    assert panel.layout.log.lines[-1][2:] == ["error", panel.errors[0]]
    assert panel.layout.header.text("reason").startswith("1 panel error")


def test_errors_of_the_refresh_thread_surface_once(
    finished_bot: cb.Bot, open_panel: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_panel(finished_bot)

    def explode(*_: Any) -> None:
        raise ValueError("bad tape")

    with panel._lock:
        monkeypatch.setattr(panel, "_update", explode)
        monkeypatch.setattr(panel.layout.frames, "ready", lambda: True)
        panel._framed_at = float("-inf")
        panel.tick()
        panel.tick()
    assert panel.errors == ["panel, refresh: ValueError: bad tape"]
    with pytest.raises(cb.CryptobotError, match="bad tape"):
        panel.assert_healthy()
    assert sum("bad tape" in line.text for line in finished_bot.logs()) == 1


def test_javascript_errors_reach_the_bots_log(finished_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(finished_bot)
    frames = panel.layout.frames
    frames._receive(frames, {"view": "p", "error": "boom", "source": "blob:x", "stack": ""}, [])
    assert "JavaScript: boom" in panel.errors[0]
    assert finished_bot.logs()[-1].level == "error"
    with pytest.raises(cb.CryptobotError, match="boom"):
        panel.assert_healthy()


@pytest.mark.parametrize("refresh", [0, -1, 9, float("nan")])
def test_a_refresh_out_of_bounds_is_refused(finished_bot: cb.Bot, refresh: float) -> None:
    with pytest.raises(cb.ConfigError, match=r"`refresh` is .*Allowed: above 0 and at most 8"):
        ControlPanel(finished_bot, refresh=refresh)


def test_an_unknown_chart_is_refused(finished_bot: cb.Bot) -> None:
    with pytest.raises(cb.ConfigError, match=r"chart `bqplott` is unknown. Did you mean `bqplot`"):
        ControlPanel(finished_bot, chart="bqplott")


def test_a_halted_bot_says_why(open_panel: Open) -> None:
    class Broken(cb.Strategy):
        def should_buy(self, x: Any) -> Any:
            raise ZeroDivisionError("<script>alert(1)</script>")

        def should_sell(self, x: Any) -> Any:
            return x.close < 0

    bot = cb.Bot(Broken(), exchange=cb.ReplayExchange(cb.practice_bars(50, seed=1)))
    bot.run()
    panel = open_panel(bot)
    assert panel.layout.header.text("state") == "HALTED"
    assert "<script>alert(1)</script>" in panel.layout.header.text("reason")  # a text, never HTML: see test_texts
