"""Starting a bot in a process of its own, that this one's end does not touch."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptobot.control import state_file
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.config import BotConfig
from cryptobot.control.exchange_config import check_exchange
from cryptobot.control.folders import Folders, write_private
from cryptobot.control.gone import BotGoneError
from cryptobot.control.identity import differences, identity_of
from cryptobot.control.locks import TakenError
from cryptobot.control.strategy_source import Source, load_strategy, pack
from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.core.settings import Settings
from cryptobot.core.suggest import listed
from cryptobot.strategy.base import Strategy

_LOOK: Final = 0.02
_QUOTED: Final = 2_000
# A child that is forgotten while it runs would be complained about; those that have ended are let go of.
_CHILDREN: list[subprocess.Popen[bytes]] = []


def launch(
    config: BotConfig | Mapping[str, Any] | str | Path | None = None,
    strategy: Strategy | None = None,
    *,
    timeout: float = 60.0,
    new_journal: bool = False,
    **settings: Any,
) -> AttachedBot:
    """Start a bot in a process of its own and return a handle to it, once it trades.

    The process survives this one: an interrupt, a kernel's restart and a closed browser do not touch it. If a bot of this
    name runs already and is the same, it is taken hold of, so that a cell can be run again.

    Parameters
    ----------
    config
        A TOML file, or its content as a mapping; None when all is given by name.
    strategy
        An instance, also of a class typed into a cell, instead of ``config["strategy"]``. It travels by value, which
        practice, paper and testnet bots take; real money takes code from a file only.
    timeout
        Seconds to wait until it trades.
    new_journal
        Set the old journal aside and begin anew, with nothing known of before.
    **settings
        Further entries of the configuration, such as ``mode="paper"``; they win over ``config``.

    Raises
    ------
    ConfigError
        If a setting is not allowed, or another bot of this name runs.
    CryptobotError
        What went wrong in the process until it traded.

    Examples
    --------
    ::

        bot = cb.launch(strategy=MyStrategy(fast=12), mode="paper", exchange={"id": "binance"},
                        symbol="BTC/USDT", timeframe="1m", limits={"max_order_value": 500})
    """
    folders = Folders.find()
    wanted, given = _wanted(config, strategy, settings)
    check_exchange(wanted)
    if wanted.watch.heartbeat is not None:
        Settings.secret_named(wanted.watch.heartbeat)  # from here on no text shows it
    source = load_strategy(wanted.strategy.name, wanted.strategy.params) if given is None else Source(given, None, None)
    identity = identity_of(wanted, source)
    running = AttachedBot(wanted.name, folders)
    if running.alive:
        return _same(running, identity)
    folders.make(wanted.name)
    path = _written(wanted, given, folders)
    for attempt in range(2):
        try:
            return _started(wanted.name, path, folders, timeout, new_journal=new_journal)
        except TakenError:
            # Somebody else launched it just now, or a process that is ending still holds its lock.
            if _answers(running, timeout if attempt else min(timeout, 5.0)):
                return _same(running, identity)
            if attempt:
                raise
    raise RuntimeError("every attempt returns or raises")


def _wanted(
    config: BotConfig | Mapping[str, Any] | str | Path | None, strategy: Strategy | None, settings: Mapping[str, Any]
) -> tuple[BotConfig, Strategy | None]:
    if isinstance(config, str | Path):
        config = BotConfig.read(config)
    values = config.plain() if isinstance(config, BotConfig) else dict(config or {})
    values |= settings
    if strategy is None:
        return BotConfig.of(values, "launch").placed(Path.cwd()), None
    if not isinstance(strategy, Strategy):
        made = f" Make one: {strategy.__name__}()." if isinstance(strategy, type) else ""
        raise ConfigError(f"strategy: {strategy!r} is not a strategy.{made} Allowed: an instance of cb.Strategy.")
    values["strategy"] = {"by_value": "strategy"}
    if "name" not in values:
        market = str(values.get("symbol") or "practice").replace("/", "").lower()
        values["name"] = f"{strategy.name}-{market}"
    return BotConfig.of(values, "launch").placed(Path.cwd()), strategy


def _same(running: AttachedBot, identity: dict[str, str]) -> AttachedBot:
    """Return the bot that runs, if it is what was asked for."""
    others = differences(identity, running.about()["identity"])
    if others:
        raise ConfigError(
            f"{running.name}: a bot of this name runs already, with other settings: {listed(others)}. Take hold of it as it is, "
            f"cb.attach({running.name!r}); or end it first, cb.attach({running.name!r}).shut_down(); or choose another name."
        )
    return running


def _written(config: BotConfig, strategy: Strategy | None, folders: Folders) -> Path:
    """Write down what the process is to run, for its owner only; return the path."""
    plain = config.plain()
    if strategy is not None:
        packed = folders.of(config.name, "strategy.pickle")
        write_private(packed, pack(strategy))
        plain["strategy"] = {"by_value": str(packed)}
    path = folders.of(config.name, "launch.json")
    write_private(path, json.dumps(plain).encode())
    return path


def _started(name: str, path: Path, folders: Folders, timeout: float, *, new_journal: bool) -> AttachedBot:
    launch_id = secrets.token_hex(8)
    errors = folders.of(name, "err")
    command = [sys.executable, "-m", "cryptobot", "run", str(path), "--stay", "--launch", launch_id]
    child = _detached([*command, "--new-journal"] if new_journal else command, errors)
    bot, deadline = AttachedBot(name, folders), time.monotonic() + timeout
    while time.monotonic() < deadline:
        code = child.poll()
        failure = state_file.take_failure(folders, name, launch_id)
        if failure is not None:
            raise failure
        if code is not None:
            said = errors.read_text("utf-8", "replace")[-_QUOTED:].strip()
            raise CryptobotError(
                f"{name}: its process ended at once, with exit code {code}. It said: {said or 'nothing'}"
            )
        state = bot.process
        if state is not None and state.launch == launch_id and is_ready(bot):
            return bot
        time.sleep(_LOOK)
    raise CryptobotError(
        f"{name}: it does not trade yet after {timeout:g} s; its process {child.pid} goes on. Look at {folders.log(name)}; then "
        f"cb.attach({name!r}) or `cryptobot stop {name}`."
    )


def is_ready(bot: AttachedBot) -> bool:
    """Whether a bot's process answers, and its bot has been started."""
    try:
        return bool(bot.about()["ready"])
    except BotGoneError:
        return False


def _answers(bot: AttachedBot, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if bot.alive:
            return True
        time.sleep(_LOOK)
    return False


def _detached(command: list[str], errors: Path) -> subprocess.Popen[bytes]:
    """Start a process that no signal and no end of this one reaches."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with errors.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - this very interpreter and library
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, close_fds=True, **options
        )
    _CHILDREN.append(child)
    return child
