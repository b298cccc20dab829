"""``cryptobot mcp``: the side of the price server that assistants launch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def mcp(
    name: Annotated[str | None, typer.Option("--name", help="Which server, where several run.")] = None,
    state_directory: Annotated[
        Path | None, typer.Option("--state-directory", metavar="FOLDER", help="Where the servers' state files are.")
    ] = None,
) -> None:
    """Serve an assistant over stdin and stdout; it asks the price server that runs on this machine.

    For the configuration of an assistant that launches a command, not for people: `cryptobot serve` prints it. With
    CRYPTOBOT_CONTROL_TOKEN set, the assistant may stop, start and change bots as far as the server allows.
    """
    from mcp_server.stdio import run

    run(name=name, state_directory=state_directory)
