"""Prices, candles and indicators are the bot's own."""

from __future__ import annotations

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.control.price_server.columns import KEPT, Columns
from cryptobot.strategy.feature import INDICATORS
from mcp_server.errors import BackendError, Unavailable, UnknownName
from mcp_server.events import BarClosed, PriceChanged, StatusChanged, Traded


def ns(moment):
    return round(moment.timestamp() * 1e6) * 1_000


def test_the_price_is_the_last_close_with_its_source_time_and_age(backend, bot, of):
    tick = of(backend.price("BTC/USDT"))
    assert tick.price == bot.bars().close.iloc[-1]
    assert tick.source == "replay, last candle"
    assert tick.fields(tick.time + 1_500_000_000)["age_s"] == 1.5
    assert of(backend.prices()) == [tick]
    assert (of(backend.symbols()), of(backend.timeframes())) == (
        ("BTC/USDT",),
        ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"],
    )


def test_the_change_over_a_day_is_told_once_a_candle_closed_just_then(make_bot, make_backend, of):
    frame = cb.practice_bars(1_500, seed=4)
    for most, known in ((1_440, False), (1_500, True)):
        bot = make_bot(cb.ReplayExchange(frame.iloc[:most]))
        bot.run()
        change = of(make_backend(bot).price(bot.status().symbol)).change_24h_pct
        then = frame.close.iloc[most - 1_441] if known else None
        assert change == (None if then is None else pytest.approx(100 * (frame.close.iloc[most - 1] / then - 1)))


def test_longer_candles_come_from_its_own(backend, bot, of):
    candles = of(backend.candles("BTC/USDT", "5m", 3, None))
    whole = bot.bars().resample("5min").agg({"high": "max", "close": "last"})
    assert candles.timeframe == "5m"
    assert candles.high == whole.high.iloc[:-1].tolist()[-3:] or candles.high == whole.high.tolist()[-3:]


def test_a_price_of_the_past_is_as_old_as_it_was_when_it_was_seen(make_bot, make_backend, of):
    """A practice market has a time of its own: its prices are not years old."""
    bot = make_bot(cb.ReplayExchange(cb.practice_bars(50)))
    bot.run()
    backend = make_backend(bot)
    first = of(backend.price("BASE/QUOTE")).time
    assert of(backend.price("BASE/QUOTE")).time == first
    assert first > bot.status().last_bar_time + 365 * 86_400 * 10**9


def test_candles_are_the_bots_bars_page_by_page(backend, bot, of):
    bars = bot.bars()
    found, end = [], None
    while True:
        page = of(backend.candles("BTC/USDT", "1m", 333, end))
        assert len(page.time) <= 333
        found = [*zip(page.time, page.open, page.high, page.low, page.close, page.volume, strict=True), *found]
        if page.next_end is None:
            break
        end = ns(page.next_end)
    assert len(found) == len(bars) == 2_000
    assert [row[0] for row in found] == [moment.to_pydatetime() for moment in bars.index]
    assert np.array_equal(np.array([row[1:] for row in found]), bars.to_numpy())


@pytest.mark.parametrize("name", sorted(INDICATORS.names()))
def test_indicators_have_the_bits_of_a_backtest(backend, bot, of, name):
    found = of(backend.indicators("BTC/USDT", "1m", [name], 200))
    feature = INDICATORS.get(name)()

    class Shown(cb.Strategy):
        def features(self):
            return {"shown": feature}

        def should_buy(self, x):
            return x.close > 0

        should_sell = should_buy

    expected = Shown().batch(bot.bars()).features["shown"][-200:]
    assert found.columns[name] == pytest.approx(expected.tolist(), rel=1e-12)
    if feature.total_memory < 1_500:
        assert found.columns[name][-1] == expected[-1]
    assert len(found.time) == 200


def test_what_is_unknown_names_what_is_known(backend, of):
    with pytest.raises(UnknownName, match="Did you mean `BTC/USDT`"):
        of(backend.price("BTC/USD"))
    with pytest.raises(UnknownName, match="Known: .*`1m`"):
        of(backend.candles("BTC/USDT", "7m", 10, None))
    with pytest.raises(BackendError, match="indicator `smaa` is unknown. Did you mean `sma`"):
        of(backend.indicators("BTC/USDT", "1m", ["smaa"], 10))


def test_before_the_first_candle_there_is_no_price(make_bot, make_backend, of):
    backend = make_backend(make_bot())
    with pytest.raises(Unavailable, match="has seen no candle of BTC/USDT yet"):
        of(backend.price("BTC/USDT"))
    assert of(backend.candles("BTC/USDT", "1m", 10, None)).time == []


def test_what_happens_to_a_bot_is_told(make_bot, make_backend, eventually):
    bot = make_bot(cb.PracticeExchange(seed=3, speed=6_000, history=50))
    backend = make_backend(bot)
    told = []
    unsubscribe = backend.subscribe(told.append)
    bot.start()
    eventually(lambda: {type(event) for event in told} == {PriceChanged, BarClosed, StatusChanged, Traded})
    eventually(lambda: len([event for event in told if isinstance(event, BarClosed)]) > 60)
    bot.stop()
    eventually(lambda: any(isinstance(e, StatusChanged) and e.status.state == "stopped" for e in told))
    unsubscribe()
    bars = [event.bar for event in told if isinstance(event, BarClosed)]
    assert [bar.close for bar in bars] == bot.bars().close.tolist()[50:]
    marks = [event.mark.price for event in told if isinstance(event, Traded)]
    assert marks == [float(fill.price) for fill in bot.session.engine.fills]


def test_columns_keep_the_newest_rows():
    columns = Columns(("a",))
    for start in range(0, 2 * KEPT, 10_000):
        time = np.arange(start, start + 10_000)
        columns.extend(time, {"a": time / 2})
    time, values = columns.newest(None)
    assert time[-1] == 2 * KEPT - 1
    assert KEPT <= time.size <= KEPT + KEPT // 5
    assert np.array_equal(values["a"], time / 2)
    time, _ = columns.newest(3, before=int(time[-1]) - 5)
    assert time.tolist() == [2 * KEPT - 9, 2 * KEPT - 8, 2 * KEPT - 7]
