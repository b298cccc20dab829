"""What the engine tells people of executions, in words and in figures."""

from __future__ import annotations

from cryptobot.core.money import Market
from cryptobot.core.orders import Order
from cryptobot.core.types import Fill, Side, Trade
from cryptobot.trading.actions import Notice, Topic


def result(trade: Trade, quote: str) -> str:
    """Say what a closed trade earned."""
    return f"{'profit' if trade.pnl >= 0 else 'loss'} {abs(trade.pnl):,.2f} {quote} ({100 * trade.return_:+.2f} %)"


def executed(fill: Fill, trade: Trade | None, market: Market, topic: Topic, why: str) -> Notice:
    """Tell of an execution, and of the trade that it closed."""
    did = "Bought" if fill.side is Side.BUY else "Sold"
    by = {"stop_loss": " by the stop-loss", "take_profit": " by the take-profit"}.get(topic, "")
    text = f"{did} {fill.quantity:,.8g} {market.base} at {fill.price:,.10g} {market.quote}{by}"
    facts = {
        "market": market.symbol,
        "price": f"{fill.price:,.10g} {market.quote}",
        "quantity": f"{fill.quantity:,.8g} {market.base}",
    }
    if trade is not None:
        text += f": {result(trade, market.quote)}"
        facts |= {"pnl": f"{trade.pnl:+,.2f} {market.quote}", "return": f"{100 * trade.return_:+.2f} %"}
    facts |= {"order": fill.intent_id, "why": why}
    return Notice("info", f"{text}.", topic, facts)


def ended_early(order: Order, market: Market) -> Notice:
    """Tell of an order that ended before it was filled whole."""
    rest = (
        f"after {order.filled_quantity:,.8g} {market.base}; the rest was not traded"
        if order.filled_quantity
        else "nothing was traded"
    )
    text = f"Order {order.client_id} ended as {order.status}: {rest}."
    return Notice("warning", text, "rejected", {"order": order.client_id})
