"""``cryptobot explain``: why a bot did or did not trade, at any bar that it has seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.journals import journal_of
from cryptobot.cli.terminal import console, print_json

if TYPE_CHECKING:
    from cryptobot.trading.explanation import Explanation

NameArgument = Annotated[str, typer.Argument(help="The bot's name, or its journal's file.", metavar="NAME")]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="A moment within the bar, in UTC: '2026-03-01 14:05'. Default: the last."
    ),
]
StrategyOption = Annotated[
    str | None,
    typer.Option("--strategy", metavar="FILE.py:CLASS", help="The strategy, where the journal does not tell."),
]


def explain(name: NameArgument, at: AtOption = None, strategy: StrategyOption = None, json: JsonOption = False) -> None:
    """Say why a bot did or did not trade on a bar: its features, both conditions, the limits, and what came of it.

    The bot may be running, or not.

    \b
    Examples:
      cryptobot explain btc-trend
      cryptobot explain btc-trend --at "2026-03-01 14:05"
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    said = _running(name, at) if strategy is None else None
    if said is None:
        said = _journaled(name, at, strategy)
    if json:
        features = {key: value if value == value else None for key, value in said.features.items()}  # noqa: PLR0124
        print_json({**asdict(said), "features": features})
    else:
        console().print(escape(said.text), soft_wrap=True)


def _running(name: str, at: str | None) -> Explanation | None:
    from cryptobot.control.attach import attach
    from cryptobot.control.gone import BotGoneError
    from cryptobot.core.errors import ConfigError

    try:
        return attach(name).explain(at)
    except BotGoneError:
        return None
    except ConfigError:
        if "/" in name or name.endswith(".sqlite"):  # a file's name cannot be a bot's
            return None
        raise


def _journaled(name: str, at: str | None, strategy: str | None) -> Explanation:
    from cryptobot.control.journal_strategy import maker_for
    from cryptobot.core.moment import moment
    from cryptobot.trading.past import explain_past

    path = journal_of(name)
    return explain_past(path, None if at is None else moment(at, "--at"), maker_for(path, strategy))
