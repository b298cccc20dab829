"""The simulation of faults: how many seeds, each a bot's whole life on a failing exchange, one core works off a second."""

from __future__ import annotations

import time

from benchmarks.figure import Figure
from tests.faults import schedule
from tests.faults.run import run

SEEDS = 40
#: 50 seeds a second on one core.
LIMIT = 0.02


def measure(rounds: int) -> list[Figure]:
    """Measure the same seeds so many times."""
    spent, fills, lives = [], 0, 0
    run(0)
    for _ in range(rounds):
        fills = lives = 0
        start = time.process_time()
        for seed in range(SEEDS):
            done = run(seed)
            fills, lives = fills + done.fills, lives + done.lives
        spent.append((time.process_time() - start) / SEEDS * 1_000)
    return [
        Figure.of(
            "one seed of the simulation",
            spent,
            "ms",
            limit=1_000 * LIMIT,
            ratio=f"{1_000 / sorted(spent)[len(spent) // 2]:,.0f} seeds/s",
            note=f"{schedule.SECONDS} simulated seconds; {SEEDS} seeds had {fills} executions and {lives} lives of the process",
        )
    ]
