"""``cryptobot reconcile``: what was traded against what the backtest says should have been."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import JsonOption, TimezoneOption
from cryptobot.cli.journals import journal_of
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from cryptobot.trading.reconciliation import Reconciliation

JournalArgument = Annotated[str, typer.Argument(help="The journal's file, or the name of its bot.", metavar="JOURNAL")]
FeeOption = Annotated[float | None, typer.Option("--fee", help="What to assume, a fraction. Default: the exchange's.")]
SlippageOption = Annotated[
    float | None, typer.Option("--slippage-bps", help="What to assume, in basis points. Default: the exchange's, or 0.")
]
StrategyOption = Annotated[
    str | None,
    typer.Option("--strategy", metavar="FILE.py:CLASS", help="The strategy, where it is not registered by name."),
]
BarsOfOption = Annotated[
    Path | None, typer.Option("--bars", metavar="FILE", help="Bars to backtest. Default: those that the bot has seen.")
]


def reconcile(
    journal: JournalArgument,
    bars: BarsOfOption = None,
    timezone: TimezoneOption = None,
    strategy: StrategyOption = None,
    fee: FeeOption = None,
    slippage_bps: SlippageOption = None,
    json: JsonOption = False,
) -> None:
    """Backtest the bars of a bot's session and explain every difference in money. The bot may be running.

    \b
    Examples:
      cryptobot reconcile my-bot
      cryptobot reconcile my-bot.sqlite --fee 0.001 --bars candles.feather
      cryptobot reconcile my-bot --strategy my_strategy.py:MyStrategy --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.strategy_source import load_strategy
    from cryptobot.market.read import read_bars
    from cryptobot.trading.reconciliation import reconcile as explain

    if timezone is not None and bars is None:
        raise ConfigError(
            f"--timezone: {timezone!r} says what a file's times are, but no file is given. Add --bars FILE."
        )
    path = journal_of(journal)
    given = None if bars is None else read_bars(bars, timezone=timezone)
    kind = None if strategy is None else type(load_strategy(strategy, {}).strategy)
    with console(to_stderr=True).status(f"Backtesting what {escape(path.stem)} has seen"):
        found = explain(path, given, strategy=kind, fee=fee, slippage_bps=slippage_bps)
    if json:
        print_json(_document(path, found))
        return
    out = console()
    mark = "[green]✓ agrees[/green]" if found.ok and not found.gap else "[red]✗ differs[/red]"
    out.print(f"[bold]{escape(path.stem)}[/bold] {mark}: {escape(found.summary())}")
    shares = [share for share in found.attribution.shares if share.amount or share.orders]
    if shares:
        out.print(_table(found))


def _table(found: Reconciliation) -> Table:
    from cryptobot.backtest.attribution import CAUSES

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("cause", no_wrap=True)
    table.add_column(
        f"money{f', {found.backtest.quote}' if found.backtest.quote else ''}", justify="right", no_wrap=True
    )
    table.add_column("orders", justify="right", no_wrap=True)
    table.add_column("meaning")
    for share in found.attribution.shares:
        if share.amount or share.orders:
            table.add_row(share.cause, f"{float(share.amount):+,.6g}", f"{share.orders:,}", CAUSES[share.cause])
    table.add_row("[bold]in all[/bold]", f"[bold]{float(found.gap):+,.6g}[/bold]")
    return table


def _document(path: Path, found: Reconciliation) -> dict[str, object]:
    attribution, bars = found.attribution, found.backtest.bars
    return {
        "journal": str(path),
        "ok": found.ok,
        "differences": found.differences,
        "trades": found.comparison.trades,
        "strategy": found.backtest.strategy.name,
        "parameters": found.backtest.strategy.params,
        "quote": found.backtest.quote,
        "first": int(bars.time[0]),
        "last": int(bars.time[-1]),
        "bars": len(bars),
        "expected": f"{attribution.expected:f}",  # never with an exponent: nothing is "0E-12" else
        "actual": f"{attribution.actual:f}",
        "gap": f"{attribution.gap:f}",
        "causes": [
            {"cause": share.cause, "amount": f"{share.amount:f}", "orders": share.orders}
            for share in attribution.shares
        ],
        "summary": found.summary(),
        "notes": list(found.notes),
    }
