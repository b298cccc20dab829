"""One way of logging: every line without secrets, with the bot, market, mode and order that it is about.

Whoever logs takes `logger(name)` and may give ``extra={"facts": {"order": ...}}``. People read `HumanLines`; programs read
`JsonLines`, one object a line with ``time``, ``level``, ``logger``, ``text`` and the facts, and ``error`` where there is a
traceback. `said` turns one of those back into a line for people.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptobot.core.secrecy import redact
from cryptobot.core.text import clean

NAMES: Final = ("cryptobot", "mcp_server")
# These log what they send, addresses and headers included, when somebody asks for level DEBUG.
_OTHERS: Final = ("slack_sdk.webhook.client", "slack_sdk.web.base_client", "slack_sdk.web.client", "ccxt.base.exchange")
_LONGEST: Final = 20_000


class _Discreet(logging.Filter):
    """Takes secrets and what no eye sees out of what is logged, before any handler gets it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "discreet", False):
            return True
        try:
            text = record.getMessage()
        except (TypeError, ValueError) as error:  # a wrong format must not lose the line
            text = f"{record.msg!r} ({error})"
        record.msg, record.args = clean(redact(text), _LONGEST), None
        if record.exc_info:
            told = logging.Formatter().formatException(record.exc_info)
            record.exc_text, record.exc_info = clean(redact(told), _LONGEST), None
        facts = getattr(record, "facts", None) or {}
        record.facts = {name: clean(redact(str(value)), 300, one_line=True) for name, value in facts.items()}
        record.discreet = True
        return True


_DISCREET: Final = _Discreet()


class Line(logging.LogRecord):
    """A line that is fit to be shown already, made without looking through the stack for who says it.

    Parameters
    ----------
    name
        Of the logger.
    level
        As Python's logging counts them.
    text
        What is said.
    facts
        What it is about, by name.
    """

    def __init__(self, name: str, level: int, text: str, facts: Mapping[str, str]) -> None:
        now = time.time()
        self.__dict__ = {  # whole, because formatters read the dictionary
            **_NOWHERE,
            "name": name,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": text,
            "facts": facts,
            "created": now,
            "msecs": 1_000 * (now % 1),
        }


_NOWHERE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(logging.makeLogRecord({}).__dict__),
    "pathname": "",
    "filename": "",
    "module": "",
    "funcName": "",
    "lineno": 0,
    "relativeCreated": 0.0,
    "discreet": True,
}


def logger(name: str) -> logging.Logger:
    """Return the logger of a name, from which no secret comes, whatever handlers it has."""
    found = logging.getLogger(name)
    if _DISCREET not in found.filters:
        found.addFilter(_DISCREET)
    return found


for _name in (*NAMES, *_OTHERS):
    logger(_name)
# Without a handler Python prints warnings to the terminal, from a worker's thread into whatever cell runs just then.
logging.getLogger("cryptobot").addHandler(logging.NullHandler())


class HumanLines(logging.Formatter):
    """One line an entry, with the time in UTC; what has more lines goes on indented, and a traceback follows it so."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Write an entry."""
        _DISCREET.filter(record)  # from loggers that are not ours
        return super().format(record).replace("\n", "\n    ")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write an entry."""
        _DISCREET.filter(record)
        facts: Mapping[str, str] = getattr(record, "facts", {})
        entry: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: value for name, value in facts.items() if name not in _OWN},
            "text": record.getMessage(),
        }
        if record.exc_text:
            entry["error"] = record.exc_text
        return json.dumps(entry, ensure_ascii=False)


_OWN: Final = ("time", "level", "logger", "text", "error")


def said(entry: Mapping[str, Any]) -> str:
    """Write an entry of `JsonLines` as `HumanLines` does.

    Examples
    --------
    >>> said({"time": "2026-03-01T14:05:00.123Z", "level": "info", "text": "Started."})
    '2026-03-01 14:05:00.123 INFO    Started.'
    """
    when = str(entry.get("time", "")).replace("T", " ").removesuffix("Z")
    line = f"{when} {str(entry.get('level', '')).upper():7} {entry.get('text', '')}"
    return "\n    ".join([line.replace("\n", "\n    "), *str(entry.get("error") or "").splitlines()])


@contextlib.contextmanager
def listening(handler: logging.Handler, lines: logging.Formatter, level: int) -> Iterator[None]:
    """Send what the library logs to a handler, too, until the end of the block; then the handler is closed.

    Parameters
    ----------
    handler
        Where to.
    lines
        How entries are written.
    level
        The least that is sent.
    """
    handler.setFormatter(lines)
    handler.setLevel(level)
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for one, old in zip(loggers, before, strict=True):
            one.removeHandler(handler)
            one.setLevel(old)
        handler.close()
