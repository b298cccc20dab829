"""The library's errors as those of the price server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptobot.core.errors import AuthError, ConfigError, CryptobotError
from mcp_server.errors import BackendError, Unavailable


@contextmanager
def answered() -> Iterator[None]:
    """Let what the library refuses reach whoever asked, in the library's own words.

    Raises
    ------
    BackendError
        For a value that is not allowed.
    Unavailable
        For what an exchange or its data does not give now.
    """
    try:
        yield
    except AuthError:
        # What an exchange says about keys is nobody else's business.
        raise Unavailable(
            "The exchange refuses the server's key. Its owner finds the reason in the bot's log."
        ) from None
    except ConfigError as error:
        raise BackendError(str(error)) from error
    except CryptobotError as error:
        raise Unavailable(str(error)) from error
