"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import cryptobot
from cryptobot.cli.alerts import alerts
from cryptobot.cli.backtest import backtest
from cryptobot.cli.clear import clear
from cryptobot.cli.command import Command
from cryptobot.cli.dashboard import dashboard
from cryptobot.cli.demo import demo
from cryptobot.cli.doctor import doctor
from cryptobot.cli.download import download
from cryptobot.cli.explain import explain
from cryptobot.cli.journal import commands as journal
from cryptobot.cli.kill import kill
from cryptobot.cli.lab import lab
from cryptobot.cli.logs import logs
from cryptobot.cli.mcp import mcp
from cryptobot.cli.metrics import metrics
from cryptobot.cli.reconcile import reconcile
from cryptobot.cli.report import report
from cryptobot.cli.run import run
from cryptobot.cli.runs import runs
from cryptobot.cli.serve import serve
from cryptobot.cli.simulate import simulate
from cryptobot.cli.status import status
from cryptobot.cli.stop import stop
from cryptobot.cli.sweep import sweep
from cryptobot.cli.terminal import prose
from cryptobot.cli.walk_forward import walk_forward

app = typer.Typer(
    name="cryptobot",
    help="From an idea to real money without changing tools or code: research, backtest, paper-trade, steer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    lab,
    dashboard,
    demo,
    backtest,
    sweep,
    walk_forward,
    runs,
    reconcile,
    download,
    simulate,
    serve,
    mcp,
    run,
    status,
    stop,
    kill,
    clear,
    logs,
    metrics,
    explain,
    report,
    doctor,
):
    app.command(cls=Command, help=prose(_command.__doc__ or ""))(_command)
app.add_typer(journal)
app.add_typer(alerts)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"cryptobot {cryptobot.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that come before a command."""
