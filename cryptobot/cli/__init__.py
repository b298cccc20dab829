"""The command line: ``cryptobot lab``, ``demo``, ``run``, ``status`` and the others."""

from __future__ import annotations

import sys
import traceback

# What a shell expects of a program that Ctrl-C ended.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line.

    An error that the reader can mend is one paragraph on stderr and exit code 2, never a traceback.
    """
    from cryptobot.cli.interruption import never_lost

    try:
        with never_lost():
            _main()
    except KeyboardInterrupt:  # within a command click has dealt with it; this one came while modules were loaded
        sys.exit(_INTERRUPTED)


def _main() -> None:
    from cryptobot.cli.app import app
    from cryptobot.core.errors import CryptobotError
    from cryptobot.core.secrecy import redact

    try:
        app()
    except Exception as error:  # noqa: BLE001 - whatever it is: it is shown, and without secrets
        from cryptobot.cli.terminal import complain

        if isinstance(error, CryptobotError):
            complain(redact(str(error)))
        elif isinstance(error, OSError) and error.filename is not None:  # a file to write to, most often
            complain(redact(f"{error.filename}: {error.strerror}. Mend that, or name another place."))
        else:
            sys.stderr.write(redact(traceback.format_exc()))
            sys.exit(70)
        sys.exit(2)
