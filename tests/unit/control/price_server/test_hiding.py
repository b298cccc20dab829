"""What the server says holds no secret of the settings, and none that the exchanges of its bots were given.

The secrets here are so short that no text is searched for them everywhere: only who was given them takes them out.
"""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.control.price_server.hiding import hider
from cryptobot.control.price_server.subject import Subject
from cryptobot.core.secrecy import Redactor, redact

KEY, SECRET = "q7Zx2-K", "w9-Vy4L"
SAID = f"the exchange was sent {KEY} and {SECRET} by ordinary words"
HIDDEN = "the exchange was sent … and … by ordinary words"


class Keyed(cb.PracticeExchange):
    """A market that was given keys, and runs without an exchange."""

    redactor = Redactor([KEY, SECRET])


@pytest.fixture
def connected():
    return cb.CcxtExchange("binance", mode="testnet", api_key=KEY, secret=SECRET)


@pytest.fixture(autouse=True)
def nothing_is_set_up(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "CRYPTOBOT_WEBHOOK_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_nobody_else_takes_these_out(make_bot, connected):
    assert redact(SAID) == SAID
    assert hider(Subject.of(make_bot()))(SAID) == SAID


def test_keys_of_an_exchange_that_it_shows(connected):
    assert hider(Subject.of(connected))(SAID) == HIDDEN


def test_keys_of_a_bots_exchange(make_bot, connected):
    assert hider(Subject.of(make_bot(connected, symbol="BTC/USDT", timeframe="1m")))(SAID) == HIDDEN


def test_keys_of_the_exchange_that_paper_money_is_traded_on(make_bot, connected):
    assert (
        hider(Subject.of(make_bot(cb.PaperExchange(source=connected), symbol="BTC/USDT", timeframe="1m")))(SAID)
        == HIDDEN
    )
    assert hider(Subject.of(cb.PaperExchange(source=connected)))(SAID) == HIDDEN


def test_keys_of_a_bot_that_begins_to_run_later(make_bot):
    hide = hider(Subject.of(None))
    bot = make_bot(Keyed(speed=600))
    assert hide(SAID) == SAID
    bot.start()
    assert hide(SAID) == HIDDEN


def test_one_of_several_bots_is_enough(make_bot, connected):
    assert (
        hider(Subject.of([make_bot(), make_bot(connected, symbol="BTC/USDT", timeframe="1m"), make_bot()]))(SAID)
        == HIDDEN
    )


def test_the_last_part_of_an_address_is_its_secret(make_bot, monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0TEAM/B0HOOK/shorthook/")
    assert hider(Subject.of(make_bot()))("nothing at shorthook") == "nothing at …"


def test_what_else_is_to_be_hidden_is_hidden_too(make_bot, connected):
    def without_names(text):
        return text.replace("ordinary", "other")

    assert hider(Subject.of(make_bot(connected, symbol="BTC/USDT", timeframe="1m")), without_names)(
        SAID
    ) == HIDDEN.replace("ordinary", "other")
