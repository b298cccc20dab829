"""A bot on a thread and an event loop of its own.

Long because it is the face of trading: every method is public, and says what it takes, gives and refuses.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self, cast

from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.money import ZERO
from cryptobot.core.sizing import FractionOfEquity, Sizing
from cryptobot.core.suggest import closest, listed
from cryptobot.core.text import count, written
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Mode
from cryptobot.exchange.protocol import Exchange
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Level, Notice, SetTradingState
from cryptobot.trading.display import DISPLAYS
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.journal import Journal, SqliteJournal
from cryptobot.trading.journal.fitting import fitting_journal
from cryptobot.trading.live_gate import LiveGate
from cryptobot.trading.log import LogBook, LogLine
from cryptobot.trading.opening import Plan
from cryptobot.trading.runner import Runner
from cryptobot.trading.snapshot import BotSnapshot, orders_of, snapshot_of, trades_of
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import Tape, TapeWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from cryptobot.alerts.channel import AlertChannel

_LEVELS: Final = ("debug", "info", "warning", "error")


class Bot:
    """Trades one market with one strategy.

    Parameters
    ----------
    strategy
        An instance, such as ``cb.MovingAverageCrossover(fast=10, slow=30)``.
    exchange
        Where it trades, such as ``cb.PracticeExchange()``.
    symbol, timeframe
        Market and interval; None takes the exchange's own.
    sizing
        What an entry may spend: a fraction of the equity (0.5 or ``cb.FractionOfEquity(0.5)``) or an amount
        (``cb.FixedQuote(100)``). The default is everything.
    limits
        What it may not exceed, and the stops that protect its positions.
    name
        For people and for client order ids; the default is strategy and market.
    journal
        Where everything is written down, orders before they are sent. One that holds an earlier session is gone on with.
        None keeps it in memory.
    gate
        What real money asks for; needed for a live exchange only.
    alerts
        Where people are told what happens, for example ``[cb.SlackAlerts.from_env()]``.
    clock
        Where the time comes from.

    Raises
    ------
    ConfigError
        If a value is not allowed.

    Notes
    -----
    The bot runs on its own thread: a busy or crashed cell does not delay it. It lives in this process, though, and
    ends with it.
    """

    def __init__(
        self,
        strategy: Strategy,
        *,
        exchange: Exchange,
        symbol: str | None = None,
        timeframe: str | Timeframe | None = None,
        sizing: Sizing | float | None = None,
        limits: Limits | None = None,
        name: str | None = None,
        journal: Journal | None = None,
        gate: LiveGate | None = None,
        alerts: Sequence[AlertChannel] = (),
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(strategy, Strategy):
            made = f" Make one: {strategy.__name__}()." if isinstance(strategy, type) else ""
            raise ConfigError(f"strategy: {strategy!r} is not a strategy.{made} Allowed: an instance of cb.Strategy.")
        if isinstance(exchange, type) or not hasattr(exchange, "stream"):
            raise ConfigError(f"exchange: {exchange!r} is not an exchange. Give for example cb.PracticeExchange().")
        if gate is not None and not isinstance(gate, LiveGate):
            raise ConfigError(f"gate: {gate!r} is none. Give cb.LiveGate(paper_time='3d').")
        if exchange.mode is Mode.LIVE and not isinstance(journal, SqliteJournal):
            raise ConfigError(
                f"exchange: {exchange.name} is live, and real money needs a journal on disk, from which a bot goes on after "
                "a crash. Launch it in a process of its own, cb.launch('bot.toml'), or give journal=cb.SqliteJournal(path)."
            )
        if isinstance(sizing, int | float):
            sizing = FractionOfEquity(sizing)
        if sizing is not None and (isinstance(sizing, type) or not hasattr(sizing, "quote_amount")):
            raise ConfigError(
                f"sizing: {sizing!r} is not a way to size orders. Give a fraction of the equity above 0 and at most 1, "
                "cb.FractionOfEquity(0.5), or cb.FixedQuote(1000) for an amount in the quote currency."
            )
        if limits is not None and not isinstance(limits, Limits):
            raise ConfigError(f"limits: {limits!r} are none. Give cb.Limits(max_order_value=500, stop_loss=0.05).")
        self._symbol = symbol or exchange.symbol
        if self._symbol is None:
            raise ConfigError(f"symbol: none is given, and {exchange.name} has many. Name one, for example 'BTC/USDT'.")
        chosen = timeframe or exchange.timeframe
        if chosen is None:
            raise ConfigError(f"timeframe: none is given, and {exchange.name} has many. Name one, for example '1m'.")
        self._timeframe = Timeframe.parse(chosen)
        self._clock = clock or SystemClock()
        self.name = name or f"{strategy.name}-{self._symbol.replace('/', '').lower()}"
        self.exchange = exchange
        self.journal = fitting_journal(journal, self._symbol, self._timeframe, exchange.mode)
        self._log = LogBook(self.name, self._clock, market=self._symbol, mode=self.mode)
        self.lock = threading.RLock()
        self._reading = threading.Lock()
        self._notices: deque[Notice] = deque(maxlen=10_000)
        self._noticed = 0
        self._thread: threading.Thread | None = None
        plan = Plan(
            exchange, self._symbol, self._timeframe, sizing or FractionOfEquity(), limits or Limits(), self.name
        )
        self._runner = Runner(
            strategy=strategy,
            plan=plan,
            journal=self.journal,
            clock=self._clock,
            log=self._log.add,
            lock=self.lock,
            gate=gate,
            channels=_channels(alerts),
        )
        self._log.add(
            "info", f"{self.name} is ready: {strategy!r} on {self._symbol} {self._timeframe} ({exchange.name})."
        )

    @property
    def strategy(self) -> Strategy:
        """The strategy with its present parameters."""
        return self._runner.strategy

    @property
    def mode(self) -> str:
        """Where its orders go, for example ``"practice"``."""
        return str(self.exchange.mode)

    def start(self) -> Self:
        """Start trading, or go on after a stop; does nothing when it runs already.

        Raises
        ------
        ConfigError
            If the exchange has no more bars, another bot of this name runs, or a stop has not come to its end.
        CryptobotError
            If the exchange cannot be used as asked, for example an unknown market.
        """
        ending = self._thread
        if ending is not None and self._runner.state not in ("starting", "running"):
            ending.join(10.0)  # what has stopped or halted is still letting go of its exchange
        with self.lock:
            if self._runner.state == "finished":
                raise ConfigError(
                    f"{self.name}: {self.exchange.name} has no more bars. Make a new exchange and a new bot to trade again."
                )
            if self._thread is not None and self._thread.is_alive():
                if self._runner.state not in ("starting", "running"):
                    raise ConfigError(f"{self.name} is still stopping. Wait for its end, bot.wait(), then start it.")
                self._log.add("info", "Start: it runs already.")
                return self
            if any(other.name == self.name and other is not self for other in running_bots()):
                raise ConfigError(
                    f"{self.name}: a bot of this name runs already in this process. Stop it (cb.stop_all() stops every "
                    "bot), or give the new one a name of its own: cb.Bot(..., name='second')."
                )
            self._runner.begin()
            _RUNNING.add(self)  # a running bot is kept alive, whether or not a name in the notebook still holds it
            self._thread = threading.Thread(target=self._main, name=f"cryptobot-{self.name}", daemon=True)
            self._thread.start()
        self._runner.ready.wait()
        if self._runner.error is not None:
            self._thread.join()
            raise self._runner.error
        return self

    def _main(self) -> None:
        try:
            self._runner.run()
        finally:
            _RUNNING.discard(self)

    def stop(self, timeout: float = 10.0) -> Self:
        """Stop trading: finish what is being done, then say what stays open. May be called again at any time.

        Parameters
        ----------
        timeout
            Seconds to wait for the end.

        Raises
        ------
        ConfigError
            If it has not ended within the timeout; it goes on ending.
        """
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._log.add("info", "Stop: it does not run.")
            return self
        self._runner.request_stop()
        if thread is not threading.current_thread():
            thread.join(timeout)
            if thread.is_alive():
                raise ConfigError(f"{self.name} has not stopped within {timeout:g} s. Wait for it: bot.wait().")
        return self

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped, halted or run out of bars.

        Parameters
        ----------
        timeout
            Seconds, or None to wait for ever.

        Returns
        -------
        bool
            Whether it has ended.
        """
        thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait for something to become true of the bot.

        Parameters
        ----------
        condition
            Asked after everything that happens, while nothing else happens.
        timeout
            Seconds.

        Returns
        -------
        bool
            Whether it became true.
        """
        return self._runner.wait_until(condition, timeout)

    def run(self) -> BotStatus:
        """Start, wait for the end, and return the last status; Ctrl-C stops it cleanly."""
        self.start()
        try:
            self.wait()
        except KeyboardInterrupt:
            self.stop()
        return self.status()

    def set_parameters(self, **changes: Any) -> Strategy:
        """Trade with changed parameters from the next bar's close on.

        Returns
        -------
        Strategy
            The changed strategy.

        Raises
        ------
        ConfigError
            If a parameter is unknown or not allowed; then nothing changes.
        """
        return self._runner.change(changes)

    def set_strategy(self, strategy: Strategy) -> Strategy:
        """Trade with another strategy from the next bar's close on; position and books stay as they are.

        Raises
        ------
        ConfigError
            If it is not a strategy; then nothing changes.
        """
        if not isinstance(strategy, Strategy):
            raise ConfigError(f"strategy: {strategy!r} is not a strategy. Allowed: an instance of cb.Strategy.")
        return self._runner.change_to(strategy)

    def kill(
        self,
        *,
        flatten: bool = False,
        reason: str = "killed by the user",
        by: str = "user",
        timeout: float = 30.0,
    ) -> BotStatus:
        """Cancel every order of the bot, and trade nothing more until `clear`, restarts included.

        Protective orders are cancelled, too: nothing of the bot's is left on the exchange. It goes on watching.

        Parameters
        ----------
        flatten
            Whether to sell the position at the market.
        reason, by
            For the journal.
        timeout
            Seconds to wait until it is done.

        Raises
        ------
        ConfigError
            If it is not done within the timeout; it goes on trying.
        """
        self._runner.command(
            lambda engine, now: engine.kill(reason, by, now, flatten=flatten),
            SetTradingState(TradingState.HALTED, reason, by, flatten),
            timeout,
        )
        return self.status()

    def flatten(self, reason: str = "flattened by the user", *, by: str = "user", timeout: float = 30.0) -> BotStatus:
        """Sell the position at the market, and buy nothing more until `clear`; see `kill`."""
        self._runner.command(
            lambda engine, now: engine.flatten(reason, by, now),
            SetTradingState(TradingState.REDUCING, reason, by),
            timeout,
        )
        return self.status()

    def clear(self, reason: str = "cleared by the user", *, by: str = "user", timeout: float = 30.0) -> BotStatus:
        """Allow trading again, after a kill, a limit, or a comparison that did not fit; see `kill`."""
        self._runner.command(
            lambda engine, now: engine.clear(reason, by, now),
            SetTradingState(TradingState.ACTIVE, reason, by),
            timeout,
        )
        return self.status()

    def status(self) -> BotStatus:
        """Return where it stands."""
        return self._runner.status()

    def logs(self, n: int | None = None) -> list[LogLine]:
        """Return the newest n log lines (None: all that are kept), oldest first."""
        return self._log.lines(n)

    def notices(self, n: int | None = None) -> list[Notice]:
        """Return the newest n things that people were told (None: the newest 10,000), oldest first."""
        with self._reading:
            for record in self.journal.records(self._noticed, kinds=["notice"]):  # what was read is not read again
                self._noticed = record.number
                self._notices.append(record.content)
            told = list(self._notices)
        return told if n is None else told[max(0, len(told) - n) :]

    def log(self, level: str, text: str) -> None:
        """Add a line to the log.

        Raises
        ------
        ConfigError
            If the level is unknown.
        """
        if level not in _LEVELS:
            raise ConfigError(f"level: {level!r} is unknown.{closest(level, _LEVELS)} Allowed: {listed(_LEVELS)}.")
        self._log.add(cast("Level", level), text)
        self._runner.touch()

    def trades(self, n: int | None = None) -> pd.DataFrame:
        """Return the newest n round trips (None: all), one a row; see `BacktestReport.trades`.

        An open one comes last and is valued at the last close.
        """
        from cryptobot.backtest.trade_table import trade_table

        return trade_table(trades_of(self, n))

    def open_orders(self) -> pd.DataFrame:
        """Return the bot's orders that may still be filled, one a row: id, side, type, state, quantity, filled, prices."""
        from cryptobot.trading.order_table import order_table

        return order_table(orders_of(self))

    def explain(self, at: Any = None) -> Explanation:
        """Say why the last bar, or that of another moment (a text in UTC, a Timestamp), did or did not trade."""
        from cryptobot.trading.past import explain_bot

        return explain_bot(self, at)

    def tape(self, n: int | None = 250) -> TapeWindow:
        """Return the newest n bars (None: all that are kept) with features, equity and fills."""
        with self.lock:
            engine = self._runner.engine
            if engine is None:
                return Tape(list(self.strategy.nodes)).window(n, [], self._runner.sequence)
            return engine.tape.window(n, engine.fills, self._runner.sequence)

    def snapshot(self, bars: int | None = 250, trades: int | None = 100) -> BotSnapshot:
        """Return status, newest bars, last decision, newest trades and open orders, all of one and the same moment."""
        return snapshot_of(self, bars, trades)

    def bars(self) -> pd.DataFrame:
        """Return the bars it has seen, its history included: UTC DatetimeIndex, open, high, low, close, volume."""
        from cryptobot.core.bars import COLUMNS, BarColumns

        tape = self.tape(None)
        columns = {name: getattr(tape, name) for name in COLUMNS}
        return BarColumns.unchecked(tape.time, columns, self._timeframe).to_frame()

    @property
    def session(self) -> Runner:
        """What runs it; for reconciliation and tests."""
        return self._runner

    def __repr__(self) -> str:
        status = self.status()
        held = "flat" if status.quantity == ZERO else f"long {written(status.quantity, 8)}"
        return (
            f"Bot({self.name}: {status.state}, {status.mode}, {self.strategy!r}, {status.symbol} {status.timeframe}, "
            f"{count(status.bars, 'bar')}, {count(status.trades, 'trade')}, {held}, equity {Decimal(status.equity):,.2f})"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return DISPLAYS.get("bot")(self, include, exclude)


def _channels(alerts: Sequence[AlertChannel]) -> tuple[AlertChannel, ...]:
    if isinstance(alerts, str) or not isinstance(alerts, Sequence):
        raise ConfigError(f"alerts: {alerts!r} is no list of channels. Give for example [cb.SlackAlerts.from_env()].")
    return tuple(alerts)


_RUNNING: set[Bot] = set()


def running_bots() -> list[Bot]:
    """Return the bots that run in this process."""
    copied = list(_RUNNING)  # in one step, since other threads add and remove
    return sorted(copied, key=lambda bot: bot.name)
