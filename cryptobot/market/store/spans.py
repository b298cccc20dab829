"""Stretches of time, as whole nanoseconds: from (included) to (left out)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of time.

    Attributes
    ----------
    start, end
        Nanoseconds since 1970-01-01 UTC; the end lies outside.
    """

    start: int
    end: int


def union(spans: Iterable[tuple[int, int]]) -> list[Span]:
    """Return the same stretches without overlaps, oldest first.

    Examples
    --------
    >>> union([(5, 7), (1, 3), (3, 4), (6, 9), (8, 8)])
    [Span(start=1, end=4), Span(start=5, end=9)]
    """
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Span(start, end))
    return joined


def without(span: tuple[int, int], covered: Iterable[tuple[int, int]]) -> list[Span]:
    """Return what of a stretch is not covered.

    Examples
    --------
    >>> without((0, 10), [(2, 4), (9, 20)])
    [Span(start=0, end=2), Span(start=4, end=9)]
    """
    left, end = span
    missing: list[Span] = []
    for one in union(covered):
        if one.end <= left:
            continue
        if one.start >= end:
            break
        if one.start > left:
            missing.append(Span(left, one.start))
        left = one.end
    if left < end:
        missing.append(Span(left, end))
    return missing
