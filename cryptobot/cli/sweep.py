"""``cryptobot sweep``: many parameter sets of one strategy on the bars of one symbol or several."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import (
    CashOption,
    FeeOption,
    JsonOption,
    ProgressOption,
    SeedOption,
    SlippageOption,
    TimezoneOption,
    WorkersOption,
    load,
)
from cryptobot.cli.command import spoken
from cryptobot.cli.ranges import RangesOption, read_ranges
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.sweep.report import SweepReport
    from cryptobot.backtest.sweep.symbols import SymbolSweeps

_BARS: Final = 50_000
_DEFAULT: Final = ("fast=5:55:5", "slow=20:210:10")


def sweep(
    strategy: Annotated[str | None, typer.Argument(help="A registered strategy.", metavar="[STRATEGY]")] = None,
    *,
    values: RangesOption = None,
    bars: Annotated[
        list[str] | None,
        typer.Option(
            "--bars",
            metavar="[SYMBOL=]FILE",
            help="Bars to use: feather, parquet or csv; repeated, every set is tried on each file. Default: the practice "
            "market.",
        ),
    ] = None,
    timezone: TimezoneOption = None,
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 0,
    seed: SeedOption = 7,
    rank: Annotated[str, typer.Option("--rank", metavar="FIGURE", help="What decides which is best.")] = "sharpe",
    best: Annotated[int, typer.Option("--best", min=1, help="How many of the best to show.")] = 10,
    workers: WorkersOption = None,
    table: Annotated[
        Path | None, typer.Option("--table", metavar="FILE.csv", help="Write all combinations to a csv file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.html", help="Write the chart to an html file.")
    ] = None,
    progress: ProgressOption = None,
    json: JsonOption = False,
) -> None:
    """Try many parameter sets of a strategy, and say how much of the best is luck.

    Ctrl-C ends it with what is done; exit code 1 then.

    \b
    Examples:
      cryptobot sweep
      cryptobot sweep ma_crossover --range fast=5:50:5 --range slow=20:200:10 --bars candles.feather
      cryptobot sweep rsi -r window=7,14,21 -r oversold=20:40:5 --rank total_return --json
      cryptobot sweep rsi -r window=7,14 --bars BTC/USDT=btc.feather --bars ETH/USDT=eth.feather
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.backtest.sweep.report import SweepReport
    from cryptobot.backtest.sweep.run import sweep as run_sweep
    from cryptobot.strategy.catalogue import STRATEGIES

    chosen = STRATEGIES.get(strategy or "ma_crossover")
    given = list(_DEFAULT) if strategy is None and not values else values or []
    ranges: dict[str, Any] = dict(read_ranges(chosen, given))
    for file, ending in ((table, ".csv"), (plot, ".html")):
        if file is not None and (file.suffix.lower() != ending or not file.absolute().parent.is_dir()):
            raise ConfigError(f"{file}: cannot be written. Name a file ending in {ending} in a folder that exists.")
    frames, name = _frames(bars or [], timezone, seed)
    report: SweepReport | SymbolSweeps = run_sweep(
        chosen,
        frames,
        cash=cash,
        fee=fee,
        slippage_bps=slippage_bps,
        rank=rank,
        workers=workers,
        progress=progress,
        **ranges,
    )
    if table is not None:
        rows = report.table if isinstance(report, SweepReport) else report.table.reset_index()
        rows.to_csv(table, index=False)
    if plot is not None:
        one = report if isinstance(report, SweepReport) else report[report.best_symbol]
        one.plot().write_html(plot, include_plotlyjs=True)
    if json:
        print_json(_as_json(report, strategy or chosen.name, name, best))
    else:
        _show(report, name, best, [file for file in (table, plot) if file is not None])
    if not report.complete:
        raise typer.Exit(1)


def _frames(
    given: list[str], timezone: str | None, seed: int
) -> tuple[pd.DataFrame | dict[str, pd.DataFrame], str | list[str]]:
    """Return the bars, by symbol where several files or a symbol are named, and what to call them."""
    named = [_named(text) for text in given]
    if len(named) < 2 and not any(symbol for symbol, _ in named):
        return load(named[0][1] if named else None, timezone, _BARS, seed, "15m")
    frames: dict[str, pd.DataFrame] = {}
    for symbol, path in named:
        name = symbol or path.stem
        if name in frames:
            raise ConfigError(f"--bars: {name} is given twice. Name each: --bars {name}={path}.")
        frames[name] = load(path, timezone, _BARS, seed, "15m")[0]
    return frames, list(frames)


def _named(text: str) -> tuple[str, Path]:
    """Split ``SYMBOL=FILE``; a file may have an equals sign in its own name."""
    symbol, equals, file = text.partition("=")
    return ("", Path(text)) if not equals or Path(text).exists() else (symbol.strip(), Path(file))


def _as_json(report: SweepReport | SymbolSweeps, strategy: str, bars: str | list[str], best: int) -> dict[str, Any]:
    import numpy as np

    rows = report.best(best)
    rows.index.names = [*rows.index.names[:-1], "row"]
    plain = [
        {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
        for row in rows.reset_index().to_dict("records")
    ]
    parts = _parts(report)
    return {
        "strategy": strategy,
        "bars": bars,
        "asked": sum(part.asked for part in parts),
        "tried": sum(len(part) for part in parts),
        "skipped": sum(len(part.skipped) for part in parts),
        "complete": report.complete,
        "rank": report.rank,
        "seconds": round(report.seconds, 3),
        "best": plain,
        "luck": report.luck.as_dict(),
    }


def _parts(report: SweepReport | SymbolSweeps) -> list[SweepReport]:
    return list(report.values()) if isinstance(report, Mapping) else [report]


def _show(report: SweepReport | SymbolSweeps, name: str | list[str], best: int, written: list[Path]) -> None:
    from cryptobot.backtest.words import number, percent

    out = console()
    parts = _parts(report)
    names = [name] if isinstance(name, str) else name
    for its_name, part in zip(names, parts, strict=False):  # the last may be missing after Ctrl-C
        out.print(f"[bold]{escape(its_name)}[/bold]: {len(part.bars):,} bars")
    out.print(f"{escape(report.summary())} [dim]{report.seconds:.2f} s[/dim]")
    if report.shortfall:
        said = spoken(report.shortfall, {})
        reasons = [reason for part in parts for reason in part.skipped["reason"][:1]][:1]
        out.print(f"[yellow]{escape(' '.join([said, *(f'The first: {reason}' for reason in reasons)]))}[/yellow]")
    shown = parts[0].parameters or list(parts[0].combinations.values)
    several = [] if isinstance(name, str) else ["symbol"]
    grid = Table(box=None, padding=(0, 2), header_style="bold")
    for head in (
        *several,
        *shown,
        "return",
        "max drawdown",
        "sharpe",
        "trades",
        "win rate",
        "profit factor",
        "exposure",
    ):
        grid.add_column(head, justify="left" if head == "symbol" else "right")
    for row in report.best(best).reset_index().to_dict("records"):
        grid.add_row(
            *(escape(row[key]) for key in several),
            *(f"{row[key]:g}" if isinstance(row[key], float) else str(row[key]) for key in shown),
            percent(row["total_return"], sign=True),
            percent(row["max_drawdown"]),
            number(row["sharpe"]),
            f"{row['trades']:,}",
            percent(row["win_rate"]),
            number(row["profit_factor"]),
            percent(row["exposure"]),
        )
    out.print()
    out.print(grid)
    out.print()
    out.print(escape(report.luck.sentence))  # computed now, after the table is there to be read
    for file in written:
        out.print(f"Written: {escape(str(file))}")
