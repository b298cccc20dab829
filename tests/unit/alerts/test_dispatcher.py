"""Threads: each channel has its own, nothing waits for one, and the end is an end."""

from __future__ import annotations

import threading
import time

import pytest

from cryptobot.alerts.alert import Alert
from cryptobot.alerts.channels.log import LogAlerts
from cryptobot.alerts.dispatcher import Dispatcher
from cryptobot.alerts.errors import AlertError
from cryptobot.core.errors import ConfigError

TIMEOUT = 20.0


class Told:
    """Wait for what a channel was told."""

    def __init__(self, channel):
        self.changed = threading.Condition()
        self.channel = channel
        send = channel.send

        def noted(message):
            try:
                return send(message)
            finally:
                with self.changed:
                    self.changed.notify_all()

        channel.send = noted

    def wait(self, count):
        with self.changed:
            return self.changed.wait_for(lambda: len(self.channel.told) >= count, TIMEOUT)


@pytest.fixture
def start(source):
    made = []

    def start(*channels):
        dispatcher = Dispatcher(channels, source)
        made.append(dispatcher)
        dispatcher.start()
        return dispatcher

    yield start
    for dispatcher in made:
        dispatcher.close(5.0)


def alert_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("cryptobot-alerts")]


def test_a_nudge_is_enough(source, notebook, start):
    channel = notebook(seconds_between=0.0)
    told = Told(channel)
    dispatcher = start(channel)
    for count in (1, 2, 3):
        source.add(topic="entry")
        dispatcher.nudge()
        assert told.wait(count)
    assert dispatcher.close(TIMEOUT)
    assert not alert_threads()
    assert [status.state for status in dispatcher.status()] == ["stopped"]


def test_a_channel_that_hangs_delays_no_other_and_no_end(source, notebook, start):
    gate = threading.Event()
    stuck, quick = notebook(), notebook(seconds_between=0.0)
    stuck.send = lambda message: gate.wait(TIMEOUT) and None
    told = Told(quick)
    dispatcher = start(stuck, quick)
    source.add()
    dispatcher.nudge()
    assert told.wait(1)
    assert not dispatcher.close(0.2)  # in time, and it says that not all ended in order
    marks = dict(source.marks)
    gate.set()
    for thread in alert_threads():
        thread.join(TIMEOUT)
    assert not alert_threads()
    assert source.marks == marks
    assert marks["notebook.left"] == -1  # after the next start it is a repeat
    assert marks["notebook_2.left"] == 1


def test_at_the_end_what_waits_is_told(source, notebook, start):
    channel = notebook(seconds_between=0.0)
    dispatcher = start(channel)
    for _ in range(4):
        source.add(text="the same")
    assert dispatcher.close(TIMEOUT)
    assert sum(1 if isinstance(message, Alert) else message.count for message in channel.told) == 4


def test_the_end_does_not_wait_for_a_channel_that_is_down(source, notebook, start):
    channel = notebook()
    channel.raises = [AlertError("down", retry_after=600.0)] * 3
    dispatcher = start(channel)
    source.add()
    began = time.monotonic()
    assert dispatcher.close(300.0)
    assert time.monotonic() - began < 100.0
    assert source.marks["notebook"] == 0  # it is told after the next start


def test_it_can_start_again(source, notebook, start):
    channel = notebook(seconds_between=0.0)
    told = Told(channel)
    dispatcher = start(channel)
    dispatcher.close(TIMEOUT)
    source.add()
    dispatcher.start()
    dispatcher.start()  # once is enough
    assert len(alert_threads()) == 1
    assert told.wait(1)


def test_what_is_no_channel_is_refused(source):
    for wrong in ("slack", LogAlerts, None):
        with pytest.raises(ConfigError, match=r"cb\.LogAlerts"):
            Dispatcher([wrong], source)
    assert repr(Dispatcher([], source)) == "Dispatcher(no channels)"


def test_the_status_reads_well(source, notebook, start):
    channel = notebook()
    channel.raises = [AlertError("The token is not valid.", again="later")] * 9
    told = Told(channel)
    dispatcher = start(channel)
    source.add()
    dispatcher.nudge()
    with told.changed:
        assert told.changed.wait_for(lambda: dispatcher.status()[0].state == "failing" or None, TIMEOUT)
    (status,) = dispatcher.status()
    assert str(status) == "notebook: 1 waiting, and tried again by itself. The token is not valid."
    assert status.since is not None


def test_that_it_has_begun_is_safe_before_anything_is_told(source, notebook, start):
    start(notebook())
    assert source.safe == {"notebook": 0, "notebook.left": -1, "notebook.summary": source.marks["notebook.summary"]}
