"""Seeds: each a bot's life on an exchange, a network, a disk and a clock that fail, held against the exchange's ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import schedule
from tests.faults.run import report, run
from tests.faults.schedule import KINDS, Fault

#: How many seeds `make test` runs; a campaign runs what the environment says.
SEEDS = 200
CAMPAIGN = int(os.environ.get("CRYPTOBOT_FAULT_SEEDS", "10000"))
FIRST = int(os.environ.get("CRYPTOBOT_FIRST_SEED", "0"))
BLOCK = 50


def block(first, count):
    """Run seeds one after the other; fail with all that was broken."""
    seen, reports = Counter(), []
    for seed in range(first, first + count):
        done = run(seed)
        seen.update(fills=done.fills, lives=done.lives, unsure=done.unsure)
        seen.update(schedule.draw(seed).kinds)
        if done.broken:
            reports.append(report(done))
    assert not reports, "\n".join(reports)
    return seen


def test_seeds():
    seen = block(0, SEEDS)
    # It was no walk in the park: orders were filled, doubted, and processes died.
    assert seen["fills"] > 5 * SEEDS
    assert seen["unsure"] > SEEDS / 4
    assert seen["lives"] > 2 * SEEDS
    assert all(seen[kind] > SEEDS / 40 for kind in KINDS)


@pytest.mark.campaign
@pytest.mark.parametrize("first", range(FIRST, FIRST + CAMPAIGN, BLOCK))
def test_many_seeds(first):
    assert block(first, min(BLOCK, FIRST + CAMPAIGN - first))["fills"]


def calm(seed, *faults, **changes):
    """Return a seed's schedule with these faults only."""
    plan = replace(schedule.draw(seed), faults=faults)
    return replace(plan, **changes)


def test_without_faults_a_bot_trades_and_nothing_is_broken():
    fills = 0
    for seed in range(10):
        done = run(calm(seed))
        assert not done.broken, report(done)
        assert (done.lives, done.unsure) == (1, 0)
        fills += done.fills
    assert fills > 100


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_by_itself(kind):
    shortest, longest, _ = KINDS[kind]
    for seed in range(3):
        faults = [
            Fault(kind, start, start + (shortest + longest) / 2, size)
            for start, size in ((20.0, 0.2), (80.0, 0.9), (150.0, 0.6))
        ]
        done = run(calm(seed, *faults))
        assert not done.broken, report(done)
        assert done.fills


# -- killed at every place


def places(seed, **changes):
    """Return what a seed's first life passes, and the schedule."""
    plan = calm(seed, **changes)
    return plan, run(plan).labels


def killed_at(plan, number):
    done = run(plan, die=(1, number))
    assert not done.broken, f"killed at place {number}\n{report(done)}"
    assert done.lives > 1


def first_of_each(labels):
    """Return the numbers of the first five places of each kind: the words of a label without the ids in it."""
    seen, chosen = Counter(), []
    for number, label in enumerate(labels, start=1):
        kind = " ".join(word for word in label.split() if "-" not in word)
        seen[kind] += 1
        if seen[kind] <= 5:
            chosen.append(number)
    return chosen


def test_killed_at_the_first_places_of_each_kind():
    plan, labels = places(1, stop_loss=0.01, take_profit=0.01)
    chosen = first_of_each(labels)
    assert len(chosen) > 60
    for number in chosen:
        killed_at(plan, number)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_every_place(seed):
    plan, labels = places(seed, stop_loss=0.01, take_profit=0.01 if seed % 2 else None)
    for number in range(1, len(labels) + 1):
        killed_at(plan, number)


# -- the same again


def test_a_seed_replays_identically():
    for seed in (3, 4, 5):
        one, *others = [run(seed) for _ in range(3)]
        assert [other.story() for other in others] == [one.story()] * 2
    assert run(3).digest() != run(4).digest()


def test_a_seed_replays_identically_in_other_processes():
    script = "import json; from tests.faults.run import run; print(json.dumps([run(n).digest() for n in range(6, 9)]))"
    found = []
    for salt in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1] == [run(seed).digest() for seed in range(6, 9)]
