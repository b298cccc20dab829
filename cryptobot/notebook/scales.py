"""A date scale that the browser and Python understand alike.

bqscales 0.3.7 sends times without a zone, which the browser reads in its own zone, and cannot read the times the browser
sends back (they end in "Z"), so panning never reaches Python. Here both directions speak ISO 8601 in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bqscales import DateScale
from bqscales.traits import Date


def _to_json(value: datetime | None, _scale: object = None) -> str | None:
    """Write a moment as the browser's `Date` does: milliseconds, and Z for UTC."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _from_json(value: Any, _scale: object = None) -> datetime | None:
    """Read what the browser sends: an ISO text with Z, or milliseconds; moments are naive and mean UTC."""
    if value in (None, ""):
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
    return datetime.fromisoformat(str(value)).astimezone(UTC).replace(tzinfo=None)


class UtcScale(DateScale):  # type: ignore[misc] # bqscales is untyped
    """The horizontal scale of a pane. Its domain is set by Python, or by the user's panning, never by the data."""

    min = Date(default_value=None, allow_none=True).tag(sync=True, to_json=_to_json, from_json=_from_json)
    max = Date(default_value=None, allow_none=True).tag(sync=True, to_json=_to_json, from_json=_from_json)

    def get_window(self) -> tuple[float, float] | None:
        """Return the domain in milliseconds since 1970-01-01 UTC, or None while there is none."""
        if self.min is None or self.max is None:
            return None
        return _milliseconds(self.min), _milliseconds(self.max)

    def set_window(self, low: float, high: float) -> None:
        """Set the domain, both ends in one message.

        Parameters
        ----------
        low, high
            Milliseconds since 1970-01-01 UTC.
        """
        start, end = _from_json(low), _from_json(high)
        if (self.min, self.max) != (start, end):
            with self.hold_sync():
                self.min, self.max = start, end


def _milliseconds(moment: datetime) -> float:
    """Turn a naive moment in UTC into milliseconds."""
    return moment.replace(tzinfo=UTC).timestamp() * 1000
