"""One seed, from its schedule to its end: `python -m tests.faults.run SEED` tells its whole story."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults import schedule
from tests.faults.schedule import Schedule
from tests.faults.world import World


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes
    ----------
    seed
        Which.
    broken
        What was seen that must not be.
    fills, lives, unsure
        How many executions, lives of the process and orders of unknown fate there were.
    labels
        The places at which the first life could have been killed.
    story, digest
        Call them for everything that happened, in words and in one number.
    """

    seed: int
    broken: tuple[str, ...]
    fills: int
    lives: int
    unsure: int
    labels: tuple[str, ...]
    story: Callable[[], str]
    digest: Callable[[], str]


def run(plan: int | Schedule, die: tuple[int, int] | None = None) -> Result:
    """Let a world run; `die` as for `World`."""
    plan = schedule.draw(plan) if isinstance(plan, int) else plan
    collects = gc.isenabled()
    gc.disable()  # a life makes little that only the collector frees, and a tenth of its time went into looking for it
    try:
        world = World(plan, die).run()
    finally:
        if collects:
            gc.enable()
    return Result(
        plan.seed,
        tuple(world.invariants.broken),
        len(world.truth.own_fills()),
        world.lives,
        world.unsure,
        tuple(world.labels),
        world.story,
        world.digest,
    )


def report(result: Result) -> str:
    """Say what was broken, and how to see it again."""
    lines = "\n".join(f"  {said}" for said in result.broken)
    return f"seed {result.seed}:\n{lines}\nSee it again: python -m tests.faults.run {result.seed}"


if __name__ == "__main__":
    found = run(int(sys.argv[1]))
    print(found.story())
    print(report(found) if found.broken else f"seed {found.seed} is as it should be")
