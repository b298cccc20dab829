"""``cryptobot runs``: what was tested, and what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json

if TYPE_CHECKING:
    from cryptobot.backtest.registry.recording import Runs
    from cryptobot.backtest.registry.run import Kind

IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Compare these runs instead.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Only backtest, sweep, walk_forward or check.")]
NameOption = Annotated[str | None, typer.Option("--strategy", metavar="NAME", help="Only of this strategy.")]
CountOption = Annotated[int, typer.Option("--n", "-n", help="The most to show.", min=1)]


def runs(
    ids: IdsArgument = None,
    kind: KindOption = None,
    strategy: NameOption = None,
    n: CountOption = 20,
    json: JsonOption = False,
) -> None:
    """List recorded backtests, sweeps and walk-forwards, or compare some of them.

    \b
    Examples:
      cryptobot runs
      cryptobot runs --kind sweep -n 5
      cryptobot runs 20260102-030405 20260102-040506
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.backtest.registry.recording import runs as recorded

    kind = None if kind is None else kind.replace("-", "_")  # as this table and the commands write it
    found = recorded(cast("Kind | None", kind), strategy=strategy, n=n, ids=ids)
    out = console(to_stderr=json)
    if json:
        print_json([_finite(asdict(run)) for run in found])
    elif not len(found):
        out.print("No runs are recorded yet. Every backtest, sweep and walk-forward is from now on.")
    elif ids:
        out.print(_beside(found))
    else:
        out.print(_list(found))


def _list(found: Runs) -> Table:
    from cryptobot.backtest.registry.words import short, told

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("run", no_wrap=True)
    table.add_column("of what")
    for name in ("return", "drawdown", "sharpe", "trades"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in found:
        results = run.results
        table.add_row(
            f"{run.id}\n[dim]{run.kind.replace('_', '-')}[/dim]",
            f"{escape(told(run))}\n[dim]{escape(short(run.parameters))}[/dim]",
            _percent(results.get("total_return")),
            _percent(results.get("max_drawdown")),
            _figure(results.get("sharpe"), 2),
            _figure(results.get("trades"), 0),
        )
    return table


def _beside(found: Runs) -> Table:
    from cryptobot.backtest.registry.words import short

    beside = found.compare()
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("")
    for name in beside.columns:
        table.add_column(str(name), justify="right")
    for name, values in zip(beside.index, beside.to_numpy(), strict=True):
        table.add_row(str(name).replace("_", " "), *(escape(short(value)) for value in values))
    return table


def _percent(value: Any) -> str:
    return "–" if _is_missing(value) else f"{100 * value:,.2f} %"


def _figure(value: Any, digits: int) -> str:
    return "–" if _is_missing(value) else f"{value:,.{digits}f}"


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None."""
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _is_missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN: what never traded has no such figure
