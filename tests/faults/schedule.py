"""What goes wrong, and when: drawn from a seed, at least five kinds a run."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from tests.faults.market import PAST, TIMEFRAME

# Short lives find more bugs a second than long ones: 54 bars show the planted bugs in 155 of 448 seeds, 86 bars in 165, in
# three quarters more time.
BARS: Final = 54
QUIET: Final = 22  # the last bars: nothing goes wrong any more, and everything must have been found out when they end
SECONDS: Final = BARS * TIMEFRAME.seconds
TROUBLE: Final = (BARS - QUIET) * TIMEFRAME.seconds

# How long each kind lasts at least and at most, in seconds, and how often it is drawn beside others. 0 is a moment.
KINDS: Final[dict[str, tuple[float, float, int]]] = {
    # on the way to the exchange and back
    "slow": (10, 60, 3),
    "request_lost": (20, 90, 3),
    "answer_lost": (20, 120, 4),
    "server_error": (20, 120, 4),
    "not_reached": (20, 60, 2),
    "rate_limited": (5, 60, 2),
    "partition": (3, 90, 3),
    "flapping": (10, 60, 2),
    # what the exchange shows, and when
    "hidden": (20, 150, 4),
    # the stream
    "events_dropped": (20, 120, 4),
    "events_twice": (20, 120, 3),
    "events_late": (20, 120, 3),
    "stream_silent": (10, 70, 3),
    # the bars
    "bars_late": (10, 40, 2),
    "bars_twice": (10, 40, 2),
    "bars_missing": (5, 20, 2),
    # the market
    "thin": (30, 150, 4),
    "jump": (0, 0, 4),
    "market_closed": (5, 40, 2),
    "rules_changed": (0, 0, 2),
    # other people
    "foreign_trade": (0, 0, 3),
    "foreign_order": (0, 0, 3),
    "foreign_cancel": (0, 0, 3),
    "foreign_withdrawal": (0, 0, 1),
    # this computer
    "clock_jump": (0, 0, 2),
    "killed": (0, 0, 4),
    "power_cut": (0, 0, 3),
    "stopped": (0, 0, 2),
    "disk_full": (3, 40, 2),
    "disk_broken": (3, 30, 1),
    # its owner
    "kill_switch": (0, 0, 1),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    kind
        One of `KINDS`.
    start, end
        Seconds since the world began.
    size
        How bad it is, at least 0 and below 1.
    """

    kind: str
    start: float
    end: float
    size: float

    def __str__(self) -> str:
        return f"{self.kind} {self.start:.2f}–{self.end:.2f} ({self.size:.2f})"


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that is decided before a run begins.

    Attributes
    ----------
    seed
        Whose schedule it is.
    faults
        What goes wrong, by its start.
    stop_loss, take_profit
        What protects the bot's positions, as fractions, or None.
    fraction
        Of the equity, that an entry spends.
    fee_asset
        What fees are taken from.
    collar
        Whether entries become limit orders for the moment.
    """

    seed: int
    faults: tuple[Fault, ...]
    stop_loss: float | None
    take_profit: float | None
    fraction: float
    fee_asset: str
    collar: bool

    @property
    def kinds(self) -> set[str]:
        """What kinds of faults it has."""
        return {fault.kind for fault in self.faults}

    def jumps(self) -> dict[int, int]:
        """Return the ticks by which the price jumps into a bar, by its number."""
        found = {}
        for fault in self.faults:
            if fault.kind == "jump":
                number = PAST + int(fault.start / TIMEFRAME.seconds) + 1
                found[number] = round(1_600 * fault.size) - 800
        return found


def draw(seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Schedule:
    """Return the schedule of a seed."""
    chance = Random(f"schedule {seed}")
    chosen: list[str] = []
    wanted = min(len(kinds), chance.randint(5, 9))
    while len(set(chosen)) < wanted:
        chosen += chance.choices(kinds, [KINDS[kind][2] for kind in kinds])
    faults = []
    for kind in chosen:
        shortest, longest, _ = KINDS[kind]
        start = round(chance.uniform(4, TROUBLE - 20), 3)
        end = min(TROUBLE, round(start + chance.uniform(shortest, longest), 3))
        faults.append(Fault(kind, start, end, min(0.999, round(chance.random(), 3))))
    return Schedule(
        seed,
        tuple(sorted(faults, key=lambda fault: (fault.start, fault.kind))),
        stop_loss=chance.choice((None, 0.01, 0.02, 0.04)),
        take_profit=chance.choice((None, None, 0.01, 0.03)),
        fraction=chance.choice((0.2, 0.5, 1.0)),
        fee_asset=chance.choice(("received", "quote", "quote", "BNB")),
        collar=chance.random() < 0.3,
    )
