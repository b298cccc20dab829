"""What is put between ccxt and the network: no request while banned, no secret in an error, no answer believed blindly."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import urlsplit

from cryptobot.core.errors import TransientError
from cryptobot.core.secrecy import Redactor
from cryptobot.exchange.connector.bans import Gate
from cryptobot.exchange.connector.calls import Call, note

_PRESENT: ContextVar[Call | None] = ContextVar("call", default=None)
# ccxt logs every signed request, headers included, at level DEBUG.
_SILENT: Final = logging.getLogger("cryptobot.ccxt")
_SILENT.setLevel(logging.CRITICAL + 1)


class BadAnswerError(TransientError):
    """An answer that is no JSON, or not of the shape it must have: cut off, or from something in between."""


class Guard:
    """Mixed into a ccxt.pro exchange class, in front of it; see `guarded`."""

    guard_gate: Gate
    guard_redactor: Redactor
    guard_spot_errors: bool
    guard_nonce: Callable[[], int] | None = None
    guard_report: Callable[[dict[str, Any]], None] | None = None

    async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        """Make one request; ccxt makes all of them here."""
        call = Call(method.upper(), urlsplit(url).path)
        note(call)
        token = _PRESENT.set(call)
        try:
            self.guard_gate.enter(call)
            call.sent = True
            answer = await super().fetch(url, method, headers, body)  # type: ignore[misc]
        except BaseException as error:
            self.guard_redactor.scrub(error)
            raise
        finally:
            _PRESENT.reset(token)
        if not isinstance(answer, dict | list):
            # ccxt hands it on, and reads an empty account out of it.
            raise BadAnswerError(f"{method} {call.path} was answered with {_shown(answer)} instead of JSON")
        return answer

    def on_rest_response(self, code: int, *rest: Any) -> Any:
        """Take down what came back, before ccxt judges it."""
        call = _PRESENT.get()
        body: str = super().on_rest_response(code, *rest)  # type: ignore[misc]
        if call is not None:
            headers = rest[3] or {}
            call.status = code
            call.headers = {str(name).lower(): str(value) for name, value in headers.items()}
            call.data = self.parse_json(body)  # type: ignore[attr-defined]
            self.guard_gate.saw(call)
        return body

    def get_exceptions_by_url(self, url: Any, kind: str) -> Any:
        """Use the spot error table at an address that ccxt does not know, too."""
        if self.guard_spot_errors:
            return self.exceptions["spot"].get(kind, {})  # type: ignore[attr-defined]
        return super().get_exceptions_by_url(url, kind)  # type: ignore[misc]

    def nonce(self) -> int:
        """Sign with the exchange's time where signatures carry a time."""
        return self.guard_nonce() if self.guard_nonce is not None else super().nonce()  # type: ignore[misc]

    def client(self, url: str) -> Any:
        """Return the connection to a stream; one whose frames cannot be read breaks instead of falling silent."""
        known = url in (self.clients or {})
        made: Any = super().client(url)  # type: ignore[misc]
        if not known:
            made.handle_message = _careful(made, self.guard_redactor)
        return made

    def handle_order_update(self, client: Any, message: dict[str, Any]) -> None:
        """Hand a report of an order on as it came, before ccxt turns its numbers into floats."""
        if self.guard_report is not None:
            self.guard_report(message)
        super().handle_order_update(client, message)  # type: ignore[misc]

    clients: Any = None


def guarded(base: type) -> type:
    """Return a ccxt.pro exchange class with the guard in front of it, under the name of the original."""
    return type(base.__name__, (Guard, base), {"clients": {}})


def silence(made: Any) -> None:
    """Keep ccxt from writing requests to any log."""
    made.verbose = False
    made.logger = _SILENT


def _careful(client: Any, redactor: Redactor) -> Callable[[Any], None]:
    """Wrap a client's message handler: an exception in it would end ccxt's receiving without a word."""
    handle = client.handle_message

    def handle_message(message: Any) -> None:
        try:
            handle(message)
        except Exception as error:  # noqa: BLE001 - whatever a bad frame can raise breaks the connection, visibly
            redactor.scrub(error)
            broken = BadAnswerError(f"a message of the stream cannot be read ({type(error).__name__}: {error})")
            client.on_error(broken)

    return handle_message


def _shown(answer: Any) -> str:
    text = answer if isinstance(answer, str) else type(answer).__name__
    return "nothing" if not text else repr(text[:60])
