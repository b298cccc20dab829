"""What `check_strategy` found."""

from __future__ import annotations

import html
from dataclasses import dataclass

from cryptobot.core.bars import time_text


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One check that a strategy did not pass.

    Attributes
    ----------
    check
        Name of the check.
    bar
        Row of the first bar that differs, or None when no single bar is to blame.
    time
        Its open time, nanoseconds since 1970-01-01 UTC, or None.
    detail
        What was seen, in words.
    """

    check: str
    bar: int | None
    time: int | None
    detail: str

    def __str__(self) -> str:
        where = f" at bar {self.bar} ({time_text(self.time)})" if self.bar is not None and self.time is not None else ""
        return f"{self.check}{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of `check_strategy`.

    Attributes
    ----------
    strategy
        The strategy, as text.
    bars
        How many bars it was checked on.
    checks
        Names of the checks that ran, in order.
    failures
        What failed; empty is good.
    seconds
        How long it took.
    """

    strategy: str
    bars: int
    checks: tuple[str, ...]
    failures: tuple[CheckFailure, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return not self.failures

    def _rows(self) -> list[tuple[bool, str, str]]:
        failed = {failure.check: str(failure) for failure in self.failures}
        return [(name not in failed, name, failed.get(name, "passed")) for name in self.checks]

    def __repr__(self) -> str:
        verdict = "passed every check" if self.ok else f"FAILED {len(self.failures)} of {len(self.checks)} checks"
        lines = [f"{self.strategy} {verdict} on {self.bars:,} bars ({self.seconds:.1f} s)"]
        lines += [f"  {'✓' if good else '✗'} {name if good else text}" for good, name, text in self._rows()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        color = "#1a8f7e" if self.ok else "#d6453d"
        verdict = "Passed every check" if self.ok else f"Failed {len(self.failures)} of {len(self.checks)} checks"
        items = "".join(
            f"<li style='list-style:none'>{'✓' if good else '✗'} {html.escape(name if good else text)}</li>"
            for good, name, text in self._rows()
        )
        return (
            f"<div style='border-left:4px solid {color};padding:4px 12px;font:13px var(--jp-ui-font-family,sans-serif)'>"
            f"<b>{verdict}</b> <code>{html.escape(self.strategy)}</code> on {self.bars:,} bars "
            f"<ul style='margin:6px 0;padding:0'>{items}</ul></div>"
        )
