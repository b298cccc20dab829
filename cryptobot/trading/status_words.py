"""Where a bot stands, in words: the same for `print`, the command line and a process's last word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptobot.core.text import count, written

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus


def rows(status: BotStatus) -> dict[str, str]:
    """Return what a person asks for first, a short text for each heading."""
    base, _, quote = status.symbol.partition("/")
    parameters = ", ".join(f"{name}={value}" for name, value in status.parameters.items())
    held = "flat"
    if status.entry_price is not None:
        held = f"{written(status.quantity, 8)} {base} at {written(status.entry_price, 8)}"
    wrong = troubles(status)
    return {
        "State": _because(status.state, status.reason),
        "Trading": _because(status.trading_state, status.trading_reason),
        **({"Trouble": "; ".join(wrong)} if wrong else {}),
        "Mode": str(status.mode),
        "Market": f"{status.symbol} {status.timeframe}",
        "Strategy": f"{status.strategy}({parameters})",
        "Position": held,
        "Open": "; ".join(left_open(status)) or "nothing",
        "Equity": f"{status.equity:,.2f} {quote} (today {status.day_pnl:+,.2f})",
        "PnL": f"{status.realised_pnl:+,.2f} {quote} realised, {status.unrealised_pnl:+,.2f} unrealised",
        "Trades": f"{status.trades:,} in {count(status.bars, 'bar')}, fees {status.fees:,.2f} {quote}",
        "Journal": status.journal or "in memory",
        "Process": str(status.pid),
    }


def troubles(status: BotStatus) -> tuple[str, ...]:
    """Say what is wrong and a person should know; nothing where nothing is."""
    found = []
    if not status.connected:
        found.append("the exchange does not answer")
    if status.unknown_orders:
        found.append(f"nobody knows what became of {count(status.unknown_orders, 'order')}")
    if status.protected is False:
        found.append("the position is not protected")
    return tuple(found)


def left_open(status: BotStatus) -> tuple[str, ...]:
    """Say what a bot leaves at its exchange, in words."""
    base = status.symbol.partition("/")[0]
    found = []
    if status.quantity:
        cover = {True: ", covered by orders on the exchange", False: ", without protection", None: ""}[status.protected]
        found.append(f"a position of {written(status.quantity, 8)} {base}{cover}")
    if status.open_orders:
        found.append(count(status.open_orders, "open order"))
    if status.unknown_orders:
        found.append(f"{count(status.unknown_orders, 'order')} of unknown fate")
    return tuple(found)


def _because(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what
