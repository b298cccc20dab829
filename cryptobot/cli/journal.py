"""``cryptobot journal``: look at a bot's journal, and write it as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.command import Command
from cryptobot.cli.journals import journal_of
from cryptobot.cli.terminal import console, print_json

commands = typer.Typer(
    name="journal", help="Look at a bot's journal, and write it as a table.", no_args_is_help=True, add_completion=False
)
JournalArgument = Annotated[str, typer.Argument(help="The journal's file, or the name of its bot.", metavar="JOURNAL")]


@commands.command(cls=Command)
def check(journal: JournalArgument, json: JsonOption = False) -> None:
    """Check every record of a journal, without changing it. The bot may be running.

    Exit code 1 when the journal cannot be used as it is.

    \b
    Examples:
      cryptobot journal check btc-trend
      cryptobot journal check my-bot.sqlite --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.trading.journal.sqlite import SqliteJournal

    path = journal_of(journal)
    health = SqliteJournal.check(path)
    header = health.header
    if json:
        print_json(
            {
                "path": str(path),
                "state": health.state,
                "good": health.good,
                "known": health.known,
                "text": health.text,
                "bot": header.bot if header else None,
                "exchange": header.exchange if header else None,
                "mode": header.mode.value if header else None,
                "symbol": header.symbol if header else None,
                "timeframe": header.timeframe if header else None,
                "opened": header.opened if header else None,
            }
        )
    else:
        mark = {"ok": "[green]✓[/green]", "tail": "[yellow]![/yellow]"}.get(health.state, "[red]✗[/red]")
        whose = (
            f" ({header.bot}: {header.symbol} {header.timeframe} on {header.exchange}, {header.mode})" if header else ""
        )
        console().print(f"{mark} {escape(str(path) + whose)}: {escape(health.text)}")
    if not health.usable:
        raise typer.Exit(1)


@commands.command(cls=Command)
def export(
    journal: JournalArgument,
    to: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")],
    format: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option("--format", metavar="FORMAT", help="csv, parquet or json. Default: by the file's ending."),
    ] = None,
    table: Annotated[
        str,
        typer.Option("--table", metavar="TABLE", help="records (everything), intents, fills, trades, bars or notices."),
    ] = "records",
    partly: Annotated[
        bool, typer.Option("--partly", help="Write the good beginning of a damaged journal instead of refusing it.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write a journal as a table. The bot may be running.

    \b
    Examples:
      cryptobot journal export btc-trend fills.csv --table fills
      cryptobot journal export my-bot.sqlite everything.json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.trading.journal.export import export as write

    path = journal_of(journal)
    rows = write(path, to, format, table=table, partly=partly)  # type: ignore[arg-type] # both are checked there
    if json:
        print_json({"path": str(path), "file": str(to), "table": table, "rows": rows})
    else:
        console().print(f"Written: {escape(str(to))}, {rows:,} {escape(table)}")
