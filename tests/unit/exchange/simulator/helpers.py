"""The simulated exchange, asked with and without a network."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from cryptobot.core.clock import SimulatedClock
from cryptobot.exchange.matching import Fees
from cryptobot.exchange.simulator.keys import Keys, signature
from cryptobot.exchange.simulator.setup import market_of, rules_of, source_of, world_of

START = 1_700_000_040  # a whole minute, seconds
MINUTE = 60_000_000_000
KEYS = Keys("key", "secret")


def frame(*prices, start=START, volume=10.0, step=60):
    """Bars of a minute that open at these prices; each closes where the next one opens, and swings by 1 around."""
    opened = np.array(prices, dtype=float)
    closed = np.append(opened[1:], opened[-1])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, closed) + 1,
            "low": np.minimum(opened, closed) - 1,
            "close": closed,
            "volume": np.full(len(opened), volume),
        },
        index=pd.to_datetime(start + step * np.arange(len(opened)), unit="s", utc=True).rename("time"),
    )


@dataclass
class Desk:
    """A world with its gate, asked as a signed client would."""

    world: object
    gate: object
    clock: SimulatedClock

    def ask(self, method, path, *, signed=None, stamp=None, **params):
        """Return status and content."""
        given = {name: str(value) for name, value in params.items()}
        if signed is None:
            signed = path not in ("/api/v3/time", "/api/v3/ping", "/api/v3/klines") and not path.startswith(
                ("/api/v3/ticker", "/api/v3/exchange", "/api/v3/depth", "/api/v3/trades", "/api/v3/aggTrades")
            )
        if signed:
            given["timestamp"] = str(self.world.server_time if stamp is None else stamp)
        query = urlencode(given)
        if signed:
            query += f"&signature={signature(KEYS.secret, query)}"
        sent = ("", query) if method == "POST" else (query, "")
        answer = self.gate.ask(method, path, *sent, api_key=KEYS.api_key if signed else None)
        return answer.status, json.loads(json.dumps(answer.content))

    def order(self, side="BUY", kind="MARKET", **params):
        """Send an order; return status and content."""
        return self.ask("POST", "/api/v3/order", symbol="BTCUSDT", side=side, type=kind, **params)

    def told(self, name=None):
        """Return the events of the user stream that were not taken yet."""
        events = [told.content for told in self.world.take() if told.kind == "user"]
        return [event for event in events if name in (None, event["e"])]


def make_world(bars, *, speed="manual", history=0, clock=None, fees=None, order_types=None, market=None, **more):
    clock = clock or SimulatedClock(START * 1_000_000_000)
    source = source_of(bars, None, None, history)
    chosen = market_of(market, "BTC/USDT", source, practice=False)
    return world_of(
        source,
        rules_of(chosen, source.first.open, order_types),
        speed=speed,
        balances=more.pop("balances", {"USDT": Decimal(10_000), "BTC": Decimal(1)}),
        fees=fees or Fees(decimals=8),
        slippage_bps=more.pop("slippage_bps", 0),
        volume_share=more.pop("volume_share", None),
        keys=KEYS,
        seed=0,
        clock=clock,
    )


def rest(simulator, method, path, *, signed=False, headers=None, body=None, **params):
    """Send one request over the network; return status, headers and text."""
    given = {name: str(value) for name, value in params.items()}
    sent = dict(headers or {})
    if signed:
        given.setdefault("timestamp", str(simulator.now // 1_000_000))
        sent["X-MBX-APIKEY"] = simulator.api_key
    query = urlencode(given)
    if signed:
        query += f"&signature={signature(simulator.secret, query)}"
    connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=10)
    try:
        if method == "POST" and body is None and query:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request(method, path, query, sent)
        else:
            connection.request(method, f"{path}?{query}" if query else path, body, sent)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def port_is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
