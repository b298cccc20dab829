"""``cryptobot metrics``: a bot's figures, as Prometheus reads them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def metrics(name: Annotated[str, typer.Argument(help="Of the bot.", metavar="NAME")]) -> None:
    """Print the figures of a bot that runs in a process of its own, in Prometheus' text format.

    How to let Prometheus fetch them, and a dashboard for Grafana: cryptobot/control/monitoring.

    \b
    Examples:
      cryptobot metrics btc-trend
      cryptobot metrics btc-trend > /var/lib/node_exporter/btc-trend.prom
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.attach import attach

    sys.stdout.write(attach(name).metrics())
