"""A bot's own process: lock, journal, bot, door; it trades until it is told to end, and says what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from cryptobot.control import state_file
from cryptobot.control.config import BotConfig
from cryptobot.control.doing import actions_of
from cryptobot.control.ending import DRAIN, Ending, drained
from cryptobot.control.exchange_config import account_of, check_exchange, make_exchange
from cryptobot.control.folders import Folders, write_private
from cryptobot.control.identity import identity_of
from cryptobot.control.journal_place import open_journal
from cryptobot.control.locks import ProcessLock, TakenError
from cryptobot.control.metrics import metrics
from cryptobot.control.process_log import write_log
from cryptobot.control.reading import Reading
from cryptobot.control.strategy_source import Source, load_strategy
from cryptobot.control.threads import on_thread
from cryptobot.control.watch import Watch
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.core.secrecy import keep_secret
from cryptobot.trading.bot import Bot
from cryptobot.trading.journal.contents import library_version

if TYPE_CHECKING:
    from cryptobot.trading.journal import SqliteJournal

_LOOK: Final = 0.2


class BotProcess:
    """Runs one bot from its configuration to its end, in this process's main thread.

    Parameters
    ----------
    config
        What to run.
    stay
        Whether to stay, to be looked at and started again, when the bot has stopped, halted or run out of bars.
    launch
        Which launch it is, so that the launcher knows its own child; empty for none.
    new_journal
        Whether to set the old journal aside.
    clock
        For the bot.
    """

    def __init__(
        self,
        config: BotConfig,
        *,
        stay: bool = False,
        launch: str = "",
        new_journal: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._stay = stay
        self._launch = launch
        self._new_journal = new_journal
        self._clock = clock or SystemClock()
        self._folders = Folders.find()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: asyncio.Event | None = None
        self._ended: Future[Ending] = Future()
        self._ready = False

    def run(self, ready: Callable[[state_file.ProcessState], None] | None = None) -> Ending:
        """Run it; blocks until the bot or the process is told to end.

        Parameters
        ----------
        ready
            Called once the bot trades.

        Raises
        ------
        CryptobotError
            If it cannot start. Whoever launched it is left word, too.
        """
        try:
            return self._run(ready or (lambda _state: None))
        except CryptobotError as error:
            if self._launch:
                state_file.write_failure(self._folders, self._config.name, self._launch, error)
            raise

    def _run(self, ready: Callable[[state_file.ProcessState], None]) -> Ending:
        config, folders = self._config, self._folders
        check_exchange(config)
        folders.make(config.name)
        account = account_of(config)
        with ExitStack() as held:
            held.enter_context(_name_lock(config, folders))
            if account:
                held.enter_context(_account_lock(config, folders, account))
            held.enter_context(write_log(folders.log(config.name)))
            source = load_strategy(config.strategy.name, config.strategy.params, config.strategy.by_value)
            exchange = make_exchange(config)
            journal = held.enter_context(
                open_journal(config, folders, exchange, account, self._clock, new=self._new_journal)
            )
            bot = Bot(
                source.strategy,
                exchange=exchange,
                symbol=config.symbol,
                timeframe=config.timeframe,
                sizing=config.sizing_made(),
                limits=config.limits_made(),
                name=config.name,
                journal=journal,
                gate=config.gate_made(),
                **_alerts(config),
            )
            _write_code(journal, self._clock, source)
            return asyncio.run(self._serve(bot, identity_of(config, source), ready))

    async def _serve(
        self, bot: Bot, identity: dict[str, str], ready: Callable[[state_file.ProcessState], None]
    ) -> Ending:
        from cryptobot.control.server import ControlServer

        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        token = state_file.new_token()
        watch = Watch(bot, self._config.watch)
        about: dict[str, Any] = {"name": bot.name, "mode": bot.mode, "pid": os.getpid(), "identity": identity}
        server = ControlServer(
            token,
            lambda: {**about, "launch": self._launch, "state": bot.session.state, "ready": self._ready},
            lambda: bot.session.sequence,
            Reading(bot).answers,
            actions_of(bot, self._end),
            lambda: metrics(bot),
            watch.refused,
        )
        port = await server.start(self._wanted_port)
        self._open_metrics(bot, server.read_token, port)
        state = state_file.ProcessState(
            name=bot.name,
            mode=bot.mode,
            pid=os.getpid(),
            port=port,
            token=token,
            started=self._clock.now(),
            launch=self._launch,
            library=library_version(),
        )
        with _signals(self._loop, self.shut_down):
            state_file.write(self._folders, state)
            watch.start()
            try:
                return await self._trade(bot, lambda: ready(state))
            finally:
                state_file.remove(self._folders, state)
                await on_thread(watch.close)
                await server.close()

    @property
    def _wanted_port(self) -> int:
        return 0 if self._config.metrics is None else self._config.metrics.port

    def _open_metrics(self, bot: Bot, token: str, port: int) -> None:
        """Leave the token where Prometheus finds it (``credentials_file``), if its figures are wanted."""
        if self._config.metrics is None:
            return
        keep_secret(token)
        path = self._folders.of(bot.name, "metrics-token")
        write_private(path, token.encode())
        if port != self._wanted_port:
            bot.log(
                "error", f"Port {self._wanted_port} of [metrics] is taken; /metrics is at {port} until the next start."
            )
        else:
            bot.log("info", f"Prometheus finds /metrics at 127.0.0.1:{port}, with the token in {path}.")

    async def _trade(self, bot: Bot, ready: Callable[[], None]) -> Ending:
        told = self._told
        if told is None:
            raise RuntimeError("the loop is not there yet")
        asked = asyncio.create_task(told.wait())
        start = asyncio.create_task(on_thread(bot.start))
        await asyncio.wait({asked, start}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
            beside = await on_thread(_price_server, bot, self._config)
            gc.freeze()  # what was loaded stays for good: going over it again and again would hold bars up for 0.1 s
            self._ready = True
            ready()
            while not told.is_set() and (self._stay or not bot.wait(0)):
                await asyncio.wait({asked}, timeout=None if self._stay else _LOOK)
            if beside is not None:
                await on_thread(beside)
        asked.cancel()
        ending = await drained(bot)
        self._ended.set_result(ending)
        with contextlib.suppress(CryptobotError):
            await asyncio.wait_for(start, 1.0)  # it was cut short, which is what was asked for
        return ending

    def _end(self) -> dict[str, Any]:
        self.shut_down()
        ending = self._ended.result(2 * DRAIN)
        return {"name": ending.name, "status": ending.status, "drained": ending.drained}

    def shut_down(self) -> None:
        """Ask the process to end; from any thread or signal, as often as one likes."""
        loop, told = self._loop, self._told
        if loop is not None and told is not None and not loop.is_closed():
            loop.call_soon_threadsafe(told.set)


def _name_lock(config: BotConfig, folders: Folders) -> ProcessLock:
    name = config.name
    return ProcessLock(
        folders.of(name, "lock"),
        name,
        f"{name}: it runs already ({{holder}}). Look at it: cb.attach({name!r}), or `cryptobot status {name}`. End it: `cryptobot stop {name}`.",
    )


def _account_lock(config: BotConfig, folders: Folders, account: str) -> ProcessLock:
    refusal = (
        f"{config.name}: another bot trades on this account of {config.exchange['id']} ({{holder}}). Two bots on one account "
        "would sell each other's coins: stop that one, or give this one keys of an account of its own."
    )
    try:
        return ProcessLock(folders.bots / f"account-{account}.lock", config.name, refusal)
    except TakenError as error:
        raise ConfigError(str(error)) from None  # taken by another bot: there is nothing to take hold of


def _alerts(config: BotConfig) -> dict[str, Any]:
    if not config.alerts:
        return {}
    from cryptobot.alerts.catalogue import alert_channels

    return {"alerts": alert_channels(config.alerts)}


def _write_code(journal: SqliteJournal, clock: Clock, source: Source) -> None:
    """Write down which code trades, before it does."""
    found = {"item": "strategy_code", "strategy": source.strategy.name, "file": source.file, "sha256": source.sha256}
    journal.append(clock.now(), "gate", found)


def _price_server(bot: Bot, config: BotConfig) -> Callable[[], object] | None:
    """Start the price server beside the bot, if one is wanted; return what stops it. The bot trades without it, too."""
    if config.server is None:
        return None
    from cryptobot.control.price_server.server import PriceServer

    server = PriceServer(bot, name=bot.name, port=config.server.port, allow_control=config.server.allow_control)
    try:
        server.start()
    except CryptobotError as error:
        bot.log("error", f"The price server has not started, and the bot trades without it: {error}")
        return None
    bot.log("info", f"The price server listens on {server.url}; its read token lies in {server.state_path}.")
    return server.stop


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> Iterator[None]:
    """Hear every signal that means "end", however often it comes."""

    def heard(_number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(tell)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, heard) for number in numbers}
    waker = loop.create_task(_woken()) if sys.platform == "win32" else None
    try:
        yield
    finally:
        if waker is not None:
            waker.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


async def _woken() -> None:
    """Let Python look for signals: on Windows a loop that waits for the network does not."""
    while True:  # noqa: ASYNC110 - there is no event: that is the trouble
        await asyncio.sleep(0.5)
