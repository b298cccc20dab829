"""``cryptobot clear``: let a bot trade again that a kill, a limit or a comparison has stopped."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json


def clear(
    name: Annotated[str, typer.Argument(help="Of the bot.", metavar="NAME")],
    reason: Annotated[str, typer.Option("--reason", help="For the journal.")] = "cleared from the command line",
    json: JsonOption = False,
) -> None:
    """Let a bot trade again after a kill, a limit, or a comparison that did not fit.

    The bot must be running. Look at it first: `cryptobot status NAME` says why it trades nothing, and what it holds.

    \b
    Examples:
      cryptobot clear btc-trend
      cryptobot clear btc-trend --reason "deposited, the loss was mine"
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.attach import attach

    found = attach(name).clear(reason)
    if json:
        print_json({"name": name, "trading_state": found.trading_state, "trading_reason": found.trading_reason})
        return
    why = f": {found.trading_reason}" if found.trading_reason else ""
    console().print(escape(f"{name} is {found.trading_state}{why}."), soft_wrap=True)
