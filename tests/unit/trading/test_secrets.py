"""Secrets planted everywhere a bot meets one are found nowhere that it leaves a word."""

from __future__ import annotations

import http.client

import pytest

import cryptobot as cb
from cryptobot.alerts.channel import AlertChannel
from cryptobot.cli import main
from cryptobot.control.metrics import metrics
from cryptobot.control.process_log import write_log
from cryptobot.control.reading import Reading
from cryptobot.core.errors import OrderNotSent, OrderRejected
from cryptobot.core.settings import Settings
from cryptobot.core.types import Mode
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Notice
from cryptobot.trading.bot import Bot
from cryptobot.trading.journal import JournalHeader, SqliteJournal
from cryptobot.trading.session_report import session_report
from tests.contracts.served import Served

PATIENCE = 30
PLANTED = {
    "BINANCE_API_KEY": "canary-key-5d1c9e7a3b",
    "BINANCE_API_SECRET": "canary-secret-8f2b6d4e1c",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0CANARY1/B0CANARY2/canary0webhook3",
    "SLACK_BOT_TOKEN": "xoxb-canary-77-slacktoken",
    "CRYPTOBOT_WEBHOOK_URL": "https://receiver.example/hook/canary-url-55aa66",
    "CRYPTOBOT_WEBHOOK_TOKEN": "canary-token-0a1b2c3d4e",
    "KRAKEN_API_SECRET": "canary-kraken-9z8y7x6w",
}
ALL = " ".join(PLANTED.values())
# Parts of them that must not be seen either.
WORDS = [*PLANTED.values(), "canary0webhook3", "T0CANARY1", "canary-url-55aa66", "signedcanary99", "bearercanary88"]
TALK = f"{ALL} GET https://a.example/x?signature=signedcanary99 Authorization: Bearer bearercanary88"
HTML = "<img src=x onerror=alert(1)>"


class Hearing(AlertChannel):
    name = "hearing"

    def __init__(self):
        super().__init__(seconds_between=0.0)
        self.heard = []

    def send(self, message):
        self.heard.append(repr(message))


class Talkative(ReplayExchange):
    """Says every secret that it knows, wherever it may say something."""

    orders = 0

    async def submit(self, intent):
        self.orders += 1
        if self.orders == 1:
            raise OrderRejected(f"refused {TALK} {HTML}", rule="CANARY")
        if self.orders == 2:
            raise OrderNotSent(f"broke {TALK}")
        return await super().submit(intent)

    async def close(self):
        await super().close()
        raise RuntimeError(f"closing {TALK}")


class Careless(Strategy):
    """Buys and sells in turn, and then raises with everything that it found."""

    def should_buy(self, x):
        if (x.volume == 9.0).any():
            try:
                raise KeyError(TALK)
            except KeyError as error:
                raise ValueError(f"my keys are {TALK} {HTML}") from error
        return x.volume == 1.0

    def should_sell(self, x):
        return x.volume == 2.0


@pytest.fixture
def left(tmp_path, monkeypatch, make_frame, caplog):
    """Everything that a session with secrets has left, by where it was found."""
    monkeypatch.chdir(tmp_path)
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    Settings.load()
    Settings.exchange_keys("kraken")
    bars = make_frame("--b-b-s-b-s--")
    bars.loc[bars.index[-1], "volume"] = 9.0
    path, log, channel = tmp_path / "mine.sqlite", tmp_path / "mine.jsonl", Hearing()
    exchange = Talkative(bars, market=cb.Market("BTC/USDT"))
    header = JournalHeader("mine", exchange.name, "", Mode.PRACTICE, "BTC/USDT", "1m", 0)
    found = {}
    with caplog.at_level("DEBUG"), write_log(log), SqliteJournal(path, create=header) as journal:
        bot = Bot(Careless(), exchange=exchange, name="mine", journal=journal, alerts=[channel])
        bot.run()
        assert bot.status().state == "halted"
        bot.log("error", TALK)
        bot.session.tell(Notice("error", TALK, "note", {"why": TALK, "order": PLANTED["BINANCE_API_KEY"]}))
        found["logs"] = repr(bot.logs()) + "".join(map(str, bot.logs()))
        found["notices"] = repr(bot.notices())
        found["status"] = repr(bot.status()) + repr(bot)
        found["explanation"] = bot.explain().text + "".join(bot.explain(time).text for time in bars.index[:-1])
        found["metrics"] = metrics(bot)
        found["trades"] = bot.trades().to_html()
        served = Served(bot, tmp_path / "served")
        try:
            for question in ("about", "metrics", *Reading(bot).answers):
                found[f"answer {question}"] = ask(served, question)
        finally:
            served.close()
        journal.flush()
        found["records"] = repr([record for record in journal.records() if record.kind != "opened"])
        found["report"] = session_report(journal).html()
    found["alerts"] = "".join(channel.heard)
    found["journal"] = path.read_bytes().decode("latin-1")
    found["log file"] = log.read_text("utf-8")
    found["other handlers"] = caplog.text
    return found


def ask(served, question):
    connection = http.client.HTTPConnection("127.0.0.1", served.state.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"/{question}", headers={"Authorization": f"Bearer {served.state.token}"})
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        connection.close()


def test_no_secret_is_left_anywhere(left):
    assert len(left) >= 20
    seen = [(place, word) for place, text in left.items() for word in WORDS if word in text]
    assert not seen
    assert "Careless" in left["logs"]  # what happened is told all the same
    assert "refused" in left["notices"]
    assert "ValueError: my keys are" in left["log file"]
    assert "my keys are" in left["alerts"]


@pytest.mark.parametrize("door", ["connect", "history", "stream"])
def test_what_an_exchange_raises_is_told_without_them(faulty, make_frame, make_bot, monkeypatch, door):
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    Settings.exchange_keys("kraken")
    bot = make_bot(cb.BuyAndHold(), faulty(make_frame("------"), door, RuntimeError(f"it broke {TALK}")))
    if door == "stream":
        bot.run()
    else:
        with pytest.raises(cb.CryptobotError) as caught:
            bot.start()
        assert not [word for word in WORDS if word in str(caught.value)]
    said = repr((bot.status(), bot.logs(), bot.notices(), [*bot.journal.records()]))
    assert "it broke" in said
    assert not [word for word in WORDS if word in said]


def test_a_text_full_of_html_stays_text(left):
    assert HTML in left["notices"]
    assert HTML not in left["report"]
    assert "&lt;img src=x onerror=alert(1)&gt;" in left["report"]


def test_the_command_line_shows_none(left, monkeypatch, capsys, tmp_path):
    path = tmp_path / "mine.sqlite"
    for words in (["report", str(path), "--json"], ["doctor", "--json"], ["alerts", "test", "nowhere"]):
        monkeypatch.setattr("sys.argv", ["cryptobot", *words])
        with pytest.raises(SystemExit) if words[0] == "alerts" else _either():
            main()
        out = capsys.readouterr()
        assert out.out + out.err
        assert not [word for word in WORDS if word in out.out + out.err]


class _either:  # noqa: N801 - reads as a word
    """Passes whether or not the command ends with a code of its own."""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is SystemExit
