"""``cryptobot logs``: what a bot's process has to say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryptobot.cli.arguments import JsonOption
from cryptobot.cli.terminal import print_json

if TYPE_CHECKING:
    from cryptobot.control.attached_bot import AttachedBot
    from cryptobot.trading.log import LogLine


def logs(
    name: Annotated[str, typer.Argument(help="Of the bot.", metavar="NAME")],
    n: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many of the newest lines.")] = 50,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C or the bot's end.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the newest lines of a bot's log; of one that does not run, those of its log file.

    With --json one document, or with -f one a line.

    \b
    Examples:
      cryptobot logs btc-trend -n 20
      cryptobot logs btc-trend -f
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.attach import attach
    from cryptobot.control.folders import Folders, checked_name
    from cryptobot.control.gone import BotGoneError
    from cryptobot.control.process_log import tail
    from cryptobot.core.logs import said

    try:
        bot = attach(name)
    except BotGoneError:
        path = Folders.find().log(checked_name(name))
        if follow or not path.exists():
            raise
        entries = tail(path, n)
        if json:
            print_json(entries)
        else:
            _say(*map(said, entries))
        return
    if follow:
        _follow(bot, n, json=json)
    elif json:
        print_json([_plain(line) for line in bot.logs(n)])
    else:
        _say(*map(str, bot.logs(n)))


def _follow(bot: AttachedBot, n: int, *, json: bool) -> None:
    from cryptobot.control.gone import BotGoneError

    shown: LogLine | None = None
    try:
        while True:
            seen = bot.status().sequence
            lines = bot.logs(n if shown is None else None)
            if shown in lines:
                lines = lines[len(lines) - lines[::-1].index(shown) :]
            for line in lines:
                if json:
                    print_json(_plain(line))
                else:
                    _say(str(line))
            sys.stdout.flush()
            shown = lines[-1] if lines else shown
            bot.wait_until(lambda seen=seen: bot.status().sequence != seen, 10.0)  # type: ignore[misc]
    except (BotGoneError, KeyboardInterrupt):
        return  # the bot's end, or the reader's


def _plain(line: LogLine) -> dict[str, Any]:
    return {"time": line.time, "level": line.level, "text": line.text, **line.facts}


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
