"""What may be done to a bot over the server, and what stands in its log afterwards."""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.trading.status_words import left_open
from mcp_server.errors import BackendError, NotAllowed


def texts(bot):
    return [line.text for line in bot.logs()]


def test_a_bot_is_stopped_and_started_and_its_log_says_who_asked(make_bot, make_backend, of):
    bot = make_bot().start()
    backend = make_backend(bot)
    assert of(backend.stop_bot(None)).state == "stopped"
    assert bot.status().state == "stopped"
    assert of(backend.stop_bot(None)).state == "stopped"
    assert of(backend.start_bot(None)).state == "running"
    assert bot.status().state == "running"
    assert texts(bot).count("Stop asked for over the price server.") == 2
    assert texts(bot).count("Start asked for over the price server.") == 1


def test_a_stopped_bot_trades_another_strategy_with_the_same_books(make_bot, make_backend, of, eventually):
    bot = make_bot(cb.PracticeExchange(speed=6_000)).start()
    backend = make_backend(bot)
    with pytest.raises(BackendError, match="runs. Stop it first"):
        of(backend.set_strategy(None, "rsi", {"window": 5}))
    eventually(lambda: bot.status().trades > 1)
    of(backend.stop_bot(None))
    trades, cash = bot.status().trades, bot.status().cash
    found = of(backend.set_strategy(None, "rsi", {"window": 5}))
    assert (found.strategy, found.parameters["window"]) == ("rsi", 5)
    assert (bot.status().trades, bot.status().cash) == (trades, cash)
    recorded = [record for record in bot.journal.records() if record.kind == "parameters"]
    assert "rsi" in repr(recorded[-1]).lower()
    assert any("asked for over the price server" in text and "RsiReversal" in text for text in texts(bot))
    of(backend.start_bot(None))
    eventually(lambda: set(bot.tape(1).features) == set(cb.RsiReversal().nodes))
    feed = of(backend.price_feed(None, 20))
    assert len(feed.close) == 20
    assert bot.strategy == cb.RsiReversal(window=5)


@pytest.mark.parametrize(
    ("name", "parameters", "text"),
    [
        ("ma_crosover", {}, "Did you mean `ma_crossover`"),
        ("rsi", {"windw": 5}, "has no parameter `windw`. Did you mean `window`"),
        ("rsi", {"window": 0}, "`window` is 0. Allowed: a whole number of at least"),
        ("rsi", {"window": "many"}, "`window` is 'many'"),
    ],
)
def test_a_wrong_strategy_changes_nothing(make_bot, make_backend, of, name, parameters, text):
    bot = make_bot()
    with pytest.raises(BackendError, match=text):
        of(make_backend(bot).set_strategy(None, name, parameters))
    assert bot.strategy == cb.MovingAverageCrossover(fast=3, slow=8)


def test_only_practice_and_paper_bots_are_started_and_changed(make_bot, make_backend, of):
    exchange = cb.CcxtExchange(
        "binance", mode="testnet", endpoint="http://127.0.0.1:9", api_key="k" * 20, secret="s" * 20
    )
    bot = make_bot(exchange, symbol="BTC/USDT", timeframe="1m")
    backend = make_backend(bot)
    for deed in (backend.start_bot(None), backend.set_strategy(None, "rsi", {})):
        with pytest.raises(NotAllowed, match="in mode testnet: over the price server only practice and paper bots"):
            of(deed)
    assert bot.status().state == "new"
    assert of(backend.stop_bot(None)).state == "new"


def test_a_start_that_fails_says_why(make_bot, make_backend, of):
    bot = make_bot(cb.ReplayExchange(cb.practice_bars(20)))
    bot.run()
    with pytest.raises(BackendError, match="replay has no more bars"):
        of(make_backend(bot).start_bot(None))


def test_stop_all_says_what_stays_open(make_bot, make_backend, of, eventually):
    holding = make_bot(strategy=cb.BuyAndHold(), name="holding").start()
    flat = make_bot(name="flat", strategy=cb.RsiReversal(oversold=1)).start()
    eventually(lambda: holding.status().quantity > 0)
    left = of(make_backend([holding, flat]).stop_all())
    assert [bot.status().state for bot in (holding, flat)] == ["stopped", "stopped"]
    (what,) = left_open(holding.status())
    assert left == [f"holding: {what}"]
    assert "BTC" in what


def test_what_may_be_traded_and_what_rests_is_told(make_bot, make_backend, of, eventually):
    bot = make_bot(strategy=cb.BuyAndHold(), limits=cb.Limits(stop_loss="0.5"), name="covered").start()
    backend = make_backend(bot)
    eventually(lambda: of(backend.bot_status(None)).protected)
    assert of(backend.bot_status(None)).open_orders == 1
    bot.kill(reason="to see it")
    eventually(lambda: of(backend.bot_status(None)).trading_state == "halted")
    found = of(backend.bot_status(None))
    assert (found.trading_reason, found.open_orders, found.protected) == ("to see it", 0, bot.status().protected)


def test_the_way_to_the_panel_is_told(make_bot, make_backend, of):
    assert of(make_backend(make_bot()).panel(None))[0].endswith("cb.ControlPanel(bot)")
