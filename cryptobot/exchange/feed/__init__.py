"""Closed bars as they happen, whatever the exchange offers: see `closed_bars.ClosedBarFeed`."""
