"""`holes`: every place where bars are missing, as a table."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import DataError
from cryptobot.market.holes import holes
from cryptobot.market.practice import practice_bars

BARS = practice_bars(60, timeframe="5m")


def test_no_holes_is_an_empty_table_of_the_same_types() -> None:
    found, some = holes(BARS), holes(BARS.drop(BARS.index[7]))
    assert found.empty
    assert list(found.columns) == ["after", "before", "missing"]
    assert found.dtypes.tolist() == some.dtypes.tolist()
    assert [str(kind) for kind in found.dtypes] == ["datetime64[ns, UTC]", "datetime64[ns, UTC]", "int64"]


# Rows 20 and 21 stay, or nothing would show that a bar is 5 minutes long.
@settings(deadline=None)
@given(gone=st.sets(st.integers(1, 58).filter(lambda row: row not in (20, 21))))
def test_holes_are_what_is_missing(gone: set[int]) -> None:
    bars = BARS.drop(BARS.index[sorted(gone)])
    found = holes(bars)
    named = set()
    for hole in found.itertuples():
        times = pd.date_range(hole.after, hole.before, freq="5min", inclusive="neither")
        assert len(times) == hole.missing
        assert hole.after in bars.index
        assert hole.before in bars.index
        named |= set(times)
    assert named == set(BARS.index[sorted(gone)])
    pd.testing.assert_frame_equal(holes(BarColumns.of(bars)), found)


def test_the_note_of_a_frame_goes_stale_and_holes_looks_again() -> None:
    bars = practice_bars(200, holes=2)
    assert len(holes(bars)) == len(bars.attrs["holes"]) == 2
    assert len(holes(bars.drop(bars.index[bars.index.get_loc(holes(bars)["after"][0])]))) == 2
    assert holes(bars.iloc[:1]).empty


def test_bars_that_are_wrong_are_refused() -> None:
    with pytest.raises(DataError, match="older"):
        holes(BARS.iloc[::-1])
