"""The orders that rest on the exchange to protect a position."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.money import ONE, Market, ceil_to, exact_money, floor_to
from cryptobot.core.order_types import OrderType
from cryptobot.core.text import written
from cryptobot.core.types import Intent, OcoIntent, Side

# A stop that must become a limit order gives way this far, so that it is filled in all but a crash within a crash.
_GIVES_WAY: Final = Decimal("0.05")

#: Refusals of a protective order that say that its price is reached already. The position is then sold at once.
AT_ONCE: Final = frozenset({"WOULD_TRIGGER", "WOULD_MATCH"})


@exact_money
def stop_price(entry: Decimal, limits: Limits, market: Market) -> Decimal | None:
    """Return where the stop-loss of a position waits: under the entry's price, rounded up to the tick, so sooner."""
    if limits.stop_loss is None:
        return None
    price = entry * (ONE - limits.stop_loss)
    return price if market.tick_size is None else ceil_to(price, market.tick_size)


@exact_money
def target_price(entry: Decimal, limits: Limits, market: Market) -> Decimal | None:
    """Return where the profit of a position is taken: above the entry's price, rounded down to the tick, so sooner."""
    if limits.take_profit is None:
        return None
    price = entry * (ONE + limits.take_profit)
    return price if market.tick_size is None else floor_to(price, market.tick_size)


@exact_money
def protection(
    entry: Decimal,
    quantity: Decimal,
    time: int,
    limits: Limits,
    market: Market,
    ids: tuple[str, str, str],
    *,
    order_types: frozenset[OrderType],
    oco: bool,
) -> Intent | OcoIntent | None:
    """Return what is to rest on the exchange for a position, or None where nothing is asked for.

    Parameters
    ----------
    entry
        Average price of the position, in the quote currency.
    quantity
        Of the position, in the base currency; a remainder under the lot stays unprotected.
    time
        Nanoseconds since 1970-01-01 UTC.
    limits, market
        What is asked for, and the market's tick and lot.
    ids
        Client ids for the stop, the target and the pair.
    order_types, oco
        What the market takes.

    Raises
    ------
    ConfigError
        If the market has neither kind of stop-loss, or only one of stop and target can rest there: both would sell
        the position twice.
    """
    whole = market.round_quantity(quantity)
    stop, target = stop_price(entry, limits, market), target_price(entry, limits, market)
    if whole <= 0 or (stop is None and target is None):
        return None
    common = {"time": time, "symbol": market.symbol, "side": Side.SELL, "quantity": whole}
    below = above = None
    if stop is not None:
        reason = f"stop-loss {100 * (limits.stop_loss or 0):g} % under the entry at {written(entry)}"
        below = Intent(id=ids[0], reason=reason, **common, **_stop(stop, market, order_types))  # type: ignore[arg-type]
    if target is not None:
        reason = f"take-profit {100 * (limits.take_profit or 0):g} % above the entry at {written(entry)}"
        kind = OrderType.LIMIT if below is None else OrderType.LIMIT_MAKER
        above = Intent(id=ids[1], reason=reason, type=kind, price=target, **common)  # type: ignore[arg-type]
    if above is None or below is None:
        return above or below
    if not oco:
        raise ConfigError(
            f"limits: {market.symbol} has no pairs of orders here (OCO), so stop_loss and take_profit cannot both rest on "
            "the exchange. Set one of them."
        )
    return OcoIntent(ids[2], above, below)


def _stop(stop: Decimal, market: Market, order_types: frozenset[OrderType]) -> dict[str, object]:
    if OrderType.STOP_LOSS in order_types:
        return {"type": OrderType.STOP_LOSS, "stop_price": stop}
    if OrderType.STOP_LOSS_LIMIT not in order_types:
        raise ConfigError(
            f"limits: {market.symbol} takes no stop-loss orders here. Trade without stop_loss, or elsewhere."
        )
    price = stop * (ONE - _GIVES_WAY)
    if market.tick_size is not None:
        price = floor_to(price, market.tick_size)
    return {"type": OrderType.STOP_LOSS_LIMIT, "stop_price": stop, "price": price}
