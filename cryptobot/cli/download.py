"""``cryptobot download``: an exchange's bars, kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json


def download(
    symbol: Annotated[str, typer.Argument(help="Market, for example BTC/USDT.", metavar="SYMBOL")],
    timeframe: Annotated[str, typer.Argument(help="Interval of a bar, for example 1m.", metavar="TIMEFRAME")],
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="First bar's open time, UTC: 2024-01-01.")],
    exchange: Annotated[
        str, typer.Option("--exchange", metavar="NAME", help="Exchange, as ccxt calls it.")
    ] = "binance",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Bars from this time on are left out. Default: now.")
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--directory", metavar="FOLDER", help="The store. Default: bars in the data folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Download what is not on disk yet; an interrupted download goes on where it stopped.

    \b
    Examples:
      cryptobot download BTC/USDT 1m --since 2024-01-01
      cryptobot download ETH/EUR 1h --exchange kraken --since 2023-01-01 --until 2024-01-01 --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.exchange.load import fetch
    from cryptobot.exchange.progress import Progress

    loaded = fetch(
        symbol,
        timeframe,
        exchange=exchange,
        since=since,
        until=until,
        directory=directory,
        source=None,
        progress=None if json else Progress(f"{symbol} {timeframe}"),
    )
    bars, holes = loaded.bars, loaded.bars.attrs["holes"]
    first, last = bars.index[0].isoformat(), bars.index[-1].isoformat()
    added = loaded.downloaded.bars if loaded.downloaded is not None else 0
    if json:
        print_json(
            {
                "exchange": exchange,
                "symbol": symbol,
                "timeframe": bars.attrs["timeframe"],
                "bars": len(bars),
                "downloaded": added,
                "first": first,
                "last": last,
                "holes": holes,
                "warning": loaded.warning or None,
                "folder": str(loaded.folder),
            }
        )
        return
    out = console()
    out.print(f"[bold]{escape(bars.attrs['source'])}[/bold]: {len(bars):,} bars, {added:,} of them new")
    out.print(f"from {first} to {last}")
    missing = sum(hole["missing"] for hole in holes)
    out.print(f"{len(holes)} holes, {missing:,} bars missing in all" if holes else "no holes")
    if loaded.warning:
        out.print(f"[yellow]{escape(loaded.warning)}[/yellow]")
    out.print(f"Kept in {escape(str(loaded.folder))}")
