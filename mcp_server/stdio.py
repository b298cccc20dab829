"""The Model Context Protocol over stdin and stdout, for assistants that launch a command.

The process holds no prices and no bots: it asks the server that runs in the notebook or the bot's process. Nothing but
the protocol may go to stdout, so logs go to stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.client.backend import HttpBackend
from mcp_server.http.service import Service
from mcp_server.limits import Limits
from mcp_server.security.tokens import Right

if TYPE_CHECKING:
    from mcp_server.events import Event

CONTROL_TOKEN = "CRYPTOBOT_CONTROL_TOKEN"  # noqa: S105 - the name of the variable
"""Environment variable with the control token; without it the assistant only reads and backtests."""


def run(
    *,
    url: str | None = None,
    token: str | None = None,
    name: str | None = None,
    state_directory: Path | str | None = None,
) -> None:
    """Serve one assistant until it closes stdin.

    Parameters
    ----------
    url, token
        Of the server; without them it is found by its state file, whenever it runs.
    name
        Of the server's backend, where several run.
    state_directory
        Where to look.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    control = os.environ.get(CONTROL_TOKEN) or None
    asyncio.run(_serve(url, token, control, name, state_directory))


async def _serve(
    url: str | None, token: str | None, control: str | None, name: str | None, directory: Path | str | None
) -> None:
    from mcp_server.protocol.build import build  # noqa: PLC0415 - the SDK takes a second to import

    backend = HttpBackend(url, token, control_token=control, name=name, state_directory=directory)

    def hide(text: str) -> str:
        for secret in (token, control):
            if secret:
                text = text.replace(secret, "**********")
        return text

    service = Service(backend, Limits(), control is not None, hide, lambda: None)
    assistant = build(service, without_token=Right.READ if control is None else Right.CONTROL)

    def tell(event: Event) -> None:
        assistant.notices.tell(event)

    unsubscribe = backend.subscribe(tell)
    try:
        await assistant.server.run_stdio_async()
    finally:
        unsubscribe()
        await assistant.notices.close()
        await backend.close()
