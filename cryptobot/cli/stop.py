"""``cryptobot stop``: end a bot's process, and say what it leaves."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json


def stop(
    name: Annotated[str, typer.Argument(help="Of the bot.", metavar="NAME")],
    json: JsonOption = False,
) -> None:
    """Stop a bot and end its process. What rests on the exchange stays there, and is named.

    Exit code 1 when it did not come to its end in time.

    \b
    Examples:
      cryptobot stop btc-trend
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.attach import attach

    ending = attach(name).shut_down()
    if json:
        state = None if ending.status is None else ending.status.state
        print_json({"name": name, "state": state, "drained": ending.drained, "open": list(ending.open)})
    else:
        console().print(escape(ending.text), soft_wrap=True)
    if not ending.drained:
        raise typer.Exit(1)
