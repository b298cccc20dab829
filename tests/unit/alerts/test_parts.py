"""Times, texts, addresses, rhythm, pictures: the small parts."""

from __future__ import annotations

import datetime as dt
import struct
import unicodedata
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.alerts import words
from cryptobot.alerts.alert import Digest, Tally
from cryptobot.alerts.clean import clean, hide, safe
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.http import require_url, retry_after
from cryptobot.alerts.pace import Pace
from cryptobot.alerts.picture import equity_picture
from cryptobot.alerts.times import QuietHours, last_due, zone_of
from cryptobot.core.errors import ConfigError

SECOND = 1_000_000_000


def at(text, zone="UTC"):
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=zone_of(zone)).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "zone", "time", "holds"),
    [
        ("22:00-07:00", "UTC", "2026-01-05 21:59:59", False),
        ("22:00-07:00", "UTC", "2026-01-05 22:00:00", True),
        ("22:00-07:00", "UTC", "2026-01-06 06:59:59", True),
        ("22:00-07:00", "UTC", "2026-01-06 07:00:00", False),
        ("09:30-10:00", "UTC", "2026-01-06 09:30:00", True),
        ("09:30-10:00", "UTC", "2026-01-06 10:00:00", False),
        ("22:00-07:00", "Europe/Berlin", "2026-07-05 20:00:00", True),  # 22:00 there
        ("22:00-07:00", "Europe/Berlin", "2026-01-05 20:59:00", False),  # 21:59 there
    ],
)
def test_quiet_hours(text, zone, time, holds):
    assert QuietHours.parse(text, zone_of(zone)).holds(at(time)) is holds


@pytest.mark.parametrize(
    ("now", "zone", "due"),
    [
        ("2026-01-05 20:00:00", "UTC", "2026-01-05 20:00:00"),
        ("2026-01-05 19:59:59", "UTC", "2026-01-04 20:00:00"),
        ("2026-03-29 12:00:00", "Europe/Berlin", "2026-03-28 19:00:00"),  # winter time still
        ("2026-03-29 18:00:00", "Europe/Berlin", "2026-03-29 18:00:00"),  # and the first of summer time
    ],
)
def test_when_a_summary_was_due(now, zone, due):
    assert last_due(at(now), dt.time(20, 0), zone_of(zone)) == at(due)


def test_the_computers_own_zone_is_taken_where_none_is_said():
    assert last_due(at("2026-01-05 23:59:59"), dt.time(0, 0), None) <= at("2026-01-05 23:59:59")
    assert at("2026-01-05 23:59:59") - last_due(at("2026-01-05 23:59:59"), dt.time(0, 0), None) < 86_400 * SECOND


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"level": "warnings"}, "Did you mean `warning`"),
        ({"quiet": "22-7"}, "quiet"),
        ({"quiet": "22:00"}, "22:00-07:00"),
        ({"quiet": "22:00-22:00"}, "ends when it starts"),
        ({"quiet": "25:00-07:00"}, "time of the day"),
        ({"summary": "8pm"}, "'22:00'"),
        ({"summary": "²0:00"}, "time of the day"),
        ({"zone": "Berlin"}, "Europe/Berlin"),
        ({"zone": "../etc"}, "no time zone"),
        ({"seconds_between": -1}, "0 to 3600"),
        ({"seconds_between": float("nan")}, "seconds_between"),
        ({"most_waiting": 0}, "1 to 100"),
        ({"most_waiting": 2.5}, "whole number"),
        ({"same_within": "long"}, "same_within"),
        ({"quite": "22:00-07:00"}, "Did you mean `quiet`"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(given_, said):
    with pytest.raises(ConfigError, match=said):
        Delivery.of(**given_)


@given(st.text(max_size=200), st.integers(5, 100))
def test_a_clean_text_is_short_and_shows_all_it_holds(text, most):
    cleaned = clean(text, most)
    assert len(cleaned) <= most
    kinds = {unicodedata.category(character) for character in cleaned if character != "\n"}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert "\n" not in clean(text, most, one_line=True)
    assert clean(cleaned, most) == cleaned


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=30),
    st.text(max_size=40),
    st.integers(0, 30),
)
def test_a_secret_is_never_in_a_safe_text(secret, around, cut):
    broken = secret[: cut % len(secret)] + "\x00\u202e" + secret[cut % len(secret) :]
    for text in (around + secret + around, around + broken + around, secret * 3):
        assert secret not in safe(text, [secret, ""])
    assert hide("nothing", ["", "secret"]) == "nothing"


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0/B0/x",
        "http://127.0.0.1:8080/x",
        "http://localhost/x",
        "http://[::1]:9/x",
        " https://padded.example/x ",
    ],
)
def test_addresses_that_may_hold_secrets(url):
    assert require_url(url, "url").get_secret_value() == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.slack.com/x", "ftp://host/canary", "https://", "file:///etc/canary", "javascript:canary"),
        *("http://hooks.slack.com/canary", "http://127.0.0.1.evil.example/canary", "https://user:canary@host/"),
        *("https://host/a b/canary", "https://host\n/canary", "https://host:99999/canary", "https://höst/canary"),
    ],
)
def test_other_addresses_are_refused_and_not_shown(url):
    with pytest.raises(ConfigError) as caught:
        require_url(url, "NAME")
    assert "canary" not in str(caught.value)
    assert str(caught.value).startswith("NAME: ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("17", 17.0), (" 1 ", 1.0), ("0", 0.0), ("99999", 3_600.0), (None, 30.0), ("", 30.0), ("-5", 30.0)),
        *(("1e9", 30.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 30.0), ("9" * 5_000, 30.0), ("²", 30.0)),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(text, seconds):
    assert retry_after(text) == seconds


def test_a_pace_counts_from_the_last_message():
    pace = Pace(1.0)
    assert (pace.wait(5.0), pace.wait(5.25), pace.wait(6.0)) == (0.0, 0.75, 0.0)
    pace.hold(6.0, 10.0)
    pace.hold(6.0, 2.0)  # the longer one counts
    assert (pace.wait(15.5), pace.wait(16.0)) == (0.5, 0.0)
    pace.hold(16.0, 1e9)
    assert pace.wait(16.0) == 3_600.0
    assert pace.wait(-1e9) == 0.0  # a clock that began elsewhere blocks nobody


def pixels(png):
    """Read a PNG file of ours again, chunk by chunk."""
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, (width, height) = zlib.decompress(data), size
    rows = [raw[row * (3 * width + 1) + 1 : (row + 1) * (3 * width + 1)] for row in range(height)]
    return [[tuple(row[3 * x : 3 * x + 3]) for x in range(width)] for row in rows]


def dark(rows, x):
    """Return the middle of the line in a column."""
    seen = [y for y, row in enumerate(rows) if sum(row[x]) < 380]
    return sum(seen) / len(seen)


def test_the_picture_rises_where_the_equity_rises():
    up, down = pixels(equity_picture([1.0, 2.0, 3.0])), pixels(equity_picture([3.0, 2.0, 1.0]))
    assert dark(up, 20) > dark(up, 240) > dark(up, 460)
    assert dark(down, 20) < dark(down, 240) < dark(down, 460)
    middle = up[round(dark(up, 240))][240]
    assert middle[1] > middle[0]  # green
    middle = down[round(dark(down, 240))][240]
    assert middle[0] > middle[1]  # red


@pytest.mark.parametrize("values", [(), (1.0,), (float("nan"), 2.0), (float("inf"), float("nan"))])
def test_there_is_no_picture_of_nothing(values):
    assert equity_picture(values) is None


@settings(max_examples=15)
@given(st.lists(st.floats(), min_size=2, max_size=30))
def test_any_equity_can_be_drawn(values):
    drawn = equity_picture([*values, 1.0, 2.0])
    assert drawn is not None
    assert len(drawn) < 40_000


def test_every_topic_of_a_notice_has_words(alert_of):
    from typing import get_args

    from cryptobot.trading.actions import Topic

    assert set(get_args(Topic)) <= words.TITLES.keys()
    assert words.title_of("\x00") == "Note"


def test_one_alert_and_many_in_words(alert_of):
    one = alert_of(1, title="Bought", text="Bought 1 BTC.", facts={"price": "5 USDT"}, repeat=True, late=True)
    assert words.plain(one).splitlines() == [
        "● Bought: BTC/USDT",
        "Bought 1 BTC.",
        "price: 5 USDT",
        "PAPER · my-bot · Sep 21 14:13:20 UTC · told late · may be a repeat",
    ]
    many = Digest(one.time, one.time, (Tally("critical", "HALTED", 2), Tally("info", "Bought", 1)), (one,), bot="b")
    assert words.headline(many) == "■ 3 alerts: b"
    assert many.level == "critical"
    assert "2 × HALTED (critical)" in words.body(many)
