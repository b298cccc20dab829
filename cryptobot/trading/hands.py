"""Carries news to the engine, and what the engine wants to the exchange and to people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from cryptobot.core.events import BarClosed, ExchangeEvent
from cryptobot.core.text import written
from cryptobot.core.trading_state import TradingState
from cryptobot.trading.actions import Action, Cancel, Halt, Notice, SetTradingState, Submit
from cryptobot.trading.gateway.reconciler import Weighed
from cryptobot.trading.journal import BarSeen, RiskMark, TradingStateChange
from cryptobot.trading.opening import Desk
from cryptobot.trading.recorder import Recorder


class Hands:
    """Sees everything through to its end, one thing at a time: the caller holds the turn.

    Parameters
    ----------
    desk
        What trades.
    recorder
        Where bars and trading states are written down.
    lock
        Held while the engine handles an event, so that readers see one state.
    tell
        Takes notices.
    changed
        Called after everything that the engine has handled, with the bar if it was a new one.
    halt
        Ends the session, for a reason.
    keeps_bars
        Whether bars go into the journal.
    """

    def __init__(
        self,
        desk: Desk,
        recorder: Recorder,
        lock: threading.RLock,
        *,
        tell: Callable[[Notice], None],
        changed: Callable[[BarClosed | None], None],
        halt: Callable[[str], None],
        keeps_bars: bool,
    ) -> None:
        self._desk = desk
        self._recorder = recorder
        self._lock = lock
        self._tell = tell
        self._changed = changed
        self._halt = halt
        self._keeps_bars = keeps_bars
        self._remembered: object = None  # what limits remember, as it was last written down
        self._bar_came: float | None = None  # until the first order that follows from it

    async def feed(self, event: ExchangeEvent) -> None:
        """Pass news to the engine, and carry out what it wants."""
        engine = self._desk.engine
        if isinstance(event, BarClosed):
            self._bar_came = time.perf_counter()
        with self._lock:
            newest = engine.last_bar
            actions = engine.handle(event)
            new = event if isinstance(event, BarClosed) and engine.last_bar is not newest else None
            if new is not None:
                self._desk.meter.peak = max(self._desk.meter.peak, engine.tape.last_equity)
            if new is not None and self._keeps_bars:
                self._record(new)
            self._changed(new)
        if actions:
            await self.carry_out(actions)

    async def apply(self, weighed: Weighed) -> None:
        """Carry out what follows from a comparison with the exchange."""
        engine = self._desk.engine
        if weighed.adopted:
            engine.restore([], [], weighed.adopted)
        for news in weighed.news:
            await self.feed(news)
        reason = weighed.halt or weighed.reduce
        if reason is None:
            return
        if weighed.halt is not None:
            engine.gate.halt(reason)
        else:
            engine.gate.reduce(reason)
        self.set_trading_state(SetTradingState(engine.gate.state, reason, "reconciliation"))
        self._tell(Notice("error", f"{reason[0].upper()}{reason[1:]}.", "reconciliation"))

    async def carry_out(self, actions: Iterable[Action]) -> None:
        """Do what the engine wants, in order; what comes of it goes back to the engine at once."""
        for action in actions:
            if isinstance(action, Notice):
                self._tell(action)
            elif isinstance(action, SetTradingState):
                self.set_trading_state(action)
            elif isinstance(action, Halt):
                self._halt(action.reason)
            else:
                await self._send(action)

    def set_trading_state(self, wanted: SetTradingState) -> None:
        """Write down what may be traded."""
        state = TradingStateChange(str(wanted.state), wanted.reason, wanted.by, wanted.flatten)
        self._recorder.write("trading_state", state)
        if wanted.state is TradingState.ACTIVE and wanted.by not in ("limits", "reconciliation"):
            self._desk.reconciler.accept()  # a person has looked
        self._changed(None)

    async def _send(self, action: Submit | Cancel) -> None:
        gateway = self._desk.gateway
        if isinstance(action, Cancel):
            news = await gateway.cancel(action.client_ids)
        else:
            news = await gateway.submit(action.intent)
            if self._bar_came is not None:
                self._desk.meter.bar_to_order.add(time.perf_counter() - self._bar_came)
                self._bar_came = None
        for event in news:
            await self.feed(event)

    def _record(self, event: BarClosed) -> None:
        engine = self._desk.engine
        decision = engine.sight.decision
        features = {} if decision is None else decision.features
        self._recorder.write("bar", BarSeen(event.bar, features, engine.tape.last_equity), durable=False)
        memory = engine.gate.memory
        if memory is not None and memory != self._remembered:
            self._recorder.write("risk", RiskMark(*memory), durable=False)
            self._remembered = memory


def left_open(desk: Desk) -> str:
    """Say what stays open when a session ends."""
    held = desk.engine.portfolio.quantity
    left = [f"a position of {written(held, 8)} {desk.engine.market.base} stays open"] if held else []
    left += [
        f"order {life.client_id} ({life.intent.side}, {life.intent.type}) is {life.state}"
        for life in desk.gateway.open_lives
    ]
    return ", ".join(left) if left else "nothing is open"
