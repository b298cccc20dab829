"""A simulated exchange from what a user says: bars or a seed, rules, balances, speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.order_types import OrderType
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.matching import Fees, MatchingCore
from cryptobot.exchange.rules import MarketRules
from cryptobot.exchange.simulator.faults import Faults
from cryptobot.exchange.simulator.feed import Feed
from cryptobot.exchange.simulator.intervals import beginning
from cryptobot.exchange.simulator.keys import Keys
from cryptobot.exchange.simulator.limits import Limits
from cryptobot.exchange.simulator.pace import FastPace, ManualPace, Pace, RealPace
from cryptobot.exchange.simulator.world import World
from cryptobot.market.practice import PRACTICE_MARKET, PracticeMarket

if TYPE_CHECKING:
    import pandas as pd

_LOT: Final = Decimal("0.00001")
_NOTIONAL: Final = Decimal(5)
_DECIMALS: Final = 8
_SMALLEST: Final = Decimal(1).scaleb(-_DECIMALS)
_MOST_HISTORY: Final = 1_000_000
# Limits that Binance has for its large markets.
_MAX_NOTIONAL: Final = Decimal(9_000_000)
_MULTIPLIER_UP: Final = Decimal(5)
_MULTIPLIER_DOWN: Final = Decimal("0.2")
_MAX_ORDERS: Final = 200
_MAX_ALGO_ORDERS: Final = 5


@dataclass(frozen=True, slots=True)
class Source:
    """Bars, in two parts: what is past at the start, and what comes."""

    timeframe: Timeframe
    past: list[Bar]
    coming: Iterator[Bar]
    first: Bar
    decimals: int


def source_of(
    bars: pd.DataFrame | BarColumns | None, practice: int | None, timeframe: str | Timeframe | None, history: int
) -> Source:
    """Return the bars that are to be played.

    Raises
    ------
    ConfigError
        If neither or both of bars and seed are given, or the rest does not fit them.
    """
    if (bars is None) == (practice is None):
        raise ConfigError(
            "bars: give either bars to play, for example cb.read_bars(path), or practice=7 for the practice market of "
            "that seed; not both and not neither."
        )
    if isinstance(history, bool) or not isinstance(history, int) or not 0 <= history <= _MOST_HISTORY:
        raise ConfigError(f"history: {history!r} is not allowed. Give a whole number of bars, 0 to {_MOST_HISTORY:,}.")
    if bars is None:
        market = PracticeMarket(practice if practice is not None else 7, timeframe=timeframe or "1m")
        past = market.take(history).rows() if history else []
        first = next(market)
        return Source(market.timeframe, past, _behind(first, market), first, _decimals_of(PRACTICE_MARKET.tick_size))
    columns = BarColumns.of(bars)
    if timeframe is not None and Timeframe.parse(timeframe) != columns.timeframe:
        raise ConfigError(
            f"timeframe: the bars are of {columns.timeframe}, not {timeframe}. Leave it out; longer intervals are made "
            "of them."
        )
    if history >= len(columns):
        raise ConfigError(
            f"history: {history} is not allowed with {len(columns)} bars. Give 0 to {len(columns) - 1}: at least one "
            "bar must be left to come."
        )
    if columns.grid.decimals is None or columns.grid.decimals > _DECIMALS:
        raise ConfigError(
            f"bars: the prices lie on no grid of {_DECIMALS} decimals or fewer, which is what an exchange writes. Round "
            "them, for example bars.round({'open': 2, 'high': 2, 'low': 2, 'close': 2})."
        )
    rows = columns.rows()
    return Source(columns.timeframe, rows[:history], iter(rows[history:]), rows[history], columns.grid.decimals)


def rules_of(market: Market, price: float, order_types: Iterable[str | OrderType] | None) -> MarketRules:
    """Return a market with all filters that a real one has.

    Parameters
    ----------
    market
        Symbol, tick, lot and least value; where one is None, eight decimals or nothing.
    price
        About what it costs, so that the greatest quantity fits it.
    order_types
        What it takes; None is everything.
    """
    kinds = frozenset(OrderType) if order_types is None else frozenset(_kind(kind) for kind in order_types)
    tick, lot = market.tick_size or _SMALLEST, market.lot_size or _SMALLEST
    most = Decimal(10) ** (len(str(int(_MAX_NOTIONAL / decimal_of(price)))) + 1)
    return MarketRules(
        Market(market.symbol, tick, lot, market.min_notional),
        order_types=kinds,
        min_price=tick,
        max_price=max(Decimal(1_000_000), Decimal(10) ** (len(str(int(price))) + 2)),
        min_quantity=lot,
        max_quantity=most,
        market_min_quantity=Decimal(0),
        market_max_quantity=most,
        max_notional=_MAX_NOTIONAL,
        bid_multiplier_up=_MULTIPLIER_UP,
        bid_multiplier_down=_MULTIPLIER_DOWN,
        ask_multiplier_up=_MULTIPLIER_UP,
        ask_multiplier_down=_MULTIPLIER_DOWN,
        max_orders=_MAX_ORDERS,
        max_algo_orders=_MAX_ALGO_ORDERS,
        exchange_symbol=market.symbol.replace("/", ""),
    )


def world_of(
    source: Source,
    rules: MarketRules,
    *,
    speed: float | Literal["manual"],
    balances: Mapping[str, Any],
    fees: Fees,
    slippage_bps: float,
    volume_share: float | None,
    keys: Keys,
    seed: int,
    clock: Clock,
) -> World:
    """Put a simulated exchange together.

    At speed 1 all times are moved so that the first bar to come opens in the present interval of the computer's clock.
    """
    shift = 0
    pace: Pace
    if speed == "manual":
        pace = ManualPace(source.first.time)
    elif speed == 1:
        pace = RealPace(clock)
        shift = beginning(clock.now(), source.timeframe.nanoseconds) - source.first.time
    else:
        pace = FastPace(clock, source.first.time, speed)
    market = rules.market
    feed = Feed(market.symbol, source.timeframe, source.past, source.coming, market.tick_size or _SMALLEST, shift)
    held = {market.base: Decimal(0), market.quote: Decimal(0)} | {
        asset: decimal_of(amount, f"balance of {asset}") for asset, amount in balances.items()
    }
    core = MatchingCore([rules], held, fees, slippage_bps=slippage_bps, volume_share=volume_share)
    return World(feed, core, keys, clock, pace, Limits(), Faults(seed))


def market_of(market: Market | None, symbol: str, source: Source, *, practice: bool) -> Market:
    """Return the market's rules: those given, the practice market's, or those that the bars' prices show."""
    if symbol != symbol.upper():
        raise ConfigError(f"symbol: {symbol!r} is not allowed. Write it in capitals: {symbol.upper()!r}.")
    if market is not None:
        if not isinstance(market, Market):
            raise ConfigError(
                f"market: {market!r} is not a Market. Give its rules, for example cb.Market('BTC/USDT', "
                "tick_size='0.01', lot_size='0.00001', min_notional='5'), or None."
            )
        return market
    if practice:
        return Market(symbol, PRACTICE_MARKET.tick_size, PRACTICE_MARKET.lot_size, PRACTICE_MARKET.min_notional)
    return Market(symbol, Decimal(1).scaleb(-source.decimals), _LOT, _NOTIONAL)


def _kind(name: str | OrderType) -> OrderType:
    try:
        return OrderType(str(name).lower())
    except ValueError:
        raise ConfigError(
            f"order_types: `{name}` is unknown.{closest(str(name), OrderType)} Known: {listed(OrderType)}."
        ) from None


def _behind(first: Bar, others: Iterator[Bar]) -> Iterator[Bar]:
    yield first
    yield from others


def _decimals_of(tick: Decimal | None) -> int:
    exponent = (tick or _SMALLEST).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else _DECIMALS
