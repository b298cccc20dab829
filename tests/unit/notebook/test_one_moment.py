"""All parts of a panel tell of one and the same moment, however fast the bot is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import cryptobot as cb
from cryptobot.notebook.panel import ControlPanel


def told(panel: ControlPanel) -> dict[str, object]:
    """Return what the parts say of the position, the newest bar and the trades."""
    layout = panel.layout
    view = layout.chart._overlay.view
    newest = layout.chart.drawn
    assert newest is not None
    held = layout.figures.text("position") != "flat"
    trades = f"Trades ({int(layout.figures.text('trades').replace(',', '')) + held:,})"
    opened = [row["cells"] for row in layout.trades.rows if row["cells"][-1][0] == "● open"]
    worth = opened[0][6][0] if opened else "0.00"
    return {
        "held": held,
        "entry line": any(line["label"] == "Entry" for line in view["lines"]),
        "open trade": bool(opened),
        "protected": layout.account.text("protection") == "● stop rests",
        "stop line": any(line["label"] == "Stop" for line in view["lines"]),
        "stop order": any(row["cells"][6][0] != "–" for row in layout.orders.rows),
        "trades": (trades, layout.tabs.titles[0]),
        "worth": (worth, layout.figures.text("unrealised") if opened else "0.00"),
        "price": (layout.figures.text("price"), f"{newest.prices[-1, 3]:,.2f}"),
        "newest": (layout.account.text("newest"), layout.decision.text("decision")[7:23]),
    }


def test_every_part_comes_from_one_look(open_panel: Callable[..., ControlPanel]) -> None:
    exchange = cb.PracticeExchange(seed=21, timeframe="15m", speed=900_000)  # a thousand bars a second
    bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=exchange, limits=cb.Limits(stop_loss=0.02), name="fast")
    panel = open_panel(bot, refresh=0.01)
    bot.start()
    try:
        assert bot.wait_until(lambda: bot.status().trades >= 3, 60)
        seen = looked_at(panel)
    finally:
        bot.stop()
    assert seen == {True, False}  # both were met
    panel.assert_healthy()


def looked_at(panel: ControlPanel) -> set[object]:
    """Update a panel many times and compare its parts; return whether a position was held, and whether none was."""
    seen, pause, now = set(), threading.Event(), 0.0
    for _ in range(60):
        with panel._lock:
            now += 0.25
            panel._updater.update(now, touched=False)
            said = told(panel)
        assert said["held"] == said["entry line"] == said["open trade"], said
        assert said["stop line"] == said["stop order"], said
        assert said["stop order"] or not said["protected"], said  # a stop on its way is seen before it is accepted
        for pair in ("trades", "worth", "price", "newest"):
            one, other = said[pair]  # type: ignore[misc]
            assert one == other, said
        seen.add(said["held"])
        pause.wait(0.02)
    return seen
