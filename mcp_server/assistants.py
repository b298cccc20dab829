"""Ready configuration for the common assistants."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

COMMAND = ("cryptobot", "mcp")


def configurations(url: str, state: Path | None, command: Sequence[str] = COMMAND) -> dict[str, str]:
    """Return what to put where, by assistant.

    They launch a command, which finds the server by its state file whenever it runs: none of them needs a token, and none
    has to be changed when the server starts anew with another port and another token.

    Parameters
    ----------
    url
        Of the server, for those that connect by themselves.
    state
        Its state file, where their token stands.
    command
        What launches the stdio side. Assistants do not know the environment of a shell: give the program's whole path.

    Examples
    --------
    >>> print(configurations("http://127.0.0.1:8808", None)["Claude Code"])
    claude mcp add cryptobot -- cryptobot mcp
    """
    launched = {"command": command[0], "args": list(command[1:])}
    token = "TOKEN" if state is None else f"TOKEN, which stands in {state}"
    return {
        "Claude Desktop (claude_desktop_config.json)": _json({"mcpServers": {"cryptobot": launched}}),
        "Claude Code": f"claude mcp add cryptobot -- {_line(command)}",
        "Cursor (.cursor/mcp.json)": _json({"mcpServers": {"cryptobot": launched}}),
        "VS Code (.vscode/mcp.json)": _json({"servers": {"cryptobot": {"type": "stdio", **launched}}}),
        "jupyter-ai (.jupyter/mcp_settings.json)": _json({"mcp_servers": [{"name": "cryptobot", **launched}]}),
        "Others, over HTTP": f"{url}/mcp with the header Authorization: Bearer {token}",
    }


def _line(command: Sequence[str]) -> str:
    """Write a command as the shell of this machine takes it."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2)
