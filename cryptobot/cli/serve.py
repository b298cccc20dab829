"""``cryptobot serve``: prices, bots and backtests for scripts, pages and assistants on this machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cryptobot.cli.arguments import JsonOption, ParamOption, SeedOption, make_strategy
from cryptobot.cli.terminal import console, print_json
from cryptobot.core.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType

    from cryptobot.control.price_server.server import PriceServer
    from cryptobot.exchange.protocol import Exchange
    from cryptobot.trading.bot import Bot

_USUAL = "BTC/USDT"


def serve(
    exchange: Annotated[
        str, typer.Option("--exchange", help="practice, or an exchange that ccxt knows, such as binance: no keys.")
    ] = "practice",
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
      cryptobot serve --exchange binance --symbol BTC/USDT --symbol ETH/USDT
      cryptobot serve --strategy ma_crossover --param fast=12 --allow-control
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.control.price_server.server import PriceServer

    if param and strategy is None:
        raise ConfigError("--param: it belongs to a strategy, and none is given. Add --strategy NAME.")
    symbols = symbol or [_USUAL]
    market = _market(exchange, symbols, strategy, timeframe=timeframe, speed=speed, seed=seed)
    bot = None if strategy is None else _bot(strategy, param, market, symbols[0], timeframe)
    server = PriceServer(
        bot or market,
        symbols=None if bot is not None or exchange == "practice" else symbols,
        port=port,
        allow_control=allow_control,
        control_token=os.environ.get("CRYPTOBOT_CONTROL_TOKEN") or None,
        state_directory=state_directory,
    )
    _until_told(server, bot, allow_control=allow_control, json=json)


def _market(
    name: str, symbols: list[str], strategy: str | None, *, timeframe: str, speed: float, seed: int
) -> Exchange:
    if name == "practice":
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

    ready = configurations(server.url, server.state_path)
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
    for name, text in ready.items():
        out.print(f"\n[bold]{escape(name)}[/bold]")
        out.print(escape(text), soft_wrap=True)
    out.print("\nCtrl-C ends it.")
