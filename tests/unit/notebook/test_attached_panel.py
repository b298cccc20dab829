"""The panel of a bot in a process of its own: the same clicks, and the end of its process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.control.gone import BotGoneError
from cryptobot.notebook.panel import ControlPanel

PATIENCE = 60.0
pytestmark = pytest.mark.slow


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A handle to a practice bot in a process of its own."""
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    bot = cb.launch(
        strategy=cb.MovingAverageCrossover(fast=5, slow=15),
        name=f"panel-{secrets.token_hex(3)}",
        mode="practice",
        exchange={"seed": 7, "speed": 3000},
        limits={"max_daily_loss": 5000},
    )
    yield bot
    if bot.alive:
        bot.shut_down()


def test_it_is_watched_steered_and_shut_down_from_its_panel(attached: Any) -> None:
    panel = ControlPanel(attached)
    layout = panel.layout
    try:
        assert attached.wait_until(lambda: attached.status().bars >= 50, PATIENCE)
        panel.refresh()
        assert layout.header.text("state") == "RUNNING"
        assert len(layout.limits.rows) == 1
        assert layout.chart.drawn is not None
        assert len(layout.chart.drawn) > 50
        layout.form.fields["fast"].value = 4
        layout.form.apply.click()
        panel.settle(PATIENCE)
        assert attached.wait_until(lambda: attached.status().parameters["fast"] == 4, PATIENCE)
        layout.buttons["kill"].click()
        layout.confirmation.yes.click()
        panel.settle(PATIENCE)
        panel.refresh()
        assert layout.header.text("state") == "HALTED"
        layout.stop.click()
        panel.settle(PATIENCE)
        panel.refresh()
        assert layout.header.text("state") == "STOPPED · HALTED"

        again = ControlPanel(cb.attach(attached.name))  # a notebook that was opened anew
        try:
            assert again is not panel
            assert again.layout.header.text("state") == "STOPPED · HALTED"
        finally:
            again.close()

        layout.buttons["shut_down"].click()
        layout.confirmation.yes.click()
        panel.settle(PATIENCE)
        assert not attached.alive
        with pytest.raises(BotGoneError):
            panel.refresh()
        panel._layout.frames.ready = lambda: True
        with panel._lock:
            panel._framed_at = float("-inf")
            panel.tick()
        assert layout.frames.lost  # the page says STALE
        panel.assert_healthy()  # a bot that was ended is no defect of the panel
    finally:
        panel.close()
