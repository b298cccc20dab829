"""A world in which one bot lives, dies and lives again: the real runner, gateway, engine and journal on simulated
time, network, disk and exchange.

Long because all that befalls a bot works on this one state.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

import apsw

from cryptobot.core.errors import JournalError
from cryptobot.core.limits import Limits
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.trading.journal.simulated_disk import SimulatedDisk
from cryptobot.trading.opening import Plan
from cryptobot.trading.runner import Runner
from tests.faults import market, schedule
from tests.faults.invariants import Invariants
from tests.faults.loop import Killed, Life, LifeClock, VirtualClock, VirtualLoop
from tests.faults.market import START, STEP, SYMBOL, TIMEFRAME
from tests.faults.network import Network
from tests.faults.schedule import Fault, Schedule
from tests.faults.truth import Short, Truth
from tests.faults.venue import Venue
from tests.faults.watched_journal import NAME, WatchedJournal

AGAIN: Final = 5.0  # seconds after which whatever watches the process starts it again
MOST_LIVES: Final = 60


class World:
    """Everything there is.

    Parameters
    ----------
    plan
        What goes wrong.
    die
        Kill the process at a place: in which life, and at the how many-th place.

    Attributes
    ----------
    excused
        Why the bot need not trade any more at the end, or None.
    flatten
        Whether the bot's owner wanted its position sold.
    forgot
        Whether the bot died with words that the disk had not taken: then it can only stop, and say so.
    lives
        How often it was started.
    labels, places
        The places at which the first life could have been killed, and how many of them were in time to recover.
    """

    def __init__(self, plan: Schedule, die: tuple[int, int] | None = None) -> None:
        self.loop = VirtualLoop()
        self.plan = plan
        self.clock = VirtualClock(self.loop, START)
        self.disk = SimulatedDisk()
        self.network = Network(self.loop, plan)
        played = market.draw(
            Random(f"market {plan.seed}"),
            market.PAST + schedule.BARS + 2,
            market.PAST + schedule.BARS - schedule.QUIET,
            plan.jumps(),
        )
        self.truth = Truth(self.loop, self.clock, played, plan)
        self.invariants = Invariants(self)
        self.life: Life | None = None
        self.life_began = 0.0
        self.lives = 0
        self.labels: list[str] = []
        self.places = 0
        self.excused: str | None = None
        self.forgot = False
        self.flatten = False
        self.guards_staleness = plan.seed % 2 == 0
        self.unsure = 0
        self.log: list[str] = []
        self._trace: list[tuple[float, tuple[object, ...]]] = []
        self._die = die
        self._chance = Random(f"world {plan.seed}")
        self._runner: Runner | None = None
        self._venue: Venue | None = None
        self._killing: Fault | None = None
        self.truth.on_events = self._happened
        self.truth.on_own = self.invariants.taken

    # -- for those who look on

    @property
    def now(self) -> float:
        """Seconds since the world began."""
        return self.loop.time()

    @property
    def running(self) -> bool:
        """Whether the bot trades, as it says itself."""
        alive = self.life is not None and not self.life.dead
        return alive and self._runner is not None and self._runner.state == "running"

    @property
    def connected(self) -> bool:
        """Whether the bot was told that the exchange can be reached."""
        return self._venue is not None and self._venue.up

    def digest(self) -> str:
        """What happened, in one number."""
        return hashlib.sha256(self.story().encode()).hexdigest()

    def trace(self, *words: object) -> None:
        """Write down what happened; it is put into words when somebody reads it."""
        self._trace.append((self.now, words))

    def story(self) -> str:
        """Return everything that happened, in words."""
        return "\n".join(f"{time:10.3f} {' '.join(map(str, words))}" for time, words in self._trace)

    def on_disk(self, client_id: str) -> bool:
        """Whether an order's intent would survive a power cut now."""
        needle = f'"id":"{client_id}"'.encode()
        return any(content.certain.rfind(needle) >= 0 for content in self.disk._files.values())  # it is near the end

    @property
    def disk_fails(self) -> bool:
        """Whether the disk takes nothing now."""
        return self.disk._fault is not None

    def unknown_orders(self) -> int:
        """Return how many orders the bot knows that it does not know."""
        return 0 if self._runner is None else self._runner.status().unknown_orders

    def open_orders(self) -> set[str]:
        """Return the client ids of the bot's open orders, as it says itself."""
        gateway = None if self._runner is None else self._runner.gateway
        return set() if gateway is None else {life.client_id for life in gateway.open_lives}

    def state(self) -> list[tuple[str, object, object]]:
        """Return how the bot stands, and how it should."""
        if self._runner is None or self.life is None or self.life.dead:
            return [("the process", "dead", "alive")]
        status, engine = self._runner.status(), self._runner.engine
        return [
            ("the bot", status.state, "running"),
            ("trading", status.trading_state, "active"),
            ("the number of unknown orders", status.unknown_orders, 0),
            ("what it tries to sell for", None if engine is None else engine.exits.leaving, None),
        ]

    def last_words(self) -> str:
        """Return why the bot is not as it should be, as far as it says."""
        status = None if self._runner is None else self._runner.status()
        return (status and (status.reason or status.trading_reason)) or "no reason is given"

    def books(self) -> Portfolio | None:
        """Return the bot's own books, or None if it has none."""
        engine = None if self._runner is None else self._runner.engine
        return None if engine is None else engine.portfolio

    def everything_written(self) -> Iterator[tuple[str, str]]:
        """Yield all that was written anywhere."""
        for name in self.disk.sizes():
            yield f"the file {name}", self.disk.read(name).decode("latin-1")
        yield "the log", "\n".join(self.log)

    # -- what happens

    def run(self) -> World:
        """Let everything happen."""
        asyncio.set_event_loop(None)
        try:
            self.loop.run_until_complete(self._main())
            self.invariants.at_the_end()
        finally:
            self.loop.close()
            self.disk.close()
        return self

    async def _main(self) -> None:
        self._arrange()
        while self.now < schedule.SECONDS and self.lives < MOST_LIVES:
            self.lives += 1
            try:
                await self._live()
            except (JournalError, Killed) as error:
                self.trace(f"the process could not begin: {error!r}")
            if self.life is not None and self.life.dead and self._killing is not None:
                self.disk.cut_power(self._chance)
            pause = AGAIN if self._killing is None else 1 + 15 * self._killing.size
            self._killing = None
            if self.now < schedule.SECONDS:
                await asyncio.sleep(pause)

    async def _live(self) -> None:
        number = self.lives
        die_at = self._die[1] if self._die is not None and self._die[0] == number else None
        life = self.life = Life(number, die_at=die_at, on_death=self._died)
        self._runner = self._venue = None
        self.life_began = self.now
        self.flatten = False  # a process that died before it had sold does not know any more that it was to
        self.trace(f"life {number} begins")
        try:
            journal = WatchedJournal(self, life)
            self._venue = Venue(self.truth, self.network, life, sending=self._sending, unsure=self._unsure)
            runner = self._runner = Runner(
                strategy=market.Told(),
                plan=Plan(
                    self._venue,
                    SYMBOL,
                    TIMEFRAME,
                    FractionOfEquity(self.plan.fraction),
                    self._limits(),
                    NAME,
                ),
                journal=journal,
                clock=LifeClock(self.clock, life),
                log=self._log,
                lock=threading.RLock(),
            )
            runner.begin()
            task = asyncio.ensure_future(runner.main())
            await asyncio.wait({task, life.killed}, return_when=asyncio.FIRST_COMPLETED)
            if not life.dead:
                self._ended(task)
                journal.close()
        finally:
            if number == 1:
                self.labels = life.labels[: self.places or None]
            await self._bury(life)

    def _ended(self, task: asyncio.Task[None]) -> None:
        assert self._runner is not None
        status = self._runner.status()
        self.trace(f"the bot ends: {status.state} {status.reason}")
        if task.cancelled() or task.exception() is not None:
            how = "was cancelled" if task.cancelled() else repr(task.exception())
            self.invariants.fail("X", f"the runner ended by itself: {how}")
        if "internal error" in status.reason:
            self.invariants.fail("X", status.reason)
        left = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        if left:
            self.invariants.fail("X", f"{len(left)} tasks outlive the runner: {left[0]}")

    async def _bury(self, life: Life) -> None:
        """Drop what a killed process was doing: no door opens for it any more, so that nothing of it has an effect."""
        life.die()
        for _ in range(100):
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)
        else:
            self.invariants.fail("X", "a dead process does not lie still")

    def _died(self) -> None:
        self.trace("the process is dead")
        if self._runner is not None and self._runner._recorder.waiting:
            self.forgot = True
        self.disk.kill()

    def _log(self, level: str, text: str, facts: object = None) -> None:
        if level != "debug":
            self.trace(f"{level}: {text}")
        elif "Traceback" in text:
            self.trace(text)
        self.log.append(text)
        # While the disk takes nothing, people are told all the same.
        if text.startswith("Nobody knows"):
            self.invariants.told("unknown_order")
        elif text.startswith("Unprotected position"):
            self.invariants.told("unprotected")
        elif "clear the bot" in text:
            self.loop.call_later(1, self._clear)

    def _limits(self) -> Limits:
        plan = self.plan
        return Limits(
            stop_loss=plan.stop_loss,
            take_profit=plan.take_profit,
            max_bar_age=10 if self.guards_staleness else None,
            price_collar="0.05" if plan.collar else None,
        )

    # -- what is told, and to whom

    def _sending(self, sent: Any) -> None:
        self.trace("sends", sent)
        self.invariants.sending(sent)

    def _unsure(self, client_id: str) -> None:
        self.unsure += 1
        self.trace(f"{client_id} is unknown to the bot")
        self.invariants.unsure(client_id)

    def _happened(self, events: Any) -> None:
        for event in events:
            self.trace("exchange:", Short(event))
        if self._venue is not None:
            self._venue.happened(events)

    # -- what goes wrong

    def _arrange(self) -> None:
        at = self.loop.call_at
        for fault in self.plan.faults:
            self.trace(f"there will be {fault}")
        for number in range(1, schedule.BARS + 1):
            at(number * STEP / 1e9 + 0.05, self._bar_closes)
        for kind in ("partition", "flapping"):
            for fault in self._faults(kind):
                at(fault.end + 0.3, self._bar_closes)
        for seconds, up, why in self.network.connection():
            at(seconds, self._connection, up, why)
        deeds: dict[str, Callable[[Fault], object]] = {
            "market_closed": lambda fault: self.truth.open_or_close(),
            "rules_changed": self.truth.change_rules,
            "foreign_trade": self.truth.trade,
            "foreign_order": lambda fault: self.truth.rest(),
            "foreign_cancel": self.truth.meddle,
            "foreign_withdrawal": self._withdraw,
            "clock_jump": self._jump,
            "killed": lambda fault: self._kill(),
            "power_cut": self._cut_power,
            "stopped": lambda fault: self._stop(),
            "disk_full": lambda fault: self.disk.fail(lambda: apsw.FullError("no room")),
            "disk_broken": lambda fault: self.disk.fail(lambda: apsw.IOError("EIO")),
            "kill_switch": self._pull_the_plug,
        }
        undo: dict[str, Callable[[Fault], object]] = {
            "market_closed": lambda fault: self.truth.open_or_close(),
            "disk_full": lambda fault: self.disk.heal(),
            "disk_broken": lambda fault: self.disk.heal(),
        }
        for fault in self.plan.faults:
            if fault.kind in deeds:
                at(fault.start, self._do, deeds[fault.kind], fault)
            if fault.kind in undo:
                at(fault.end, self._do, undo[fault.kind], fault)
        at(schedule.TROUBLE, self._calm_down)
        at(schedule.SECONDS - 0.5, self.invariants.at_rest)
        at(schedule.SECONDS, self._stop)

    def _calm_down(self) -> None:
        if self.life is not None and self.lives == 1:
            self.places = self.life.points

    def _faults(self, kind: str) -> list[Fault]:
        return [fault for fault in self.plan.faults if fault.kind == kind]

    def _do(self, deed: Callable[[Fault], object], fault: Fault) -> None:
        self.trace(f"fault {fault}")
        deed(fault)

    def _bar_closes(self) -> None:
        if self._venue is not None and self.life is not None:
            late = self.network.at_work("bars_late")
            if late is not None:
                self.loop.call_later(12 * late.size, self._venue.bars_closed)
            else:
                self._venue.bars_closed()
        self.invariants.look(self.plan.stop_loss)

    def _connection(self, up: bool, why: str) -> None:
        if self._venue is not None:
            self._venue.connection(up, why, self.clock.now())

    def _withdraw(self, fault: Fault) -> None:
        self.truth.withdraw(fault)
        self.excused = "somebody took money or coins away"

    def _jump(self, fault: Fault) -> None:
        steps = (1, -1, 3, -3, 60, -60, 3_600, -3_600, 86_400, -86_400)
        self.clock.off += steps[int(fault.size * len(steps))] * 10**9

    def _kill(self) -> None:
        if self.life is not None:
            self.life.die()

    def _cut_power(self, fault: Fault) -> None:
        self._killing = fault
        self._kill()

    def _stop(self) -> None:
        if self._runner is not None and self.life is not None and not self.life.dead:
            self._runner.request_stop()

    def _clear(self) -> None:
        """Do as the bot asks: its owner has looked at the account."""
        runner, life = self._runner, self.life
        if runner is not None and life is not None and not life.dead and self.running:
            self.loop.create_task(runner._decide(lambda engine, now: engine.clear("looked at it", "user", now)))

    def _pull_the_plug(self, fault: Fault) -> None:
        runner, life = self._runner, self.life
        if runner is None or life is None or life.dead or not self.running:
            return
        self.excused = self.invariants.halted = "the bot was killed by its owner"
        flatten = self.flatten = fault.size < 0.5
        self.loop.create_task(
            runner._decide(lambda engine, now: engine.kill("killed by the user", "user", now, flatten=flatten))
        )
