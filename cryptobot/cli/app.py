"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import cryptobot
from cryptobot.cli.alerts import alerts
from cryptobot.cli.backtest import backtest
from cryptobot.cli.dashboard import dashboard
from cryptobot.cli.demo import demo
from cryptobot.cli.doctor import doctor
from cryptobot.cli.download import download
from cryptobot.cli.explain import explain
from cryptobot.cli.journal import journal
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
from cryptobot.cli.walk_forward import walk_forward

app = typer.Typer(
    name="cryptobot",
    help="From an idea to real money without changing tools or code: research, backtest, paper-trade, steer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(lab)
app.command()(dashboard)
app.command()(demo)
app.command()(backtest)
app.command()(sweep)
app.command()(walk_forward)
app.command()(runs)
app.command()(reconcile)
app.command()(download)
app.command()(simulate)
app.command()(serve)
app.command()(mcp)
app.command()(run)
app.command()(status)
app.command()(stop)
app.command()(kill)
app.command()(logs)
app.command()(metrics)
app.command()(explain)
app.command()(report)
app.command()(doctor)
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
