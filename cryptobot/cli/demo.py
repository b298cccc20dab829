"""``cryptobot demo``: the whole way in a minute, without a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import (
    BarsOption,
    CashOption,
    FeeOption,
    JsonOption,
    ParamOption,
    SeedOption,
    SlippageOption,
    StrategyOption,
    TimezoneOption,
    load,
    make_strategy,
)
from cryptobot.cli.terminal import console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from cryptobot.trading.reconciliation import Reconciliation

_BARS = 20_000


def demo(
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    strategy: StrategyOption = "ma_crossover",
    param: ParamOption = None,
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 2,
    seed: SeedOption = 7,
    json: JsonOption = False,
) -> None:
    """Check a strategy, backtest it, let a bot trade the same bars, and compare the two trade by trade.

    Exit code 1 when a trade differs.

    \b
    Examples:
      cryptobot demo
      cryptobot demo --bars candles.feather --strategy rsi --param window=21
      cryptobot demo --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.exchange.replay import ReplayExchange
    from cryptobot.strategy.checks import check_strategy
    from cryptobot.trading.bot import Bot
    from cryptobot.trading.reconciliation import reconcile
    from cryptobot.trading.session_stats import session_stats

    chosen = make_strategy(strategy, param)
    frame, name = load(bars, timezone, _BARS, seed, "15m")
    exchange = ReplayExchange(frame, cash=cash, fee=fee, slippage_bps=slippage_bps)
    out = console(to_stderr=json)
    if not json:
        holes = frame.attrs.get("holes", [])
        missing = sum(hole["missing"] for hole in holes)
        named = f", {len(holes)} holes ({missing:,} bars missing)" if holes else ""
        out.print(f"[bold]cryptobot demo[/bold]  {escape(name)}: {len(frame):,} bars{named}\n")
    check = check_strategy(chosen, frame)
    if not check.ok:
        out.print(f"[red]✗[/red] {escape(repr(check))}")
        raise typer.Exit(1)
    _done(out, json, "Checked", f"{chosen!r} passed {len(check.checks)} checks in {check.seconds:.1f} s")

    bot = Bot(chosen, exchange=exchange)
    started = time.perf_counter()
    status = bot.run()
    seconds = time.perf_counter() - started
    if status.state != "finished":
        out.print(f"[red]✗[/red] the bot {status.state}: {escape(status.reason)}")
        raise typer.Exit(1)
    result = reconcile(bot, frame)
    _done(out, json, "Backtested", result.backtest.summary())
    _done(out, json, "Paper-traded", f"a bot traded the same bars one by one in {seconds:.1f} s")
    paper = session_stats(bot)
    if json:
        print_json(
            {"backtest": result.backtest.stats.as_dict(), "paper": paper.as_dict(), "differences": result.differences}
        )
    else:
        _compare(out, result, paper.as_dict(), practice=bars is None)
    if not result.ok:
        raise typer.Exit(1)


def _done(out: Console, quiet: bool, what: str, text: str) -> None:
    if not quiet:
        line = Table.grid(padding=(0, 1))
        line.add_column(width=1)
        line.add_column(width=12, style="bold")
        line.add_column()
        line.add_row("[green]✓[/green]", what, escape(text))
        out.print(line)


def _compare(out: Console, result: Reconciliation, paper: dict[str, float | None], *, practice: bool) -> None:
    table = Table(box=None, padding=(0, 3), header_style="bold")
    table.add_column("")
    table.add_column("backtest", justify="right")
    table.add_column("bot", justify="right")
    for name, value in result.backtest.stats.as_dict().items():
        table.add_row(name.replace("_", " "), _shown(name, value), _shown(name, paper[name]))
    out.print()
    out.print(table)
    out.print()
    if result.ok:
        out.print(f"[green]✓ 0 differences[/green]: {escape(result.summary())}")
        if practice:
            out.print(
                "\nThe practice market is made at random: no strategy earns on it for long. What counts is that both "
                "columns agree."
            )
        out.print("\nNext: [bold]make lab[/bold] (or [bold]cryptobot lab[/bold]) to see it trade in a notebook.")
    else:
        out.print(f"[red]✗ {result.differences:,} differences[/red]: {escape(result.summary())}")
        out.print(escape(result.comparison.table.head(10).to_string()))


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("total_return", "max_drawdown", "win_rate", "exposure", "buy_and_hold"):
        return f"{100 * value:,.2f} %"
    return f"{value:,.0f}" if isinstance(value, int) else f"{value:,.2f}"
