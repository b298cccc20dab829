"""``cryptobot report``: what a bot did, as one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.journals import journal_of
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from cryptobot.trading.session_report import SessionReport

NameArgument = Annotated[str, typer.Argument(help="The bot's name, or its journal's file.", metavar="NAME")]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="'24h', '7d', or a time in UTC: '2026-03-01'. Default: everything."),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it. Default: NAME-report.html.")
]


def report(
    name: NameArgument, since: SinceOption = None, output: OutputOption = None, json: JsonOption = False
) -> None:
    """Write what a bot did as an HTML page: equity, trades, incidents, and what people were told.

    The bot may be running, or not. With --json the figures are printed, and no page is written unless --output is given.

    \b
    Examples:
      cryptobot report btc-trend --since 24h
      cryptobot report btc-trend --since 2026-03-01 --output march.html
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.trading.session_report import session_report

    made = session_report(journal_of(name), since)
    if output is None and not json:
        output = Path(f"{Path(name).stem}-report.html")
    if output is not None:
        try:
            output.write_text(made.html(), "utf-8")
        except OSError as error:
            raise ConfigError(f"--output: {output} cannot be written: {error.strerror}. Name another file.") from error
    if json:
        print_json(_document(made, output))
        return
    console().print(escape(made.summary()), soft_wrap=True)
    console().print(f"Written: {escape(str(output))}", soft_wrap=True)


def _document(made: SessionReport, output: Path | None) -> dict[str, Any]:
    return {
        "bot": made.header.bot,
        "mode": str(made.header.mode),
        "symbol": made.header.symbol,
        "bars": int(made.equity.size),
        "began": made.began,
        "equity": float(made.equity[-1]) if made.equity.size else None,
        "trades": len(made.closed),
        "orders": dict(made.orders),
        "told": len(made.told) + made.left_out,
        "incidents": [
            {"time": one.time, "level": one.notice.level, "topic": one.notice.topic, "text": one.notice.text}
            for one in made.incidents
        ],
        "summary": made.summary(),
        "file": None if output is None else str(output),
    }
