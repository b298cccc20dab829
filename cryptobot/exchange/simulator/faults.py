"""What goes wrong on purpose: a queue of faults, scripted or drawn from a seed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

# What a fault does to a request, and whether the request is executed.
REQUEST_KINDS: Final = {
    "drop_before": "the connection breaks; not executed",
    "drop_after": "executed, then the connection breaks before the answer",
    "delay_before": "waits `seconds`, then looks at recvWindow again and executes",
    "delay_after": "executed at once, answered `seconds` later",
    "http": "answers with `status`, `text` and `headers`; executed only if `executed`",
    "error": "answers with a Binance error `code` and `text` under `status`; executed only if `executed`",
    "truncate": "executed, half of the answer comes",
    "html": "executed, a page of HTML comes with status 200",
    "not_found": "`times` queries for an order answer -2013; with `seconds`, all for orders younger than these",
}
# What a fault does to the events of an account.
EVENT_KINDS: Final = {
    "duplicate_event": "an event of the user stream comes twice",
    "reorder_event": "an event of the user stream comes after the one that follows it",
    "lose_event": "an event of the user stream never comes",
}
# What a fault does to open sockets, at once.
SOCKET_KINDS: Final = {
    "mute": "sockets of `stream` send nothing for `seconds` (0: until cleared); pings are answered if `pongs`",
    "bad_frame": "sockets of `stream` get `text`",
    "kill": "sockets of `stream` are closed with `status` (1006: the connection breaks)",
    "shutdown": "sockets of `stream` get serverShutdown",
    "stale_frame": "subscribers get the closed frame of an older candle once more",
}
# What a fault does to the exchange, at once, or after `skip` more candles have closed.
WORLD_KINDS: Final = {
    "clock_offset": "the exchange's clock is `seconds` ahead (or behind)",
    "clock_jump": "the exchange's clock jumps by `seconds`",
    "ban": "everything is refused with 418 for `seconds`",
    "weight": "somebody else at this address uses weight `values['weight']`",
    "halt": "the market takes no orders",
    "cancel_only": "the market only takes cancels",
    "resume": "the market trades",
    "delist": "the market is gone",
    "filters": "rules change: `values` are fields of MarketRules or Market, such as min_notional",
    "revise_candle": "the newest closed candle changes: `values` are its open, high, low, close, volume",
    "late_candle": "the newest closed candle is missing in the next `times` answers",
    "rights": "the key's rights change: `values` are fields of apiRestrictions, such as enableWithdrawals",
    "balance": "somebody moves money: `values` are amounts by currency, added to what is free",
}
KINDS: Final = REQUEST_KINDS | EVENT_KINDS | SOCKET_KINDS | WORLD_KINDS
STREAMS: Final = ("market", "user", "all")
# What a seeded run draws from: everything a client must survive without help.
_SEEDED: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("drop_before", {}),
    ("drop_after", {}),
    (
        "error",
        {"status": 503, "code": -1001, "text": "Internal error; unable to process your request. Please try again."},
    ),
    ("error", {"status": 504, "code": -1007, "executed": True}),
    ("error", {"status": 504, "code": -1007}),
    ("http", {"status": 502, "text": "<html><body>502 Bad Gateway</body></html>"}),
    ("truncate", {}),
    ("not_found", {}),
    ("duplicate_event", {}),
    ("reorder_event", {}),
    ("lose_event", {}),
    ("kill", {"stream": "user"}),
    ("kill", {"stream": "market"}),
)
_TIMEOUT: Final = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
_HTML: Final = "<html><head><title>Binance</title></head><body>We will be right back.</body></html>"


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    kind
        What: a name of `KINDS`.
    path
        For requests and events: part of the path, of the WebSocket API's method or of the event's name; ``""`` is any.
    method
        For requests: ``"GET"``, ``"POST"`` or ``"DELETE"``; ``""`` is any.
    times
        To how many it happens; None is without end.
    skip
        How many are let through first; for kinds that change the exchange: how many candles close first.
    seconds
        See the kind.
    status, code, text, headers, executed
        The answer instead, and whether the request was executed all the same.
    stream
        ``"market"``, ``"user"`` or ``"all"``.
    pongs
        Whether muted sockets answer pings.
    symbol
        The market, as Binance writes it; ``""`` is the only one.
    values
        See the kind.
    hits
        How often it has happened.
    """

    kind: str
    path: str = ""
    method: str = ""
    times: int | None = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 0
    code: int = 0
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    executed: bool = False
    stream: str = "all"
    pongs: bool = True
    symbol: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"fault: `{self.kind}` is unknown.{closest(self.kind, KINDS)} Known: {listed(KINDS)}.")
        if self.stream not in STREAMS:
            raise ConfigError(
                f"fault: stream `{self.stream}` is unknown.{closest(self.stream, STREAMS)} Known: {listed(STREAMS)}."
            )
        for name, value, least in (("times", self.times, 1), ("skip", self.skip, 0)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ConfigError(f"fault: {name} {value!r} is not allowed. Give a whole number of at least {least}.")
        if self.kind == "error":
            self.status = self.status or (504 if self.code in (0, -1007) else 400)
            self.code = self.code or -1007
            self.text = self.text or (_TIMEOUT if self.code == -1007 else "Refused on purpose.")
        elif self.kind == "not_found" and self.seconds > 0:
            self.times = None  # it lasts; the age of the orders ends it
        elif self.kind == "http":
            self.status = self.status or 503
        elif self.kind == "html":
            self.text, self.status = self.text or _HTML, self.status or 200
        elif self.kind == "kill":
            self.status = self.status or 1006
        elif self.kind == "bad_frame":
            self.text = self.text or '{"e":"kline","k":'

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Fault:
        """Make a fault of a JSON object.

        Raises
        ------
        ConfigError
            If a field or a value is not allowed.
        """
        known = [entry.name for entry in dataclasses.fields(cls) if entry.name != "hits"]
        for name in fields:
            if name not in known:
                raise ConfigError(f"fault: field `{name}` is unknown.{closest(name, known)} Known: {listed(known)}.")
        if "kind" not in fields:
            raise ConfigError(f"fault: `kind` is missing. Give one of {listed(KINDS)}.")
        return cls(**fields)

    @property
    def spent(self) -> bool:
        """Whether it will not happen again."""
        return self.times is not None and self.hits >= self.times

    def take(self, path: str, method: str = "") -> bool:
        """Say whether it happens to this request or event, and count it."""
        if self.spent or self.path not in path or (self.method and self.method != method):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True


class Faults:
    """The faults that are still to happen.

    Parameters
    ----------
    seed
        For `seeded` when it is given none.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._waiting: list[Fault] = []
        self._random: random.Random | None = None
        self._rate = 0.0
        self._only: tuple[str, ...] | None = None
        self._apply: Callable[[Fault], None] = _nowhere

    def attach(self, apply: Callable[[Fault], None]) -> None:
        """Set who carries out faults that happen at once."""
        self._apply = apply

    def add(self, *faults: Fault) -> None:
        """Put faults behind those that wait; those that change the exchange or its sockets happen now.

        Raises
        ------
        ConfigError
            If something is given that is no fault, or one of them cannot happen.
        """
        for fault in faults:
            if not isinstance(fault, Fault):
                raise ConfigError(
                    f"fault: {fault!r} is not a Fault. Give for example Fault('drop_after', method='POST')."
                )
            waits = fault.kind in REQUEST_KINDS or fault.kind in EVENT_KINDS or fault.skip > 0
            if waits or fault.kind == "late_candle":
                self._waiting.append(fault)
            else:
                self._apply(fault)
                fault.hits += 1

    def seeded(self, seed: int | None = None, rate: float = 0.01, kinds: tuple[str, ...] | None = None) -> None:
        """Let a part of all requests fail at random; the same seed and the same requests give the same faults.

        Parameters
        ----------
        seed
            Another seed gives other faults; None takes the simulator's own.
        rate
            Part of the requests that fail, 0 to 1; 0 ends it.
        kinds
            What to draw from; None is everything a client must survive without help.
        """
        if not 0 <= rate <= 1:
            raise ConfigError(f"rate: {rate} is not allowed. Give a number from 0 to 1.")
        possible = {kind for kind, _ in _SEEDED}
        for kind in kinds or ():
            if kind not in possible:
                raise ConfigError(
                    f"kinds: `{kind}` cannot be drawn.{closest(kind, possible)} Possible: {listed(sorted(possible))}."
                )
        self._random = random.Random(self._seed if seed is None else seed) if rate else None  # noqa: S311
        self._rate = rate
        self._only = kinds

    def clear(self) -> None:
        """Forget all that has not happened yet, and end seeded faults."""
        self._waiting.clear()
        self._random = None

    @property
    def waiting(self) -> list[Fault]:
        """Those that may still happen."""
        return [fault for fault in self._waiting if not fault.spent]

    def for_request(self, method: str, path: str) -> Fault | None:
        """Return what happens to a request: the first fault that fits, or one that is drawn."""
        self._draw()
        return self._take(REQUEST_KINDS, path, method, besides="not_found")

    def for_event(self, name: str) -> Fault | None:
        """Return what happens to an event of the user stream."""
        return self._take(EVENT_KINDS, name)

    def for_query(self, age: float) -> Fault | None:
        """Return whether an order of this age, in seconds, is hidden from a query."""
        for fault in self._waiting:
            if fault.kind != "not_found":
                continue
            if fault.seconds > 0:
                if age < fault.seconds:
                    fault.hits += 1
                    return fault
            elif fault.take(fault.path):
                return fault
        return None

    def lag(self, age: float) -> bool:
        """Say whether all orders of this age, in seconds, are hidden."""
        return any(fault.kind == "not_found" and 0 < age < fault.seconds for fault in self._waiting)

    def for_candles(self) -> Fault | None:
        """Return whether the newest closed candle is missing in an answer."""
        return self._take(("late_candle",), "")

    def candle_closed(self) -> None:
        """Count down the faults that wait for candles, and carry out those whose time has come."""
        for fault in list(self._waiting):
            if fault.kind in REQUEST_KINDS or fault.kind in EVENT_KINDS or fault.kind == "late_candle":
                continue
            fault.skip -= 1
            if fault.skip <= 0:
                self._waiting.remove(fault)
                self._apply(fault)
                fault.hits += 1

    def _take(self, kinds: Any, path: str, method: str = "", besides: str = "") -> Fault | None:
        found = None
        for fault in self._waiting:
            if fault.kind in kinds and fault.kind != besides and fault.take(path, method):
                found = fault
                break
        self._waiting = self.waiting
        return found

    def _draw(self) -> None:
        if self._random is None or self._random.random() >= self._rate:
            return
        choices = [entry for entry in _SEEDED if self._only is None or entry[0] in self._only]
        kind, values = self._random.choice(choices)
        self.add(Fault(kind, **values))


def _nowhere(fault: Fault) -> None:
    raise ConfigError(f"fault: `{fault.kind}` changes an exchange, but these faults belong to none.")
