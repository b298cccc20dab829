"""The market streams: who listens to what, and what is sent when the market moves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cryptobot.exchange.simulator import market_shapes as shapes
from cryptobot.exchange.simulator.candles import Candle
from cryptobot.exchange.simulator.intervals import beginning, offered
from cryptobot.exchange.simulator.sockets import Socket
from cryptobot.exchange.simulator.world import Told, World

if TYPE_CHECKING:
    from aiohttp import web

_METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_MOST: Final = 1024
_DEPTHS: Final = {"depth5": 5, "depth10": 10, "depth20": 20, "depth": 20}


class Streams:
    """Serves ``/ws`` and ``/stream``.

    Parameters
    ----------
    world
        The exchange.

    Attributes
    ----------
    sockets
        The clients that are connected.
    """

    def __init__(self, world: World) -> None:
        self.sockets: set[Socket] = set()
        self._world = world

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Talk to one client until it leaves."""
        socket = Socket(request, "market")
        # ``/stream?streams=a/b`` wraps every message with its stream's name; ``/ws/a/b`` does not.
        socket.combined = request.path.rstrip("/") == "/stream"
        named = request.query.get("streams", "") or request.match_info.get("streams", "")
        response = await socket.open()
        self.sockets.add(socket)
        try:
            socket.subscriptions.update(dict.fromkeys(name for name in named.split("/") if "@" in name))
            while (text := await socket.read()) is not None:
                socket.send(self._answer(socket, text))
        finally:
            self.sockets.discard(socket)
            socket.end()
        return response

    def tell(self, told: Told) -> None:
        """Send what happened in the market to those who listen to it."""
        made: dict[str, list[dict[str, Any]]] = {}
        for socket in list(self.sockets):
            for name in list(socket.subscriptions):
                if name not in made:
                    made[name] = self.frames(name, told)
                for content in made[name]:
                    socket.send({"stream": name, "data": content} if socket.combined else content)

    def frames(self, name: str, told: Told) -> list[dict[str, Any]]:
        """Return what a stream says of this."""
        symbol, _, what = name.partition("@")
        world = self._world
        if symbol != world.feed.exchange_symbol.lower():
            return []
        if what.startswith("kline_"):
            return self._klines(what.removeprefix("kline_"), told)
        make = self._makers().get(re.sub(r"@1000?ms$", "", what)) if told.kind == "price" else None
        said = None if make is None else make(told.time // 1_000_000)
        return [] if said is None else [said]

    def repeat(self, candle: Candle) -> None:
        """Send the closed frame of an older candle once more."""
        self.tell(Told("closed", self._world.feed, self._world.now, candle))

    def _makers(self) -> dict[str, Callable[[int], dict[str, Any] | None]]:
        world, symbol = self._world, self._world.feed.exchange_symbol
        last = world.feed.tape.last

        def of_trade(together: bool) -> Callable[[int], dict[str, Any] | None]:
            return lambda now: None if last is None else shapes.trade_frame(symbol, last, now, together=together)

        made: dict[str, Callable[[int], dict[str, Any] | None]] = {
            "trade": of_trade(together=False),
            "aggTrade": of_trade(together=True),
            "miniTicker": lambda now: shapes.mini_frame(world, now),
            "ticker": lambda now: shapes.ticker_frame(world, now),
            "bookTicker": lambda _now: shapes.book_frame(world),
        }
        for name, levels in _DEPTHS.items():
            made[name] = lambda now, name=name, levels=levels: self._depth(name, levels, now)  # type: ignore[misc]
        return made

    def _depth(self, name: str, levels: int, now: int) -> dict[str, Any]:
        bids, asks = shapes.depth(self._world, levels)
        if name != "depth":
            return {"lastUpdateId": self._world.updates, "bids": bids, "asks": asks}
        number = self._world.updates
        symbol = self._world.feed.exchange_symbol
        return {"e": "depthUpdate", "E": now, "s": symbol, "U": number, "u": number, "b": bids, "a": asks}

    def _klines(self, name: str, told: Told) -> list[dict[str, Any]]:
        feed = self._world.feed
        interval = offered(feed.timeframe).get(name)
        if interval is None:
            return []
        step = interval.nanoseconds
        base = feed.book.base

        def frame(candle: Candle | None, *, closed: bool) -> list[dict[str, Any]]:
            if candle is None:
                return []
            time = told.time // 1_000_000
            return [shapes.kline_frame(feed.exchange_symbol, name, step, candle, closed=closed, time=time)]

        if step == base.step:
            return frame(told.candle if told.kind == "closed" else base.present, closed=told.kind == "closed")
        longer = feed.book.of(step)
        if told.candle is not None:
            index = longer.since(beginning(told.candle.time, step))
            # It is among the closed ones if this was its last candle.
            closed = index < len(longer)
            return frame(longer[index] if closed else longer.present, closed=closed)
        # One that a hole cut short is told to be closed when the next begins.
        begun = base.present is not None and base.present.trades == 1 and len(longer) > 0
        cut = begun and base.time[-1] + base.step < longer.time[-1] + step and longer.present is not None
        late = frame(longer[-1], closed=True) if cut and base.time[-1] >= longer.time[-1] else []
        return late + frame(longer.present, closed=False)

    def _answer(self, socket: Socket, text: str) -> dict[str, Any]:
        """Carry out what a client asks of its socket."""
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError) as error:
            return {"error": {"code": 3, "msg": f"Invalid JSON: {error}"}}
        if not isinstance(asked, dict) or asked.get("method") not in _METHODS:
            seen = asked.get("method") if isinstance(asked, dict) else None
            expected = ", ".join(f"`{method}`" for method in _METHODS)
            return _error(asked, f"Invalid request: unknown variant `{seen}`, expected one of {expected}")
        number, params = asked.get("id"), asked.get("params", [])
        if asked["method"] == "LIST_SUBSCRIPTIONS":
            return {"result": list(socket.subscriptions), "id": number}
        if not isinstance(params, list):
            return _error(asked, "Invalid request: params must be a list")
        if asked["method"].endswith("_PROPERTY"):
            return _property(socket, asked["method"], params) | {"id": number}
        if not all(isinstance(name, str) and "@" in name for name in params):
            return _error(asked, "Invalid request: invalid stream")
        if asked["method"] == "SUBSCRIBE":
            if len(socket.subscriptions.keys() | params) > _MOST:
                return _error(asked, f"Too many subscriptions; a connection may have {_MOST}.")
            socket.subscriptions.update(dict.fromkeys(params))
        else:
            for name in params:
                socket.subscriptions.pop(name, None)
        return {"result": None, "id": number}


def _property(socket: Socket, method: str, params: list[Any]) -> dict[str, Any]:
    """Read or set whether messages are wrapped with the name of their stream."""
    if not params or params[0] != "combined":
        return {"error": {"code": 0, "msg": "Unknown property"}}
    if method == "GET_PROPERTY":
        return {"result": socket.combined}
    if len(params) < 2 or not isinstance(params[1], bool):
        return {"error": {"code": 1, "msg": "Invalid value type: expected Boolean"}}
    socket.combined = params[1]
    return {"result": None}


def _error(asked: Any, text: str) -> dict[str, Any]:
    return {"error": {"code": 2, "msg": text}, "id": asked.get("id") if isinstance(asked, dict) else None}
