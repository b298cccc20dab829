"""Ready configuration for the common assistants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TOKEN = "${CRYPTOBOT_TOKEN}"  # noqa: S105 - a placeholder


def configurations(
    url: str, state: Path | None, command: Sequence[str] = ("cryptobot", "mcp"), *, token: str = TOKEN
) -> dict[str, str]:
    """Return what to put where, by assistant.

    Those that launch a command need no token: the command finds the server by its state file. Those that connect send
    it in a header; it is not written out unless given.

    Parameters
    ----------
    url
        Of the server.
    state
        Its state file, where the token stands.
    command
        What launches the stdio side.
    token
        What stands in the header.

    Examples
    --------
    >>> print(configurations("http://127.0.0.1:8808", None)["Claude Code"])
    claude mcp add cryptobot -- cryptobot mcp
    """
    launched = {"command": command[0], "args": list(command[1:])}
    connected = {"url": f"{url}/mcp", "headers": {"Authorization": f"Bearer {token}"}}
    where = "" if state is None else f"   (the token stands in {state})"
    return {
        "Claude Desktop": _json({"mcpServers": {"cryptobot": launched}}),
        "Claude Code": f"claude mcp add cryptobot -- {' '.join(command)}",
        "Cursor (.cursor/mcp.json)": _json({"mcpServers": {"cryptobot": connected}}) + where,
        "VS Code (.vscode/mcp.json)": _json({"servers": {"cryptobot": {"type": "http", **connected}}}) + where,
        "jupyter-ai (.jupyter/mcp_settings.json)": _json({"mcp_servers": [{"name": "cryptobot", **launched}]}),
    }


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2)
