"""The block of numbers and its one honest sentence."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import numpy as np
import pytest

from cryptobot.backtest.statistics.luck import Luck, trial_spread
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.statistics.sharpe import deflated_sharpe
from cryptobot.backtest.sweep.run import sweep


@pytest.fixture(scope="module")
def real(follow, market):
    """A sweep in which one combination has an edge, and its luck."""
    swept = sweep(follow, market(seed=2, edge=0.003), fee=0, bucket=range(8))
    return swept, Luck.of(swept)


@pytest.fixture(scope="module")
def noise(follow, market):
    """Sweeps in which none has."""
    return [sweep(follow, market(seed=seed), fee=0, bucket=range(8)) for seed in range(10)]


def test_an_edge_is_told_from_luck(real):
    swept, luck = real
    assert swept.best(1)["bucket"].iloc[0] == 3
    assert luck.verdict == "unlikely luck"
    assert not luck.is_luck
    assert luck.probability > 0.99
    assert luck.overfitting < 0.05
    assert luck.random_chance < 0.01
    assert luck.sharpe_low > 0
    assert luck.track_record < luck.bars
    assert luck.sentence.startswith("Unlikely to be luck alone: the best of 8 combinations has a Sharpe ratio of ")


def test_the_best_of_noise_is_marked(noise):
    found = [Luck.of(swept, samples=200) for swept in noise]
    assert all(luck.is_luck for luck in found)
    assert {luck.verdict for luck in found} == {"likely luck"}
    # The best of eight is about as good as luck makes it: that is what the benchmark is for.
    ratios = [luck.sharpe / luck.luck_sharpe for luck in found]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.35)
    assert all(luck.sentence.startswith("Likely luck: ") for luck in found)
    assert np.mean([luck.overfitting for luck in found]) > 0.3


def test_the_numbers_are_those_of_the_formulas(real):
    swept, luck = real
    record = Record.of(swept.strategy_of(3), swept.bars, Terms.of(10_000, 0, 0, None))
    year = math.sqrt(365 * 24)
    ratios = swept.table["sharpe"].to_numpy() / year
    trials, variance = trial_spread(swept)
    assert trials == 8
    assert variance == min(ratios.var(ddof=1), 1 / 3_999)
    shape = record.shape
    expected = deflated_sharpe(
        shape.sharpe, 4_000, trials=8, variance=variance, skewness=shape.skewness, kurtosis=shape.kurtosis
    )
    assert luck.probability == expected
    assert luck.sharpe == pytest.approx(swept.table["sharpe"][3], rel=1e-9)
    assert luck.total_return == pytest.approx(swept.table["total_return"][3], rel=1e-9)
    assert luck.drawdown_luck < 0
    assert luck.max_drawdown == pytest.approx(swept.table["max_drawdown"][3], rel=1e-9)


def test_more_trials_make_the_same_result_less_believable(real, follow, market):
    swept, luck = real
    alone = Luck.of_record(Record.of(swept.strategy_of(3), swept.bars, Terms.of(10_000, 0, 0, None)))
    assert alone.luck_sharpe == 0
    assert alone.probability >= luck.probability
    assert math.isnan(alone.overfitting)
    assert "the result out of sample" in alone.sentence
    single = Luck.of(sweep(follow, swept.bars, fee=0, bucket=3), samples=50)
    assert "the only combination that traded" in single.sentence
    assert not single.out_of_sample


def test_what_cannot_trade_is_no_trial(follow, market):
    bars = market(seed=2, edge=0.003)
    some = Luck.of(sweep(follow, bars, fee=0, bucket=range(8)))
    padded = Luck.of(sweep(follow, bars, fee=0, bucket=range(20)))
    assert padded.trials == some.trials == 8
    assert padded.probability == some.probability


def test_a_set_that_is_given_twice_is_one_trial(follow, market):
    rows = [{"bucket": b} for b in (1, 2, 3, 1, 2, 3)]
    assert Luck.of(sweep(follow, market(seed=2, edge=0.003), fee=0, combos=rows), samples=50).trials == 3


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_a_handful_of_bars_is_judged_without_an_accident(follow, market, n):
    luck = Luck.of(sweep(follow, market(n, buckets=2), bucket=[0, 1]), samples=20)
    assert luck.is_luck
    assert luck.sentence.endswith(".")
    assert luck._repr_html_()


def test_the_order_of_the_combinations_changes_no_digit(follow, market):
    bars = market(seed=2, edge=0.003)
    rows = [{"bucket": b} for b in (5, 3, 0, 7, 1, 6, 4, 2)]
    straight, shuffled = (
        Luck.of(sweep(follow, bars, fee=0, bucket=range(8))),
        Luck.of(sweep(follow, bars, fee=0, combos=rows)),
    )
    assert straight == shuffled


def test_the_same_seed_gives_the_same_numbers(real):
    swept, luck = real
    assert Luck.of(swept) == luck
    assert Luck.of(swept, seed=1) != luck
    assert Luck.of(swept, swept.bars.to_frame()) == luck


def test_a_loss_and_an_idle_strategy_are_said_to_be_such(follow, market):
    losing = Luck.of(sweep(follow, market(seed=1), fee=0.01, bucket=range(8)), samples=50)
    assert losing.verdict == "loses"
    assert losing.sentence.startswith("Nothing to explain: the best of 8 combinations lost ")
    idle = Luck.of(sweep(follow, market(seed=1), bucket=[15, 16]), samples=50)
    assert idle.verdict == "no trades"
    assert (
        idle.sentence == "Nothing to judge: the result out of sample never traded." or "never traded" in idle.sentence
    )
    assert idle.is_luck
    assert json.loads(json.dumps(idle.as_dict(), allow_nan=False))["probability"] is None


def test_each_doubt_is_named(real):
    _, luck = real
    doubts = {
        "where 95 % is asked for": {"probability": 0.9},
        "no better than the median": {"overfitting": 0.21},
        "buy at random moments": {"random_chance": 0.06},
    }
    for said, change in doubts.items():
        doubtful = dataclasses.replace(luck, **change)
        assert doubtful.verdict == "likely luck"
        assert said in doubtful.sentence
        assert sum(other in doubtful.sentence for other in doubts) == 1
    every = {name: value for change in doubts.values() for name, value in change.items()}
    assert all(said in dataclasses.replace(luck, **every).sentence for said in doubts)


def test_it_is_always_one_sentence(real, noise):
    for luck in [real[1], *(Luck.of(swept, samples=50) for swept in noise[:3])]:
        assert luck.sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", luck.sentence)


def test_it_is_a_mapping_and_json_and_reads_in_a_notebook(real):
    _, luck = real
    assert dict(luck) == {name: getattr(luck, name) for name in luck}
    assert len(luck) == len(list(luck)) == 20
    with pytest.raises(KeyError, match="Did you mean `trials`"):
        luck["trial"]
    said = json.loads(json.dumps(luck.as_dict(), allow_nan=False))
    assert said["verdict"] == luck.verdict
    assert said["sentence"] == luck.sentence
    page = luck._repr_html_()
    assert "class='cb-bt'" in page
    assert luck.html() in page
    assert "Probability of skill" in page
    assert "Overfitting (PBO)" in repr(luck)
    assert "95 % of the block resamples lie between Sharpe ratios of" in repr(luck)
    assert max(map(len, repr(luck).splitlines()[1:-1])) <= 100
