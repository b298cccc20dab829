"""Real exchanges, reached through ccxt: see `exchange.CcxtExchange`."""
