"""The practice market: the same for ever, consistent, and alike to a real one."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.market.holes import holes
from cryptobot.market.practice import PRACTICE_MARKET, PracticeMarket, practice_bars
from cryptobot.market.read import read_bars

TIMEFRAMES = ["1s", "10s", "1m", "5m", "1h", "1d", "1w"]
PRICES = ["open", "high", "low", "close"]


def equal(left: BarColumns, right: BarColumns) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name)) for name in ("time", *PRICES, "volume"))


# -- the same for ever


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 20_000),
    more=st.integers(0, 9_000),
    seed=st.integers(0, 2**40),
    timeframe=st.sampled_from(["10s", "1m", "4h"]),
)
def test_any_number_of_bars_is_the_start_of_a_larger_number(n: int, more: int, seed: int, timeframe: str) -> None:
    few, many = practice_bars(n, seed, timeframe=timeframe), practice_bars(n + more, seed, timeframe=timeframe)
    pd.testing.assert_frame_equal(few, many.iloc[:n], check_exact=True)


@settings(max_examples=15, deadline=None)
@given(portions=st.lists(st.integers(1, 6_000), min_size=1, max_size=5), singles=st.integers(0, 50))
def test_how_bars_are_taken_makes_no_difference(portions: list[int], singles: int) -> None:
    market, whole = PracticeMarket(5), PracticeMarket(5)
    rows = []
    for portion in portions:
        rows += market.take(portion).rows()
        rows += list(itertools.islice(market, singles))
    assert rows == whole.take(len(rows)).rows()


def test_the_market_and_the_frame_are_the_same_bars() -> None:
    columns = PracticeMarket(9, timeframe="5m", start="2025-06-01T10:00:00", price=2_000).take(5_000)
    frame = practice_bars(5_000, 9, timeframe="5m", start="2025-06-01T10:00:00", price=2_000)
    assert equal(columns, BarColumns.of(frame))
    assert str(columns.timeframe) == frame.attrs["timeframe"] == "5m"
    assert columns.grid.decimals == 2
    assert not columns.close.flags.writeable


def test_other_processes_see_the_same_market() -> None:
    code = (
        "import hashlib, sys; from cryptobot.market.practice import PracticeMarket; b = PracticeMarket(3).take(9000); "
        "print(hashlib.sha256(b.close.tobytes() + b.volume.tobytes()).hexdigest(), 'pandas' in sys.modules)"
    )
    answers = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()}
    answers.add(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip())
    assert len(answers) == 1
    assert answers.pop().endswith("False"), "a bot in practice mode need not load pandas"


def test_seeds_and_timeframes_are_markets_of_their_own() -> None:
    closes = [practice_bars(300, seed)["close"].to_numpy() for seed in range(6)]
    closes += [practice_bars(300, 0, timeframe=timeframe)["close"].to_numpy() for timeframe in ("10s", "5m", "1h")]
    for left, right in itertools.combinations(closes, 2):
        assert np.mean(left == right) < 0.05


def test_a_market_says_what_it_is() -> None:
    assert repr(PracticeMarket(4, timeframe="60s")) == "PracticeMarket(seed=4, timeframe='1m')"
    assert PRACTICE_MARKET.symbol == "BTC/USDT"
    assert PRACTICE_MARKET.tick_size == Decimal("0.01")
    assert PRACTICE_MARKET.lot_size == Decimal("0.00001")
    assert PRACTICE_MARKET.min_notional == 5


# -- consistent


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_bars_are_possible_and_lie_on_the_market_s_steps(timeframe: str) -> None:
    bars = practice_bars(9_000, 1, timeframe=timeframe)
    columns = BarColumns.of(bars)  # order, range and finiteness are checked there
    assert str(columns.timeframe) == timeframe
    assert columns.grid.decimals == 2
    assert (bars["volume"] > 0).all()
    lots = bars["volume"].to_numpy() * 1e5
    assert np.abs(lots - np.rint(lots)).max() < 1e-3
    assert columns.holes() == []
    assert bars.attrs == {"source": "practice market, seed 1", "timeframe": timeframe, "holes": []}
    gaps = np.abs(bars["open"].to_numpy()[1:] - bars["close"].to_numpy()[:-1])
    assert np.mean(gaps < 0.015) > 0.85
    assert gaps.mean() < 0.05 * np.abs(bars["close"] - bars["open"]).mean() + 0.01


@pytest.mark.parametrize("price", [1.0, 35.5, 60_000.0, 10_000_000])
def test_the_price_starts_where_it_is_told(price: float) -> None:
    bars = practice_bars(300, price=price)
    assert bars["open"].iloc[0] == pytest.approx(price, abs=0.03 + price * 0.002)
    assert (bars["low"] >= 0.01).all()
    turnover = (bars["volume"] * bars["close"]).median()
    assert 50_000 < turnover < 20_000_000


def test_times_start_where_they_are_told() -> None:
    assert str(practice_bars(2).index[0]) == "2024-01-01 00:00:00+00:00"
    assert str(practice_bars(2, start="2022-05-05T01:02:03+02:00").index[0]) == "2022-05-04 23:02:03+00:00"
    moment = dt.datetime(2021, 3, 4, 5, tzinfo=dt.UTC)
    assert practice_bars(2, start=moment, timeframe="1h").index[1] == pd.Timestamp("2021-03-04 06:00", tz="UTC")


@pytest.mark.parametrize(("timeframe", "n"), [("1h", 90_000), ("1d", 50_000), ("1w", 8_000)])
def test_the_price_neither_explodes_nor_vanishes(timeframe: str, n: int) -> None:
    for seed in range(3):
        close = PracticeMarket(seed, timeframe=timeframe).take(n).close
        assert close.min() > 6_000
        assert close.max() < 600_000
        assert close.std() > 5_000


@pytest.mark.campaign
@pytest.mark.parametrize("timeframe", ["10s", "1m"])
def test_five_million_bars(timeframe: str) -> None:
    for seed in range(5):
        market = PracticeMarket(seed, timeframe=timeframe)
        for _ in range(50):
            close = market.take(100_000).close
            assert close.min() > 6_000
            assert close.max() < 600_000


# -- holes


@settings(max_examples=30, deadline=None)
@given(n=st.integers(3, 3_000), count=st.integers(1, 40), seed=st.integers(0, 100))
def test_holes_are_planted_and_named(n: int, count: int, seed: int) -> None:
    count = min(count, n - 2)
    bars = practice_bars(n, seed, holes=count)
    assert len(bars) == n
    found = holes(bars)
    assert len(found) == len(bars.attrs["holes"]) == count
    for named, hole in zip(bars.attrs["holes"], found.itertuples(), strict=True):
        assert pd.Timestamp(named["after"]) == hole.after
        assert pd.Timestamp(named["before"]) == hole.before
        assert named["missing"] == hole.missing
    # The market goes on meanwhile: what is there is what the market without holes has at that time.
    whole = practice_bars(n + int(found["missing"].sum()), seed)
    pd.testing.assert_frame_equal(bars, whole.loc[bars.index], check_exact=True)
    pd.testing.assert_frame_equal(bars, practice_bars(n, seed, holes=count), check_exact=True)


# -- errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, ("n: 0", "at least 1")),
        ({"n": -3}, ("n: -3",)),
        ({"n": 10.0}, ("n: 10.0", "whole number")),
        ({"n": True}, ("n: True",)),
        ({"seed": -1}, ("seed: -1", "at least 0")),
        ({"seed": "7"}, ("seed: '7'",)),
        ({"seed": None}, ("seed: None",)),
        ({"timeframe": "1 minute"}, ("timeframe: '1 minute'", "'1m'")),
        ({"timeframe": "2w"}, ("timeframe: '2w'", "'1w'")),
        ({"start": "yesterday"}, ("start: 'yesterday'", "ISO 8601")),
        ({"start": "1969-12-31"}, ("start: '1969-12-31'", "1970")),
        ({"start": "2024-01-01T00:00:00.5"}, ("start", "whole seconds")),
        ({"start": 5}, ("start: 5",)),
        ({"price": 0}, ("price: 0", "1 to 10,000,000")),
        ({"price": float("nan")}, ("price: nan",)),
        ({"price": float("inf")}, ("price: inf",)),
        ({"price": "60000"}, ("price: '60000'",)),
        ({"holes": -1}, ("holes: -1",)),
        ({"n": 10, "holes": 9}, ("holes: 9", "0 to 8")),
        ({"n": 1, "holes": 1}, ("holes: 1", "0 to 0")),
        ({"n": 20_000, "timeframe": "1w"}, ("n: 20,000", "1w", "2262")),
        ({"n": 10**15}, ("2262",)),
        ({"n": 10**15, "holes": 3}, ("2262",)),
        ({"start": "2262-04-11"}, ("2262",)),
    ],
)
def test_what_is_not_allowed(arguments: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        practice_bars(**{"n": 100, **arguments})
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_the_market_ends_with_an_error_in_2262() -> None:
    market = PracticeMarket(timeframe="1w")
    bars = market.take(8_000)
    assert bars.time[-1] > 0
    with pytest.raises(ConfigError, match="2262"):
        for _ in market:
            pass


# -- alike to a real one


def statistics(bars: pd.DataFrame) -> dict[str, float]:
    bars = bars[bars["volume"] > 0]
    close = bars["close"].to_numpy()
    step = np.diff(bars.index.asi8)
    returns = np.diff(np.log(close))[step == step.min()]
    size = np.abs(returns)
    away = size - size.mean()
    memory = {f"memory {k}": float((away[k:] * away[:-k]).mean() / away.var()) for k in (1, 10, 60, 240, 1000)}
    body = np.abs(np.log(bars["close"] / bars["open"]))
    spread = np.log(bars["high"] / bars["low"])
    by_hour = pd.Series(size).groupby(bars.index[1:].hour[step == step.min()]).mean()
    by_day = pd.Series(size).groupby(bars.index[1:].day_of_week[step == step.min()]).mean()
    log_volume = np.log(bars["volume"].to_numpy())
    quarter = np.diff(np.log(close[::15]))
    return {
        "deviation": float(returns.std()),
        "kurtosis": float(((returns - returns.mean()) ** 4).mean() / returns.var() ** 2 - 3),
        "largest": float(size.max() / returns.std()),
        "median": float(np.median(size) / returns.std()),
        "zeros": float(np.mean(returns == 0)),
        "reversal": float(np.corrcoef(returns[1:], returns[:-1])[0, 1]),
        "variance ratio": float(quarter.var() / (15 * returns.var())),
        "spread": float(spread.mean() / body.mean()),
        "no upper wick": float(np.mean(bars["high"] == bars[["open", "close"]].max(axis=1))),
        "night": float(by_hour.min() / by_hour.max()),
        "weekend": float(by_day[[5, 6]].mean() / by_day[:5].mean()),
        "volume and move": float(np.corrcoef(log_volume[1:][step == step.min()], size)[0, 1]),
        "volume spread": float(log_volume.std()),
        "volume and range": float(np.corrcoef(np.diff(log_volume), np.diff(np.log(spread + 1e-5)))[0, 1]),
        **memory,
    }


# What 46 days of BTC/USDT in 2023 show, with room for other months and seeds.
ALIKE = {
    "deviation": (3e-4, 1.2e-3),
    "kurtosis": (8, 400),
    "largest": (10, 80),
    "median": (0.2, 0.5),
    "zeros": (0.005, 0.08),
    "reversal": (-0.08, 0.08),
    "variance ratio": (0.75, 1.35),
    "spread": (1.45, 2.1),
    "no upper wick": (0.08, 0.35),
    "night": (0.25, 0.75),
    "weekend": (0.35, 0.95),
    "volume and move": (0.3, 0.75),
    "volume spread": (0.8, 1.7),
    "volume and range": (0.35, 0.85),
    "memory 1": (0.2, 0.5),
    "memory 10": (0.12, 0.42),
    "memory 60": (0.06, 0.35),
    "memory 240": (0.02, 0.25),
    "memory 1000": (-0.03, 0.2),
}


def assert_alike(bars: pd.DataFrame) -> None:
    seen = statistics(bars)
    wrong = {name: seen[name] for name, (least, most) in ALIKE.items() if not least <= seen[name] <= most}
    assert not wrong, wrong


@pytest.mark.parametrize("seed", [7, 1, 2, 3, 4, 5])
def test_the_practice_market_looks_real(seed: int) -> None:
    assert_alike(practice_bars(66_000, seed))


def test_the_recorded_market_keeps_the_same_bounds(recorded: Path | None) -> None:
    if recorded is None:
        assert_alike(practice_bars(66_000, 8))
    else:
        assert_alike(read_bars(recorded / "BTC_USDT-1m-2023-halt.feather"))


def test_returns_shuffled_have_no_memory() -> None:
    # The bounds can fail: the same returns without their order are no market.
    bars = practice_bars(66_000)
    changes = np.random.default_rng(0).permutation(np.diff(np.log(bars["close"]), prepend=np.log(60_000.0)))
    bars["close"] = np.exp(np.log(60_000.0) + np.cumsum(changes))
    seen = statistics(bars)
    assert abs(seen["memory 10"]) < 0.03
    assert abs(seen["memory 60"]) < 0.03


def test_volatility_grows_with_the_root_of_the_timeframe() -> None:
    deviations = {}
    for timeframe, seconds in (("10s", 10), ("1m", 60), ("15m", 900), ("4h", 14_400), ("1d", 86_400)):
        some = [np.diff(np.log(practice_bars(20_000, seed, timeframe=timeframe)["close"])).std() for seed in range(4)]
        deviations[timeframe] = float(np.median(some)) / np.sqrt(seconds / 60)
    assert max(deviations.values()) / min(deviations.values()) < 1.6
    assert all(4e-4 < deviation < 9e-4 for deviation in deviations.values())


def test_longer_timeframes_are_calmer_in_the_tails() -> None:
    def kurtosis(timeframe: str) -> float:
        some = []
        for seed in range(3):
            change = np.diff(np.log(practice_bars(20_000, seed, timeframe=timeframe)["close"]))
            some.append(float(((change - change.mean()) ** 4).mean() / change.var() ** 2 - 3))
        return float(np.median(some))

    assert kurtosis("1m") > kurtosis("4h") > 0.5
