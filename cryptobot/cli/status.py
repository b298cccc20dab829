"""``cryptobot status``: the bots that run in processes of their own."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.command import spoken
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.secrecy import redact

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
        print_json(
            [
                {"name": bot.name, "state": None, "reason": row} if isinstance(row, str) else _plain(row)
                for bot, row in rows
            ]
        )
    elif not rows:
        console().print("No bot runs in a process of its own. Start one: cryptobot run CONFIG.toml")
    else:
        console().print(_table(rows))
        for _, row in rows:
            if isinstance(row, str):
                console().print(escape(row), soft_wrap=True)


def _status(bot: AttachedBot) -> BotStatus | str:
    """Return where a bot stands, or why that is not known."""
    from cryptobot.core.errors import CryptobotError

    try:
        return bot.status()
    except CryptobotError as error:  # it ended just now, or hangs, or is of another version
        return redact(spoken(str(error), {}))


def _plain(found: BotStatus) -> dict[str, Any]:
    return {key: str(value) if key == "mode" else value for key, value in asdict(found).items()}


def _show(found: BotStatus) -> None:
    name, *lines = str(found).splitlines()
    out = console()
    out.print(f"[bold]{escape(name)}[/bold]")
    for line in lines:
        out.print(escape(line), soft_wrap=True)


def _table(rows: list[tuple[AttachedBot, BotStatus | str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Name", "State", "Trading", "Mode", "Market", "Position", "Equity", "Trades"):
        table.add_column(heading, justify="right" if heading in ("Equity", "Trades") else "left")
    for bot, found in rows:
        if isinstance(found, str):
            table.add_row(escape(bot.name), "not known")
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
