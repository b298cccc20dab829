"""The market as the exchange writes it: rules, tickers, book, and the frames of the market streams."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from cryptobot.core.order_types import OrderType
from cryptobot.exchange.rules import MarketRules, MarketStatus
from cryptobot.exchange.simulator.candles import Candle
from cryptobot.exchange.simulator.numbers import float_text, milliseconds, text
from cryptobot.exchange.simulator.order_shapes import SELF_TRADE
from cryptobot.exchange.simulator.tape import Trade, day_of
from cryptobot.exchange.simulator.world import World

_STATUS: Final = {
    MarketStatus.TRADING: "TRADING",
    MarketStatus.CANCEL_ONLY: "CANCEL_ONLY",
    MarketStatus.HALTED: "BREAK",
    MarketStatus.DELISTED: "BREAK",
}
# What is shown on either side of the book where its depth is endless.
_ENDLESS: Final = Decimal(1000)
_ZERO: Final = text(Decimal(0))


def symbol_shape(rules: MarketRules) -> dict[str, Any]:
    """Write a market as ``/api/v3/exchangeInfo`` does."""
    market = rules.market
    return {
        "symbol": rules.exchange_symbol,
        "status": _STATUS[rules.status],
        "baseAsset": market.base,
        "baseAssetPrecision": rules.base_decimals,
        "quoteAsset": market.quote,
        "quotePrecision": rules.quote_decimals,
        "quoteAssetPrecision": rules.quote_decimals,
        "baseCommissionPrecision": rules.base_decimals,
        "quoteCommissionPrecision": rules.quote_decimals,
        "orderTypes": [kind.value.upper() for kind in OrderType if kind in rules.order_types],
        "icebergAllowed": False,
        "ocoAllowed": rules.oco,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": rules.quote_amount,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": False,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": SELF_TRADE,
        "allowedSelfTradePreventionModes": [SELF_TRADE],
    }


def _filters(rules: MarketRules) -> list[dict[str, Any]]:
    market = rules.market
    made: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": _limit(rules.min_price),
            "maxPrice": _limit(rules.max_price),
            "tickSize": _limit(market.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": _limit(rules.min_quantity),
            "maxQty": _limit(rules.max_quantity),
            "stepSize": _limit(market.lot_size),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": _limit(rules.market_min_quantity),
            "maxQty": _limit(rules.market_max_quantity),
            "stepSize": _limit(rules.market_lot_size),
        },
    ]
    if rules.bid_multiplier_up is not None:
        made.append(
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": _plain(rules.bid_multiplier_up),
                "bidMultiplierDown": _plain(rules.bid_multiplier_down),
                "askMultiplierUp": _plain(rules.ask_multiplier_up),
                "askMultiplierDown": _plain(rules.ask_multiplier_down),
                "avgPriceMins": 0,
            }
        )
    if market.min_notional is not None or rules.max_notional is not None:
        made.append(
            {
                "filterType": "NOTIONAL",
                "minNotional": _limit(market.min_notional),
                "applyMinToMarket": rules.min_notional_for_market,
                "maxNotional": _limit(rules.max_notional),
                "applyMaxToMarket": rules.max_notional_for_market,
                "avgPriceMins": 0,
            }
        )
    if rules.max_orders is not None:
        made.append({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders})
    if rules.max_algo_orders is not None:
        made.append({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.max_algo_orders})
    return made


def _limit(value: Decimal | None) -> str:
    return _ZERO if value is None else text(value)


def _plain(value: Decimal | None) -> str:
    return f"{(value or Decimal(0)).normalize():f}"


def book_top(world: World) -> tuple[str, str, str, str]:
    """Return best bid, its quantity, best ask and its quantity: all zero before the first price.

    Bid and ask are the same price: what an order of either side would be filled at, before slippage.
    """
    quote = world.core.quote(world.feed.symbol)
    if quote is None:
        return (_ZERO,) * 4
    return (
        text(quote.bid),
        text(_ENDLESS if quote.bid_quantity is None else quote.bid_quantity),
        text(quote.ask),
        text(_ENDLESS if quote.ask_quantity is None else quote.ask_quantity),
    )


def day_shape(world: World, *, full: bool) -> dict[str, Any]:
    """Write the last 24 hours as ``/api/v3/ticker/24hr`` does."""
    feed = world.feed
    day = day_of(feed.book.base, world.now, feed.price)
    mini = {
        "symbol": feed.exchange_symbol,
        "openPrice": day["open"],
        "highPrice": day["high"],
        "lowPrice": day["low"],
        "lastPrice": float_text(feed.price),
        "volume": day["volume"],
        "quoteVolume": day["value"],
        "openTime": day["opened"],
        "closeTime": day["closed"],
        "firstId": day["first"],
        "lastId": day["last"],
        "count": day["trades"],
    }
    if not full:
        return mini
    bid, bids, ask, asks = book_top(world)
    last = feed.tape.last
    return {
        "symbol": mini.pop("symbol"),
        "priceChange": day["change"],
        "priceChangePercent": day["percent"],
        "weightedAvgPrice": day["average"],
        "prevClosePrice": day["before"],
        "lastPrice": mini.pop("lastPrice"),
        "lastQty": float_text(last.quantity) if last else _ZERO,
        "bidPrice": bid,
        "bidQty": bids,
        "askPrice": ask,
        "askQty": asks,
    } | mini


def trade_shape(trade: Trade) -> dict[str, Any]:
    """Write a public trade as ``/api/v3/trades`` does."""
    return {
        "id": trade.id,
        "price": float_text(trade.price),
        "qty": float_text(trade.quantity),
        "quoteQty": float_text(round(trade.price * trade.quantity, 8)),
        "time": milliseconds(trade.time),
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def kline_frame(symbol: str, interval: str, step: int, candle: Candle, *, closed: bool, time: int) -> dict[str, Any]:
    """Write a candle as the stream does; ``step`` in nanoseconds, ``time`` in milliseconds."""
    row = candle.row(step)
    return {
        "e": "kline",
        "E": time,
        "s": symbol,
        "k": {
            "t": row[0],
            "T": row[6],
            "s": symbol,
            "i": interval,
            "f": candle.first if candle.trades else -1,
            "L": candle.first + candle.trades - 1 if candle.trades else -1,
            "o": row[1],
            "c": row[4],
            "h": row[2],
            "l": row[3],
            "v": row[5],
            "n": candle.trades,
            "x": closed,
            "q": row[7],
            "V": row[9],
            "Q": row[10],
            "B": "0",
        },
    }


def trade_frame(symbol: str, trade: Trade, time: int, *, together: bool) -> dict[str, Any]:
    """Write a public trade as the streams ``@trade`` and (``together``) ``@aggTrade`` do."""
    numbers = {"a": trade.id} if together else {"t": trade.id}
    ends = {"f": trade.id, "l": trade.id} if together else {}
    return (
        {"e": "aggTrade" if together else "trade", "E": time, "s": symbol}
        | numbers
        | {"p": float_text(trade.price), "q": float_text(trade.quantity)}
        | ends
        | {"T": milliseconds(trade.time), "m": trade.buyer_is_maker, "M": True}
    )


def mini_frame(world: World, time: int) -> dict[str, Any]:
    """Write the last 24 hours as the stream ``@miniTicker`` does."""
    day = day_shape(world, full=False)
    return {
        "e": "24hrMiniTicker",
        "E": time,
        "s": day["symbol"],
        "c": day["lastPrice"],
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day["quoteVolume"],
    }


def ticker_frame(world: World, time: int) -> dict[str, Any]:
    """Write the last 24 hours as the stream ``@ticker`` does."""
    day = day_shape(world, full=True)
    return {
        "e": "24hrTicker",
        "E": time,
        "s": day["symbol"],
        "p": day["priceChange"],
        "P": day["priceChangePercent"],
        "w": day["weightedAvgPrice"],
        "x": day["prevClosePrice"],
        "c": day["lastPrice"],
        "Q": day["lastQty"],
        "b": day["bidPrice"],
        "B": day["bidQty"],
        "a": day["askPrice"],
        "A": day["askQty"],
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day["quoteVolume"],
        "O": day["openTime"],
        "C": day["closeTime"],
        "F": day["firstId"],
        "L": day["lastId"],
        "n": day["count"],
    }


def book_frame(world: World) -> dict[str, Any]:
    """Write the best prices as the stream ``@bookTicker`` does."""
    bid, bids, ask, asks = book_top(world)
    return {"u": world.updates, "s": world.feed.exchange_symbol, "b": bid, "B": bids, "a": ask, "A": asks}


def depth(world: World, levels: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return bids and asks: the one price that orders are filled at, and ticks around it."""
    quote = world.core.quote(world.feed.symbol)
    if quote is None:
        return [], []
    tick = world.rules.market.tick_size or Decimal("0.00000001")
    bids, asks = [], []
    bid_size = _ENDLESS if quote.bid_quantity is None else quote.bid_quantity
    ask_size = _ENDLESS if quote.ask_quantity is None else quote.ask_quantity
    for level in range(levels):
        if bid_size > 0 and quote.bid - level * tick > 0:
            bids.append([text(quote.bid - level * tick), text(bid_size)])
        if ask_size > 0:
            asks.append([text(quote.ask + level * tick), text(ask_size)])
    return bids, asks
