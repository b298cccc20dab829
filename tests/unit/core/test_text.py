"""Amounts for people: every digit that counts, none that does not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.text import written


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=9))
def test_it_is_the_same_number_without_zeros_at_the_end(value):
    text = written(value, 40)
    assert Decimal(text.replace(",", "")) == value
    assert "e" not in text.lower()
    assert not ("." in text and text.endswith(("0", ".")))
    assert text != "-0"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-12, max_value=1e12))
def test_a_float_is_the_number_that_a_person_would_write(value):
    assert float(written(value, 30).replace(",", "")) == value


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        ("100.00000", 10, "100"),
        ("59763.19000", 10, "59,763.19"),
        ("0.06693000", 8, "0.06693"),
        ("1E+3", 10, "1,000"),
        ("1234567.891", 4, "1,234,568"),  # no digit before the point is lost
        ("0E-24", 8, "0"),
        ("-0.0", 8, "0"),
        ("1E-9", 8, "0.000000001"),
        ("NaN", 8, "NaN"),
        ("-Infinity", 8, "-Infinity"),
    ],
)
def test_examples(value, digits, text):
    assert written(Decimal(value), digits) == text
