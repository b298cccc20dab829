"""``cryptobot serve``: prices, bots and backtests for scripts, pages and assistants on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption, ParamOption, SeedOption, make_strategy
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType

    from cryptobot.control.attached_bot import AttachedBot
    from cryptobot.control.price_server.server import PriceServer
    from cryptobot.exchange.protocol import Exchange
    from cryptobot.trading.bot import Bot

_USUAL: Final = "BTC/USDT"
_PRACTICE: Final = "practice"
_ALL: Final = "all"


def serve(
    bots: Annotated[
        list[str] | None,
        typer.Option(
            "--bot", metavar="NAME", help="Bot that was launched; may be repeated. all: every one, whenever it runs."
        ),
    ] = None,
    exchange: Annotated[
        str | None,
        typer.Option(
            "--exchange", help="practice (the default), or one that ccxt knows, such as binance: no keys are needed."
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", help="Market to look at; may be repeated. Default: BTC/USDT.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="NAME", help="Also let a bot trade, with simulated money.")
    ] = None,
    param: ParamOption = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Interval of the bot's or practice bars.")] = "1m",
    speed: Annotated[float, typer.Option("--speed", help="How many times faster the practice market runs.")] = 60,
    seed: SeedOption = 7,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65_535, help="Default: 8808, or any if that is taken. 0: any.")
    ] = None,
    allow_control: Annotated[
        bool,
        typer.Option("--allow-control", help="Assistants with the control token may stop, start and change the bot."),
    ] = False,
    state_directory: Annotated[
        Path | None, typer.Option("--state-directory", metavar="FOLDER", help="Where clients find the server.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve prices over REST, WebSocket and the Model Context Protocol on 127.0.0.1, until Ctrl-C.

    Prints the address, where the token lies, and what to put into the configuration of the common assistants. The control
    token is that of the variable CRYPTOBOT_CONTROL_TOKEN, or a new one that is shown with --allow-control.

    \b
    Examples:
      cryptobot serve
      cryptobot serve --bot all --allow-control
      cryptobot serve --exchange binance --symbol BTC/USDT --symbol ETH/USDT
      cryptobot serve --strategy ma_crossover --param fast=12 --allow-control
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.price_server.server import PriceServer

    if param and strategy is None:
        raise ConfigError("--param: it belongs to a strategy, and none is given. Add --strategy NAME.")
    bot: Bot | None = None
    what: Any = None
    watched = None
    if bots:
        given = {"--exchange": exchange, "--symbol": symbol, "--strategy": strategy}
        what = _launched(bots, [name for name, value in given.items() if value])
    else:
        symbols = symbol or [_USUAL]
        market = _market(exchange or _PRACTICE, symbols, strategy, timeframe=timeframe, speed=speed, seed=seed)
        bot = None if strategy is None else _bot(strategy, param, market, symbols[0], timeframe)
        what, watched = bot or market, None if bot is not None or (exchange or _PRACTICE) == _PRACTICE else symbols
    server = PriceServer(
        what,
        symbols=watched,
        port=port,
        allow_control=allow_control,
        control_token=os.environ.get("CRYPTOBOT_CONTROL_TOKEN") or None,
        state_directory=state_directory,
    )
    _until_told(server, bot, allow_control=allow_control, json=json)


def _launched(names: list[str], others: list[str]) -> list[AttachedBot] | None:
    """Return handles to launched bots; None for all of them."""
    from cryptobot.control.attach import attach

    if others:
        raise ConfigError(f"--bot: its process has a market of its own. Leave out {', '.join(others)}, or --bot.")
    if _ALL not in names:
        return [attach(name) for name in dict.fromkeys(names)]
    if len(names) > 1:
        raise ConfigError("--bot: all are all. Leave out the others.")
    return None


def _market(
    name: str, symbols: list[str], strategy: str | None, *, timeframe: str, speed: float, seed: int
) -> Exchange:
    if name == _PRACTICE:
        from cryptobot.exchange.practice import PracticeExchange

        if symbols != [_USUAL]:
            raise ConfigError(
                f"--symbol: the practice market is {_USUAL} alone. Leave it out, or add --exchange binance."
            )
        return PracticeExchange(seed, speed=speed, timeframe=timeframe)
    if strategy is not None:
        from cryptobot.exchange.paper import PaperExchange

        if len(symbols) > 1:
            raise ConfigError("--symbol: a bot trades one market. Give one, or leave out --strategy.")
        return PaperExchange(name)
    from cryptobot.exchange.connector.exchange import CcxtExchange

    return CcxtExchange(name)


def _bot(strategy: str, param: list[str] | None, market: Exchange, symbol: str, timeframe: str) -> Bot:
    from cryptobot.trading.bot import Bot

    return Bot(make_strategy(strategy, param), exchange=market, symbol=symbol, timeframe=timeframe)


def _until_told(server: PriceServer, bot: Bot | None, *, allow_control: bool, json: bool) -> None:
    """Serve until a signal, or until somebody with the control token ends the server."""
    told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ExitStack() as stack:
            if bot is not None:
                stack.callback(bot.stop)
                bot.start()
            stack.enter_context(server)
            _show(server, allow_control=allow_control, json=json)
            # On Windows a wait without an end cannot be interrupted.
            while server.running and not told.wait(0.5):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(server: PriceServer, *, allow_control: bool, json: bool) -> None:
    from mcp_server.assistants import configurations
    from mcp_server.state_file import usual

    # An assistant knows nothing of this shell: not where its programs are, nor what its variables say.
    folder = usual() if server.state_path is None else server.state_path.absolute().parent
    place = [] if folder == usual() else ["--state-directory", str(folder)]
    ready = configurations(server.url, server.state_path, [sys.executable, "-m", "cryptobot", "mcp", *place])
    if json:
        content = {"url": server.url, "state_file": server.state_path, "assistants": ready}
        print_json({**content, "control_token": server.control_token} if allow_control else content)
        sys.stdout.flush()  # whoever started this reads a pipe
        return
    out = console()
    out.print(f"[bold]{escape(server.url)}[/bold]  REST, WebSocket at /ws, Model Context Protocol at /mcp")
    out.print(f"The token to read with stands in [bold]{escape(str(server.state_path))}[/bold]", soft_wrap=True)
    if allow_control:
        out.print(f"The token to control with, shown only here: {escape(server.control_token)}", soft_wrap=True)
        out.print("An assistant that may control has it in the variable CRYPTOBOT_CONTROL_TOKEN.")
    for name, text in ready.items():
        out.print(f"\n[bold]{escape(name)}[/bold]")
        out.print(escape(text), soft_wrap=True)
    out.print("\nCtrl-C ends it.")
