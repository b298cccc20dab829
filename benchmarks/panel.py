"""The control panel in JupyterLab: how late it shows a bar, how smoothly, in how many bytes, and at what cost to the bot.

Kernel, server and browser share the machine. The lag is an upper bound: from reading the bot to the page's word, back in the
kernel, that it has painted.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.figure import Figure

BOT = """
import cryptobot as cb
bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed=7, speed=240))
panel = cb.ControlPanel(bot, refresh=4)
panel.add_indicator(cb.RSI(14))
bot.start()
panel
"""
# Runs in the kernel: notes when a frame is begun, when a page has painted it, and what reading and drawing it has cost.
WATCH = """
import time
lags, draws, begun = [], [], [None]
frames, updater = panel.layout.frames, panel._updater
receive, update, draw, look = frames._receive, updater.update, updater._draw, bot.snapshot
looked = [0.0]

def updating(now, **options):
    start = time.perf_counter()
    news = update(now, **options)
    begun[0] = (frames.sent + 1, start) if news else begun[0]
    return news

def receiving(widget, content, buffers):
    if begun[0] is not None and content.get("ack") == begun[0][0]:
        lags.append(time.perf_counter() - begun[0][1])
        begun[0] = None
    receive(widget, content, buffers)

def looking(*given):
    start = time.thread_time()
    shot = look(*given)
    looked[0] = time.thread_time() - start
    return shot

def drawing(*given, **options):
    start = time.thread_time()
    draw(*given, **options)
    draws.append(time.thread_time() - start + looked[0])

updater.update, updater._draw, bot.snapshot = updating, drawing, looking
frames.on_msg(frames._receive, remove=True)
frames.on_msg(receiving)
"""
OPENING = """
import time, numpy as np
import cryptobot as cb
many = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.ReplayExchange(cb.practice_bars(100_000, seed=7)), name="many")
many.run()
start = time.perf_counter()
opened = cb.ControlPanel(many)
opening = time.perf_counter() - start
opened.close()
"""
SECONDS = 20


def measure(rounds: int) -> list[Figure]:
    """Measure once: a round takes half a minute and has many frames in it; skipped where there is no browser.

    Parameters
    ----------
    rounds
        As for the other parts; one is enough here.
    """
    parts = _browser_parts()
    chromium = parts.find_chromium()
    if chromium is None or rounds < 1:
        return []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=parts.CHROMIUM_FLAGS)
        with parts.Lab(Path(folder)) as lab:
            found = _watched(parts, lab, browser)
        browser.close()
    lags, draws = sorted(found["lags"]), sorted(found["draws"])
    late = lags[int(0.95 * (len(lags) - 1))]
    note = f"{len(lags)} frames in {SECONDS} s"
    return [
        Figure.of("panel: a bar on the page, median", [1e3 * lag for lag in lags], "ms", limit=80, note=note),
        Figure("panel: a bar on the page, 95 of 100", 1e3 * late, "ms", (1e3 * lags[0], 1e3 * lags[-1]), 250),
        # More is better: what is limited is the time between two frames.
        Figure("panel: between two paints of the page", 1e3 / found["fps"], "ms", (0, 0), 1000 / 30),
        Figure("panel: bytes an update", found["bytes"] / 1024, "KB", (0, 0), 40),
        Figure.of("panel: a chart update in the bot's process", [1e3 * draw for draw in draws], "ms", limit=2),
        Figure("panel: opened on 100,000 bars", found["opening"], "s", (0, 0), 1.5),
    ]


def _watched(parts: Any, lab: Any, browser: Any) -> dict[str, Any]:
    """Run a bot in a notebook and return what was measured."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "bot",
        "metadata": {},
        "outputs": [],
        "source": BOT,
    }
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    content = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (lab.work / "panel.ipynb").write_text(json.dumps(content))
    context = browser.new_context(viewport={"width": 1500, "height": 1250})
    received = [0]
    opened = parts.Notebook(lab, context, "panel.ipynb")
    page = opened.page
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: _add(received, data)))
    opened.open()  # anew, now that its messages are counted
    opened.run_all()
    page.wait_for_timeout(8000)
    opened.execute(WATCH)
    page.evaluate("() => { window.painted = 0; const f = () => { painted += 1; requestAnimationFrame(f); }; f(); }")
    before = received[0]
    page.wait_for_timeout(1000 * SECONDS)
    painted, came = page.evaluate("() => painted"), received[0] - before
    opened.execute(
        f"import json, pathlib; pathlib.Path({str(lab.work / 'watched.json')!r}).write_text("
        "json.dumps({'lags': lags, 'draws': draws})); bot.stop(); panel.close()"
    )
    opened.execute(OPENING + f"pathlib.Path({str(lab.work / 'opening')!r}).write_text(str(opening))")
    watched: dict[str, Any] = json.loads((lab.work / "watched.json").read_text())
    watched |= {"fps": painted / SECONDS, "bytes": came / max(1, len(watched["lags"]))}
    watched["opening"] = float((lab.work / "opening").read_text())
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    context.close()
    return watched


def _add(total: list[int], data: str | bytes) -> None:
    total[0] += len(data)


def _browser_parts() -> Any:
    """Load what the browser tests use to drive JupyterLab."""
    path = Path(__file__).parents[1] / "tests" / "browser" / "conftest.py"
    spec = importlib.util.spec_from_file_location("browser_parts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
