"""A bot's status in words and figures, for the header and the row of key figures."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cryptobot.core.types import Mode
from cryptobot.notebook.limit_words import CLOSE, used
from cryptobot.notebook.limit_words import words as limit_words
from cryptobot.notebook.numbers import MINUS, Units, signed, tone_of
from cryptobot.notebook.said import Said

if TYPE_CHECKING:
    from cryptobot.notebook.live_price import LiveTick
    from cryptobot.trading.status import BotStatus


HEADER: Final = (("mode", ""), ("market", ""), ("state", ""), ("reason", ""))
FIGURES: Final = (
    ("price", "Last price"),
    ("equity", "Equity"),
    ("position", "Position"),
    ("unrealised", "Unrealised PnL"),
    ("realised", "Realised PnL"),
    ("today", "Today (UTC)"),
    ("trades", "Closed trades"),
)
ACCOUNT: Final = (
    ("cash", "Cash"),
    ("held", "In the market"),
    ("initial", "Started with"),
    ("bars", "Bars traded"),
    ("newest", "Newest bar (UTC)"),
    ("feed", "Feed"),
    ("live", "Live price"),
    ("protection", "Protection"),
    ("limits", "Limits"),
)

MODES: Final = {
    "practice": "Built-in market, no network, no money",
    "paper": "Real prices, simulated fills, no money",
    "testnet": "The exchange's test network, no real money",
    "live": "REAL MONEY on a real exchange",
}
STATES: Final = {
    "new": ("READY", "Not started yet"),
    "starting": ("STARTING", "Connecting and loading history"),
    "running": ("RUNNING", "Decides at every bar's close"),
    "stopping": ("STOPPING", "Finishing what is under way"),
    "stopped": ("STOPPED", "Stopped: nothing is decided or sent"),
    "finished": ("FINISHED", "The recorded market has come to its end"),
    "halted": ("HALTED", "Halted by an error: nothing is decided or sent"),
}
TRADING: Final = {
    "reducing": ("REDUCING", "It only makes the position smaller. Clear lets it trade again"),
    "halted": ("HALTED", "It watches and sends no order. Clear lets it trade again"),
}


def header(status: BotStatus, errors: int) -> dict[str, Said]:
    """Say what cannot be mistaken: mode, market, state, and why the bot does not trade if it does not.

    Parameters
    ----------
    status
        The bot's status.
    errors
        How many errors the panel itself has met.
    """
    mode = str(status.mode)
    word, tone, meaning = state(status)
    reason, alarm = _reason(status)
    if errors:
        reason, alarm = f"{errors} panel error{'s' * (errors > 1)}: see the log. {reason}", True
    return {
        "mode": Said(mode.upper(), mode, title=MODES.get(mode, ""), note=MODES.get(mode, "")),
        "market": Said(status.symbol, note=f"{status.timeframe} · {status.name}", title="Market, timeframe and bot"),
        "state": Said(word, tone, title=meaning),
        "reason": Said(reason, "error" if alarm else "", title=reason),
    }


def state(status: BotStatus) -> tuple[str, str, str]:
    """Say in one word what a bot does and may do; the most careful wins.

    Returns
    -------
    tuple
        The word, its tone for the style sheet, and what it means.
    """
    word, meaning = STATES.get(status.state, (status.state.upper(), ""))
    trading = str(status.trading_state)
    if trading == "active":
        return word, status.state, meaning
    may, means = TRADING[trading]
    if status.state in ("starting", "running"):
        return may, trading, means
    return (word if word == may else f"{word} · {may}"), trading, f"{meaning}. {means}"


def _reason(status: BotStatus) -> tuple[str, bool]:
    """Say what a person should know now, and whether it is a matter of concern."""
    if status.unknown_orders:
        count = status.unknown_orders
        return (
            f"Nobody knows what became of {count} order{'s' * (count > 1)}: nothing is bought until that is known.",
            True,
        )
    if status.state in ("starting", "running") and not status.connected:
        return "The exchange does not answer. The bot goes on trying.", True
    if status.protected is False:
        return "The position is not protected: no stop rests on the exchange.", True
    if status.trading_state != "active":
        return status.trading_reason[:1].upper() + status.trading_reason[1:], status.trading_state == "halted"
    return (
        (status.reason, status.state == "halted") if status.state in ("halted", "stopped", "finished") else ("", False)
    )


def figures(status: BotStatus, units: Units) -> dict[str, Said]:
    """Write the key figures, each with its unit.

    Parameters
    ----------
    status
        The bot's status.
    units
        How this market's numbers are written.
    """
    if not status.initial_equity:
        return {key: Said("–", note=note) for key, note in _UNKNOWN.items()}
    gain = status.equity - status.initial_equity
    share = 100 * gain / status.initial_equity
    flat = not status.quantity
    cost = status.quantity * status.entry_price if status.entry_price is not None else Decimal(0)
    open_share = signed(100 * status.unrealised_pnl / cost, 2) + " %" if cost else ""
    return {
        "price": Said("–" if status.price is None else units.price(status.price), note=_when(status, units)),
        "equity": Said(units.money(status.equity), tone_of(gain), f"{units.quote}  {_arrow(gain)}{signed(share, 2)} %"),
        "position": Said("flat", "flat", f"0 {units.base}")
        if flat
        else Said(
            units.quantity(status.quantity),
            "long",
            f"{units.base}  long" + ("" if status.entry_price is None else f" at {units.price(status.entry_price)}"),
        ),
        "unrealised": Said(
            units.signed_money(status.unrealised_pnl),
            tone_of(status.unrealised_pnl),
            f"{units.quote}  {_arrow(status.unrealised_pnl)}{open_share}",
        ),
        "realised": Said(
            units.signed_money(status.realised_pnl),
            tone_of(status.realised_pnl),
            f"{units.quote}  {_arrow(status.realised_pnl)}after fees",
        ),
        "today": Said(
            units.signed_money(status.day_pnl),
            tone_of(status.day_pnl),
            f"{units.quote}  {_allowed(status, units)}",
        ),
        "trades": Said(f"{status.trades:,}", note=f"fees {units.money(status.fees)} {units.quote}"),
    }


_UNKNOWN: Final = {key: "known when started" for key, _ in FIGURES} | {"price": "no bar yet"}


def account(
    status: BotStatus, units: Units, age: float | None, live: LiveTick | None = None, lag: float | None = None
) -> dict[str, Said]:
    """Write where the money is, how far the bot has come, and what watches over it.

    Parameters
    ----------
    status
        The bot's status.
    units
        How this market's numbers are written.
    age
        Seconds since the newest bar came, or None while none has.
    live
        What a price server says, or None where there is none.
    lag
        Seconds from here to the painted page, or None before the first frame.
    """
    time = status.last_bar_time
    known = bool(status.initial_equity)
    return {
        "cash": Said(units.money(status.cash), note=units.quote) if known else Said("–"),
        "held": Said(units.money(status.equity - status.cash), note=units.quote) if known else Said("–"),
        "initial": Said(units.money(status.initial_equity), note=units.quote) if known else Said("–"),
        "bars": Said(f"{status.bars:,}") if known else Said("–"),
        "newest": Said("–" if time is None else f"{datetime.fromtimestamp(time / 1e9, UTC):%Y-%m-%d %H:%M}"),
        "feed": _feed(status, age, lag),
        "live": _live(status, live, units),
        "protection": _protection(status),
        "limits": _limits(status),
    }


def _feed(status: BotStatus, age: float | None, lag: float | None) -> Said:
    if status.state not in ("starting", "running"):
        return Said("off", "flat", title="The bot is not running, so no bars come")
    if not status.connected:
        return Said("▲ no answer", "error", title="The exchange does not answer")
    if age is None:
        return Said("waiting", "flat", title="No bar has come yet")
    shown = "" if lag is None else f"+{10 * round(100 * lag)} ms"
    return Said(f"bar {ago(age)} ago", note=shown, title="Since the newest bar came, and how late this page shows it")


def _live(status: BotStatus, live: LiveTick | None, units: Units) -> Said:
    if status.mode is Mode.PRACTICE:
        return Said("at each close", "flat", title="A practice market has no price between two bars")
    if live is None:
        return Said("–", "flat", title="No price server quotes this market. Start one in a shell: cryptobot serve")
    where = f"{live.source}, from the price server"
    if live.stale:
        return Said(f"▲ {ago(live.age)} old", "error", title=f"The price server does not answer. {where}")
    return Said(units.price(live.price), note=f"{ago(live.age)} old", title=where)


def _protection(status: BotStatus) -> Said:
    if status.protected is None:
        return Said("nothing held" if not status.quantity else "no stop set", "flat")
    return Said("● stop rests") if status.protected else Said("▲ missing", "error")


def _limits(status: BotStatus) -> Said:
    if not status.limits:
        return Said("none set", "flat")
    nearest = next(iter(used(status)), None)
    text = f"{len(status.limits)} set"
    if nearest is None or nearest.share < 0.01:
        return Said(text)
    tone = "error" if nearest.share >= CLOSE else ""
    return Said(f"{'▲ ' if tone else ''}{limit_words(nearest.name)} {100 * nearest.share:.0f} % used", tone, title=text)


def _allowed(status: BotStatus, units: Units) -> str:
    """Say how much loss is allowed today, where there is a limit."""
    limit = status.limits.get("max_daily_loss")
    return "no limit set" if limit is None else f"limit {MINUS}{units.money(Decimal(limit))}"


def ago(seconds: float) -> str:
    """Write a short time.

    Examples
    --------
    >>> ago(3.4), ago(130), ago(7300)
    ('3 s', '2 min', '2 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def _when(status: BotStatus, units: Units) -> str:
    """Say what the price is in, and which bar it is of."""
    if status.last_bar_time is None:
        return "no bar yet"
    moment = datetime.fromtimestamp(status.last_bar_time / 1e9, UTC)
    return f"{units.quote}  bar of {moment:%H:%M:%S}" if moment.second else f"{units.quote}  bar of {moment:%H:%M}"


def _arrow(value: Decimal) -> str:
    """Show the direction without colour."""
    return "▲ " if value > 0 else "▼ " if value < 0 else ""
