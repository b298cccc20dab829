"""A bot's status in words and figures, for the header and the row of key figures."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cryptobot.notebook.numbers import Units, signed, tone_of
from cryptobot.notebook.readout import Said

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus


HEADER: Final = (("mode", ""), ("market", ""), ("state", ""), ("reason", ""))
FIGURES: Final = (
    ("price", "Last price"),
    ("equity", "Equity"),
    ("position", "Position"),
    ("unrealised", "Unrealised PnL"),
    ("realised", "Realised PnL"),
    ("trades", "Closed trades"),
    ("fees", "Fees paid"),
)
ACCOUNT: Final = (
    ("cash", "Cash"),
    ("held", "In the market"),
    ("initial", "Started with"),
    ("bars", "Bars traded"),
    ("newest", "Newest bar (UTC)"),
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


def header(status: BotStatus, errors: int) -> dict[str, Said]:
    """Say what cannot be mistaken: mode, market, state, and why the bot is not running if it is not.

    Parameters
    ----------
    status
        The bot's status.
    errors
        How many errors the panel itself has met.
    """
    mode = str(status.mode)
    word, meaning = STATES.get(status.state, (status.state.upper(), ""))
    reason = status.reason if status.state in ("halted", "stopped", "finished") else ""
    if errors:
        reason = f"{errors} panel error{'s' * (errors > 1)}: see the log. {reason}"
    return {
        "mode": Said(mode.upper(), mode, title=MODES.get(mode, ""), note=MODES.get(mode, "")),
        "market": Said(status.symbol, note=f"{status.timeframe} · {status.name}", title="Market, timeframe and bot"),
        "state": Said(word, status.state, title=meaning),
        "reason": Said(reason, "error" if errors or status.state == "halted" else "", title=reason),
    }


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
            f"{units.quantity(status.quantity)} {units.base}",
            "long",
            "long" if status.entry_price is None else f"long from {units.price(status.entry_price)}",
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
        "trades": Said(f"{status.trades:,}", note="round trips"),
        "fees": Said(units.money(status.fees), note=units.quote),
    }


_UNKNOWN: Final = {key: "known when started" for key, _ in FIGURES} | {"price": "no bar yet"}


def account(status: BotStatus, units: Units) -> dict[str, Said]:
    """Write where the money is, and how far the bot has come.

    Parameters
    ----------
    status
        The bot's status.
    units
        How this market's numbers are written.
    """
    time = status.last_bar_time
    if not status.initial_equity:
        return {key: Said("–") for key, _ in ACCOUNT}
    return {
        "cash": Said(units.money(status.cash), note=units.quote),
        "held": Said(units.money(status.equity - status.cash), note=units.quote),
        "initial": Said(units.money(status.initial_equity), note=units.quote),
        "bars": Said(f"{status.bars:,}"),
        "newest": Said("–" if time is None else f"{datetime.fromtimestamp(time / 1e9, UTC):%Y-%m-%d %H:%M}"),
    }


def _when(status: BotStatus, units: Units) -> str:
    """Say what the price is in, and which bar it is of."""
    if status.last_bar_time is None:
        return "no bar yet"
    moment = datetime.fromtimestamp(status.last_bar_time / 1e9, UTC)
    return f"{units.quote}  bar of {moment:%H:%M:%S}" if moment.second else f"{units.quote}  bar of {moment:%H:%M}"


def _arrow(value: Decimal) -> str:
    """Show the direction without colour."""
    return "▲ " if value > 0 else "▼ " if value < 0 else ""
