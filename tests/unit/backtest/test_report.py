"""How a report reads: as text, in a notebook, as a picture."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cryptobot.backtest.decimate import candles, extremes
from cryptobot.backtest.price_lines import price_lines
from cryptobot.backtest.run import backtest
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.indicators import ATR, EMA, RSI, SMA

MARKET = Market("BTC/USDT", "0.01", "0.00001", "5")


class Lines(Strategy):
    """Features on the price's scale and others; trades every twentieth bar."""

    def features(self):
        return {"fast": SMA(3), "slow": EMA(9), "rsi": RSI(5), "atr": ATR(5), "rsi_average": SMA(3, of=RSI(5))}

    def should_buy(self, x):
        return x.volume % 20 == 0

    def should_sell(self, x):
        return x.volume % 20 == 10


def wave(n: int) -> pd.DataFrame:
    """Prices around 50, where an RSI lies as well."""
    close = np.round(50 + 8 * np.sin(np.arange(n) / 9), 2)
    opened = np.append(50.0, close[:-1])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": np.arange(n, dtype=float),
        },
        index=pd.date_range("2024-01-01", periods=n, freq="1min", tz="UTC"),
    )


@pytest.fixture(scope="module")
def report():
    return backtest(Lines(), wave(400), slippage_bps=2, market=MARKET)


@pytest.fixture(scope="module")
def long_report():
    return backtest(Lines(), wave(30_000))


def test_series_have_the_bars_times_and_a_name(report):
    for name in ("equity", "drawdown", "buy_and_hold"):
        series = getattr(report, name)
        assert series.name == name
        assert str(series.index.dtype) == "datetime64[ns, UTC]"
        assert len(series) == 400
    assert report.drawdown.max() <= 0
    assert report.drawdown.min() == report.stats.max_drawdown
    assert report.buy_and_hold.iloc[-1] / 10_000 - 1 == pytest.approx(report.stats.buy_and_hold, rel=1e-12)


def test_the_portfolio_is_vectorbts(report):
    assert report.portfolio.total_return() == pytest.approx(report.stats.total_return, rel=1e-9)
    assert report.portfolio.max_drawdown() == pytest.approx(report.stats.max_drawdown, rel=1e-9)
    assert report.portfolio.orders.count() == len(report.fills)


def test_stats_are_attributes_a_mapping_and_json(report):
    stats = report.stats
    assert dict(stats) == {name: getattr(stats, name) for name in stats}
    assert len(stats) == len(list(stats)) == 12
    assert json.loads(json.dumps(stats.as_dict(), allow_nan=False))["trades"] == stats.trades
    with pytest.raises(KeyError, match="Did you mean `sharpe`"):
        stats["sharp"]
    assert "sharp" not in stats
    assert dataclasses.replace(stats, profit_factor=float("inf")).as_dict()["profit_factor"] is None


def test_text_says_what_was_done_and_what_came_of_it(report):
    text = repr(report)
    for words in ("Backtest of Lines()", "400 bars of 1m", "2024-01-01 00:00", "fee 0.10 %", "sharpe", "USDT"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_summary_is_one_sentence(report, scripted, bars_of):
    assert re.fullmatch(
        r"Lines (gained|lost) [\d.]+ % in 7 hours with 19 trades .*; buying and holding .*\.", report.summary()
    )
    idle = backtest(scripted, bars_of([90, 100, 120], "..."), fee=0)
    assert idle.summary() == "Scripted never traded in 3 minutes, while buying and holding gained 20.0 %."
    poor = backtest(scripted, bars_of([90, 100, 120], "b.."), cash=1, market=MARKET)
    assert "never traded in 3 minutes (1 order refused by the market's rules), while" in poor.summary()
    one = backtest(scripted, bars_of([90, 100, 100, 100], "b.sb"), fee=0)
    assert "changed nothing in 4 minutes with 1 trade and was never below its peak" in one.summary()
    still = backtest(scripted, bars_of([90, 100, 120], "b.."), fee=0)
    assert "gained 20.0 % in 3 minutes with 0 trades, one more still open, and was" in still.summary()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_balanced_follows_the_theme_and_loads_nothing(report):
    html = report._repr_html_()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.seen.count("polyline") == 2
    assert tags.seen.count("tr") == 6
    assert "script" not in tags.seen
    assert "--jp-ui-font-color1" in html
    assert "http" not in html
    assert len(html) < 40_000


def test_html_escapes_what_others_wrote(scripted, bars_of):
    evil = type("<script>alert(1)</script>", (type(scripted),), {})()
    report = backtest(evil, bars_of([90, 100, 110, 120], "b.s."), market=Market("A/<b>B"))
    html = report._repr_html_()
    assert "<script" not in html
    assert "<b>B" not in html
    assert "&lt;script&gt;" in html
    title = report.plot().layout.title.text
    assert "<script" not in title


def test_html_without_trades_and_with_an_open_one(scripted, bars_of):
    assert "<table" not in backtest(scripted, bars_of([90, 100, 110], "..."))._repr_html_()
    assert "<td>open</td><td>–</td>" in backtest(scripted, bars_of([90, 100, 110], "b.."))._repr_html_()


@pytest.mark.parametrize("template", ["auto", "light", "dark"])
def test_the_plot_has_candles_averages_trades_equity_and_drawdown(report, template):
    figure = report.plot(template=template)
    names = [trace.name for trace in figure.data]
    assert names == ["Price", "fast", "slow", "Buy", "Sell", "Buy and hold", "Equity", "Drawdown"]
    buys = figure.data[3]
    assert len(buys.x) == sum(fill.side == "buy" for fill in report.fills)
    assert figure.layout.hovermode == "x unified"
    assert [axis.title.text for axis in (figure.layout.yaxis, figure.layout.yaxis2, figure.layout.yaxis3)] == [
        "Price (USDT)",
        "Equity (USDT)",
        "Drawdown",
    ]
    assert type(figure).__name__ == "Figure"


def test_the_plot_of_a_long_history_stays_small(long_report):
    figure = long_report.plot()
    assert len(figure.data[0].x) == 1_000  # half an hour each
    assert max(len(trace.x) for trace in figure.data) <= 3_000
    buys = figure.data[3]
    assert buys.text[0].startswith("Buy at")
    equity = next(trace for trace in figure.data if trace.name == "Equity")
    assert max(equity.y) == long_report.equity.max()
    assert min(equity.y) == long_report.equity.min()


def test_many_fills_in_a_candle_share_a_marker():
    report = backtest(Lines(), wave(100_000))
    figure = report.plot()
    assert len(figure.data[0].x) <= 1_500
    buys = figure.data[3]
    assert len(buys.x) <= 1_500
    assert any(re.match(r"\d+ buys at [\d.,]+ on average", text) for text in buys.text)


def test_an_unknown_template(report):
    with pytest.raises(ConfigError, match="Did you mean `dark`"):
        report.plot(template="drak")


def test_a_plot_without_trades(scripted, bars_of):
    assert len(backtest(scripted, bars_of([90, 100, 110], "...")).plot().data) == 6


def test_which_features_are_prices(report):
    assert list(price_lines(report.strategy, report.bars, report.decisions.features)) == ["fast", "slow"]


@pytest.mark.parametrize(("n", "limit", "rows"), [(100, 100, 1), (101, 100, 2), (700, 100, 10), (100_000, 100, 1440)])
def test_candles_merge_whole_rows_into_known_intervals(n, limit, rows):
    bars = BarColumns.of(wave(n))
    merged = candles(bars, limit)
    assert merged.rows == rows
    assert len(merged.time) <= limit
    assert merged.high.max() == bars.high.max()
    assert merged.low.min() == bars.low.min()
    assert merged.close[-1] == bars.close[-1]
    assert (merged.open == bars.open[::rows]).all()


def test_decimated_lines_keep_their_extremes():
    values = np.sin(np.arange(10_007.0) / 100)
    values[:50] = np.nan
    values[5_003], values[7_001] = 9.0, -9.0
    rows = extremes(values, 200)
    assert len(rows) <= 200
    assert (np.diff(rows) > 0).all()
    assert (rows[0], rows[-1]) == (0, 10_006)
    assert {5_003, 7_001} <= set(rows)
    assert list(extremes(values[:150], 200)) == list(range(150))
