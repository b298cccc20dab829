"""The price between two bars: from a real price server on loopback, and only of the bot's own market."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.notebook import live_price
from cryptobot.notebook.live_price import STALE, LivePrice, LiveTick
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.panel import ControlPanel
from cryptobot.notebook.status_words import account
from cryptobot.trading.status import BotStatus
from mcp_server.memory import MemoryBackend
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer

PATIENCE = 30.0
UNITS = Units.of("BTC/USDT", 60_000.0)
QUOTE = Tick("BTC/USDT", 60_123.5, time.time_ns(), "binance, middle of bid and ask", bid=60_123.0, ask=60_124.0)


class Ticks:
    """The panel's clock, moved by the test."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "servers"


@pytest.fixture
def backend() -> MemoryBackend:
    made = MemoryBackend()
    made.put_price(QUOTE)
    return made


@pytest.fixture
def server(backend: MemoryBackend, folder: Path) -> Iterator[PriceServer]:
    with PriceServer(backend, port=0, state_directory=folder) as made:
        yield made


@pytest.fixture
def paper(finished_bot: cb.Bot) -> BotStatus:
    """The status of a bot that trades on paper, at Binance's prices."""
    return replace(
        finished_bot.status(), mode=cb.Mode.PAPER, symbol="BTC/USDT", exchange="binance on paper", pid=os.getpid()
    )


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A `LivePrice` that looks often, its clock, and its errors."""
    monkeypatch.setattr(live_price, "EVERY", 0.02)
    clock, errors = Ticks(), []
    made = LivePrice(errors.append, clock, folder)
    yield made, clock, errors
    made.close()
    if made._thread is not None:
        made._thread.join(PATIENCE)
        assert not made._thread.is_alive()
    assert errors == []


def wait_for(condition: Callable[[], bool]) -> None:
    until, pause = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < until
        pause.wait(0.01)


def test_a_quote_has_a_source_and_an_age(asked: Any, server: PriceServer, paper: BotStatus) -> None:
    live, clock, _ = asked
    assert live.read(clock.now, paper) is None  # reading never waits
    wait_for(lambda: live.read(clock.now, paper) is not None)
    tick = live.read(clock.now, paper)
    assert (tick.price, tick.source, tick.stale) == (QUOTE.price, QUOTE.source, False)
    assert tick.age >= 0
    said = account(paper, UNITS, None, tick)["live"]
    assert said.text == "60,123.50"
    assert said.note.endswith(" old")
    assert "binance, middle of bid and ask" in said.title


def test_it_is_stale_when_the_server_is_gone_and_comes_back_with_the_next(
    asked: Any, backend: MemoryBackend, folder: Path, paper: BotStatus
) -> None:
    live, clock, _ = asked
    with PriceServer(backend, port=0, state_directory=folder):
        wait_for(lambda: live.read(clock.now, paper) is not None)
    before = live.read(clock.now, paper)
    wait_for(lambda: not _asking(live))
    clock.now += STALE + 1
    gone = live.read(clock.now, paper)
    assert gone.stale
    assert gone.age > before.age + STALE
    said = account(paper, UNITS, None, gone)["live"]
    assert said.tone == "error"
    assert said.text.startswith("▲")
    backend.put_price(replace(QUOTE, price=61_000.0))
    with PriceServer(backend, port=0, state_directory=folder):
        wait_for(lambda: live.read(clock.now, paper).price == 61_000.0)
        assert not live.read(clock.now, paper).stale


def _asking(live: LivePrice) -> bool:
    """Whether it is still at a server: the age of its last word is renewed by every answer."""
    found = live._found
    threading.Event().wait(0.2)
    return live._found is not found


@pytest.mark.parametrize(
    ("tick", "changes"),
    [
        pytest.param(replace(QUOTE, source="kraken, middle of bid and ask"), {}, id="another exchange"),
        pytest.param(replace(QUOTE, bid=None), {}, id="a candle's close"),
        pytest.param(QUOTE, {"mode": cb.Mode.TESTNET, "exchange": "binance", "pid": 1}, id="a test network elsewhere"),
        pytest.param(QUOTE, {"symbol": "DOGE/USDT"}, id="another market"),
    ],
)
def test_prices_of_elsewhere_do_not_count(
    asked: Any, backend: MemoryBackend, server: PriceServer, paper: BotStatus, tick: Tick, changes: dict[str, Any]
) -> None:
    live, clock, _ = asked
    backend.put_price(tick)
    status = replace(paper, **changes)
    live.read(clock.now, status)
    wait_for(lambda: bool(live._passed))  # it has asked, and passed the server by
    assert live.read(clock.now, status) is None
    assert account(status, UNITS, None, None)["live"].text == "–"


def test_nobody_is_asked_for_a_practice_market(asked: Any, server: PriceServer, finished_bot: cb.Bot) -> None:
    live, clock, _ = asked
    assert live.read(clock.now, finished_bot.status()) is None
    assert live._thread is None
    assert account(finished_bot.status(), UNITS, None, None)["live"].text == "at each close"


def test_another_program_on_the_port_never_gets_the_token(asked: Any, folder: Path, paper: BotStatus) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from mcp_server import state_file

    heard: list[str | None] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    stranger = HTTPServer(("127.0.0.1", 0), Stranger)
    thread = threading.Thread(target=stranger.serve_forever)
    thread.start()
    try:
        state = state_file.ServerState(f"http://127.0.0.1:{stranger.server_port}", "secret", os.getpid(), "x", 1)
        state_file.write(folder, state, stranger.server_port)
        live, clock, _ = asked
        live.read(clock.now, paper)
        wait_for(lambda: bool(live._passed))
        assert heard == [None]
        assert live.read(clock.now, paper) is None
    finally:
        stranger.shutdown()
        thread.join(PATIENCE)
        stranger.server_close()


def test_the_panel_draws_the_line_and_takes_a_stale_one_away(
    finished_bot: cb.Bot, open_panel: Callable[..., ControlPanel], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = open_panel(finished_bot)
    tick = LiveTick(60_123.5, QUOTE.source, 0.4)
    monkeypatch.setattr(panel._updater._live, "read", lambda _now, _status: tick)

    def lines() -> list[tuple[str, float]]:
        panel.refresh()
        return [(line["label"], line["value"]) for line in panel.layout.chart._overlay.view["lines"]]

    assert ("Live", 60_123.5) in lines()
    tick = replace(tick, stale=True, age=9.0)
    assert "Live" not in [label for label, _ in lines()]
    panel.assert_healthy()
