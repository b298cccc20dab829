"""``cryptobot status``: the bots that run in processes of their own."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.text import count

if TYPE_CHECKING:
    from cryptobot.control.attached_bot import AttachedBot
    from cryptobot.trading.status import BotStatus


def status(
    name: Annotated[str | None, typer.Argument(help="One bot; all that run if not given.", metavar="[NAME]")] = None,
    json: JsonOption = False,
) -> None:
    """Show where bots stand that run in processes of their own.

    \b
    Examples:
      cryptobot status
      cryptobot status btc-trend --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.attach import attach, launched_bots

    if name is not None:
        found = attach(name).status()
        if json:
            print_json(_plain(found))
        else:
            _show(found)
        return
    rows = [(bot, _status(bot)) for bot in launched_bots()]
    if json:
        print_json([_plain(row) if row is not None else {"name": bot.name, "state": None} for bot, row in rows])
    elif not rows:
        console().print("No bot runs in a process of its own. Start one: cryptobot run CONFIG.toml")
    else:
        console().print(_table(rows))


def _status(bot: AttachedBot) -> BotStatus | None:
    from cryptobot.core.errors import CryptobotError

    try:
        return bot.status()
    except CryptobotError:
        return None  # it ended just now, or hangs; either is said in its row


def _plain(found: BotStatus) -> dict[str, Any]:
    return {key: str(value) if key == "mode" else value for key, value in asdict(found).items()}


def _show(found: BotStatus) -> None:
    from cryptobot.control.ending import left_open

    out, base = console(), found.symbol.partition("/")[0]
    quote = found.symbol.partition("/")[2]
    reason = f": {found.reason}" if found.reason else ""
    allowed = found.trading_state + (f": {found.trading_reason}" if found.trading_reason else "")
    held = f"{found.quantity:,.8g} {base} at {found.entry_price:,.8g}" if found.entry_price is not None else "flat"
    rows = {
        "State": f"{found.state}{reason}",
        "Trading": allowed,
        "Mode": str(found.mode),
        "Market": f"{found.symbol} {found.timeframe}" + ("" if found.connected else ", not connected"),
        "Strategy": f"{found.strategy}({', '.join(f'{key}={value}' for key, value in found.parameters.items())})",
        "Position": held,
        "Open": "; ".join(left_open(found)) or "nothing",
        "Equity": f"{found.equity:,.2f} {quote} (today {found.day_pnl:+,.2f})",
        "Trades": f"{found.trades:,} in {count(found.bars, 'bar')}, fees {found.fees:,.2f} {quote}",
        "Journal": found.journal or "in memory",
        "Process": str(found.pid),
    }
    out.print(f"[bold]{escape(found.name)}[/bold]")
    for label, text in rows.items():
        out.print(f"{label + ':':10} {escape(text)}", soft_wrap=True)


def _table(rows: list[tuple[AttachedBot, BotStatus | None]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Name", "State", "Trading", "Mode", "Market", "Position", "Equity", "Trades"):
        table.add_column(heading, justify="right" if heading in ("Equity", "Trades") else "left")
    for bot, found in rows:
        if found is None:
            table.add_row(escape(bot.name), "does not answer")
            continue
        held = f"{found.quantity:,.8g}" if found.quantity else "flat"
        table.add_row(
            escape(found.name),
            found.state,
            found.trading_state,
            str(found.mode),
            escape(f"{found.symbol} {found.timeframe}"),
            held,
            f"{found.equity:,.2f}",
            f"{found.trades:,}",
        )
    return table
