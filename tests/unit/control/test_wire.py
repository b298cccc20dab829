"""What passes between processes comes out as it went in, in every bit."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.control import wire
from cryptobot.core.errors import CryptobotError
from cryptobot.core.types import Fill, Side, Trade
from cryptobot.trading.actions import Notice
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.log import LogLine
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False)
TIMES = st.integers(-(2**63), 2**63 - 1)
KINDS = {
    BotStatus: st.builds(
        BotStatus,
        price=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        quantity=AMOUNTS,
        entry_price=st.none() | AMOUNTS,
        cash=AMOUNTS,
        equity=AMOUNTS,
        initial_equity=AMOUNTS,
        realised_pnl=AMOUNTS,
        unrealised_pnl=AMOUNTS,
        fees=AMOUNTS,
        day_pnl=AMOUNTS,
        parameters=st.dictionaries(
            st.text(), st.integers() | st.booleans() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
        ),
    ),
    Trade: st.builds(
        Trade,
        entry_price=AMOUNTS,
        exit_price=st.none() | AMOUNTS,
        quantity=AMOUNTS,
        fees=AMOUNTS,
        pnl=AMOUNTS,
    ),
    LogLine: st.builds(LogLine, time=st.floats(allow_nan=False, allow_infinity=False)),
    Notice: st.builds(Notice),
}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_it_comes_back_as_it_was(kind, data):
    value = data.draw(KINDS[kind])
    back = wire.load(kind, wire.parse(wire.dump(value)))
    assert back == value
    assert repr(back) == repr(value)  # 1.0 is not 1, and 1.10 is not 1.1


@given(st.dictionaries(st.text(), FLOATS), FLOATS)
def test_an_explanation_keeps_what_is_undefined(features, close):
    value = Explanation(1, close, features, buy=True, sell=False, position="flat", outcome="x", text="y")
    assert repr(wire.load(Explanation, wire.parse(wire.dump(value)))) == repr(value)


def bits(values):
    return [struct.pack("<d", value) for value in values]


@given(st.lists(FLOATS, max_size=20))
def test_a_tape_keeps_every_bit(values):
    column = np.array(values, dtype=np.float64)
    fill = Fill("t1", "i1", 5, Side.BUY, Decimal("1.10"), Decimal(2), Decimal("0.001"), "BNB")
    tape = TapeWindow(
        time=np.arange(len(values), dtype=np.int64) * 2**60,
        **dict.fromkeys(("open", "high", "low", "close", "volume", "equity"), column),
        features={"a": column[::-1]},
        fills=(fill,),
        sequence=9,
    )
    back = wire.tape_of_plain(wire.parse(wire.dump(wire.tape_to_plain(tape))))
    assert back.time.tolist() == tape.time.tolist()
    assert bits(back.close) == bits(tape.close)
    assert bits(back.features["a"]) == bits(tape.features["a"])
    assert (back.fills, back.sequence) == (tape.fills, 9)
    back.close[:] = 0.0  # the reader's own


def test_json_has_no_words_that_json_does_not_know():
    assert wire.dump({"a": math.nan, "b": math.inf}) == b'{"a":"NaN","b":"Infinity"}'


def test_what_another_version_wrote_is_named():
    plain = wire.parse(wire.dump(cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange()).status()))
    del plain["cash"]
    with pytest.raises(CryptobotError, match="another version of cryptobot"):
        wire.load(BotStatus, plain)
    plain |= {"cash": "1", "what_a_later_version_adds": 1}
    assert wire.load(BotStatus, plain).cash == 1
