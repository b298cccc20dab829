"""What the live gate found."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GateItem:
    """One thing that real money asks for.

    Attributes
    ----------
    name
        One of `cryptobot.trading.live_gate.ITEMS`.
    ok
        Whether it is there.
    text
        What was found; where it is missing, what to do.
    overridden
        Why the user goes without it, in the user's words; None where nobody said so.
    """

    name: str
    ok: bool
    text: str
    overridden: str | None = None

    @property
    def passes(self) -> bool:
        """Whether it holds nothing back."""
        return self.ok or self.overridden is not None

    def __str__(self) -> str:
        gone_without = f" Overridden: {self.overridden}" if not self.ok and self.overridden is not None else ""
        return f"{self.name}: {self.text}{gone_without}"


@dataclass(frozen=True, slots=True)
class GateReport:
    """Whether a bot may trade real money, item by item.

    Attributes
    ----------
    wanted
        What is to trade, as plain values: strategy, code, parameters, exchange, symbol, timeframe, limits, paper_time.
    items
        One for each thing that is asked for.
    """

    wanted: Mapping[str, Any]
    items: tuple[GateItem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing holds it back."""
        return all(item.passes for item in self.items)

    @property
    def missing(self) -> list[GateItem]:
        """What holds it back."""
        return [item for item in self.items if not item.passes]

    def record(self) -> dict[str, Any]:
        """Return it as the journal keeps it, kind ``"gate"``: what was wanted and ``items``, a mapping each."""
        return {**self.wanted, "items": [asdict(item) for item in self.items]}

    def __repr__(self) -> str:
        verdict = "may trade real money" if self.ok else f"may NOT trade real money: {len(self.missing)} missing"
        lines = [f"{self.wanted['strategy']} on {self.wanted['symbol']} {self.wanted['timeframe']} {verdict}"]
        return "\n".join([*lines, *(f"  {_mark(item)} {item}" for item in self.items)])

    def _repr_html_(self) -> str:
        from cryptobot.backtest.html_parts import STYLE

        verdict = "✓ May trade real money" if self.ok else f"✗ May not trade real money: {len(self.missing)} missing"
        rows = "".join(
            f"<tr><td class='{'up' if item.ok else 'down' if not item.passes else ''}'>{_mark(item)} "
            f"{html.escape(item.name.replace('_', ' '))}</td><td class='words'>{html.escape(_said(item))}</td></tr>"
            for item in self.items
        )
        tone = "up" if self.ok else "down"
        return (
            f"<div class='cb-bt'><style>{STYLE}</style><h4><span class='{tone}'>{verdict}</span></h4>"
            f"<table><tbody>{rows}</tbody></table></div>"
        )


def _mark(item: GateItem) -> str:
    return "✓" if item.ok else "!" if item.passes else "✗"


def _said(item: GateItem) -> str:
    return str(item).removeprefix(f"{item.name}: ")
