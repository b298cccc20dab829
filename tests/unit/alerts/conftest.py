"""Alerts, a source of them in memory, and a channel that notes what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from cryptobot.alerts.alert import Alert, Message
from cryptobot.alerts.channel import AlertChannel
from cryptobot.core.clock import SimulatedClock

START = 1_790_000_000_000_000_000


def make(number: int = 1, **changes: Any) -> Alert:
    return Alert(
        **{
            "time": START + number,
            "level": "info",
            "topic": "parameters",
            "title": "Parameters changed",
            "text": f"words {chr(97 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676 % 26)}",
            "bot": "my-bot",
            "mode": "paper",
            "market": "BTC/USDT",
            "number": number,
            **changes,
        }
    )


@dataclass
class Source:
    """Alerts and marks in memory; `crash` forgets the marks that were not made safe."""

    kept: list[Alert] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    safe: dict[str, int] = field(default_factory=dict)
    day: Alert | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def newest(self) -> int:
        return self.kept[-1].number if self.kept else 0

    def add(self, **changes: Any) -> Alert:
        self.kept.append(make(self.newest + 1, **changes))
        return self.kept[-1]

    def alerts(self, after: int):
        return (alert for alert in self.kept if alert.number > after)

    def summary(self, since: int, until: int) -> Alert | None:
        self.asked.append((since, until))
        return self.day

    def cursor(self, name: str) -> int | None:
        return self.marks.get(name)

    def done(self, name: str, number: int) -> None:
        self.marks[name] = number

    def flush(self) -> None:
        self.safe = dict(self.marks)

    def crash(self) -> None:
        self.marks = dict(self.safe)


class Notebook(AlertChannel):
    """Notes what it was told; raises what is put into `raises` first, noting it before where that is wanted."""

    name = "notebook"

    def __init__(self, **delivery: Any) -> None:
        super().__init__(**delivery)
        self.told: list[Message] = []
        self.raises: list[Exception | None] = []
        self.mark: int | None = None

    def send(self, message: Message) -> int | None:
        error = self.raises.pop(0) if self.raises else None
        if error is not None:
            if getattr(error, "maybe_told", False):
                self.told.append(message)
            raise error
        self.told.append(message)
        return self.mark


@pytest.fixture
def alert_of():
    return make


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def notebook():
    return Notebook


@pytest.fixture
def clock():
    return SimulatedClock(START)
