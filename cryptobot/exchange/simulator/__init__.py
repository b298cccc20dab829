"""A Binance-compatible spot exchange on this machine: real sockets, signatures, filters and errors, simulated money."""
