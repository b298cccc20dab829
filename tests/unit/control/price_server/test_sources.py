"""Exchanges without a bot: a simulated one is let run, a real one is asked, and neither more than it takes."""

from __future__ import annotations

import asyncio

import pytest

import cryptobot as cb
from cryptobot.control.price_server.subject import Subject
from cryptobot.control.price_server.venue import _QUESTIONS_AT_ONCE
from cryptobot.core.errors import ConfigError, TransientError
from mcp_server.errors import Busy, UnknownName
from mcp_server.events import BarClosed, PriceChanged
from mcp_server.models.research import BacktestRequest


@pytest.fixture
def simulator():
    """A Binance-compatible exchange that moves by hand."""
    with cb.Simulator(practice=4, speed="manual", history=300) as made:
        for _ in range(5):
            made.step()
        yield made


@pytest.fixture
def exchange(simulator):
    return cb.CcxtExchange("binance", endpoint=simulator.endpoint)


def test_a_practice_market_runs_and_tells_its_candles(make_backend, of, eventually):
    backend = make_backend(cb.PracticeExchange(seed=9, speed=6_000, history=100))
    told = []
    backend.subscribe(told.append)
    eventually(lambda: len([e for e in told if isinstance(e, BarClosed)]) > 20)
    bars = cb.practice_bars(500, seed=9)
    closes = [event.bar.close for event in told if isinstance(event, BarClosed)]
    first = bars.close.tolist().index(closes[0])
    assert first >= 100
    assert closes == bars.close.tolist()[first : first + len(closes)]
    assert any(isinstance(event, PriceChanged) for event in told)
    page = of(backend.candles("BTC/USDT", "1m", 100, None))
    last = bars.close.tolist().index(page.close[-1])
    assert page.close == bars.close.tolist()[last - 99 : last + 1]
    assert of(backend.indicators("BTC/USDT", "1m", ["sma"], 1)).columns["sma"][0] is not None
    assert of(backend.price("BTC/USDT")).source == "practice, last candle"


def test_a_recording_is_played_to_its_end_and_can_be_opened_again(make_backend, of, eventually):
    bars = cb.practice_bars(3_000)
    backend = make_backend(cb.ReplayExchange(bars, history=10))
    eventually(lambda: of(backend.price("BASE/QUOTE")).price == bars.close.iloc[-1])
    backend.close()
    backend.open()
    page = of(backend.candles("BASE/QUOTE", "1m", 500, None))
    assert page.close == bars.close.tolist()[-500:]


def test_what_is_opened_while_it_closes_goes_on(make_backend, of, eventually):
    backend = make_backend(cb.PracticeExchange(speed=6_000, history=10))
    backend._reader.request_stop()
    backend.open()
    seen = of(backend.price("BTC/USDT"))
    eventually(lambda: of(backend.price("BTC/USDT")) is not seen)


def test_an_exchange_gives_quotes_and_candles(make_backend, exchange, simulator, of, eventually):
    backend = make_backend(exchange, ["BTC/USDT"])
    eventually(lambda: of(backend.prices()))
    tick = of(backend.price("BTC/USDT"))
    assert tick.source == "binance, middle of bid and ask"
    assert tick.bid <= tick.price <= tick.ask
    page = of(backend.candles("BTC/USDT", "1m", 300, None))
    closed = cb.practice_bars(400, seed=4)
    last = closed.close.tolist().index(page.close[-1])
    assert page.close == closed.close.tolist()[last - 299 : last + 1]
    assert page.next_end is not None
    before = simulator.step()
    eventually(lambda: of(backend.price("BTC/USDT")).time > tick.time)
    assert of(backend.price("BTC/USDT")).time <= before + 60 * 10**9
    hours = of(backend.candles("BTC/USDT", "1h", 3, None))
    assert len(hours.time) == 3
    assert "1h" in of(backend.timeframes())


def test_paper_prices_are_those_of_its_source(make_backend, exchange, of, eventually):
    backend = make_backend(cb.PaperExchange(source=exchange, symbol="BTC/USDT"))
    assert "BTC/USDT" in of(backend.symbols())
    assert of(backend.price("BTC/USDT")).source.startswith("binance")


def test_the_same_question_is_asked_once_and_too_many_are_refused(make_backend, exchange, of):
    """The limits of an exchange hold for the bots of this process, too."""
    backend = make_backend(exchange)
    asked = []
    quote = exchange.quote

    async def counted(symbol):
        asked.append(symbol)
        return await quote(symbol)

    exchange.quote = counted

    async def same():
        return await asyncio.gather(*(backend.price("BTC/USDT") for _ in range(200)))

    ticks = of(same())
    assert len({tick.time for tick in ticks}) == 1
    assert asked == ["BTC/USDT"]

    async def different():
        return await asyncio.gather(
            *(backend.candles("BTC/USDT", "1m", 1, 10**18 + i) for i in range(3 * _QUESTIONS_AT_ONCE)),
            return_exceptions=True,
        )

    found = of(different())
    refused = [answer for answer in found if isinstance(answer, Busy)]
    assert len(refused) >= _QUESTIONS_AT_ONCE
    assert "binance has been asked a lot. Ask again in" in str(refused[0])
    assert all(isinstance(answer, Busy) or answer.time == [] for answer in found)


def test_candles_of_a_backtest_come_from_the_exchange(make_backend, exchange, of):
    backend = make_backend(exchange, ["BTC/USDT"])

    async def progress(done, text):
        pass

    asked = BacktestRequest(symbol="BTC/USDT", strategy="rsi", timeframe="1m")
    bars = of(backend._bars(asked, progress))
    expected = cb.practice_bars(400, seed=4)
    assert bars.close.tolist() == expected.close.tolist()[: len(bars)]
    assert len(bars) > 300


def test_what_an_exchange_does_not_have_is_said_at_the_start(make_backend, exchange):
    with pytest.raises(ConfigError, match="no market 'BTC/USD'"):
        make_backend(exchange, ["BTC/USD"])


def test_an_exchange_that_cannot_be_reached_is_said_at_the_start(make_backend, simulator):
    exchange = cb.CcxtExchange("binance", endpoint="http://127.0.0.1:9", timeout=1)
    with pytest.raises(TransientError):
        make_backend(exchange, ["BTC/USDT"])


def test_bots_and_exchanges_are_told_apart(make_bot):
    bot = make_bot()
    other = cb.PracticeExchange()
    subject = Subject.of([bot, cb.PaperExchange(source=other)])
    assert (subject.bots, subject.exchanges) == ([bot], [other])
    assert Subject.of(None).bots is None


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (cb.PracticeExchange, "Make one: PracticeExchange"),
        ("binance", "'binance' is neither a bot nor an exchange"),
        ([], "the list is empty"),
        ([3], "3 is neither a bot nor an exchange"),
    ],
)
def test_anything_else_is_refused(what, text):
    with pytest.raises(ConfigError, match=text):
        Subject.of(what)


def test_an_exchange_that_a_bot_uses_is_refused(make_bot):
    exchange = cb.PracticeExchange()
    bot = make_bot(exchange).start()
    with pytest.raises(ConfigError, match=f"{bot.name} trades on this exchange object"):
        Subject.of(exchange)


def test_two_bots_of_one_name_are_refused(make_bot, make_backend):
    with pytest.raises(ConfigError, match="2 bots are called twin"):
        make_backend([make_bot(name="twin"), make_bot(name="twin")])


def test_symbols_belong_to_an_exchange(make_bot, make_backend, of):
    with pytest.raises(ConfigError, match="a bot has its own"):
        Subject.of(make_bot(), ["BTC/USDT"])
    with pytest.raises(ConfigError, match="they are for an exchange"):
        Subject.of(None, ["BTC/USDT"])
    with pytest.raises(UnknownName, match="symbol `ETH/USDT` is unknown"):
        of(make_backend(cb.PracticeExchange()).price("ETH/USDT"))
