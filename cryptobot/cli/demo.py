"""``cryptobot demo``: the whole way in a minute, without a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

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
from cryptobot.cli.demo_server import check_server
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from cryptobot.strategy.base import Strategy
    from cryptobot.trading.bot import Bot
    from cryptobot.trading.reconciliation import Reconciliation

_BARS = 20_000
# Some ten seconds through ccxt and the simulator.
_THROUGH = 3_000

ThroughOption = Annotated[
    bool,
    typer.Option("--through-simulator", help="Trade through ccxt and a Binance-compatible server on this machine."),
]
LastOption = Annotated[int | None, typer.Option("--last", metavar="N", help="Use only the newest N bars.")]


def demo(
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    strategy: StrategyOption = "ma_crossover",
    param: ParamOption = None,
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 2,
    seed: SeedOption = 7,
    through_simulator: ThroughOption = False,
    last: LastOption = None,
    json: JsonOption = False,
) -> None:
    """Check a strategy, backtest it, let a bot trade the same bars, compare the two trade by trade, and serve the bot.

    With --through-simulator the bot trades as it would on Binance: signed requests and WebSockets by ccxt, to a
    Binance-compatible exchange that this command starts on this machine.

    Exit code 1 when a trade differs.

    \b
    Examples:
      cryptobot demo
      cryptobot demo --bars candles.feather --strategy rsi --param window=21
      cryptobot demo --through-simulator --last 2000
      cryptobot demo --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.strategy.checks import check_strategy
    from cryptobot.trading.reconciliation import reconcile
    from cryptobot.trading.session_stats import session_stats

    chosen = make_strategy(strategy, param)
    _refuse_bad_money(cash, fee, slippage_bps)
    frame, name = load(bars, timezone, _THROUGH if through_simulator else _BARS, seed, "15m")
    if last is not None:
        frame = _newest(frame, last)
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

    started = time.perf_counter()
    if through_simulator:
        bot = _through_ccxt(chosen, frame, out, cash=cash, fee=fee, slippage_bps=slippage_bps)
    else:
        bot = _replay(chosen, frame, cash=cash, fee=fee, slippage_bps=slippage_bps)
    seconds = time.perf_counter() - started
    status = bot.status()
    if status.state == "halted":
        out.print(f"[red]✗[/red] the bot {status.state}: {escape(status.reason)}")
        raise typer.Exit(1)
    result = reconcile(bot, frame, fee=fee, slippage_bps=slippage_bps)
    _done(out, json, "Backtested", result.backtest.summary())
    how = ", through ccxt and the simulator," if through_simulator else ""
    _done(out, json, "Paper-traded", f"a bot traded the same bars one by one{how} in {seconds:.1f} s")
    _done(out, json, "Served", check_server(bot))
    paper = session_stats(bot)
    if json:
        print_json(
            {"backtest": result.backtest.stats.as_dict(), "paper": paper.as_dict(), "differences": result.differences}
        )
    else:
        _compare(out, result, paper.as_dict(), practice=bars is None)
    if not result.ok:
        raise typer.Exit(1)


def _refuse_bad_money(cash: float, fee: float, slippage_bps: float) -> None:
    """Refuse what would be refused after the check of the strategy, before it takes its time."""
    from cryptobot.core.money import decimal_of
    from cryptobot.core.portfolio import Portfolio
    from cryptobot.exchange.matching.costs import Costs

    Portfolio(cash)
    Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps"))


def _newest(frame: pd.DataFrame, last: int) -> pd.DataFrame:
    if last < 1:
        raise ConfigError(f"--last: {last} is not allowed. Give how many of the newest bars to use, 1 or more.")
    from cryptobot.market.holes import holes

    newest = frame.iloc[-last:]
    newest.attrs["holes"] = holes(newest).to_dict("records")
    return newest


def _replay(strategy: Strategy, frame: pd.DataFrame, *, cash: float, fee: float, slippage_bps: float) -> Bot:
    from cryptobot.exchange.replay import ReplayExchange
    from cryptobot.trading.bot import Bot

    bot = Bot(strategy, exchange=ReplayExchange(frame, cash=cash, fee=fee, slippage_bps=slippage_bps)).start()
    try:
        bot.wait()
    except KeyboardInterrupt:  # bot.run() would stop the bot and return, and the demo compare half a run
        bot.stop()
        raise
    return bot


def _through_ccxt(
    strategy: Strategy, frame: pd.DataFrame, out: Console, *, cash: float, fee: float, slippage_bps: float
) -> Bot:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from cryptobot.control.lockstep import trade_in_step
    from cryptobot.exchange.connector.exchange import CcxtExchange
    from cryptobot.exchange.simulator.server import Simulator
    from cryptobot.trading.bot import Bot

    simulator = Simulator(
        frame,
        history=0,
        speed="manual",
        balances={"USDT": cash},
        fee=fee,
        fee_asset="quote",  # as the backtest reckons, and to its last digit
        fee_decimals=None,
        slippage_bps=slippage_bps,
    )
    columns = TextColumn("  trading"), BarColumn(), MofNCompleteColumn(), TextColumn("bars,"), TimeRemainingColumn()
    with simulator, Progress(*columns, console=out, transient=True) as progress:
        exchange = CcxtExchange(
            "binance",
            mode="testnet",
            endpoint=simulator.endpoint,
            api_key=simulator.api_key,
            secret=simulator.secret,
            buy_fee="quote",
        )
        bot = Bot(strategy, exchange=exchange, symbol=simulator.symbol, timeframe=str(simulator.timeframe))
        task = progress.add_task("trading", total=len(frame))
        trade_in_step(bot, simulator, lambda bars: progress.update(task, completed=bars))
    return bot


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
        out.print(
            f"[red]✗ {result.differences:,} difference{'s' * (result.differences != 1)}[/red]: {escape(result.summary())}"
        )
        found = result.comparison.table.head(10)
        out.print(escape(found.where(found.notna(), "none").to_string()))


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name in ("total_return", "max_drawdown", "win_rate", "exposure", "buy_and_hold"):
        return f"{100 * value:,.2f} %"
    return f"{value:,.0f}" if isinstance(value, int) else f"{value:,.2f}"
