"""The way between the bot and the exchange: what may become of a request, of an answer and of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final, Literal, NamedTuple

from cryptobot.core.errors import ExchangeError, OrderNotSent, OrderUnknown, TransientError
from tests.faults.schedule import Fault, Schedule

PATIENCE: Final = 10.0  # seconds for which the bot's side waits for an answer
RECV_WINDOW: Final = 5.0  # seconds after which a request is not executed any more
FLAP: Final = 3.0
SILENCE: Final = 11.0  # seconds after which a silent stream is found out and made anew

Loss = Literal["", "request", "answer"]
Word = Literal["", "failed", "failed but done", "slow down"]


class Fate(NamedTuple):
    """What becomes of one request.

    Attributes
    ----------
    there, back
        Seconds on the way.
    reached
        Whether it leaves at all.
    loss
        What gets lost.
    word
        What the exchange says instead of an answer.
    """

    there: float
    back: float
    reached: bool = True
    loss: Loss = ""
    word: Word = ""


class Network:
    """Decides what becomes of everything that is on its way.

    Parameters
    ----------
    loop
        Where it is on its way.
    schedule
        What goes wrong when.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, schedule: Schedule) -> None:
        self._loop = loop
        self._chance = Random(f"network {schedule.seed}")
        self._faults: dict[str, list[Fault]] = {}
        for fault in schedule.faults:
            self._faults.setdefault(fault.kind, []).append(fault)

    def at_work(self, kind: str) -> Fault | None:
        """Return the fault of a kind that is at work now, or None."""
        now = self._loop.time()
        for fault in self._faults.get(kind, ()):
            if fault.start <= now < fault.end:
                return fault
        return None

    def _hits(self, kind: str, *, acts: bool) -> bool:
        fault = self.at_work(kind)
        return fault is not None and (acts or fault.size > 0.5)

    def loses_events_since(self, since: float) -> bool:
        """Whether messages got lost, or came late, between a moment and now."""
        now = self._loop.time()
        kinds = ("events_dropped", "events_late", "stream_silent", "partition", "flapping", "slow")
        return any(
            fault.start <= now and fault.end >= since - 1 for kind in kinds for fault in self._faults.get(kind, ())
        )

    @property
    def cut(self) -> bool:
        """Whether nothing passes."""
        if self.at_work("partition"):
            return True
        flapping = self.at_work("flapping")
        return flapping is not None and int((self._loop.time() - flapping.start) / FLAP) % 2 == 0

    def delay(self) -> float:
        """Return how long something is on its way."""
        chance = self._chance
        if (slow := self.at_work("slow")) is not None and chance.random() < 0.6:
            return chance.uniform(0.5, 3 + 9 * slow.size)
        return chance.uniform(0.01, 0.15)

    def fate(self, *, acts: bool = True) -> Fate:
        """Decide about a request: of some faults only those that change something suffer, and questions do not."""
        chance = self._chance
        there, back = self.delay(), self.delay()
        if self.at_work("not_reached") and chance.random() < 0.7:
            return Fate(there, back, reached=False)
        if self.cut:
            return Fate(there, back, loss="request")
        if self.at_work("rate_limited") and chance.random() < 0.7:
            return Fate(there, back, word="slow down")
        if self._hits("server_error", acts=acts) and chance.random() < 0.7:
            return Fate(there, back, word=chance.choice(("failed", "failed but done")))
        if self._hits("request_lost", acts=acts) and chance.random() < 0.6:
            return Fate(there, back, loss="request")
        if self._hits("answer_lost", acts=acts) and chance.random() < 0.6:
            return Fate(there, back, loss="answer")
        return Fate(there, back)

    async def ask(self, what: str, act: Callable[[], Any], *, moves_money: bool = False, acts: bool = False) -> Any:
        """Send a request and wait for its answer.

        Parameters
        ----------
        what, act
            Its name, and what it does at the exchange.
        moves_money
            Whether it is an order: its failures are named otherwise.
        acts
            Whether it changes something all the same.

        Raises
        ------
        OrderUnknown, OrderNotSent, TransientError
            As an adapter says it.
        """
        fate = self.fate(acts=acts or moves_money)
        answer: asyncio.Future[Any] = self._loop.create_future()
        not_done = OrderNotSent if moves_money else TransientError
        nobody_knows = OrderUnknown if moves_money else TransientError
        asked = self._loop.time()

        def say(error: BaseException | None, value: Any = None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(value)

        def give_up() -> None:
            say(nobody_knows(f"{what}: no answer within {PATIENCE:g} s."))

        def arrive() -> None:
            value, error = self._answered(act, what, fate, not_done, nobody_knows)
            if fate.loss != "answer" and fate.there + fate.back < PATIENCE:
                self._loop.call_later(fate.back, say, error, value)
            else:
                self._loop.call_later(asked + PATIENCE - self._loop.time(), give_up)

        if not fate.reached:
            self._loop.call_later(fate.there, say, not_done(f"{what}: the exchange could not be reached."))
        elif fate.loss == "request" or fate.there >= PATIENCE:
            self._loop.call_later(PATIENCE, give_up)
        else:
            self._loop.call_later(fate.there, arrive)
        return await answer

    def _answered(
        self,
        act: Callable[[], Any],
        what: str,
        fate: Fate,
        not_done: type[ExchangeError],
        nobody_knows: type[ExchangeError],
    ) -> tuple[Any, ExchangeError | None]:
        """Let the exchange do what it is asked, or not; return what it answers."""
        if fate.there > RECV_WINDOW:
            return None, not_done(f"{what}: -1021 outside of the recvWindow.")
        if fate.word == "slow down":
            return None, not_done(f"{what}: 429 too many requests.")
        if fate.word == "failed":
            return None, nobody_knows(f"{what}: 503 the exchange does not know what has become of it.")
        try:
            value = act()
        except ExchangeError as error:
            if fate.word:
                return None, nobody_knows(f"{what}: 502 the exchange does not know what has become of it.")
            return None, error
        if fate.word:
            return None, nobody_knows(f"{what}: 504 the exchange does not know what has become of it.")
        return value, None

    def deliver(self, act: Callable[[], None]) -> None:
        """Bring a message of the account's stream, or lose it, or bring it late or twice."""
        chance = self._chance
        silent = self.at_work("stream_silent")
        if self.cut or (silent is not None and self._loop.time() < silent.start + SILENCE):
            return
        if self.at_work("events_dropped") and chance.random() < 0.5:
            return
        times = 2 if self.at_work("events_twice") and chance.random() < 0.7 else 1
        for _ in range(times):
            late = chance.uniform(0, 8) if self.at_work("events_late") and chance.random() < 0.6 else 0.0
            self._loop.call_later(late + self.delay(), act)

    def connection(self) -> list[tuple[float, bool, str]]:
        """Return when the connection is seen to go and to come back, oldest first: seconds, whether it is up, why."""
        seen = []
        for kind, patience, why in (
            ("partition", 5.0, "the exchange does not answer"),
            ("flapping", 4.0, "the exchange does not answer"),
            ("stream_silent", SILENCE, "the stream fell silent"),
        ):
            for fault in self._faults.get(kind, ()):
                if fault.end - fault.start > patience:
                    back = fault.end if kind != "stream_silent" else min(fault.end, fault.start + patience)
                    seen += [(fault.start + patience, False, why), (back + 1.0, True, "the exchange answers again")]
        return sorted(seen)
