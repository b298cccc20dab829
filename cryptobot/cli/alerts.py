"""``cryptobot alerts``: try the channels that tell people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.command import Command
from cryptobot.cli.terminal import console, print_json

if TYPE_CHECKING:
    from cryptobot.alerts.channel import AlertChannel

alerts = typer.Typer(
    name="alerts", help="Try the channels that tell people.", no_args_is_help=True, add_completion=False
)


@alerts.callback()
def _group() -> None:
    """Try the channels that tell people."""


@alerts.command("test", cls=Command)
def send_sample(
    channels: Annotated[
        list[str] | None,
        typer.Argument(
            help="The channels to try. Default: those that are set up.", metavar="[CHANNEL]...", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Send a sample through each channel, and say what is wrong where it does not arrive.

    Exit code 1 when one did not arrive. Addresses and tokens come from the environment or .env, and are never shown.

    \b
    Examples:
      cryptobot alerts test
      cryptobot alerts test slack
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.alerts.catalogue import ALERTS

    asked = list(dict.fromkeys(channels or []))
    for name in asked:
        ALERTS.get(name)
    results = [_try(name, needed=bool(asked)) for name in asked or ALERTS.names()]
    if json:
        print_json(results)
    else:
        marks = {"sent": "[green]✓[/green]", "not set up": "[yellow]–[/yellow]", "failed": "[red]✗[/red]"}
        for result in results:
            console().print(f"{marks[result['state']]} {escape(result['channel'])}: {escape(result['text'])}")
    if any(result["state"] == "failed" for result in results):
        raise typer.Exit(1)


def _try(name: str, *, needed: bool) -> dict[str, Any]:
    """Send a sample through one channel; one that nobody asked for need not be set up."""
    from cryptobot.alerts.catalogue import ALERTS
    from cryptobot.alerts.errors import NotSetUpError
    from cryptobot.core.errors import ConfigError

    try:
        channel = ALERTS.get(name).from_env()
    except ConfigError as error:
        missing = isinstance(error, NotSetUpError) and not needed
        return {"channel": name, "state": "not set up" if missing else "failed", "text": str(error)}
    return {"channel": name, **_send(channel)}


def _send(channel: AlertChannel) -> dict[str, str]:
    from cryptobot.alerts.errors import AlertError
    from cryptobot.alerts.sample import sample
    from cryptobot.core.clock import SystemClock

    try:
        channel.send(sample(SystemClock().now()))
    except AlertError as error:
        # A bot tries again by itself; this command tries once.
        wait = "later" if error.retry_after is None else f"in {error.retry_after:g} s"
        return {"state": "failed", "text": f"{error} Try it again {wait}." if error.again == "soon" else str(error)}
    except Exception as error:  # noqa: BLE001 - a channel of somebody else may raise anything; no text of it is trusted
        return {"state": "failed", "text": f"send() raised {type(error).__name__}: the channel itself must be mended."}
    return {"state": "sent", "text": "a sample was taken. Look whether it arrived."}
