"""Journals to look at, disks to lose them on, and every content that a journal may hold."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import strategies as st

from cryptobot.core.events import OrderFilled
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Bar, Fill, Intent, Mode, Side
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import (
    BarSeen,
    BookedFill,
    Cursor,
    JournalHeader,
    Outcome,
    ParametersSet,
    SqliteJournal,
    StateChange,
    TradingStateChange,
)
from cryptobot.trading.journal.simulated_disk import SimulatedDisk

SECOND = 1_000_000_000
HEADER = JournalHeader("bot", "binance", "a1b2", Mode.LIVE, "BTC/USDT", "1m", 7 * SECOND, Market("BTC/USDT", "0.01"))


def contents(orders):
    """Yield what a bot writes down that trades so many orders: time, kind, content, durable."""
    yield 8 * SECOND, "state", StateChange("running"), True
    yield 8 * SECOND, "parameters", ParametersSet("Told", {"shift": 1, "fraction": 0.5, "name": "x", "on": True}), True
    for n in range(orders):
        now = (10 + 60 * n) * SECOND
        side = Side.SELL if n % 2 else Side.BUY
        intent = Intent(f"bot-{n}", now, "BTC/USDT", side, quantity=Decimal("0.5"), reason="signal")
        bar = Bar(now, 1.0, 2.0, 0.5, 1.5, 10.0)
        yield now, "bar", BarSeen(bar, {"fast": float("nan"), "slow": 1.25}, 10_000.5), False
        yield now, "intent", intent, True
        yield now, "outcome", Outcome(intent.id, "acknowledged", f"x{n}"), True
        fill = Fill(f"f{n}", intent.id, now, side, Decimal("100.10") + n, Decimal("0.5"), Decimal("0.0005"), "BTC")
        if side is Side.SELL:
            fill = Fill(
                f"f{n}", intent.id, now, side, Decimal("101.10") + n, Decimal("0.4995"), Decimal("0.05"), "USDT"
            )
        yield now, "fill", BookedFill(fill, complete=True), True
        yield now, "cursor", Cursor("slack", n), False
    yield 900 * SECOND, "trading_state", TradingStateChange("reducing", "lost 100", "max_daily_loss"), True
    yield 900 * SECOND, "notice", Notice("warning", "lost 100"), True
    fill = Fill("g1", "", 901 * SECOND, Side.BUY, Decimal(100), Decimal(1), Decimal(0))
    yield 901 * SECOND, "fill", BookedFill(fill, own=False), True
    yield 902 * SECOND, "event", OrderFilled(fill, complete=False), True
    yield 903 * SECOND, "gate", {"limits": True, "paper_days": 3.5, "items": ["a", None]}, True
    yield (
        904 * SECOND,
        "order",
        Order(
            "", "88", "BTC/USDT", Side.BUY, OrderType.LIMIT, OrderStatus.NEW, Decimal(1), Decimal(0), Decimal(0), 1, 2
        ),
        True,
    )


@pytest.fixture(scope="session")
def header():
    return HEADER


@pytest.fixture(scope="session")
def written():
    return contents


@pytest.fixture(scope="session")
def fill_journal():
    """Write a bot's doings into a journal; return the records as they were acknowledged."""

    def write(journal, orders=3):
        first = list(journal.records())
        return first + [journal.append(time, kind, said, durable=safe) for time, kind, said, safe in contents(orders)]

    return write


@pytest.fixture(scope="session")
def sample(tmp_path_factory, fill_journal):
    """Make a closed journal and return its path and records."""

    def make(orders=3):
        path = tmp_path_factory.mktemp("journal") / "bot.sqlite"
        with SqliteJournal(path, create=HEADER) as journal:
            return path, fill_journal(journal, orders)

    return make


@pytest.fixture
def disk():
    made = SimulatedDisk()
    yield made
    made.close()


@pytest.fixture(scope="session")
def same():
    """Compare records with NaN being itself."""
    return lambda one, other: repr(one) == repr(other)


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a declared type."""
    args = get_args(hint)
    simple = {
        int: st.integers(-(2**62), 2**62),
        float: st.floats(allow_nan=True),
        str: st.text(max_size=8),
        bool: st.booleans(),
        type(None): st.none(),
        Decimal: st.decimals(allow_nan=False),
        Any: st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=5)
        | st.decimals(allow_nan=False),
    }
    if hint in simple:
        return simple[hint]
    name = str(hint)
    if name.startswith("typing.Literal"):
        return st.sampled_from(args)
    if "Mapping" in name:
        keys = st.text(max_size=5).filter(lambda key: key != "$")
        return st.dictionaries(keys, anything(args[1]), max_size=3)
    if args:
        return st.one_of([anything(each) for each in args])
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if hint is Market:
        prices = st.none() | st.decimals("0.00000001", 100)
        return st.builds(Market, st.just("BTC/USDT"), prices, prices, prices)
    hints = get_type_hints(hint)
    names = [each.name for each in fields(hint)] if is_dataclass(hint) else list(hints)
    return st.builds(hint, **{each: anything(hints[each]) for each in names})


@pytest.fixture(scope="session")
def any_of():
    return anything
