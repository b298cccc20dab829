"""What the engine tells people of executions, in words and in figures."""

from __future__ import annotations

from collections.abc import Iterable

from cryptobot.core.money import Market
from cryptobot.core.orders import Order
from cryptobot.core.text import written
from cryptobot.core.types import Fill, Intent, Side, Trade
from cryptobot.trading.actions import Notice, Topic


def result(trade: Trade, quote: str) -> str:
    """Say what a closed trade earned."""
    return f"{'profit' if trade.pnl >= 0 else 'loss'} {abs(trade.pnl):,.2f} {quote} ({100 * trade.return_:+.2f} %)"


def executed(fill: Fill, trade: Trade | None, market: Market, topic: Topic, why: str) -> Notice:
    """Tell of an execution, and of the trade that it closed."""
    did = "Bought" if fill.side is Side.BUY else "Sold"
    by = {"stop_loss": " by the stop-loss", "take_profit": " by the take-profit"}.get(topic, "")
    text = f"{did} {written(fill.quantity, 8)} {market.base} at {written(fill.price)} {market.quote}{by}"
    facts = {
        "market": market.symbol,
        "price": f"{written(fill.price)} {market.quote}",
        "quantity": f"{written(fill.quantity, 8)} {market.base}",
    }
    if trade is not None:
        text += f": {result(trade, market.quote)}"
        facts |= {"pnl": f"{trade.pnl:+,.2f} {market.quote}", "return": f"{100 * trade.return_:+.2f} %"}
    facts |= {"order": fill.intent_id, "why": why}
    return Notice("info", f"{text}.", topic, facts)


def ended_early(order: Order, market: Market) -> Notice:
    """Tell of an order that ended before it was filled whole."""
    rest = (
        f"after {written(order.filled_quantity, 8)} {market.base}; the rest was not traded"
        if order.filled_quantity
        else "nothing was traded"
    )
    text = f"Order {order.client_id} ended as {order.status}: {rest}."
    return Notice("warning", text, "rejected", {"order": order.client_id})


def protected(legs: Iterable[Intent], market: Market) -> Notice:
    """Tell of the orders that rest on the exchange to protect a position."""
    resting = sorted(legs, key=lambda leg: not leg.type.has_stop)
    named = [
        (leg, "stop-loss", leg.stop_price) if leg.type.has_stop else (leg, "take-profit", leg.price) for leg in resting
    ]
    quantity = f"{written(max(leg.quantity or 0 for leg in resting), 8)} {market.base}"
    prices = {name: f"{written(price or 0)} {market.quote}" for _, name, price in named}
    said = " and ".join(f"{name} at {price}" for name, price in prices.items())
    rests = "rest" if len(named) > 1 else "rests"
    text = f"{said[0].upper()}{said[1:]} {rests} on the exchange for {quantity}."
    facts = {"market": market.symbol, **prices, "quantity": quantity, "order": ", ".join(leg.id for leg in resting)}
    return Notice("info", text, "protected", facts)
