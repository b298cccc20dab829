"""The probability of backtest overfitting, against published results and brute force."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from cryptobot.backtest.statistics.overfitting import (
    block_moments,
    merged,
    overfitting,
    overfitting_probability,
    sharpe_of_sums,
)
from cryptobot.core.errors import ConfigError


def noise(seed: int, n: int = 1_000, many: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, many)) * 0.01


def brute_force(returns: np.ndarray, blocks: int) -> list[tuple[float, float, float]]:
    """Logit, and both Sharpe ratios, of every split: from the returns themselves, one by one."""
    parts = np.array_split(returns, blocks)
    found = []
    for half in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in range(blocks) if i in half])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in half])
        ratios = [part.mean(axis=0) / part.std(axis=0, ddof=1) for part in (inside, outside)]
        best = int(np.argmax(ratios[0]))
        rank = sorted(ratios[1]).index(ratios[1][best]) + 1
        share = rank / (returns.shape[1] + 1)
        found.append((math.log(share / (1 - share)), ratios[0][best], ratios[1][best]))
    return found


@pytest.mark.parametrize("blocks", [4, 6, 10])
def test_every_split_is_what_brute_force_finds(blocks):
    returns = noise(1, 301, 7)
    found = overfitting(block_moments(returns, blocks))
    mine = sorted(zip(found.logits, found.chosen, found.other, strict=True))
    assert found.splits == math.comb(blocks, blocks // 2)
    assert np.allclose(mine, sorted(brute_force(returns, blocks)), rtol=1e-9, atol=1e-12)
    assert found.probability == np.mean([logit <= 0 for logit, _, _ in mine])
    assert found.loss_probability == np.mean([other < 0 for _, _, other in mine])
    assert found.slope == pytest.approx(np.polyfit(found.chosen, found.other, 1)[0], rel=1e-9)


def test_sixteen_blocks_are_halved_in_12870_ways():
    """Bailey, Borwein, López de Prado and Zhu (2017), section 4."""
    assert overfitting(block_moments(noise(2, 320, 3))).splits == 12_870


def test_without_skill_a_winner_is_a_coin_flip_and_with_skill_it_is_not():
    """Published: 200 series of 1,000 bars without an edge 0.476 ± 0.137, with one of 0.15 in 20 of them 0.001.

    "How overfit is your search?", Soloviov (2026), table 1, whose means are of 60 draws.
    """
    means = [overfitting(block_moments(noise(seed))).probability for seed in range(24)]
    assert np.mean(means) == pytest.approx(0.476, abs=3 * 0.137 / math.sqrt(24))
    assert np.std(means) == pytest.approx(0.137, rel=0.35)
    skilled = noise(1)
    skilled[:, :20] += 0.15 * 0.01
    assert overfitting(block_moments(skilled)).probability < 0.01


def test_series_that_all_end_where_they_began_overfit_with_certainty():
    """The same paper, section 6: what one half gained the other half must have lost."""
    returns = noise(4)
    found = overfitting(block_moments(returns - returns.mean(axis=0)))
    assert found.probability == 1.0
    assert found.slope < -0.9
    assert found.loss_probability == 1.0


def test_the_order_of_the_combinations_changes_nothing():
    moments = block_moments(noise(5, 400, 40))
    order = np.random.default_rng(0).permutation(40)
    straight, shuffled = overfitting(moments), overfitting(moments[order])
    assert np.array_equal(straight.logits, shuffled.logits)
    assert np.array_equal(straight.other, shuffled.other)


def test_equals_share_their_rank():
    one = noise(6, 400, 1)
    found = overfitting(block_moments(np.tile(one, (1, 5))))
    assert (found.logits == 0).all()
    assert found.probability == 1.0


def test_what_never_moves_counts_as_nothing_gained():
    returns = noise(7, 400, 4) - 0.02  # the others lose everywhere
    returns[:, 2] = 0.0
    found = overfitting(block_moments(returns))
    assert (found.chosen == 0).all()
    assert found.probability == 0.0
    assert sharpe_of_sums(np.array([9.0]), np.array([0.9]), np.array([0.09])) == 0.0


def test_a_draw_of_the_splits_is_repeatable_and_close():
    moments = block_moments(noise(8))
    everything, some, again = (overfitting(moments, max_splits=m) for m in (None, 2_000, 2_000))
    assert some.splits == 2_000
    assert np.array_equal(some.logits, again.logits)
    assert some.probability == pytest.approx(everything.probability, abs=0.05)
    assert np.isin(some.chosen, everything.chosen).all()


def test_neighbouring_blocks_can_be_put_together():
    returns = noise(9, 480, 5)
    fine = block_moments(returns, 48)
    assert np.allclose(merged(fine), block_moments(returns, 16), rtol=1e-12, atol=1e-15)
    assert merged(fine, 10).shape == (5, 10, 3)
    assert merged(fine, 10)[:, :, 0].sum() == 5 * 480
    assert merged(block_moments(returns, 8)).shape == (5, 8, 3)
    assert merged(block_moments(returns, 7)).shape == (5, 6, 3)


def test_where_there_is_too_little_the_probability_has_no_value():
    returns = noise(3, 480, 5)
    whole = overfitting(block_moments(returns)).probability
    assert overfitting_probability(block_moments(returns)) == whole
    assert overfitting_probability(block_moments(returns, 48)) == pytest.approx(whole, abs=1e-3)
    short = block_moments(returns[:15], 15)  # seven or eight pairs of bars: six blocks are the most
    assert overfitting_probability(short) == overfitting(merged(short, 6)).probability
    assert math.isnan(overfitting_probability(block_moments(returns[:7], 7)))
    assert math.isnan(overfitting_probability(block_moments(returns[:, :1])))
    assert math.isnan(overfitting_probability(block_moments(returns, 3)))


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        (np.zeros((3, 4)), "is not \\(combinations, blocks, 3\\)"),
        (block_moments(noise(1, 100, 1)), "at least 2 combinations"),
        (block_moments(noise(1, 100, 3), 5), "an even number"),
        (block_moments(noise(1, 100, 3), 22), "from 4 to 20"),
        (block_moments(noise(1, 20, 3), 16), "under 2 returns"),
        (block_moments(np.full((100, 3), np.nan)), "not finite"),
    ],
)
def test_bad_input(moments, said):
    with pytest.raises(ConfigError, match=said):
        overfitting(moments)
