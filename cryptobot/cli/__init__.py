"""The command line: ``cryptobot lab``, ``demo``, ``backtest``, ``doctor``."""

from __future__ import annotations

import sys

from cryptobot.core.errors import CryptobotError


def main() -> None:
    """Run the command line.

    An error that the reader can mend is one paragraph on stderr and exit code 2, never a traceback.
    """
    from cryptobot.cli.app import app

    try:
        app()
    except CryptobotError as error:
        from cryptobot.cli.terminal import complain

        complain(str(error))
        sys.exit(2)
