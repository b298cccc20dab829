"""``cryptobot kill``: cancel a bot's orders and let it trade no more until a person clears it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json


def kill(
    name: Annotated[str, typer.Argument(help="Of the bot.", metavar="NAME")],
    flatten: Annotated[bool, typer.Option("--flatten", help="Also sell its position at the market.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="For the journal.")] = "killed from the command line",
    json: JsonOption = False,
) -> None:
    """Cancel all orders of a bot and let it send none, over restarts too, until a person clears it: cryptobot clear.

    Its process goes on and watches. Of a bot that does not run, only its journal is told: what rests on the exchange stays
    there.

    \b
    Examples:
      cryptobot kill btc-trend --flatten
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.kill_switch import kill_bot

    killed = kill_bot(name, flatten=flatten, reason=reason)
    if json:
        print_json({"name": name, "running": killed.running, "open": list(killed.open), "text": killed.text})
    else:
        console().print(escape(killed.text), soft_wrap=True)
