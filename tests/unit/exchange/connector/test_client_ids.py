"""Client ids survive the way to an exchange and back."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.registry import exchanges

IDS = ClientIds(36)
BINANCE = re.compile(r"[a-zA-Z0-9-_]{1,36}")


@given(st.text(min_size=1, max_size=40))
@example("_x2f_")
@example("/x2f_")
@example("__x2f_")
def test_there_and_back_or_refused(name):
    try:
        sent = IDS.encode(name)
    except ConfigError:
        return
    assert BINANCE.fullmatch(sent)
    assert IDS.decode(sent) == name


@given(st.text(alphabet="ax_2f5/-", min_size=1, max_size=9), st.text(alphabet="ax_2f5/-", min_size=1, max_size=9))
@example("/", "_x2f_")
@example("a_x", "a/x")
def test_two_ids_never_become_one(one, other):
    assert (IDS.encode(one) == IDS.encode(other)) is (one == other)


@given(st.text(alphabet="abxyz019_-", min_size=1, max_size=36))
def test_an_id_that_was_not_made_here_can_be_used_as_it_is_shown(foreign):
    shown = IDS.decode(foreign)
    if shown != foreign:
        assert IDS.encode(shown) == foreign


@pytest.mark.parametrize("name", ["", "x" * 37, "ä" * 10])
def test_what_does_not_fit_is_refused_with_what_does(name):
    with pytest.raises(ConfigError, match="1 to 36"):
        IDS.encode(name)


def test_kraken_takes_short_names_and_uuids():
    ids = exchanges.get("kraken").client_ids
    uuid = "d15708c1-dbb6-465d-b77d-47258319cc90"
    assert ids.encode("a" * 18) == "a" * 18
    assert ids.encode(uuid) == uuid
    assert ids.encode(uuid.replace("-", "")) == uuid.replace("-", "")
    with pytest.raises(ConfigError, match="18"):
        ids.encode("a" * 19)
