"""The decimal grid that prices lie on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cryptobot.core.errors import DataError
from cryptobot.core.grid import MAX_TICKS, PriceGrid
from cryptobot.core.types import Bar


@given(
    arrays.arrays(np.int64, st.integers(1, 600), elements=st.integers(1, 2**36 - 1)),
    st.integers(0, 12),
)
def test_every_grid_is_found_and_every_price_comes_back_as_whole_ticks(ticks, decimals):
    prices = ticks / 10.0**decimals
    grid = PriceGrid.of(prices)
    trailing = min(len(str(t)) - len(str(t).rstrip("0")) for t in ticks.tolist())
    assert grid.decimals == max(0, decimals - trailing)
    back = np.floor(prices * grid.scale + 0.5)
    np.testing.assert_array_equal(back, ticks // 10 ** (decimals - grid.decimals))


def test_the_coarsest_grid_that_holds_every_column():
    assert PriceGrid.of(np.array([1.0, 2.0])).decimals == 0
    assert PriceGrid.of(np.array([1.0, 2.0]), np.array([0.5])).decimals == 1
    assert PriceGrid.of(np.array([0.1234]), np.array([3.0])).decimals == 4
    assert PriceGrid.of().decimals == 0


def test_one_irrational_price_anywhere_means_no_grid():
    prices = np.full(5000, 1.25)
    prices[4321] = np.sqrt(2)
    grid = PriceGrid.of(prices)
    assert (grid.decimals, grid.scale) == (None, 0.0)


def test_too_many_ticks_for_exact_sums_mean_no_grid():
    assert PriceGrid.of(np.array([MAX_TICKS - 1])).decimals == 0
    assert PriceGrid.of(np.array([MAX_TICKS])).decimals is None
    assert PriceGrid.of(np.array([68_719.0, 0.000001])).decimals == 6
    assert PriceGrid.of(np.array([68_720.0, 0.000001])).decimals is None
    assert PriceGrid.of(np.array([1e-13])).decimals is None


@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
@pytest.mark.parametrize("price", [100.005, np.sqrt(2), MAX_TICKS, float("nan"), float("inf")])
def test_a_live_bar_off_the_grid_is_refused(name, price):
    bar = Bar(0, 100.01, 100.02, 100.0, 100.01, 1.0)
    PriceGrid(2).check(bar)
    with pytest.raises(DataError, match="price .*"):
        PriceGrid(2).check(bar._replace(**{name: price}))


def test_without_a_grid_every_price_goes():
    PriceGrid(None).check(Bar(0, np.pi, 4.0, 3.0, np.e, 1.0))
