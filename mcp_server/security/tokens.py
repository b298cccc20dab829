"""The two secrets of a server: one to read, one to control."""

from __future__ import annotations

import hmac
import secrets
from enum import IntEnum
from typing import NoReturn

from mcp_server.errors import StartError

SHORTEST = 32


class Right(IntEnum):
    """What a request may do; more includes less."""

    NONE = 0
    READ = 1
    CONTROL = 2


class Tokens:
    """A read token and a control token, each of 256 random bits unless given.

    Parameters
    ----------
    read, control
        Tokens of your own, for example from a secret store.

    Raises
    ------
    StartError
        If a token of your own is too short to be a secret, or both are the same.
    """

    __slots__ = ("_control", "_read")

    def __init__(self, read: str | None = None, control: str | None = None) -> None:
        for name, given in (("token", read), ("control_token", control)):
            if given is not None and not _strong(given):
                raise StartError(
                    f"{name}: too weak (the value is not shown). Give at least {SHORTEST} letters, digits, - or _, "
                    "or leave it out: a random one is made."
                )
        if read is not None and read == control:
            raise StartError("token and control_token are the same. Whoever may read could control: make them differ.")
        self._read = (read or secrets.token_urlsafe(32)).encode("ascii")
        self._control = (control or secrets.token_urlsafe(32)).encode("ascii")

    @property
    def read(self) -> str:
        """The token to read with."""
        return self._read.decode("ascii")

    @property
    def control(self) -> str:
        """The token to control with; it reads, too."""
        return self._control.decode("ascii")

    def right_of(self, header: bytes) -> Right:
        """Return the right that an ``Authorization`` header gives. Takes the same time whatever it holds.

        Parameters
        ----------
        header
            Its value; empty if there was none.
        """
        scheme, _, given = header.partition(b" ")
        reads = hmac.compare_digest(given, self._read)
        controls = hmac.compare_digest(given, self._control)
        if scheme.lower() != b"bearer":
            return Right.NONE
        return Right.CONTROL if controls else Right.READ if reads else Right.NONE

    def hide(self, text: str) -> str:
        """Return text with the tokens blotted out."""
        return text.replace(self.read, "**********").replace(self.control, "**********")

    def __repr__(self) -> str:
        return "Tokens(**********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Tokens are secrets and are not pickled.")


def _strong(token: str) -> bool:
    plain = token.isascii() and token.replace("-", "").replace("_", "").isalnum()
    return plain and len(token) >= SHORTEST and len(set(token)) >= 10
