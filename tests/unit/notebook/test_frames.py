"""Frames and acknowledgements: nobody is flooded, nobody is held up, a living kernel is heard."""

from __future__ import annotations

from typing import Any

import pytest

from cryptobot.notebook.frames import Frames


class Pulse:
    """Frames with a clock that stands until it is set."""

    def __init__(self) -> None:
        self.time = 0.0
        self.errors: list[str] = []
        self.woken = 0
        self.messages: list[dict[str, Any]] = []
        self.frames = Frames(lambda: self.time, self._wake, self.errors.append)
        self.frames.send = lambda content, buffers=None: self.messages.append(content)

    def _wake(self) -> None:
        self.woken += 1

    def hear(self, view: str, **content: Any) -> None:
        self.frames._receive(self.frames, {"view": view, "visible": True, **content}, [])


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


def test_nothing_is_due_while_nobody_looks(pulse: Pulse) -> None:
    assert not pulse.frames.ready()


def test_a_frame_waits_for_every_page_in_front(pulse: Pulse) -> None:
    pulse.hear("a", hello=True)
    pulse.hear("b", hello=True)
    assert pulse.frames.ready()
    pulse.frames.beat()
    assert not pulse.frames.ready()
    pulse.hear("a", ack=1)
    assert not pulse.frames.ready()
    pulse.hear("b", ack=1)
    assert pulse.frames.ready()
    assert pulse.messages == [{"beat": 1, "heard": {"a": 0, "b": 0}}]


def test_a_hidden_or_closed_page_holds_nobody_up(pulse: Pulse) -> None:
    pulse.hear("a", hello=True)
    pulse.hear("b", hello=True)
    pulse.hear("c", hello=True)
    pulse.frames.beat()
    pulse.hear("a", ack=1)
    pulse.hear("b", hello=True, visible=False)
    pulse.hear("c", bye=True)
    assert pulse.frames.ready()


def test_a_page_that_vanished_without_a_word_holds_nobody_up_for_long(pulse: Pulse) -> None:
    pulse.hear("gone", hello=True)
    pulse.frames.beat()
    pulse.time = 3.5
    pulse.hear("here", hello=True)
    assert pulse.frames.ready()


def test_heartbeats_come_in_time_and_slower_when_no_page_is_known(pulse: Pulse) -> None:
    assert pulse.frames.beat_due()
    pulse.frames.beat()
    pulse.time = 1.0
    assert not pulse.frames.beat_due()
    pulse.hear("a", hello=True)
    assert pulse.frames.beat_due()
    pulse.time = 100.0
    pulse.frames.beat()
    pulse.time = 101.5
    assert not pulse.frames.beat_due()  # the page was last heard a minute and a half ago: forgotten


def test_errors_of_the_page_are_passed_on_and_bounded(pulse: Pulse) -> None:
    for number in range(60):
        pulse.hear("a", error=f"e{number}", source="blob:x", stack="Error\n at render")
    assert len(pulse.errors) == 50
    assert "JavaScript: e0" in pulse.errors[0]
    assert pulse.woken == 60
