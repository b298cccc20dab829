"""The command line: ``cryptobot lab``, ``demo``, ``backtest``, ``doctor``."""

from __future__ import annotations

import sys
import traceback

from cryptobot.core.errors import CryptobotError
from cryptobot.core.secrecy import redact


def main() -> None:
    """Run the command line.

    An error that the reader can mend is one paragraph on stderr and exit code 2, never a traceback.
    """
    from cryptobot.cli.app import app

    try:
        app()
    except CryptobotError as error:
        from cryptobot.cli.terminal import complain

        complain(redact(str(error)))
        sys.exit(2)
    except Exception:  # noqa: BLE001 - whatever it is: it is shown whole, and without secrets
        sys.stderr.write(redact(traceback.format_exc()))
        sys.exit(70)
