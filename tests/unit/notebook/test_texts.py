"""No text of a symbol, an error or a log line is ever interpreted as HTML."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.notebook.display import display_bot, summary
from cryptobot.notebook.needs import require_lab
from cryptobot.notebook.panel import ControlPanel

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def test_the_pages_scripts_set_text_only() -> None:
    scripts = [path for path in files("cryptobot.notebook").iterdir() if path.name.endswith(".js")]
    assert len(scripts) >= 5
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b", text), script


def test_no_widget_of_the_panel_takes_html(finished_bot: cb.Bot, open_panel: Callable[..., ControlPanel]) -> None:
    def walk(widget: Any) -> list[Any]:
        return [widget, *(found for child in getattr(widget, "children", ()) for found in walk(child))]

    panel = open_panel(finished_bot)
    kinds = {type(widget).__name__ for widget in walk(panel.widget)}
    assert not kinds & {"HTML", "HTMLMath", "Output"}
    assert all(field.description_allow_html is False for field in panel.layout.form.fields.values())


def test_the_summary_for_pages_without_widgets_is_escaped(open_panel: Callable[..., ControlPanel]) -> None:
    class Broken(cb.Strategy):
        def should_buy(self, x: Any) -> Any:
            raise ValueError(EVIL)

        def should_sell(self, x: Any) -> Any:
            return x.close < 0

    bot = cb.Bot(Broken(), exchange=cb.ReplayExchange(cb.practice_bars(50, seed=1)))
    bot.run()
    html = summary(bot)
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_a_bot_displays_itself_as_its_panel(finished_bot: cb.Bot) -> None:
    bundle = finished_bot._repr_mimebundle_()
    panel = ControlPanel(finished_bot)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert "FINISHED" in bundle["text/html"]
    assert bundle["text/plain"] == repr(finished_bot)
    panel.close()


def test_without_the_extra_lab_a_bot_shows_a_table(finished_bot: cb.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptobot.notebook.display.missing_packages", lambda: ["bqplot"])
    bundle = display_bot(finished_bot)
    assert set(bundle) == {"text/plain", "text/html"}


def test_a_missing_extra_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cryptobot.notebook.needs.missing_packages", lambda: ["bqplot", "ipywidgets"])
    with pytest.raises(
        cb.ConfigError, match=r"needs bqplot, ipywidgets, which are not installed.*pip install .*lab.* in the checkout"
    ):
        require_lab()


def test_a_long_log_stays_short_on_the_page(finished_bot: cb.Bot, open_panel: Callable[..., ControlPanel]) -> None:
    panel = open_panel(finished_bot)
    for number in range(builtins.max(500, 1)):
        finished_bot.log("debug", f"line {number} " + "x" * 5000)
    panel.refresh()
    lines = panel.layout.log.lines
    assert len(lines) == 200
    assert lines[-1][3].startswith("line 499")
    assert max(len(line[3]) for line in lines) <= 1000
    identities = [line[0] for line in lines]
    finished_bot.log("info", "one more")
    panel.refresh()
    assert [line[0] for line in panel.layout.log.lines][:-1] == identities[1:]  # the page keeps what it has
