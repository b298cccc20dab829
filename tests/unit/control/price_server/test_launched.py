"""Bots in processes of their own: shown as the bot itself would be, found, lost, found again, and controlled."""

from __future__ import annotations

import dataclasses
import re
import urllib.request

import pytest

import cryptobot as cb
from cryptobot.control import state_file
from cryptobot.control.folders import Folders
from cryptobot.control.gone import BotGoneError
from cryptobot.control.metrics import KIND, metrics
from cryptobot.control.price_server.following import Following
from mcp_server.errors import BackendError, NotAllowed
from tests.contracts.served import Served


class Launched(Served):
    """A bot behind the door of a process, where every bot of this user is found."""

    def __init__(self, bot, number):
        super().__init__(bot, Folders.find().root)
        self.state = dataclasses.replace(self.state, started=number)
        state_file.write(self.folders, self.state)


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Return a function that puts a bot behind the door of a process of its own."""
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    served = []

    def make(bot, number=1):
        served.append(Launched(bot, number))
        return served[-1]

    yield make
    for one in served:
        if one.thread.is_alive():
            one.close()


def told(backend, of, name):
    """Everything that is told of a bot."""
    status = of(backend.bot_status(name))
    symbol = status.symbol
    return [
        status,
        of(backend.bot_logs(name, 500, "debug")).lines[:20],
        of(backend.trades(name, 50, None)),
        of(backend.trades(name, 7, "20")),
        of(backend.performance(name, "all")),
        of(backend.performance(name, "1d")),
        of(backend.price_feed(name, 200)).model_copy(update={"price": None}),
        of(backend.explain(name)),
        of(backend.candles(symbol, "1m", 300, None)),
        of(backend.candles(symbol, "1h", 20, None)),
        of(backend.indicators(symbol, "1m", ["sma", "rsi"], 30)),
        of(backend.price(symbol)).price,
        of(backend.timeframes()),
    ]


def test_a_launched_bot_is_told_of_in_the_very_words_of_one_of_this_process(bot, serve, make_backend, of):
    here, there = make_backend(bot), make_backend(serve(bot).handle)
    assert told(there, of, None) == told(here, of, None)
    assert of(there.prices())[0].change_24h_pct == of(here.prices())[0].change_24h_pct


def test_what_happens_to_it_is_news(make_bot, serve, make_backend, of, eventually):
    bot = make_bot(cb.PracticeExchange(speed=600), name="launched").start()
    backend = make_backend(serve(bot).handle)
    heard = []
    end = backend.subscribe(heard.append)
    eventually(lambda: {"PriceChanged", "BarClosed", "StatusChanged"} <= {type(event).__name__ for event in heard})
    bars = [event.bar.time for event in heard if type(event).__name__ == "BarClosed"]
    assert bars == sorted(set(bars))  # each once, in order
    bot.stop()
    eventually(lambda: of(backend.bot_status(None)).state == "stopped")
    assert of(backend.candles("BTC/USDT", "1m", 300, None)).close == bot.bars().close.tolist()[-300:]
    end()


def test_who_listens_is_told_of_a_bot_that_joins(make_bot, serve, make_backend, eventually):
    backend, heard = make_backend(), []
    end = backend.subscribe(heard.append)
    serve(make_bot(name="joins"))
    make_bot(name="here").start()
    eventually(lambda: {"joins", "here"} <= {event.status.bot for event in heard if hasattr(event, "status")})
    end()


def test_every_launched_bot_is_found_and_lost_and_followed_when_it_is_launched_anew(
    make_bot, serve, make_backend, of, eventually, monkeypatch
):
    monkeypatch.setattr("cryptobot.control.price_server.backend.running_bots", list)  # they are of another process
    backend = make_backend()
    assert of(backend.bots()) == []
    first = make_bot(cb.PracticeExchange(seed=3, speed=6_000), name="mine").start()
    door = serve(first)
    eventually(lambda: of(backend.bots()) == ["mine"])
    eventually(lambda: of(backend.trades("mine", 50, None)).trades)
    door.close()
    first.stop()
    eventually(lambda: of(backend.bot_status("mine")).state == "unknown")
    lost = of(backend.bot_status("mine"))
    assert "it does not run in a process of its own. Launch it" in lost.reason
    assert lost.bars > 0  # what was seen last is still told
    with pytest.raises(BackendError, match="it does not run in a process of its own"):
        of(backend.stop_bot("mine"))
    again = make_bot(cb.ReplayExchange(cb.practice_bars(400, seed=9), history=100), name="mine")
    again.run()
    serve(again, number=2)
    eventually(lambda: of(backend.bot_status("mine")).state == "finished")
    assert of(backend.bot_status("mine")).bars == again.status().bars == 300
    assert of(backend.candles(again.status().symbol, "1m", 500, None)).close == again.bars().close.tolist()
    assert len(of(backend.trades("mine", 200, None)).trades) == len(again.trades())


def test_it_is_controlled_like_any_other(make_bot, serve, make_backend, of):
    bot = make_bot(name="steered").start()
    backend = make_backend(serve(bot).handle)
    assert of(backend.stop_bot(None)).state == "stopped"
    found = of(backend.set_strategy(None, "rsi", {"window": 5}))
    assert (found.strategy, found.parameters["window"], bot.strategy) == ("rsi", 5, cb.RsiReversal(window=5))
    assert of(backend.start_bot(None)).state == "running"
    assert bot.status().state == "running"
    texts = [line.text for line in bot.logs()]
    assert "Stop asked for over the price server." in texts
    assert "Start asked for over the price server." in texts
    assert of(backend.panel(None))[0] == "cryptobot dashboard steered"
    assert of(backend.stop_all()) == []
    assert bot.status().state == "stopped"


def test_its_mode_holds_from_here_too(make_bot, serve, make_backend, of):
    exchange = cb.CcxtExchange(
        "binance", mode="testnet", endpoint="http://127.0.0.1:9", api_key="k" * 20, secret="s" * 20
    )
    bot = make_bot(exchange, symbol="BTC/USDT", timeframe="1m", name="tested")
    backend = make_backend(serve(bot).handle)
    with pytest.raises(NotAllowed, match="in mode testnet"):
        of(backend.start_bot(None))
    assert of(backend.stop_bot(None)).state == "new"


def test_figures_of_all_bots_are_one_text_that_prometheus_takes(make_bot, serve, make_server, eventually):
    here, there = make_bot(name="here").start(), make_bot(name="there").start()
    door = serve(there)
    server = make_server([here, door.handle])

    def figures():
        request = urllib.request.Request(f"{server.url}/metrics", headers={"Authorization": f"Bearer {server.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.headers["Content-Type"] == KIND
            return answer.read().decode()

    lines = figures().splitlines()
    families = [
        re.match(r"(?:# \w+ )?(cryptobot_[a-z_]+?)(?:_bucket|_sum|_count)?[ {]", line).group(1) for line in lines
    ]
    changes = [name for name, before in zip(families, [None, *families], strict=False) if name != before]
    assert len(changes) == len(set(changes))  # all lines of a figure stand together
    for word in ("HELP", "TYPE"):
        headings = [line.split()[2] for line in lines if line.startswith(f"# {word} ")]
        assert len(headings) == len(set(headings)) == len(changes)
    for bot in (here, there):
        mine = [line for line in lines if f'bot="{bot.name}"' in line]
        wanted = [line for line in metrics(bot).splitlines() if not line.startswith("#")]
        assert [line.split("}")[0] for line in mine] == [line.split("}")[0] for line in wanted]
    door.close()
    eventually(lambda: 'bot="there"' not in figures())
    assert 'bot="here"' in figures()


def test_refused_attempts_stand_in_its_log(make_bot, serve, make_server, ask, eventually):
    bot = make_bot(name="watched")
    server = make_server(serve(bot).handle)
    assert ask(server, "/price/BTC-USDT", token="wrong")[0] == 401
    eventually(lambda: any("The price server refused token" in line.text for line in bot.logs()))


def test_a_bot_that_is_gone_is_refused_at_once(make_bot, serve, make_server):
    door = serve(make_bot(name="over"))
    handle = door.handle
    door.close()
    with pytest.raises(BotGoneError, match="over: it does not run"):
        make_server(handle)


def test_nobody_answers_in_the_place_of_a_process_that_is_gone(make_bot, serve, make_backend, of, eventually):
    """A killed process leaves its state file, and another program, of whoever it is, may take its port."""
    door = serve(make_bot(name="killed"))
    backend = make_backend(door.handle)
    assert of(backend.price_feed(None, 10)).signal == "none"
    door.lock.release()  # which is what is left of a process that was killed
    eventually(lambda: of(backend.bot_status(None)).state == "unknown")
    (watch,) = backend.roster.watches
    watch._strategy = None
    with pytest.raises(BotGoneError):
        _ = watch.strategy  # it would be code
    (Folders.find().bots / ".odd name.state.json").write_text("{}", "utf-8")
    assert make_backend().roster.watches == ()


def test_of_two_bots_of_one_name_the_one_nearer_to_real_money_is_shown(make_bot, serve, make_backend, of, eventually):
    here = make_bot(name="same", strategy=cb.RsiReversal()).start()
    make_bot(name="equal").start()
    make_bot(name="plain").start()
    exchange = cb.CcxtExchange(
        "binance", mode="testnet", endpoint="http://127.0.0.1:9", api_key="k" * 20, secret="s" * 20
    )
    serve(make_bot(exchange, symbol="ETH/USDT", timeframe="1m", name="same"))
    serve(make_bot(strategy=cb.RsiReversal(), name="equal"))
    backend = make_backend()
    eventually(lambda: of(backend.bot_status("same")).mode == "testnet")
    shown = {watch.bot.name: watch for watch in backend.roster.watches}
    assert set(shown) == {"same", "equal", "plain"}
    here.log("info", "a reason to look")
    backend._look()
    of(Following(backend.roster, find=True).begin())
    assert {watch.bot.name: watch for watch in backend.roster.watches} == shown  # and nothing flickers
