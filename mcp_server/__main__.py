"""Serve an assistant over stdin and stdout: `python -m mcp_server`; it asks the price server that runs on this machine."""

from __future__ import annotations

import argparse

from mcp_server.stdio import CONTROL_TOKEN, run


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m mcp_server", description=__doc__, epilog=f"With {CONTROL_TOKEN} set, bots can be controlled."
    )
    parser.add_argument("--name", help="which server, where several run")
    parser.add_argument("--state-directory", help="folder of the state files")
    options = parser.parse_args()
    run(name=options.name, state_directory=options.state_directory)


if __name__ == "__main__":
    main()
