"""``cryptobot walk-forward``: choose on the past, trade what came after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.backtest.words import number, percent
from cryptobot.cli.arguments import (
    BarsOption,
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
from cryptobot.cli.ranges import RangesOption, read_ranges
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from cryptobot.backtest.walk_forward.report import WalkForwardReport
    from cryptobot.strategy.base import Strategy

_BARS = 20_000
# What is tried when nothing is asked for, so that the command shows something at once.
_EXAMPLE = ("fast=5:55:10", "slow=60:210:30")


def walk_forward(
    strategy: Annotated[str | None, typer.Argument(help="A registered strategy.", metavar="[STRATEGY]")] = None,
    *,
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    values: RangesOption = None,
    train: Annotated[str, typer.Option("--train", metavar="LENGTH", help="To choose on: 5000 (bars) or 60d.")] = "60d",
    test: Annotated[str, typer.Option("--test", metavar="LENGTH", help="To trade the choice on.")] = "20d",
    step: Annotated[
        str | None, typer.Option("--step", metavar="LENGTH", help="To the next window; as long as the test.")
    ] = None,
    anchored: Annotated[bool, typer.Option("--anchored", help="Train from the first bar on.")] = False,
    purge: Annotated[int, typer.Option("--purge", help="Bars left out at the end of each training.")] = 0,
    embargo: Annotated[int, typer.Option("--embargo", help="Bars between training and test.")] = 0,
    rank: Annotated[str, typer.Option("--rank", help="The figure that decides in training.")] = "sharpe",
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 0,
    workers: WorkersOption = None,
    seed: SeedOption = 7,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.html", help="Write the chart to an html file.")
    ] = None,
    progress: ProgressOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the best parameters on a stretch of the past, trade them on what follows, and go on.

    Says what came of it out of sample, and what of that may be luck. Ctrl-C ends it with the windows done so
    far; exit code 1 then.

    \b
    Examples:
      cryptobot walk-forward
      cryptobot walk-forward --bars candles.feather --train 720d --test 90d -r fast=5:50:5 -r slow=60:400:20
      cryptobot walk-forward rsi --train 5000 --test 1000 --anchored -r window=7,14,21 --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.backtest.walk_forward.run import walk_forward as run
    from cryptobot.strategy.catalogue import STRATEGIES

    cls: type[Strategy] = STRATEGIES.get(strategy or "ma_crossover")
    ranges: dict[str, Any] = dict(read_ranges(cls, values or (list(_EXAMPLE) if strategy is None else [])))
    if plot is not None and (plot.suffix.lower() != ".html" or not plot.absolute().parent.is_dir()):
        raise ConfigError(f"{plot}: cannot be written. Name a file ending in .html in a folder that exists.")
    frame, name = load(bars, timezone, _BARS, seed, "15m")
    report = run(
        cls,
        frame,
        train=_length(train),
        test=_length(test),
        step=None if step is None else _length(step),
        anchored=anchored,
        purge=purge,
        embargo=embargo,
        rank=rank,
        cash=cash,
        fee=fee,
        slippage_bps=slippage_bps,
        workers=workers,
        progress=progress,
        **ranges,
    )
    if plot is not None:
        report.plot().write_html(plot, include_plotlyjs=True)
    if json:
        print_json({"bars": name, **report.as_dict()})
    else:
        _show(report, name, plot)
    if not report.complete:
        raise typer.Exit(1)


def _length(text: str) -> int | str:
    return int(text) if text.strip().isdigit() else text


def _show(report: WalkForwardReport, name: str, plot: Path | None) -> None:
    out = console()
    out.print(f"[bold]{escape(name)}[/bold]: {escape(report.summary())}\n")
    color = "yellow" if report.luck.is_luck else "green"
    out.print(f"[{color}]{escape(report.verdict)}[/{color}]\n")
    table = Table(box=None, padding=(0, 2), header_style="bold")
    names = report.varied
    for head in ("test from", *names, "training", "test", "buy and hold", "sharpe", "trades"):
        table.add_column(head, justify="left" if head == "test from" else "right")
    for row in report.windows.to_dict("records"):
        table.add_row(
            f"{row['test_from']:%Y-%m-%d %H:%M}",
            *(escape(f"{row[name]}") for name in names),
            *(percent(row[name], sign=True) for name in ("train_return", "test_return", "buy_and_hold")),
            number(row["test_sharpe"]),
            f"{row['test_trades']:,}",
        )
    out.print(table)
    for text in report.skipped:
        out.print(f"Left out: {escape(text)}.")
    if report.latest is not None:
        out.print(f"\nTo trade now by this procedure: {escape(repr(report.latest))}")
    if plot is not None:
        out.print(f"Written: {escape(str(plot))}")
