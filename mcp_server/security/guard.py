"""The one check that every request passes, whatever it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from mcp_server.limits import Limits
from mcp_server.security.lockout import Lockout
from mcp_server.security.origins import Places
from mcp_server.security.policy import Policy, Rate
from mcp_server.security.rate import Bucket
from mcp_server.security.refusals import Refusals
from mcp_server.security.tokens import Right, Tokens


class Denied(Exception):  # noqa: N818 - an answer, not a fault
    """The request is refused.

    Parameters
    ----------
    status
        HTTP status.
    code
        One word for programs.
    text
        What to do about it.
    headers
        Further headers of the answer.
    hang_up
        Whether the connection ends with the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        headers: Mapping[str, str] | None = None,
        *,
        hang_up: bool = False,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.hang_up = hang_up


class Guard:
    """Checks host, origin, token, body and rate, in this order.

    Parameters
    ----------
    tokens, places, limits
        What is right.
    refusals
        Where refused attempts are noted.
    now
        A monotonic clock in seconds.
    """

    def __init__(
        self, tokens: Tokens, places: Places, limits: Limits, refusals: Refusals, now: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._places = places
        self._limits = limits
        self._refusals = refusals
        self._now = now
        self._lockout = Lockout(limits.bad_tokens, limits.bad_token_seconds, limits.lockout_seconds, now)
        self._buckets: dict[tuple[Rate, Right], Bucket] = {}
        self._rates: dict[Rate, tuple[float, int]] = {
            "calls": (limits.calls_per_second, limits.call_burst),
            "mcp": (limits.mcp_calls_per_second, limits.mcp_call_burst),
            "control": (limits.control_per_second, limits.control_burst),
        }

    def check_place(self, host: str | None, origin: str | None, address: str) -> None:
        """Refuse requests for another server and from other pages.

        Raises
        ------
        Denied
            421 for a foreign ``Host``, 403 for a foreign ``Origin``.
        """
        if not self._places.host_allowed(host):
            self._refusals.add("host", address, f"Host {host}")
            raise Denied(421, "wrong_host", "This server does not answer to this Host.", hang_up=True)
        if not self._places.origin_allowed(origin):
            self._refusals.add("origin", address, f"Origin {origin}")
            raise Denied(403, "wrong_origin", "Pages of this Origin may not ask this server.", hang_up=True)

    def check_right(self, authorization: str | None, policy: Policy, address: str, *, proven: bool) -> Right:
        """Return what the token gives, if it is enough.

        Parameters
        ----------
        authorization
            The header.
        policy
            Of the route.
        address
            Of the peer.
        proven
            Whether this connection has shown the right token before.

        Raises
        ------
        Denied
            401 without a right token, 403 with a read token where the control token is needed, 429 while locked out.
        """
        if policy.right is Right.NONE:
            return Right.NONE
        remaining = 0.0 if proven else self._lockout.remaining(address)
        if remaining > 0:
            self._refusals.add("lockout", address, "a request while locked out")
            raise Denied(
                429,
                "locked_out",
                f"Too many wrong tokens came from here. Try again in {ceil(remaining)} s.",
                {"Retry-After": str(ceil(remaining))},
                hang_up=True,
            )
        given = (authorization or "").encode("utf-8", "surrogateescape")
        right = self._tokens.right_of(given)
        if right is Right.NONE:
            if given:
                locked = self._lockout.wrong(address, given)
                self._refusals.add("token", address, "a wrong token" + (": locked out" if locked else ""))
            else:
                self._refusals.add("token", address, "no token")
            raise Denied(
                401,
                "token_needed",
                "Send the server's token in the header 'Authorization: Bearer …'. It stands in the state file.",
                {"WWW-Authenticate": 'Bearer realm="cryptobot"'},
            )
        if right < policy.right:
            self._refusals.add("control", address, "the read token on a control route")
            raise Denied(403, "control_needed", "This needs the control token; the read token may only read.")
        return right

    def check_body(self, policy: Policy, content_type: str, encoding: str | None, declared: int | None) -> None:
        """Refuse bodies that are not wanted, before any of it is read.

        Parameters
        ----------
        policy
            Of the route.
        content_type
            Media type, without parameters.
        encoding
            The header ``Content-Encoding``.
        declared
            The header ``Content-Length``; None for a body in chunks.

        Raises
        ------
        Denied
            400 where none is taken, 415 or 413.
        """
        if not policy.takes_json:
            raise Denied(400, "bad_arguments", "This takes no body.", hang_up=True)
        if content_type.lower() != "application/json":
            raise Denied(415, "wrong_type", f"Content-Type {content_type!r} is not accepted. Send application/json.")
        if encoding not in (None, "", "identity"):
            raise Denied(415, "wrong_type", "Compressed bodies are not accepted. Send it as it is.", hang_up=True)
        if declared is not None and declared > policy.most_bytes:
            raise Denied(413, "too_large", f"The body is too large: at most {policy.most_bytes} bytes.", hang_up=True)

    def check_rate(self, policy: Policy, right: Right, address: str) -> None:
        """Take one request from the allowance.

        Raises
        ------
        Denied
            429 when it is used up.
        """
        key = (policy.rate, right)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(*self._rates[policy.rate], self._now)
        wait = bucket.take()
        if wait > 0:
            self._refusals.add("rate", address, f"more than {self._rates[policy.rate][0]:g} {policy.rate} a second")
            raise Denied(
                429,
                "too_many",
                f"More than {self._rates[policy.rate][0]:g} requests a second. Slow down.",
                {"Retry-After": str(ceil(wait))},
            )
