"""``cryptobot run``: one bot from a configuration, in this process, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json


def run(
    config: Annotated[Path, typer.Argument(help="What to run: a TOML file.", metavar="CONFIG.toml")],
    stay: Annotated[
        bool, typer.Option("--stay", help="Stay when the bot has ended, to be looked at, until `cryptobot stop`.")
    ] = False,
    new_journal: Annotated[
        bool, typer.Option("--new-journal", help="Set the old journal aside and begin anew. Not for real money.")
    ] = False,
    launch: Annotated[str, typer.Option("--launch", hidden=True)] = "",
    json: JsonOption = False,
) -> None:
    """Run a bot until it is told to end: Ctrl-C, SIGTERM or `cryptobot stop NAME`.

    It stops within ten seconds and says what stays open. Started again, it goes on from its journal. `cb.attach("NAME")` takes
    hold of it from any notebook. Exit code 1 when it halted or did not come to its end in time.

    \b
    Examples:
      cryptobot run btc-trend.toml
      cryptobot run btc-trend.toml --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.config import BotConfig
    from cryptobot.control.process import BotProcess
    from cryptobot.core.logs import HumanLines, listening

    process = BotProcess(BotConfig.read(config), stay=stay, launch=launch, new_journal=new_journal)
    with ExitStack() as stack:
        if not json and not launch:
            stack.enter_context(listening(logging.StreamHandler(sys.stderr), HumanLines(), logging.INFO))
        ending = process.run()
    if json:
        status = None if ending.status is None else asdict(ending.status)
        print_json({"name": ending.name, "drained": ending.drained, "open": list(ending.open), "status": status})
    else:
        console().print(escape(ending.text), soft_wrap=True)
    if not ending.drained:
        # A thread that hangs inside a strategy would keep the process for ever.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    if not ending.ok:
        raise typer.Exit(1)
