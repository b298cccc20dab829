"""``cryptobot simulate``: a Binance-compatible exchange on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryptobot.cli.arguments import BarsOption, SlippageOption, TimezoneOption
from cryptobot.cli.terminal import print_json
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of

if TYPE_CHECKING:
    from types import FrameType

    import pandas as pd

    from cryptobot.exchange.simulator.server import Simulator


def simulate(
    *,
    bars: BarsOption = None,
    timezone: TimezoneOption = None,
    practice: Annotated[
        int | None,
        typer.Option("--practice", metavar="SEED", help="Play the practice market of this seed. Default: 7."),
    ] = None,
    symbol: Annotated[str, typer.Option("--symbol", help="Name of the market.")] = "BTC/USDT",
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", help="Interval of the practice market's bars. Default: 1m.")
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", help="1: real time, beginning now. N: so many times as fast. manual: by steps.")
    ] = "1",
    history: Annotated[int, typer.Option("--history", help="How many of the first bars are past.")] = 300,
    balance: Annotated[
        list[str] | None,
        typer.Option("--balance", metavar="CURRENCY=AMOUNT", help="Money in the account; may be repeated."),
    ] = None,
    fee: Annotated[float, typer.Option("--fee", help="Fraction of an order's value: 0.001 is 0.1 %.")] = 0.001,
    fee_asset: Annotated[
        str, typer.Option("--fee-asset", help="received (Binance's way), quote, base, or a currency.")
    ] = "received",
    slippage_bps: SlippageOption = 0,
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 is any that is free.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of faults at random.")] = 0,
    fault_rate: Annotated[
        float, typer.Option("--fault-rate", min=0, max=1, help="Part of all requests that fail at random.")
    ] = 0,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS, with a certificate made for this run.")] = False,
) -> None:
    """Serve a Binance-compatible spot exchange with play money on 127.0.0.1, until Ctrl-C.

    Prints one JSON line when it is ready: the addresses rest, stream and ws_api, api_key and secret, and the admin_token
    that opens the routes under /_sim. With another speed than 1 the market has a clock of its own, and signed requests
    are not held to it.

    \b
    Examples:
      cryptobot simulate
      cryptobot simulate --bars candles.feather --speed 60 --port 8095
      cryptobot simulate --practice 3 --speed manual --balance USDT=5000 --balance BTC=0.1
    """  # noqa: D301 - click's own mark for text that is not to be wrapped
    from cryptobot.exchange.simulator.server import Simulator

    if bars is not None and practice is not None:
        raise ConfigError("--practice: bars come from a file already. Leave out --practice or --bars.")
    simulator = Simulator(
        _read(bars, timezone),
        practice=None if bars is not None else 7 if practice is None else practice,
        symbol=symbol,
        timeframe=timeframe,
        speed=speed,
        history=history,
        balances=_balances(balance),
        fee=fee,
        fee_asset=fee_asset,
        slippage_bps=slippage_bps,
        port=port,
        seed=seed,
        tls=tls,
    )
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with simulator:
            if fault_rate:
                simulator.faults.seeded(rate=fault_rate)
            print_json(simulator.ready)
            sys.stdout.flush()  # whoever started this reads a pipe
            if sys.stdout.isatty() and not tls:
                _say_how(simulator)
            # On Windows a wait without an end cannot be interrupted.
            while not stopped.wait(0.5):
                simulator.check()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say_how(simulator: Simulator) -> None:
    sys.stderr.write(
        "\nA bot trades on it with these lines in its file, for `cryptobot run`:\n\n"
        f'  mode = "testnet"\n  symbol = "{simulator.ready["symbol"]}"\n  timeframe = "{simulator.ready["timeframe"]}"\n'
        f'  [exchange]\n  id = "binance"\n  endpoint = "{simulator.endpoint}"\n\n'
        "and with these in .env or the environment:\n\n"
        f"  BINANCE_API_KEY={simulator.api_key}\n  BINANCE_API_SECRET={simulator.secret}\n\nCtrl-C ends it.\n"
    )


def _read(path: Path | None, timezone: str | None) -> pd.DataFrame | None:
    from cryptobot.market.read import read_bars

    if path is None:
        if timezone is not None:
            raise ConfigError(
                f"--timezone: {timezone!r} says what a file's times are, but no file is given. Add --bars FILE."
            )
        return None
    return read_bars(path, timezone=timezone)


def _balances(given: list[str] | None) -> dict[str, Decimal] | None:
    """Read ``CURRENCY=AMOUNT`` texts."""
    if not given:
        return None
    found: dict[str, Decimal] = {}
    for text in given:
        name, equals, amount = text.partition("=")
        name = name.strip().upper()
        if not equals or not name:
            raise ConfigError(f"--balance: {text!r} is not CURRENCY=AMOUNT. Write for example --balance USDT=10000.")
        if name in found:
            raise ConfigError(f"--balance: `{name}` is given twice. Give it once.")
        found[name] = decimal_of(amount.strip(), f"--balance {name}")
    return found
