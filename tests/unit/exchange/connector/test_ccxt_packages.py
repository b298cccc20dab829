"""ccxt loaded as far as it is used: the same classes, and everything of it for whoever asks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PATIENCE = 60


def run(program):
    """Run a program in an interpreter that has never seen ccxt; return what it prints as JSON."""
    code = f"import json, sys\nfrom cryptobot.exchange.connector.client import exchange_class\n{program}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_one_exchange_loads_one_exchange():
    names = run("exchange_class('kraken'); print(json.dumps([n for n in sys.modules if n.startswith('ccxt.')]))")
    assert "ccxt.pro.kraken" in names
    assert "ccxt.async_support.kraken" in names
    assert not [name for name in names if name.endswith((".binance", ".coinbase"))]
    assert len(names) < 40


@pytest.mark.parametrize("first", ["exchange_class('binance')", "import ccxt.pro"])
def test_the_classes_are_ccxt_s_own_whoever_was_first(first):
    assert (
        run(
            f"{first}\n"
            "import ccxt, ccxt.pro, ccxt.async_support\n"
            "made = exchange_class('binance')\n"
            "print(json.dumps([made is ccxt.pro.binance, issubclass(made, ccxt.async_support.binance),\n"
            "    isinstance(ccxt.pro.binance, type), issubclass(ccxt.NetworkError, ccxt.BaseError),\n"
            "    exchange_class('binanceus').__mro__[1] is made, issubclass(made, ccxt.async_support.Exchange)]))"
        )
        == [True] * 6
    )


def test_who_asks_for_all_of_it_gets_all_of_it():
    known, streamed, version, kraken, star, unknown = run(
        "made = exchange_class('binance')\n"
        "import ccxt.pro\n"
        "names = {}\n"
        "exec('from ccxt import *', names)\n"
        "print(json.dumps([len(ccxt.exchanges), len(ccxt.pro.exchanges), ccxt.__version__, ccxt.kraken.__module__,\n"
        "    'binance' in names and 'NetworkError' in names, hasattr(ccxt, 'no_such_thing')]))"
    )
    assert known > streamed > 50
    assert (kraken, star, unknown) == ("ccxt.kraken", True, False)
    assert version.count(".") == 2


@pytest.mark.parametrize("name", ["base", "no_such_exchange", "bin.ance", "__init__"])
def test_what_is_no_exchange_is_refused(name):
    assert "is unknown" in run(
        f"try:\n    exchange_class({name!r})\nexcept Exception as error:\n    print(json.dumps(str(error)))"
    )
