"""What is known of each HTTP request: the evidence on which a failure is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Call:
    """One HTTP request.

    Attributes
    ----------
    method, path
        ``"POST"`` and the URL without its query.
    sent
        Whether it was handed to the network.
    status
        HTTP status of the answer, or None as long as there is none.
    headers
        Of the answer, names in lower case.
    data
        The answer's JSON, or None if it is none.
    """

    method: str
    path: str
    sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Any = None


_CALLS: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Collect the requests that are made inside."""
    calls: list[Call] = []
    token = _CALLS.set(calls)
    try:
        yield calls
    finally:
        _CALLS.reset(token)


def note(call: Call) -> None:
    """Add a request to the present record, if there is one."""
    calls = _CALLS.get()
    if calls is not None:
        calls.append(call)


def kinds(error: BaseException) -> set[str]:
    """Return the names of an exception's classes: ccxt and aiohttp need not be imported to know theirs."""
    return {kind.__name__ for kind in type(error).__mro__}


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what caused it, once each."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__
