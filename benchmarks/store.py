"""Bars from the store: verified, joined and made a DataFrame, as `cb.load_bars` does when everything is there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.figure import Figure, ratio, seconds
from cryptobot.core.bars import BarColumns
from cryptobot.exchange.load import load_bars
from cryptobot.market.practice import practice_bars
from cryptobot.market.store.spans import Span
from cryptobot.market.store.store import BarStore

BARS = 366 * 24 * 60  # 2024 in minutes
LIMIT = 0.3
SINCE, UNTIL = "2024-01-01", "2025-01-01"


def measure(rounds: int) -> list[Figure]:
    """Measure loading a year of 1-minute bars, beside reading the same files without any check; and writing a month."""
    columns = BarColumns.of(practice_bars(BARS, timeframe="1m", seed=7, start=SINCE))
    rows = columns.rows()
    with tempfile.TemporaryDirectory() as folder:
        series = BarStore(folder).series("binance", "BTC/USDT", "1m")
        series.add(rows, Span(rows[0].time, rows[-1].time + columns.timeframe.nanoseconds))
        files = sorted(series.folder.glob("*.parquet"))

        def load() -> None:
            if len(load_bars("BTC/USDT", "1m", since=SINCE, until=UNTIL, directory=folder)) != BARS:
                raise RuntimeError("bars are missing from the store: mend that before measuring speed.")

        def plainly() -> None:
            pd.concat([pd.read_parquet(file) for file in files])

        loads, plain = [], []
        for _ in range(rounds):
            loads.append(seconds(load))
            plain.append(seconds(plainly))
        size = sum(file.stat().st_size for file in files) / 1e6
        month = rows[: 31 * 24 * 60]
        fresh = BarStore(Path(folder) / "fresh").series("binance", "BTC/USDT", "1m")
        span = Span(month[0].time, month[-1].time + columns.timeframe.nanoseconds)
        writes = [seconds(lambda: fresh.add(month, span)) for _ in range(rounds)]
    return [
        Figure.of(
            "a year of 1-minute bars from the store",
            loads,
            "s",
            limit=LIMIT,
            ratio=f"{ratio(loads, plain):.2f} × pandas.read_parquet of the same files",
            note=f"{BARS:,} bars, {size:.0f} MB in {len(files)} files, all verified",
        ),
        Figure.of("a month of 1-minute bars into the store", writes, "s", note="merged, written, synced to disk"),
    ]
