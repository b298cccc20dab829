"""The parts of the guard, each by itself and with a clock that is passed in."""

from __future__ import annotations

import hmac
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.errors import StartError
from mcp_server.limits import Limits
from mcp_server.security import tokens as tokens_module
from mcp_server.security.lockout import ADDRESSES, Lockout
from mcp_server.security.origins import Places
from mcp_server.security.rate import Bucket
from mcp_server.security.refusals import EVERY_SECONDS, Refusal, Refusals
from mcp_server.security.tokens import Right, Tokens


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_tokens_are_random_long_and_hidden() -> None:
    made = [Tokens() for _ in range(3)]
    values = [token for one in made for token in (one.read, one.control)]
    assert len(set(values)) == 6
    assert min(map(len, values)) >= 43  # 256 bits in base 64
    assert made[0].read not in repr(made[0]) + str(made[0]) + f"{made[0]}"
    with pytest.raises(TypeError, match="secrets"):
        pickle.dumps(made[0])
    assert made[0].hide(f"a {made[0].read} b {made[0].control}") == "a ********** b **********"


def test_each_token_gives_its_right_and_nothing_else_does() -> None:
    tokens = Tokens()
    read, control = tokens.read.encode(), tokens.control.encode()
    assert tokens.right_of(b"Bearer " + read) is Right.READ
    assert tokens.right_of(b"bearer " + control) is Right.CONTROL
    for wrong in (b"", b"Bearer", b"Bearer ", read, b"Basic " + read, b"Bearer  " + read, b"Bearer " + read[:-1]):
        assert tokens.right_of(wrong) is Right.NONE


@given(st.binary(max_size=80))
def test_no_bytes_get_in(header: bytes) -> None:
    assert Tokens().right_of(header) is Right.NONE


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are compared, always, by the standard library's constant-time comparison."""
    compared = []

    class Counting:
        @staticmethod
        def compare_digest(a: bytes, b: bytes) -> bool:
            compared.append((a, b))
            return hmac.compare_digest(a, b)

    monkeypatch.setattr(tokens_module, "hmac", Counting)
    tokens = Tokens()
    for header in (b"", b"Bearer x", b"Bearer " + tokens.control.encode(), b"Bearer " + tokens.read.encode()):
        compared.clear()
        tokens.right_of(header)
        assert [b for _, b in compared] == [tokens.read.encode(), tokens.control.encode()]


@pytest.mark.parametrize("weak", ["", "short", "a" * 50, "with space in it " * 3, "ümläut-" * 8, "super-secret"])
def test_weak_tokens_are_refused_and_not_shown(weak: str) -> None:
    with pytest.raises(StartError) as caught:
        Tokens(read=weak)
    assert "at least 32" in str(caught.value)
    assert not weak or weak not in str(caught.value)


def test_one_token_cannot_be_both() -> None:
    mine = "abcdefghijklmnopqrstuvwxyz0123456789"
    with pytest.raises(StartError, match="the same"):
        Tokens(mine, mine)


# -- rate and lockout -------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 50), st.integers(1, 20))
def test_a_bucket_never_gives_more_than_it_may(steps: list[float], rate: float, burst: int) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    taken = 0
    for step in steps:
        clock.seconds += step
        taken += bucket.take() == 0.0
    assert taken <= burst + rate * sum(steps) + 1e-6


def test_a_bucket_says_how_long_to_wait(clock: Clock) -> None:
    bucket = Bucket(2.0, 1, clock)
    assert bucket.take() == 0.0
    wait = bucket.take()
    assert wait == pytest.approx(0.5)
    clock.seconds += wait
    assert bucket.take() == 0.0


def test_a_lockout_begins_at_the_tenth_and_ends(clock: Clock) -> None:
    lockout = Lockout(10, 60, 30, clock)
    assert [lockout.wrong("a", bytes([i])) for i in range(10)] == [False] * 9 + [True]
    assert lockout.remaining("a") == 30
    assert lockout.remaining("b") == 0
    clock.seconds += 29.9
    assert lockout.remaining("a") > 0
    clock.seconds += 0.1
    assert lockout.remaining("a") == 0


def test_old_attempts_are_forgotten(clock: Clock) -> None:
    lockout = Lockout(3, 60, 30, clock)
    for i in range(20):
        assert not lockout.wrong("a", bytes([i]))
        clock.seconds += 31


def test_a_stale_token_locks_out_once_only(clock: Clock) -> None:
    """An assistant that goes on with the token of yesterday must not lock everybody out for ever."""
    lockout = Lockout(3, 60, 30, clock)
    assert [lockout.wrong("a", b"stale") for _ in range(3)] == [False, False, True]
    clock.seconds += 31
    assert not any(lockout.wrong("a", b"stale") for _ in range(50))
    assert lockout.remaining("a") == 0
    assert [lockout.wrong("a", bytes([i])) for i in range(3)] == [False, False, True]


def test_many_addresses_do_not_fill_the_memory(clock: Clock) -> None:
    lockout = Lockout(2, 60, 30, clock)
    for i in range(ADDRESSES * 2):
        lockout.wrong(str(i), str(i).encode())
        lockout.wrong(str(i), str(-i).encode())
    assert max(len(lockout._wrong), len(lockout._until), len(lockout._known)) <= ADDRESSES


# -- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8808", "localhost:8808", "LOCALHOST:8808", "[::1]:8808"])
def test_our_own_names_are_answered_to(host: str) -> None:
    places = Places(8808, "http")
    assert places.host_allowed(host)
    assert places.origin_allowed(f"http://{host.lower()}")
    assert not places.origin_allowed(f"https://{host.lower()}")
    assert not places.shared_with(f"http://{host.lower()}")


@given(st.text(max_size=40))
def test_no_other_host_is(host: str) -> None:
    places = Places(8808, "http")
    assert places.host_allowed(host) == (host.lower() in {"127.0.0.1:8808", "localhost:8808", "[::1]:8808"})


@pytest.mark.parametrize(
    "origin", ["*", "localhost:8888", "http://a/b", "http://*", "ftp://a", "null", "http://a/", ""]
)
def test_origins_that_are_none_are_refused(origin: str) -> None:
    with pytest.raises(StartError, match="is not an origin"):
        Places(1, "http", origins=[origin])


@pytest.mark.parametrize("host", ["*", "http://a", "a/b", "", "u@a", "*.example.org"])
def test_hosts_that_are_none_are_refused(host: str) -> None:
    with pytest.raises(StartError, match="is not a host"):
        Places(1, "http", hosts=[host])


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_each_kind_is_told_at_once_then_once_a_minute(clock: Clock) -> None:
    told: list[Refusal] = []
    refusals = Refusals(clock, told.append)
    for _ in range(5):
        refusals.add("token", "127.0.0.1", "a wrong token")
    assert [refusal.count for refusal in told] == [1]
    clock.seconds += EVERY_SECONDS - 1
    refusals.flush()
    assert len(told) == 1
    clock.seconds += 1
    refusals.flush()
    assert [refusal.count for refusal in told] == [1, 4]
    refusals.flush()
    assert len(told) == 2
    assert refusals.counts == {"token": 5}


def test_text_from_outside_cannot_forge_lines(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    Refusals(clock).add("host", "127.0.0.1", "evil\nCRITICAL everything is fine\x1b[31m" + "x" * 9_999)
    (record,) = caplog.records
    text = record.getMessage()
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 300


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "ten", None, True])
def test_limits_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(StartError, match="header_seconds"):
        Limits(header_seconds=value)
