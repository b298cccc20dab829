"""``cryptobot doctor``: what is there, what is missing, and how to get it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import console, print_json

ExchangeOption = Annotated[
    str | None,
    typer.Option("--exchange", metavar="ID", help="Also ask this exchange for its time and what your keys may do."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="URL", help="Another address of that exchange, such as a simulator's."),
]


def doctor(exchange: ExchangeOption = None, endpoint: EndpointOption = None, json: JsonOption = False) -> None:
    """Look at everything that cryptobot needs, and say how to mend what is not right.

    Versions, numba's cache, Chromium, ports, disk, settings, keys, alerts, bots, journals, the store of bars; with --exchange
    also the clock against the exchange, and the rights of the keys. Exit code 1 when something must be mended. Secrets are
    never shown.

    \b
    Examples:
      cryptobot doctor
      cryptobot doctor --exchange binance
      cryptobot doctor --json
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.checkup.computer import computer
    from cryptobot.control.checkup.files import files
    from cryptobot.control.checkup.finding import Finding
    from cryptobot.control.checkup.services import exchange as ask
    from cryptobot.control.checkup.services import settings
    from cryptobot.control.folders import Folders
    from cryptobot.core.errors import ConfigError

    if endpoint is not None and exchange is None:
        raise ConfigError(
            "--endpoint: it is an address of which exchange? Add --exchange, for example --exchange binance."
        )
    findings = [*computer(), *settings()]
    try:
        findings += files(Folders.find())
    except ConfigError as error:
        findings += [] if any(one.seen == str(error) for one in findings) else [Finding("files", "bad", str(error))]
    if exchange is not None:
        findings += ask(exchange, endpoint)
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        marks = {"ok": "[green]✓[/green]", "missing": "[yellow]–[/yellow]", "bad": "[red]✗[/red]"}
        table = Table(box=None, padding=(0, 2), show_header=False)
        for finding in findings:
            advice = f"\n[dim]{escape(finding.advice)}[/dim]" if finding.advice else ""
            table.add_row(marks[finding.state], escape(finding.name), escape(finding.seen) + advice)
        console().print(table)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)
