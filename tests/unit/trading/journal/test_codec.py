"""Every type of content comes back as it went, and nothing that could not is written."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core import events, orders, quotes, types
from cryptobot.core.errors import JournalError
from cryptobot.core.types import Bar, Fill, Intent, Side
from cryptobot.trading.journal import BarSeen, ParametersSet, StateChange
from cryptobot.trading.journal.codec import _CLASSES, decode, encode

FILL = Fill("1", "bot-1", 5, Side.BUY, Decimal("100.10"), Decimal("0.50"), Decimal(0))


def kinds(value):
    """Return a value with the type of each of its parts."""
    if isinstance(value, tuple | list):
        return type(value), [kinds(each) for each in value]
    if isinstance(value, dict):
        return dict, {key: kinds(each) for key, each in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return type(value), {name: kinds(getattr(value, name)) for name in value.__dataclass_fields__}
    return type(value), repr(value)


@pytest.mark.parametrize("name", sorted(_CLASSES))
def test_every_type_comes_back_as_it_went(name, any_of):
    @settings(max_examples=25)
    @given(any_of(_CLASSES[name]))
    def check(value):
        text = encode(value)
        assert text.isascii()
        assert kinds(decode(text)) == kinds(value)
        assert encode(decode(text)) == text, "one form for one value"

    check()


def test_the_codec_knows_every_noun_of_core():
    homes = (types, orders, quotes, events)
    nouns = {
        cls.__name__
        for home in homes
        for cls in vars(home).values()
        if isinstance(cls, type) and cls.__module__ == home.__name__
    }
    assert nouns <= set(_CLASSES)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
    | st.dictionaries(st.text().filter(lambda key: key != "$"), inner, max_size=3),
))  # fmt: skip
def test_free_contents_come_back_as_they_went(value):
    assert kinds(decode(encode(value))) == kinds(value)


def test_a_name_that_looks_like_a_mark_is_only_a_text():
    assert decode(encode(StateChange("$", "$"))) == StateChange("$", "$")


def test_numbers_of_numpy_become_plain_ones():
    params = {"window": np.int64(5), "level": np.float64(0.5)}
    assert kinds(decode(encode(ParametersSet("x", params))).params) == kinds({"window": 5, "level": 0.5})
    bar = Bar(np.int64(5), *(np.float64(v) for v in (1, 2, 0.5, 1, math.nan)))
    assert repr(decode(encode(BarSeen(bar, {}, 1)))) == "BarSeen(bar=Bar(time=5, open=1.0, high=2.0, low=0.5, close=1.0, volume=nan), features={}, equity=1.0)"  # fmt: skip


@dataclass
class Stranger:
    x: int = 1


@pytest.mark.parametrize(
    "value",
    [
        Stranger(),
        object(),
        {1: 2},
        {"$": 1},
        {3.5},
        Fill("1", "b", 5, Side.BUY, 100.1, Decimal(1), Decimal(0)),
        Fill("1", "b", 5.5, Side.BUY, Decimal(1), Decimal(1), Decimal(0)),
        Fill(1, "b", 5, Side.BUY, Decimal(1), Decimal(1), Decimal(0)),
        Fill("1", "b", True, Side.BUY, Decimal(1), Decimal(1), Decimal(0)),
        Fill("1", "b", 5, "bye", Decimal(1), Decimal(1), Decimal(0)),
        events.OrderFilled(FILL, complete=1),
        BarSeen(Bar(1, "1", 1.0, 1.0, 1.0, 1.0), {}, 1.0),
    ],
)
def test_what_could_not_be_read_back_is_not_written(value):
    with pytest.raises(JournalError, match="cannot be written down"):
        encode(value)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("price"),
        lambda d: d.update(more=1),
        lambda d: d.update(price=100.1),
        lambda d: d.update(price="abc"),
        lambda d: d.update(side="bye"),
        lambda d: d.update(time="5"),
        lambda d: d.update({"$": "Fil"}),
        lambda d: d.update({"$": ["Fill"]}),
        lambda d: d.update({"$": "float", "v": "5"}),
    ],
)
def test_what_this_version_did_not_write_is_refused(change):
    plain = json.loads(encode(FILL))
    change(plain)
    with pytest.raises(JournalError):
        decode(json.dumps(plain))


def test_an_unknown_type_is_named_with_the_closest_known():
    with pytest.raises(JournalError, match=r"'Fil', which this version.*Did you mean `Fill`"):
        decode('{"$":"Fil"}')


@pytest.mark.parametrize("text", ["", "{", "[1", '{"$":"Decimal"}', "\udc80", "[" * 100_000])
def test_text_that_is_no_content_is_refused(text):
    with pytest.raises(JournalError):
        decode(text)


def test_intents_are_readable_in_the_file():
    assert encode(Intent("b-1", 5, "BTC/USDT", Side.BUY, quote_amount=Decimal("1.10"))).startswith(
        '{"$":"Intent","id":"b-1","time":5,"symbol":"BTC/USDT","side":"buy","quote_amount":"1.10","quantity":null,'
    )
