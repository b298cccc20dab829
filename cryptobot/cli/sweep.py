"""``cryptobot sweep``: many parameter sets of one strategy on one file of bars."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import (
    BarsOption,
    CashOption,
    FeeOption,
    JsonOption,
    SeedOption,
    SlippageOption,
    TimezoneOption,
    load,
)
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    from cryptobot.backtest.sweep.report import SweepReport
    from cryptobot.strategy.param import Param

_BARS: Final = 50_000
_DEFAULT: Final = ("fast=5:55:5", "slow=20:210:10")
_LONGEST: Final = 1_000_000


def sweep(
    strategy: Annotated[str | None, typer.Argument(help="A registered strategy.", metavar="[STRATEGY]")] = None,
    *,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            "-r",
            metavar="NAME=VALUES",
            help="Values to try: FROM:BELOW:STEP or a,b,c; may be repeated. Every combination is tried.",
        ),
    ] = None,
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    cash: CashOption = 10_000,
    fee: FeeOption = 0.001,
    slippage_bps: SlippageOption = 0,
    seed: SeedOption = 7,
    rank: Annotated[str, typer.Option("--rank", metavar="FIGURE", help="What decides which is best.")] = "sharpe",
    best: Annotated[int, typer.Option("--best", min=1, help="How many of the best to show.")] = 10,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Threads. Default: one a core.")] = None,
    table: Annotated[
        Path | None, typer.Option("--table", metavar="FILE.csv", help="Write all combinations to a csv file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.html", help="Write the chart to an html file.")
    ] = None,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show a bar. Default: when it takes long.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Try many parameter sets of a strategy, and say how much of the best is luck.

    Ctrl-C ends it with what is done; exit code 1 then.

    \b
    Examples:
      cryptobot sweep
      cryptobot sweep ma_crossover --range fast=5:50:5 --range slow=20:200:10 --bars candles.feather
      cryptobot sweep rsi -r window=7,14,21 -r oversold=20:40:5 --rank total_return --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.backtest.sweep.run import sweep as run_sweep
    from cryptobot.strategy.catalogue import STRATEGIES

    chosen = STRATEGIES.get(strategy or "ma_crossover")
    given = list(_DEFAULT) if strategy is None and not values else values or []
    ranges: dict[str, Any] = parse_ranges(given, chosen.parameters(), strategy or "ma_crossover")
    for file, ending in ((table, ".csv"), (plot, ".html")):
        if file is not None and (file.suffix.lower() != ending or not file.absolute().parent.is_dir()):
            raise ConfigError(f"{file}: cannot be written. Name a file ending in {ending} in a folder that exists.")
    frame, name = load(bars, timezone, _BARS, seed, "15m")
    report = run_sweep(
        chosen,
        frame,
        cash=cash,
        fee=fee,
        slippage_bps=slippage_bps,
        rank=rank,
        workers=workers,
        progress=progress,
        **ranges,
    )
    if table is not None:
        report.table.to_csv(table, index=False)
    if plot is not None:
        report.plot().write_html(plot, include_plotlyjs=True)
    if json:
        print_json(_as_json(report, strategy or chosen.name, name, best))
    else:
        _show(report, name, best, [file for file in (table, plot) if file is not None])
    if not report.complete:
        raise typer.Exit(1)


def parse_ranges(given: list[str], declared: dict[str, Param], strategy: str) -> dict[str, Any]:
    """Read ``NAME=FROM:BELOW:STEP`` and ``NAME=a,b,c``.

    Parameters
    ----------
    given
        The texts.
    declared
        The strategy's parameters.
    strategy
        Its name, for messages.

    Raises
    ------
    ConfigError
        If a text is not understood, or names an unknown parameter.
    """
    ranges: dict[str, Any] = {}
    if not given:
        example = next((name for name, p in declared.items() if p.kind == "int"), next(iter(declared), "window"))
        raise ConfigError(
            f"--range: no values to try. Give some, for example --range {example}=7:28:7. {strategy} has the parameters "
            f"{listed(declared) or 'none'}."
        )
    for text in given:
        name, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not values:
            raise ConfigError(f"--range: {text!r} is not NAME=VALUES. Write for example fast=5:50:5 or fast=5,10,20.")
        if name not in declared:
            raise ConfigError(
                f"--range: {strategy} has no parameter `{name}`.{closest(name, declared)} Known: {listed(declared)}."
            )
        if name in ranges:
            raise ConfigError(f"--range: `{name}` is given twice. Give all its values at once, separated by commas.")
        ranges[name] = _values(values, declared[name])
    return ranges


def _values(text: str, declared: Param) -> list[Any]:
    kind = declared.kind
    if kind in ("int", "float") and ":" in text:
        parts = [_number(part, declared) for part in text.split(":")]
        if len(parts) not in (2, 3):
            raise ConfigError(f"--range: `{declared.name}` is {text!r}. Write FROM:BELOW or FROM:BELOW:STEP.")
        first, below, step = (*parts, Decimal(1)) if len(parts) == 2 else parts
        if step <= 0 or first >= below:
            raise ConfigError(
                f"--range: `{declared.name}` from {first} to below {below} in steps of {step} is empty. The step is above "
                "0 and FROM below BELOW."
            )
        many = int(-(-(below - first) // step))
        if many > _LONGEST:
            raise ConfigError(
                f"--range: `{declared.name}` has {many:,} values; at most {_LONGEST:,}. Take larger steps."
            )
        # In decimals, so that 0:0.01:0.001 has ten values and not eleven.
        return [_typed(first + number * step, kind) for number in range(many)]
    pieces = [piece.strip() for piece in text.split(",")]
    if kind in ("int", "float"):
        return [_typed(_number(piece, declared), kind) for piece in pieces]
    if kind == "bool":
        words = {"true": True, "false": False}
        for piece in pieces:
            if piece.lower() not in words:
                raise ConfigError(f"--range: `{declared.name}` is {piece!r}. Allowed: true or false.")
        return [words[piece.lower()] for piece in pieces]
    return pieces


def _number(text: str, declared: Param) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise ConfigError(f"--range: `{declared.name}` holds {text!r}. Allowed: {declared.allowed()}.")
    return number


def _typed(number: Decimal, kind: str) -> int | float:
    return int(number) if kind == "int" and number == int(number) else float(number)


def _as_json(report: SweepReport, strategy: str, bars: str, best: int) -> dict[str, Any]:
    import numpy as np

    rows = report.best(best).reset_index(names="row").to_dict("records")
    plain = [
        {key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in row.items()}
        for row in rows
    ]
    return {
        "strategy": strategy,
        "bars": bars,
        "asked": report.asked,
        "tried": len(report),
        "skipped": len(report.skipped),
        "complete": report.complete,
        "rank": report.rank,
        "seconds": round(report.seconds, 3),
        "best": plain,
        "luck": report.luck.as_dict(),
    }


def _show(report: SweepReport, name: str, best: int, written: list[Path]) -> None:
    from cryptobot.backtest.words import number, percent

    out = console()
    out.print(f"[bold]{escape(name)}[/bold]: {len(report.bars):,} bars")
    out.print(f"{escape(report.summary())} [dim]{report.seconds:.2f} s[/dim]")
    if report.shortfall:
        out.print(f"[yellow]{escape(report.shortfall)}[/yellow]")
    shown = report.parameters or list(report.combinations.values)
    grid = Table(box=None, padding=(0, 2), header_style="bold")
    for head in (*shown, "return", "max drawdown", "sharpe", "trades", "win rate", "profit factor", "exposure"):
        grid.add_column(head, justify="right")
    for row in report.best(best).to_dict("records"):
        grid.add_row(
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
