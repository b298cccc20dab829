"""Client ids: never the same twice, whoever makes them and whenever, and known again."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cryptobot.trading.client_ids import ClientIds, owner_tag

NOW = 1_700_000_000_000_000_000
names = st.text(min_size=1, max_size=20)


@given(names, st.integers(0, 2_200_000_000 * 10**9))
def test_an_id_is_what_every_exchange_takes(name, time):
    ids = ClientIds(name, time)
    for _ in range(20):
        client_id = ids.next()
        assert re.fullmatch(r"[a-z0-9]{11}-[0-9]{1,6}", client_id)
        assert len(client_id) <= 18
        assert client_id.startswith(ids.tag)
        assert ids.owns(client_id)


@given(names, st.lists(st.integers(0, 3) | st.integers(0, 10**10), min_size=1, max_size=12))
def test_no_two_sessions_make_the_same_id(name, times):
    made: list[str] = []
    for time in times:  # also when the clock stands still, or goes back
        ids = ClientIds(name, NOW + time * 10**7, taken=made)
        assert all(ids.owns(client_id) for client_id in made)
        made += [ids.next() for _ in range(3)]
    assert len(set(made)) == len(made)


def test_a_tenth_of_a_second_makes_another_session():
    first, same, later = (ClientIds("bot", NOW + wait) for wait in (0, 10**8 - 1, 10**8))
    assert first.prefix == same.prefix != later.prefix
    assert ClientIds("bot", NOW, taken=[first.next()]).prefix == later.prefix


def test_ids_begin_at_one_and_count_on():
    ids = ClientIds("crossover", NOW)
    assert [ids.next().partition("-")[2] for _ in range(12)] == [str(n) for n in range(1, 13)]


@given(names, names)
def test_bots_of_other_names_own_other_ids(one, other):
    assume(owner_tag(one) != owner_tag(other))  # one in 46,656 of those that begin with the same letters
    assert not ClientIds(one, NOW).owns(ClientIds(other, NOW).next())


def test_tags_tell_bots_of_one_family_apart():
    tags = {owner_tag(f"crossover-{n}") for n in range(60)}
    assert len(tags) == 60
    assert {tag[:2] for tag in tags} == {"cr"}
    assert {len(tag) for tag in tags} == {5}
    assert owner_tag("Ünïq!") != owner_tag("nq")  # the digest is of the whole name
    assert owner_tag("Ünïq!")[:2] == "nq"
    assert owner_tag("7")[:2] == "7x"


@pytest.mark.parametrize(
    "change",
    [
        lambda own: "",
        lambda own: "web_123",
        lambda own: own.replace("-", ""),
        lambda own: own.replace("-", "_"),
        lambda own: own.partition("-")[0],
        lambda own: own.partition("-")[0] + "-",
        lambda own: own + "x",
        lambda own: own + "-2",
        lambda own: own.partition("-")[0] + "-²",
        lambda own: own.partition("-")[0] + "-٣",
        lambda own: "z" + own,
        lambda own: own[1:],
        lambda own: own[:10] + "-1",
        lambda own: "0" * 5 + own[5:],
        lambda own: own.upper(),
    ],
)
def test_what_looks_like_an_own_id_but_is_none(change):
    ids = ClientIds("crossover", NOW)
    assert not ids.owns(change(ids.next()))
