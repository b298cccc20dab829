"""All rules of one market on one exchange: what its filters demand of an order."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType


class MarketStatus(StrEnum):
    """Whether a market trades."""

    TRADING = "trading"
    CANCEL_ONLY = "cancel_only"
    HALTED = "halted"
    DELISTED = "delisted"


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What a market demands of orders; None means that there is no such rule.

    Attributes
    ----------
    market
        Symbol, tick size, lot size and minimum notional.
    status
        Whether it trades.
    order_types
        What it takes.
    min_price, max_price
        Limits of a price and of a stop price, in the quote currency.
    min_quantity, max_quantity
        Limits of a quantity, in the base currency.
    market_lot_size, market_min_quantity, market_max_quantity
        The same for market orders, beside the rules for all.
    max_notional
        The greatest value of an order, in the quote currency.
    min_notional_for_market, max_notional_for_market
        Whether the limits of the notional hold for market orders, too.
    bid_multiplier_up, bid_multiplier_down, ask_multiplier_up, ask_multiplier_down
        A buy's (bid) or a sell's (ask) price must lie between these multiples of the recent average price.
    max_orders, max_algo_orders
        The most open orders, and the most of those with a stop price.
    oco
        Whether it takes pairs of orders of which one cancels the other.
    quote_amount
        Whether a market buy may name an amount of the quote currency.
    exchange_symbol
        The exchange's own name of it, for example ``"BTCUSDT"``.
    base_decimals, quote_decimals
        To how many decimals the exchange keeps amounts of either currency.
    """

    market: Market
    status: MarketStatus = MarketStatus.TRADING
    order_types: frozenset[OrderType] = field(default_factory=lambda: frozenset(OrderType))
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    market_lot_size: Decimal | None = None
    market_min_quantity: Decimal | None = None
    market_max_quantity: Decimal | None = None
    max_notional: Decimal | None = None
    min_notional_for_market: bool = True
    max_notional_for_market: bool = False
    bid_multiplier_up: Decimal | None = None
    bid_multiplier_down: Decimal | None = None
    ask_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None
    max_orders: int | None = None
    max_algo_orders: int | None = None
    oco: bool = True
    quote_amount: bool = True
    exchange_symbol: str = ""
    base_decimals: int = 8
    quote_decimals: int = 8

    @property
    def symbol(self) -> str:
        """The market's symbol, ``"BASE/QUOTE"``."""
        return self.market.symbol
