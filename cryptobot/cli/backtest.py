"""``cryptobot backtest``: one strategy on one file of bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import (
    BarsOption,
    CashOption,
    FeeOption,
    JsonOption,
    ParamOption,
    SeedOption,
    SlippageOption,
    TimezoneOption,
    load,
    make_strategy,
)
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

_BARS = 50_000


def backtest(
    strategy: Annotated[str | None, typer.Argument(help="A registered strategy.", metavar="[STRATEGY]")] = None,
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    param: ParamOption = None,
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 0,
    seed: SeedOption = 7,
    trades: Annotated[
        Path | None, typer.Option("--trades", metavar="FILE.csv", help="Write the trades to a csv file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.html", help="Write the chart to an html file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Backtest a strategy: decided at a bar's close, filled at the next bar's open.

    \b
    Examples:
      cryptobot backtest
      cryptobot backtest rsi --bars candles.csv --timezone UTC --param window=21
      cryptobot backtest --slippage-bps 2 --plot chart.html --trades trades.csv
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.backtest.run import backtest as run_backtest

    chosen = make_strategy(strategy or "ma_crossover", param)
    for file, ending in ((trades, ".csv"), (plot, ".html")):
        if file is not None and (file.suffix.lower() != ending or not file.absolute().parent.is_dir()):
            raise ConfigError(f"{file}: cannot be written. Name a file ending in {ending} in a folder that exists.")
    frame, name = load(bars, timezone, _BARS, seed, "15m")
    report = run_backtest(chosen, frame, cash=cash, fee=fee, slippage_bps=slippage_bps)
    if trades is not None:
        report.trades.to_csv(trades, index=False)
    if plot is not None:
        report.plot().write_html(plot, include_plotlyjs=True)
    if json:
        print_json(
            {"strategy": strategy or chosen.name, "params": chosen.params, "bars": name, **report.stats.as_dict()}
        )
        return
    out = console()
    out.print(f"[bold]{escape(name)}[/bold]: {len(frame):,} bars")
    out.print(escape(repr(report)))
    for file in (trades, plot):
        if file is not None:
            out.print(f"Written: {escape(str(file))}")
