"""Secrets are taken out of every text, in whatever form they stand there; ordinary words stay."""

from __future__ import annotations

import json
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core import secrecy
from cryptobot.core.secrecy import Redactor, keep_secret, redact, scrub
from cryptobot.core.settings import Settings

CANARY = "canary/Q7+x9=k2&m4-secret"
LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60)


@pytest.mark.parametrize(
    "text",
    [
        "the key is {}",
        "{}{}",
        "GET https://api.example/x?key={}&y=1",
        "{{'apiKey': '{}'}}",
        'raised ValueError("{}")',
        "Authorization: Bearer {}",
    ],
)
def test_a_known_secret_is_nowhere(text):
    keep_secret(CANARY)
    for form in (CANARY, quote(CANARY, safe=""), json.dumps(CANARY)[1:-1]):
        assert form not in redact(text.format(form, form))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("POST https://hooks.slack.com/services/T01/B02/abcdEFGH failed", "abcdEFGH"),
        ("token xoxb-123-456-abcDEF was refused", "abcDEF"),
        ("Authorization: Bearer s3cr3tt0k3n", "s3cr3tt0k3n"),
        ("https://me:hunter2@proxy.example:8080/", "hunter2"),
        ("?timestamp=1&signature=deadbeef", "deadbeef"),
        ('{"secret": "deadbeef"}', "deadbeef"),
        ("{'password': 'deadbeef'}", "deadbeef"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----", "MHcCAQEEIB"),
        ("-----BEGIN PRIVATE KEY-----\nMHcCAQEEIB (cut", "MHcCAQEEIB"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, secret):
    assert secret in text
    assert secret not in redact(text)
    assert secret not in redact(f"before {text} after")
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Bought 0.5 BTC at 64,000 USDT: buy signal at the close of 2024-01-01 00:05:00 UTC.",
        "Fast 59,898.67 is above slow 59,895.88: it has just crossed above; volatility 0.000501.",
        "services, a bearer of news, a token of thanks, and me@example.org",
        "max_order_value = 500 is not allowed.",
    ],
)
def test_ordinary_words_stay(text):
    keep_secret("http://127.0.0.1:9/services/something")
    assert redact(text) == text


def test_an_addresss_own_parts_are_secret_but_not_its_words():
    keep_secret("https://pings.example/ping/1b2f7c90-aa11-4d6e/start")
    assert redact("ping start 1b2f7c90-aa11-4d6e") == "ping start …"


def test_a_key_of_many_lines_is_secret_line_by_line():
    key = "-----BEGIN EC KEY-----\nMHcCAQEEIOaaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbbbbbbbb\n-----END EC KEY-----"
    keep_secret(key)
    for text in (key, repr(key), "line MHcCAQEEIOaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbb"):
        assert "MHcCAQ" not in redact(text)
        assert "bbbbbbbb" not in redact(text)


def test_short_ones_are_left_to_the_names_beside_them():
    keep_secret("BTC", "", "short")
    assert redact("BTC is short") == "BTC is short"


@given(LETTERS, LETTERS, st.text("abcdefXYZ0189-_", min_size=8, max_size=40))
def test_a_secret_is_found_between_any_words(before, after, secret):
    hidden = f"s3cret{secret}"
    keep_secret(hidden)
    assert hidden not in redact(f"{before}{hidden}{after}")


def test_the_memory_of_secrets_is_bounded():
    for number in range(2_000):
        keep_secret(f"one-of-many-{number:06d}")
    assert len(secrecy._known) <= 500
    assert redact("one-of-many-001999") == "…"


def test_settings_are_secret_once_they_are_read(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {
        "BINANCE_API_KEY": "k3y-aaaa-bbbb",
        "SLACK_BOT_TOKEN": "notxoxb-cccc1",
        "CRYPTOBOT_WEBHOOK_TOKEN": "w3bhook-tok",
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KRAKEN_API_SECRET", "kr4ken-secret")
    Settings.load()
    assert Settings.exchange_keys("kraken")[1] == "kr4ken-secret"
    for value in (*names.values(), "kr4ken-secret"):
        assert redact(f"it says {value}!") == "it says …!"


def test_a_redactor_knows_its_own_and_everybodys():
    keep_secret("everybodys-own-1")
    error = RuntimeError("everybodys-own-1 and mine-alone-2")
    Redactor(["mine-alone-2"]).scrub(error)
    assert str(error) == "… and …"


class _ReadOnlyError(Exception):
    @property
    def message(self):
        return f"about {self.args}"


def test_whatever_an_error_is_made_of_is_scrubbed():
    keep_secret("all-of-it-33-secret")
    inner = _ReadOnlyError("all-of-it-33-secret")
    inner.add_note("noted: all-of-it-33-secret")
    group = ExceptionGroup("unhandled", [ValueError("all-of-it-33-secret"), inner])
    outer = RuntimeError("it ended")
    outer.__context__ = group
    scrub(outer)
    told = "".join(traceback.format_exception(outer))
    assert "ExceptionGroup: unhandled" in told
    assert "noted: …" in told
    assert "all-of-it-33" not in told


def test_what_was_asked_just_now_is_forgotten_when_more_is_secret():
    text = "it says once-more-55-secret"
    assert redact(text) == redact(text) == text
    keep_secret("once-more-55-secret")
    assert redact(text) == redact(text) == "it says …"


def test_variables_that_are_called_like_secrets_are_secret(monkeypatch):
    names = ["SOMEBODYS_PASSWORD", "OKX_API_KEY", "MY_ACCESS_TOKEN", "TEAMS_WEBHOOK_URL", "vault_secret"]
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"value-of-{number}-in-env")
    monkeypatch.setenv("KEYBOARD_LAYOUT", "value-of-9-in-env")
    Settings.load()
    assert redact(" ".join(f"value-of-{number}-in-env" for number in range(5))) == "… … … … …"
    assert redact("value-of-9-in-env") == "value-of-9-in-env"
