"""A bot in figures, as Prometheus reads them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.clock import SystemClock
from cryptobot.core.types import Mode
from cryptobot.trading.journal.contents import library_version
from cryptobot.trading.lifecycle import OrderState
from cryptobot.trading.meter import Histogram, Meter

if TYPE_CHECKING:
    from cryptobot.core.clock import Clock
    from cryptobot.trading.bot import Bot
    from cryptobot.trading.engine import Engine
    from cryptobot.trading.status import BotStatus

KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
# Every figure: name without the prefix, kind, and what it says.
FIGURES: Final[Mapping[str, tuple[str, str]]] = {
    "info": ("gauge", "1, with the version, the strategy and the interval as labels"),
    "running": ("gauge", "1 while the bot trades"),
    "state": ("gauge", "1 for the state that the bot is in"),
    "trading_state": ("gauge", "1 for what may be traded: active, reducing or halted"),
    "connected": ("gauge", "1 while the exchange answers"),
    "bars_total": ("counter", "Bars since the start"),
    "interval_seconds": ("gauge", "Length of a bar"),
    "feed_age_seconds": ("gauge", "Seconds since the newest bar closed; none in practice"),
    "bar_to_order_seconds": (
        "histogram",
        "From a bar's arrival until the exchange has answered the order decided on it",
    ),
    "orders_total": ("counter", "Orders, by what became of them"),
    "orders_open": ("gauge", "Orders that may still be filled"),
    "orders_unknown": ("gauge", "Orders whose fate nobody knows"),
    "fills_total": ("counter", "Executions"),
    "trades_total": ("counter", "Closed round trips"),
    "fees_total": ("counter", "Fees paid, in the quote currency"),
    "equity": ("gauge", "Cash and position at the last close, in the quote currency"),
    "position": ("gauge", "Quantity held, in the base currency"),
    "protected": ("gauge", "1 if the position is protected on the exchange; none without one, or where none is wanted"),
    "day_pnl": ("gauge", "Today's change of the equity (UTC), in the quote currency"),
    "drawdown_ratio": ("gauge", "How far the equity is under its highest, as a fraction"),
    "limit_use_ratio": ("gauge", "How much of a limit is used up: 1 is all of it"),
    "clock_skew_seconds": ("gauge", "The exchange's clock less this computer's; none in practice"),
    "alerts_waiting": ("gauge", "Alerts that a channel has not taken yet"),
    "alerts_failing": ("gauge", "1 while a channel takes nothing"),
    "loop_lag_seconds": ("gauge", "By how much the bot's event loop was late at its last look"),
    "loop_lag_longest_seconds": ("gauge", "The same at the worst one since the start"),
    "journal_bytes": ("gauge", "Size of the journal on disk"),
    "journal_records_total": ("counter", "Records in the journal"),
    "journal_waiting": ("gauge", "Records that the disk does not take"),
    "memory_bytes": ("gauge", "Memory of the bot's process"),
}
_STATES: Final = ("new", "starting", "running", "stopping", "stopped", "finished", "halted")
_TRADING: Final = ("active", "reducing", "halted")

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


def metrics(bot: Bot, clock: Clock | None = None) -> str:
    """Return a bot's figures in Prometheus' text format.

    Parameters
    ----------
    bot
        The bot; its lock is taken for a moment.
    clock
        What time it is.
    """
    common = {"bot": bot.name, "mode": bot.mode}
    with bot.lock:
        status = bot.status()
        common["market"] = status.symbol
        samples, histograms = _samples(bot, status, clock or SystemClock())
        gateway = bot.session.gateway
        lives = None if gateway is None else [*gateway.lives.values()]
    if lives is not None:  # counted while the bot goes on: there may be very many
        outcomes = Counter(life.state for life in lives)
        samples += [("orders_total", {"outcome": str(state)}, outcomes.get(state, 0)) for state in OrderState]
    lines: list[str] = []
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample[0], []).append(sample)
    for name, (kind, text) in FIGURES.items():
        if name in histograms:
            lines += [*_heading(name, kind, text), *_buckets(name, common, histograms[name])]
        elif name in by_name:
            lines += _heading(name, kind, text)
            lines += [_line(name, {**common, **labels}, value) for _, labels, value in by_name[name]]
    return "\n".join(lines) + "\n"


def _samples(bot: Bot, status: BotStatus, clock: Clock) -> tuple[list[Sample], dict[str, Histogram]]:
    session = bot.session
    desk, keeper, notifier = session.desk, session.keeper, session.notifier
    about = {"version": library_version(), "strategy": status.strategy, "timeframe": status.timeframe}
    samples: list[Sample] = [
        ("info", about, 1),
        ("running", {}, status.state == "running"),
        *(("state", {"state": name}, status.state == name) for name in _STATES),
        *(("trading_state", {"state": name}, status.trading_state == name) for name in _TRADING),
        ("connected", {}, status.connected),
        ("bars_total", {}, status.bars),
        ("interval_seconds", {}, bot.session.plan.timeframe.seconds),
        ("orders_open", {}, status.open_orders),
        ("orders_unknown", {}, status.unknown_orders),
        ("trades_total", {}, status.trades),
        ("fees_total", {}, float(status.fees)),
        ("equity", {}, float(status.equity)),
        ("position", {}, float(status.quantity)),
        ("day_pnl", {}, float(status.day_pnl)),
        ("journal_bytes", {}, bot.journal.size),
        ("journal_records_total", {}, bot.journal.count),
    ]
    samples += [] if status.protected is None else [("protected", {}, status.protected)]
    samples += [("memory_bytes", {}, used)] if (used := memory()) is not None else []
    for channel in [] if notifier is None else notifier.channels():
        samples.append(("alerts_waiting", {"channel": channel.name}, channel.waiting))
        samples.append(("alerts_failing", {"channel": channel.name}, channel.state == "failing"))
    if desk is None:
        return samples, {}
    age = _feed_age(desk.engine, status, clock)
    # The clock of a practice market is its own.
    skew = None if keeper is None or status.mode is Mode.PRACTICE else keeper.skew
    fallen = _drawdown(desk.meter, desk.engine)
    samples += [
        ("fills_total", {}, len(desk.engine.fills)),
        ("drawdown_ratio", {}, fallen),
        ("loop_lag_seconds", {}, desk.meter.loop_lag),
        ("loop_lag_longest_seconds", {}, desk.meter.longest_lag),
        ("journal_waiting", {}, desk.gateway.recorder.waiting),
        *([] if age is None else [("feed_age_seconds", {}, age)]),
        *([] if skew is None else [("clock_skew_seconds", {}, skew)]),
        *(("limit_use_ratio", {"limit": name}, used) for name, used in _uses(desk.engine, status, age, skew, fallen)),
    ]
    return samples, {"bar_to_order_seconds": desk.meter.bar_to_order}


def _feed_age(engine: Engine, status: BotStatus, clock: Clock) -> float | None:
    if status.mode is Mode.PRACTICE or status.last_bar_time is None:
        return None
    return (clock.now() - status.last_bar_time) / 1e9 - engine.timeframe.seconds


def _drawdown(meter: Meter, engine: Engine) -> float:
    remembered = engine.gate.memory
    peak = max(meter.peak, 0.0 if remembered is None else float(remembered[3]))
    now = engine.tape.last_equity if len(engine.tape) else 0.0
    return max(0.0, 1 - now / peak) if peak > 0 else 0.0


def _uses(
    engine: Engine, status: BotStatus, age: float | None, skew: float | None, fallen: float
) -> Iterable[tuple[str, float]]:
    limits = engine.gate.limits
    worth = float(status.quantity) * (status.price or 0.0)
    used: dict[str, float | None] = {
        "max_position_value": worth,
        "max_open_orders": status.open_orders,
        "max_daily_loss": max(0.0, -float(status.day_pnl)),
        "max_drawdown": fallen,
        "max_bar_age": age,
        "max_clock_skew": None if skew is None else abs(skew),
    }
    for name, value in used.items():
        limit = getattr(limits, name)
        if limit is not None and value is not None:
            yield name, value / float(limit)


def memory() -> int | None:
    """Return the bytes of memory that this process takes, or None where that cannot be told."""
    if sys.platform == "linux":
        try:
            import resource

            return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
        except (OSError, ValueError, IndexError):
            return None
    if sys.platform == "win32":
        return None
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # on macOS in bytes, and the most so far


def _heading(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP cryptobot_{name} {text}.", f"# TYPE cryptobot_{name} {kind}"]


def _buckets(name: str, labels: Labels, histogram: Histogram) -> Iterable[str]:
    below = 0
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        below += count
        yield _line(f"{name}_bucket", {**labels, "le": f"{bound}"}, below)
    yield _line(f"{name}_sum", labels, histogram.total)
    yield _line(f"{name}_count", labels, below)


def _line(name: str, labels: Labels, value: Any) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"cryptobot_{name}{{{told}}} {float(value):.17g}"


def _escaped(text: str) -> str:
    """Escape a label's value; what would end its line cannot stand in it."""
    return str(text).replace("\\", "\\\\").replace("\n", "\\n").replace("\r", " ").replace('"', '\\"')
