"""The gate before real money: what must have been proved of a bot, and what its user goes without in so many words."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.settings import Settings
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.gate_report import GateItem, GateReport
from cryptobot.trading.opening import Plan
from cryptobot.trading.paper_sessions import paper_session_of
from cryptobot.trading.recorded_proof import recorded_proof

#: What real money asks for.
ITEMS: Final = ("limits", "key_rights", "check_strategy", "backtest", "paper_session")
_LEAST: Final = (("max_order_value", "max_position_value"), ("max_daily_loss", "max_drawdown"))


@dataclass(frozen=True, slots=True)
class LiveWish:
    """What is to trade real money.

    Attributes
    ----------
    strategy
        With its parameters.
    exchange
        Its name, for example ``"binance"``.
    symbol, timeframe
        Market and interval.
    limits
        Those of the bot, or None.
    key_rights
        Whether the exchange says what its keys may do, and has been asked: it then refuses, when it is connected, a key
        that may withdraw.
    warnings
        What it found amiss about the key.
    """

    strategy: Strategy
    exchange: str
    symbol: str
    timeframe: Timeframe
    limits: Limits | None
    key_rights: bool
    warnings: Sequence[str] = ()


def wish_of(strategy: Strategy, plan: Plan) -> LiveWish:
    """Return what a bot wants, on an exchange that is connected: it has looked at its key by then.

    Parameters
    ----------
    strategy
        That is to trade.
    plan
        Of the bot.
    """
    exchange = plan.exchange
    return LiveWish(
        strategy,
        exchange.name,
        plan.symbol,
        plan.timeframe,
        plan.limits if plan.limits.set_names() else None,
        exchange.capabilities.key_rights,
        tuple(getattr(exchange, "warnings", ())),
    )


class LiveGate:
    """What real money asks for, and what you go without.

    A bot trades real money only with limits, a key that cannot withdraw, a passed `check_strategy`, a recorded backtest
    and a paper session, all of the same strategy, parameters, market and interval.

    Parameters
    ----------
    paper_time
        How long the paper session must have watched the market: ``"3d"``, ``"12h"``, a timedelta.
    override
        What you go without, each with your reason: ``{"paper_session": "the same bot has run elsewhere for a year"}``.
        It is written into the journal.
    journals
        Files, or folders of them, in which to look for paper sessions beside the data directory's own.

    Raises
    ------
    ConfigError
        If a value is not allowed.

    Examples
    --------
    >>> LiveGate(paper_time="3d").paper_seconds
    259200.0
    """

    def __init__(
        self,
        *,
        paper_time: str | dt.timedelta,
        override: Mapping[str, str] | None = None,
        journals: Sequence[str | Path] = (),
    ) -> None:
        self.paper_seconds = _seconds(paper_time)
        self.override = _reasons(override)
        if isinstance(journals, str | Path):
            raise ConfigError(f"journals: {journals!r} is one place. Give a list: [{str(journals)!r}].")
        self.journals = tuple(Path(place).expanduser() for place in journals)

    def check(self, wish: LiveWish, *, data_directory: Path | None = None) -> GateReport:
        """Say what is there and what is missing; nothing is raised for that.

        Parameters
        ----------
        wish
            What is to trade.
        data_directory
            Where runs and journals are kept; None is the place that the settings name.

        Raises
        ------
        ConfigError
            If a newer version of the library keeps its runs there.
        """
        place = data_directory or Settings.load().data_directory
        registry = RunRegistry(place / "runs")
        found = {
            "limits": _limits(wish.limits),
            "key_rights": _key_rights(wish),
            "check_strategy": _recorded(registry, "check", wish),
            "backtest": _recorded(registry, "backtest", wish),
            "paper_session": paper_session_of(
                [folder for folder in [place / "journals"] if folder.is_dir()] + list(self.journals),
                self.paper_seconds,
                strategy=wish.strategy,
                exchange=wish.exchange,
                symbol=wish.symbol,
                timeframe=wish.timeframe,
            ),
        }
        items = tuple(
            GateItem(name, ok, text, None if ok else self.override.get(name)) for name, (ok, text) in found.items()
        )
        wanted = {
            "strategy": wish.strategy.name,
            "code": strategy_digest(type(wish.strategy)),
            "parameters": wish.strategy.params,
            "exchange": wish.exchange,
            "symbol": wish.symbol,
            "timeframe": str(wish.timeframe),
            "limits": {}
            if wish.limits is None
            else {name: getattr(wish.limits, name) for name in wish.limits.set_names()},
            "paper_time": self.paper_seconds,
        }
        return GateReport(wanted, items)

    def __repr__(self) -> str:
        without = f", override={self.override!r}" if self.override else ""
        return f"LiveGate(paper_time={str(dt.timedelta(seconds=self.paper_seconds))!r}{without})"


def require_live(gate: LiveGate | None, wish: LiveWish, *, data_directory: Path | None = None) -> GateReport:
    """Return what the gate found, which is to be journaled; refuse what it does not let pass.

    Raises
    ------
    ConfigError
        If something is missing: every item is named, with what to do. Or there is no gate, so that nobody has said how
        long a paper session must have been.
    """
    if gate is None:
        raise ConfigError(
            "gate: real money needs one, which says how long the strategy must have traded on paper. Give for example "
            "cb.Bot(..., gate=cb.LiveGate(paper_time='3d'))."
        )
    report = gate.check(wish, data_directory=data_directory)
    if report.ok:
        return report
    named = "\n".join(f"  {number}. {item}" for number, item in enumerate(report.missing, start=1))
    raise ConfigError(
        f"{wish.strategy!r} may not trade real money yet on {wish.symbol} {wish.timeframe} at {wish.exchange}. Missing:\n"
        f"{named}\n"
        "To go without one of these, say so and why: cb.LiveGate(..., override={"
        f"{report.missing[0].name!r}: 'why'}}). It is written into the journal."
    )


def _limits(limits: Limits | None) -> tuple[bool, str]:
    given = [] if limits is None else limits.set_names()
    missing = [f"one of {listed(names)}" for names in _LEAST if not any(name in given for name in names)]
    if not missing:
        return True, f"set are {listed(given)}"
    have = f"set are {listed(given)}; " if given else ""
    return False, (
        f"{have}missing is {', and '.join(missing)}. Give for example cb.Limits(max_order_value=500, max_daily_loss=100)."
    )


def _key_rights(wish: LiveWish) -> tuple[bool, str]:
    if not wish.key_rights:
        return False, (
            f"{wish.exchange} has not said what the key may do, so that one that can withdraw money could not be noticed. "
            "Trade on an exchange that tells, for example `binance`, `coinbase` or `kraken`."
        )
    return True, " ".join(["the key cannot withdraw", *(f"({warning})" for warning in wish.warnings)])


def _recorded(registry: RunRegistry, kind: str, wish: LiveWish) -> tuple[bool, str]:
    try:
        return recorded_proof(registry, kind, wish.strategy, symbol=wish.symbol, timeframe=str(wish.timeframe))
    except (OSError, sqlite3.Error) as error:
        return (
            False,
            f"the runs in {registry.directory} cannot be read ({error}). Repair or remove them, and run it again.",
        )


def _seconds(given: str | dt.timedelta) -> float:
    allowed = "Give a length above 0 such as '3d' or '12h'; to go without a paper session, override it."
    if isinstance(given, dt.timedelta):
        seconds = given.total_seconds()
    else:
        try:
            seconds = float(Timeframe.parse(given).seconds)
        except ConfigError:
            raise ConfigError(f"paper_time: {given!r} is not a length of time. {allowed}") from None
    if seconds <= 0:
        raise ConfigError(f"paper_time: {given!r} is not allowed. {allowed}")
    return seconds


def _reasons(given: Mapping[str, str] | None) -> dict[str, str]:
    if given is not None and not isinstance(given, Mapping):
        raise ConfigError(f"override: {given!r} is not allowed. Give names with reasons: {{'paper_session': 'why'}}.")
    for name, reason in (given or {}).items():
        if name not in ITEMS:
            raise ConfigError(f"override: `{name}` is unknown.{closest(str(name), ITEMS)} Known: {listed(ITEMS)}.")
        if not isinstance(reason, str) or not reason.strip():
            raise ConfigError(f"override: `{name}` is {reason!r}. Say in words why you go without it.")
    return dict(given or {})
