"""Faults that change the exchange itself: its clock, its market, its rules, its account."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.suggest import closest, listed
from cryptobot.exchange.rules import MarketRules, MarketStatus
from cryptobot.exchange.simulator.faults import SOCKET_KINDS, Fault

if TYPE_CHECKING:
    from cryptobot.exchange.simulator.world import World

_STATUSES: Final = {
    "halt": MarketStatus.HALTED,
    "cancel_only": MarketStatus.CANCEL_ONLY,
    "delist": MarketStatus.DELISTED,
    "resume": MarketStatus.TRADING,
}
_PRICES: Final = ("open", "high", "low", "close", "volume")


class Changes:
    """Carries faults out, and takes back those that last.

    Parameters
    ----------
    world
        What is changed.

    Attributes
    ----------
    clock_offset
        How far the exchange's clock is ahead, seconds.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.clock_offset = 0.0
        self._first: MarketRules | None = None

    def apply(self, fault: Fault) -> None:
        """Let a fault happen.

        Raises
        ------
        ConfigError
            If it cannot.
        """
        world = self._world
        if fault.kind in SOCKET_KINDS:
            from cryptobot.exchange.simulator.world import Told

            world.tell(Told("fault", fault, world.now))
        elif fault.kind in _STATUSES:
            self._set_rules(replace(world.rules, status=_STATUSES[fault.kind]))
        else:
            getattr(self, f"_{fault.kind}")(fault)

    def end(self) -> None:
        """Take back what lasts: the clock's error, bans, changed rules."""
        self.clock_offset = 0.0
        self._world.limits.banned_until = 0
        if self._first is not None:
            rules, self._first = self._first, None
            if self._world.feed.finished:
                rules = replace(rules, status=MarketStatus.HALTED)
            self._world.set_rules(rules)

    def _set_rules(self, rules: MarketRules) -> None:
        self._first = self._first or self._world.rules
        self._world.set_rules(rules)

    def _clock_offset(self, fault: Fault) -> None:
        self.clock_offset = fault.seconds

    def _clock_jump(self, fault: Fault) -> None:
        self.clock_offset += fault.seconds

    def _ban(self, fault: Fault) -> None:
        self._world.limits.ban(round((fault.seconds or 120) * 1e9), self._world.clock.now())

    def _weight(self, fault: Fault) -> None:
        used = int(fault.values.get("weight", self._world.limits.weight))
        self._world.limits.use(used, self._world.clock.now(), self._world.now)

    def _filters(self, fault: Fault) -> None:
        rules = self._world.rules
        ours = {entry.name for entry in fields(MarketRules)} - {"market", "status"}
        markets = {entry.name for entry in fields(Market)} - {"symbol"}
        known = sorted(ours | markets)
        for name in fault.values:
            if name not in known:
                raise ConfigError(f"filters: `{name}` is unknown.{closest(name, known)} Known: {listed(known)}.")
        market = replace(rules.market, **{name: value for name, value in fault.values.items() if name in markets})
        changed: dict[str, Any] = {
            name: _like(getattr(rules, name), value, name) for name, value in fault.values.items() if name in ours
        }
        self._set_rules(replace(rules, market=market, **changed))

    def _revise_candle(self, fault: Fault) -> None:
        base = self._world.feed.book.base
        if not len(base):
            raise ConfigError("revise_candle: no candle has closed yet. Step first, or give the simulator a history.")
        candle = base[-1]
        for name, value in fault.values.items():
            if name not in _PRICES:
                raise ConfigError(
                    f"revise_candle: `{name}` is unknown.{closest(name, _PRICES)} Known: {listed(_PRICES)}."
                )
            setattr(candle, name, float(value))
        if not fault.values:
            candle.volume = round(candle.volume * 1.01 + 0.00001, 8)
        candle.high = max(candle.high, candle.open, candle.close)
        candle.low = min(candle.low, candle.open, candle.close)
        self._world.feed.book.revise(-1, candle)

    def _rights(self, fault: Fault) -> None:
        rights = self._world.rights
        for name in fault.values:
            if name not in rights:
                raise ConfigError(f"rights: `{name}` is unknown.{closest(name, rights)} Known: {listed(rights)}.")
        rights.update(fault.values)

    def _balance(self, fault: Fault) -> None:
        self._world.deposit(fault.values)


def _like(present: Any, value: Any, name: str) -> Any:
    """Turn a JSON value into the type of the field it replaces."""
    if value is None or isinstance(present, bool | int | str | frozenset):
        return value
    return decimal_of(value, name) if isinstance(value, int | float | str | Decimal) else value
