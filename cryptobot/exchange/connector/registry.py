"""The exchanges that more is known of than what ccxt says.

A new one is one file: a subclass of `base.Quirks`, decorated with ``@exchanges.register("its_ccxt_id")``, or named in
the entry-point group ``cryptobot.exchanges`` of another package.
"""

from __future__ import annotations

from cryptobot.core.registry import Registry, subclass_of
from cryptobot.exchange.connector.quirks.base import Quirks
from cryptobot.exchange.connector.quirks.binance import Binance
from cryptobot.exchange.connector.quirks.coinbase import Coinbase
from cryptobot.exchange.connector.quirks.kraken import Kraken

exchanges: Registry[type[Quirks]] = Registry("exchange", "cryptobot.exchanges", accept=subclass_of(Quirks, "Quirks"))
for _known in (Binance, Coinbase, Kraken):
    exchanges.register(_known.id)(_known)


def quirks_of(exchange_id: str) -> Quirks:
    """Return what is known of an exchange: its own quirks, or those that hold for any."""
    if exchange_id in exchanges:
        return exchanges.get(exchange_id)(exchange_id)
    return Quirks(exchange_id)
