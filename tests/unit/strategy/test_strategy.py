"""The rules of a strategy class, its decisions, and its life bar by bar."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.errors import ConfigError, DataError, StrategyError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.strategy.decision import Decision
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.indicators import ATR, EMA, RSI, SMA
from cryptobot.strategy.kernel import kernel
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover


class Everything(cb.Strategy):
    """A strategy that uses a bit of all there is."""

    window = cb.param(5, ge=1)

    def features(self):
        return {
            "fast": SMA(self.window),
            "slow": EMA(2 * self.window),
            "rsi": RSI(7),
            "calm": SMA(3, of=RSI(7)),
            "atr": ATR(4),
            "busy": SMA(4, of="volume"),
        }

    def should_buy(self, x):
        return cb.crossed_above(x.fast, x.slow) & (x.volume > 0.5 * x.busy) | (cb.previous(x.calm) < 40) & (x.rsi > 50)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.slow) | (np.log(x.high / x.low) > 3 * x.atr / x.close)


def strategy_class(**members):
    body = {"should_buy": lambda self, x: x.close > 0, "should_sell": lambda self, x: x.close < 0, **members}
    return type("Mine", (cb.Strategy,), body)


@pytest.mark.parametrize("name", ["batch", "live", "decide", "nodes", "params", "parameters", "replace"])
def test_what_all_strategies_share_cannot_be_redefined(name):
    with pytest.raises(ConfigError, match=f"Mine redefines `{name}`"):
        strategy_class(**{name: lambda self: None})


@pytest.mark.parametrize("name", ["name", "warm_up", "memory", "features", "should_buy"])
def test_a_parameter_cannot_take_a_name_with_a_meaning(name):
    with pytest.raises(ConfigError, match=f"a parameter cannot be called `{name}`"):
        type("Mine", (cb.Strategy,), {name: cb.param(1)})


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume", "my feature", "1st", "", None, 5, "class"])
def test_feature_names_are_words_other_than_the_columns(name):
    with pytest.raises(ConfigError, match="a feature cannot be called"):
        strategy_class(features=lambda self: {name: SMA(3)})()


@pytest.mark.parametrize("nodes", [None, [], SMA(3), {"a": 5}, {"a": "close"}, {"a": SMA}])
def test_features_are_a_dict_of_features(nodes):
    with pytest.raises(ConfigError, match=r"Mine.features\(\) returned .* Return a dict of features"):
        strategy_class(features=lambda self: nodes)()


def test_conditions_must_be_defined(market):
    with pytest.raises(ConfigError, match="does not define should_buy"):
        type("Mine", (cb.Strategy,), {})().batch(market(5))
    only_buy = type("Mine", (cb.Strategy,), {"should_buy": lambda self, x: x.close > 0})
    with pytest.raises(ConfigError, match="does not define should_sell"):
        only_buy().live(None).update(market(5).bar(0))


def test_names_warm_up_and_memory():
    crossover = MovingAverageCrossover(fast=5, slow=12, volatility_window=20)
    assert (crossover.name, strategy_class()().name) == ("ma_crossover", "Mine")
    assert (crossover.warm_up, crossover.memory) == (20, 22)
    assert (strategy_class()().warm_up, strategy_class()().memory) == (0, 2)
    assert Everything().warm_up == 9
    crossover.nodes.clear()
    assert list(crossover.nodes) == ["fast", "slow", "volatility"]


def test_batch_and_live_agree_on_everything(market):
    bars = market(1_500, sigma=0.01)
    for strategy in (Everything(), MovingAverageCrossover(fast=3, slow=9), strategy_class()()):
        batch, live = strategy.batch(bars), strategy.live(bars.grid)
        for row in range(len(bars)):
            wanted, got = batch[row], live.update(bars.bar(row))
            assert repr(got) == repr(wanted), row
        assert not strategy.nodes or batch.buy.sum() > 5


def test_nothing_is_decided_while_a_feature_is_undefined(market):
    always = strategy_class(features=lambda self: {"slow": SMA(9), "rsi": RSI(14)})()
    decisions = always.batch(market(40))
    assert decisions.buy.tolist() == [False] * 14 + [True] * 26
    assert not decisions.sell.any()
    assert np.isnan(decisions.features["slow"][:8]).all()
    assert not decisions.features["rsi"].flags.writeable


def test_a_feature_may_have_two_names_and_is_computed_once(market):
    twice = strategy_class(features=lambda self: {"a": SMA(5), "b": SMA(5), "c": SMA(5, of=SMA(5))})()
    features = twice.batch(market(30)).features
    assert features["a"] is features["b"]
    assert len(twice.live(None).snapshot()["states"]) == 2


def test_a_feature_that_is_undefined_in_between_is_skipped_alike(market):
    volume = np.random.default_rng(0).lognormal(0, 1, 200)
    volume[[40, 90, 91]] = 0
    bars = market(200, volume=volume)
    chained = strategy_class(features=lambda self: {"v": EMA(4, of=cb.RollingVolatility(3, of="volume"))})()
    batch, live = chained.batch(bars), chained.live(bars.grid)
    assert [repr(live.update(bar)) for bar in bars.rows()] == [repr(batch[row]) for row in range(200)]
    assert np.isfinite(batch.features["v"][100:]).all()


class Rarity(Feature):
    """Infinite on every tenth bar."""

    warm_up = 0

    def state(self):
        return [0.0]

    @kernel
    def step(state, close):  # noqa: N805 - a kernel has no self
        state[0] += 1.0
        return math.inf if state[0] % 10.0 == 0.0 else close


def test_a_feature_that_is_infinite_in_between_is_skipped_alike(market):
    bars = market(100)
    chained = strategy_class(features=lambda self: {"mean": SMA(4, of=Rarity()), "rare": Rarity()})()
    batch, live = chained.batch(bars), chained.live(bars.grid)
    assert [repr(live.update(bar)) for bar in bars.rows()] == [repr(batch[row]) for row in range(100)]
    assert np.flatnonzero(~batch.buy).tolist() == [0, 1, 2, *range(9, 100, 10)]


def test_decisions_of_a_row(market):
    bars = market(60)
    decisions = MovingAverageCrossover(fast=2, slow=5, volatility_window=3).batch(bars)
    assert len(decisions) == 60
    one = decisions[59]
    assert isinstance(one, Decision)
    assert one.time == bars.time[59]
    assert decisions[-1] == one
    assert all(type(value) is float for value in one.features.values())
    assert type(one.buy) is bool


def test_bad_bars_are_refused_before_anything_runs(market):
    bars = market(30).to_frame()
    bars.iloc[7, 3] = np.nan
    with pytest.raises(DataError, match="bar 7"):
        MovingAverageCrossover(fast=2, slow=5).batch(bars)
    with pytest.raises(DataError, match=r"price .* not on this market's grid"):
        MovingAverageCrossover().live(PriceGrid(0)).update(market(30).bar(3))


def test_a_wrong_answer_names_the_strategy(market):
    with pytest.raises(StrategyError, match="Mine.should_buy returned bool"):
        strategy_class(should_buy=lambda self, x: True)().batch(market(5))
    with pytest.raises(StrategyError, match="Mine.should_sell returned an array of float64"):
        strategy_class(should_sell=lambda self, x: x.close)().live(None).update(market(5).bar(0))
    with pytest.raises(StrategyError, match="x has no `fst`. Did you mean `fast`"):
        type("Typo", (Everything,), {"should_buy": lambda self, x: x.fst > 0})().batch(market(5))


def test_conditions_see_read_only_columns(market):
    def vandal(self, x):
        x.close[:] = 1.0
        return x.close > 0

    strategy = strategy_class(should_buy=vandal)()
    with pytest.raises(ValueError, match="read-only"):
        strategy.batch(market(5))
    with pytest.raises(ValueError, match="read-only"):
        strategy.live(None).update(market(5).bar(0))


def test_a_snapshot_goes_on_as_if_nothing_had_happened(market):
    bars = market(300, sigma=0.01)
    strategy = Everything()
    whole = [repr(strategy.batch(bars)[row]) for row in range(300)]
    live = strategy.live(bars.grid)
    for row in range(300):
        fresh = strategy.live(bars.grid)
        fresh.restore(json.loads(json.dumps(live.snapshot())))
        live = fresh
        assert repr(live.update(bars.bar(row))) == whole[row]


def test_a_snapshot_is_a_copy(market):
    bars = market(60)
    live = MovingAverageCrossover().live(bars.grid)
    for bar in bars.rows()[:40]:
        live.update(bar)
    snapshot = live.snapshot()
    text = json.dumps(snapshot)
    live.update(bars.bar(40))
    assert json.dumps(snapshot) == text
    other = MovingAverageCrossover().live(bars.grid)
    other.restore(snapshot)
    other.update(bars.bar(40))
    assert json.dumps(snapshot) == text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": "Another()"}, "belongs to Another"),
        ({"strategy": None}, "belongs to None"),
        ({"decimals": 4}, "with 4 decimals, this market has 2"),
        ({"decimals": None}, "with None decimals"),
        ({"rows": [[1.0, 2.0]]}, "does not fit"),
        ({"rows": None}, "does not fit"),
        ({"states": []}, "does not fit"),
        ({"states": [[0.0], [0.0], [0.0]]}, "does not fit"),
    ],
)
def test_a_snapshot_that_does_not_fit_changes_nothing(market, change, words):
    bars = market(60)
    live = MovingAverageCrossover().live(bars.grid)
    for bar in bars.rows()[:45]:
        live.update(bar)
    before = live.snapshot()
    with pytest.raises(ConfigError, match=words):
        live.restore({**before, **change})
    assert json.dumps(live.snapshot()) == json.dumps(before)
    with pytest.raises(ConfigError, match="belongs to"):
        MovingAverageCrossover(fast=9).live(bars.grid).restore(before)


def test_strategies_are_registered_by_name():
    assert {"buy_and_hold", "ma_crossover", "rsi"} <= set(cb.strategies())
    assert cb.get_strategy("ma_crossover", fast=7) == MovingAverageCrossover(fast=7)
    with pytest.raises(ConfigError, match=r"strategy `ma_crossovr` is unknown\. Did you mean `ma_crossover`\?"):
        cb.get_strategy("ma_crossovr")
    with pytest.raises(ConfigError, match="Did you mean `fast`"):
        cb.get_strategy("ma_crossover", fats=7)


@pytest.fixture
def registry():
    before = dict(STRATEGIES._parts)
    yield STRATEGIES
    STRATEGIES._parts.clear()
    STRATEGIES._parts.update(before)


def test_a_notebook_cell_may_register_and_run_again(registry):
    for _ in range(2):
        mine = cb.strategy("typed_here")(strategy_class())
        assert mine.name == "typed_here"
        assert type(cb.get_strategy("typed_here")) is mine
    with pytest.raises(ConfigError, match="strategy name `rsi` is taken by cryptobot.strategy.library.rsi"):
        cb.strategy("rsi")(strategy_class())
    with pytest.raises(ConfigError, match="name 'My Strategy' is not allowed"):
        cb.strategy("My Strategy")(strategy_class())
    for thing in (5, dict, strategy_class()()):
        with pytest.raises(ConfigError, match="is no subclass of cb.Strategy"):
            cb.strategy("thing")(thing)


def test_a_strategy_of_another_package_gets_the_name_it_is_offered_under(registry, tmp_path, monkeypatch):
    (tmp_path / "offered.py").write_text("import cryptobot as cb\nclass Mine(cb.Strategy):\n    pass\n")
    info = tmp_path / "offered-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cryptobot.strategies]\nmy_offer = offered:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_loaded", False)
    assert cb.get_strategy("my_offer").name == "my_offer"
    sys.modules.pop("offered")


def test_taking_a_built_in_name_before_anything_is_loaded_is_refused_at_once():
    script = (
        "import cryptobot as cb\n"
        "try:\n"
        "    @cb.strategy('rsi')\n"
        "    class Mine(cb.Strategy): pass\n"
        "except cb.ConfigError as error: print(error)\n"
        "print(cb.strategies())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert "`rsi` is taken by cryptobot.strategy.library.rsi" in done.stdout
    assert "'ma_crossover', 'rsi'" in done.stdout


def test_every_strategy_explains_itself(market):
    bars = market(120, sigma=0.01)
    for name in cb.strategies():
        strategy = cb.get_strategy(name)
        decisions = strategy.batch(bars)
        early, late = strategy.explain(decisions[0], None), strategy.explain(decisions[119], decisions[118])
        assert early[-1] == late[-1] == "."
        assert not strategy.nodes or "warm-up" in early


def test_live_takes_the_grid_from_what_it_is_given(market):
    bars, rules = market(50), Market("BTC/USDT", "0.0100")
    strategy = MovingAverageCrossover(2, 5)
    assert strategy.live(rules).grid == PriceGrid(2) == strategy.live(PriceGrid(2)).grid
    assert strategy.live(bars).grid == bars.grid == strategy.live(bars.to_frame()).grid
    assert strategy.live(None).grid == PriceGrid(None)
    with pytest.raises(ConfigError, match="not a table of bars"):
        strategy.live("BTC/USDT")
