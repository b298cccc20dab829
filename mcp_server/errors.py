"""The errors of the price server, grouped by who reads them.

```
ServerError
├ StartError           the server cannot start as asked: change an option and start it again
├ BackendError         a request cannot be answered: its text is shown to whoever asked
│  ├ UnknownName       no symbol, strategy, bot … of this name; knows the valid ones
│  ├ NotAllowed        it may not be done from here
│  ├ Busy              too much of it is being done already: ask again later
│  ├ Unavailable       there is nothing to show yet
│  └ Relayed           another server refused
└ ClientError          the client could not get an answer
   ├ NotRunning        no server was found
   └ Refused           the server answered with an error
```
"""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.words import closest, listed


class ServerError(Exception):
    """Root of every error the price server and its client raise on purpose."""


class StartError(ServerError, ValueError):
    """The server cannot start as asked."""


class BackendError(ServerError):
    """A request cannot be answered. The text goes to whoever asked: it must hold no secret.

    Attributes
    ----------
    status
        HTTP status of the answer.
    code
        One word for programs.
    allowed
        The valid values, if there are any to name.
    """

    status: int = 400
    code: str = "bad_request"
    allowed: list[str] | None = None


class UnknownName(BackendError):  # noqa: N818 - it says what was asked for
    """Nothing of this name is known.

    Parameters
    ----------
    kind
        What was asked for, for example ``"symbol"``.
    given
        The name.
    known
        The valid names.
    """

    status = 404
    code = "unknown_name"

    def __init__(self, kind: str, given: str, known: Iterable[str]) -> None:
        names = sorted(known)
        shown = str(given)[:60]
        valid = f"Known: {listed(names)}." if names else "None is known."
        super().__init__(f"{kind} `{shown}` is unknown.{closest(shown, names)} {valid}")
        self.kind = kind
        self.allowed = names[:100]


class NotAllowed(BackendError):  # noqa: N818 - it is what the server says
    """It may not be done from here."""

    status = 403
    code = "not_allowed"


class Busy(BackendError):  # noqa: N818 - it is what the server says
    """Too much of it is being done already."""

    status = 429
    code = "busy"


class Unavailable(BackendError):  # noqa: N818 - it is what the server says
    """There is nothing to show, for example no bot or no price yet."""

    status = 503
    code = "unavailable"


class Relayed(BackendError):  # noqa: N818 - it is what the other server said
    """Another server refused; its answer is passed on.

    Parameters
    ----------
    status, code, text, allowed
        Of its answer.
    """

    def __init__(self, status: int, code: str, text: str, allowed: list[str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.allowed = allowed


class ClientError(ServerError):
    """The client could not get an answer."""


class NotRunning(ClientError):  # noqa: N818 - it says what was found
    """No running server was found."""


class Refused(ClientError):  # noqa: N818 - it says what the server did
    """The server answered with an error.

    Parameters
    ----------
    status
        HTTP status.
    text
        What the server said.
    code
        Its one word for programs.
    retry_after
        Seconds after which it may be asked again, if it said so.
    allowed
        The valid values, if it named any.
    """

    def __init__(
        self,
        status: int,
        text: str,
        code: str = "",
        retry_after: float | None = None,
        allowed: list[str] | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.allowed = allowed
