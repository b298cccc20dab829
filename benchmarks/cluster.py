"""Sweeps on a cluster: what a share of the work costs, and what that lets a hundred workers do."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

import cryptobot as cb
from benchmarks.figure import Figure, alternating
from cryptobot.backtest.sweep import cluster

if TYPE_CHECKING:
    import pandas as pd


def idle_share(combinations: Any, sent: Any) -> cluster.Part:
    """Answer for a share without computing it, on a worker: what is left is sending it there and back."""
    many, blocks = len(combinations), sent[3].edges.size - 1
    return np.zeros((many, 8)), np.zeros((many, blocks, 2))


def measure_cluster(rounds: int, year: float, rows: pd.DataFrame) -> list[Figure]:
    """Measure what sending a share to a worker costs, and project what that lets 100 workers do.

    Parameters
    ----------
    rounds
        How often.
    year
        Seconds that one core takes for 1,000 unshared sets of a year of minutes.
    rows
        Parameter sets to send.
    """
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra
    except ImportError:
        return []
    bars = cb.practice_bars(2_000, seed=7)
    few, many = 8, 128

    def run(shares: int, share: Callable[..., cluster.Part]) -> None:
        with mock.patch.multiple(cluster, SHARES=shares, compute_share=share):
            cb.sweep(cb.MovingAverageCrossover, bars, client=client, record=False, combos=rows)

    works: dict[str, Callable[[], object]] = {
        f"{name} {shares}": partial(run, shares, share)
        for name, share in (("idle", idle_share), ("computed", cluster.compute_share))
        for shares in (few, many)
    }
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as made,
        Client(made) as client,  # type: ignore[no-untyped-call]
    ):
        alternating(works, 1)
        runs = alternating(works, rounds)

    def cost(name: str) -> list[float]:
        pairs = zip(runs[f"{name} {few}"], runs[f"{name} {many}"], strict=True)
        return [(b - a) / (many - few) * 1e3 for a, b in pairs]

    sending, whole = cost("idle"), cost("computed")
    # One scheduler sends the shares of all workers one after the other; what a share costs its worker beyond its sets
    # they pay side by side. 100,000 unshared sets of a year of minutes: a hundred times what 1,000 take one core.
    work = 100 * year
    sent = statistics.median(sending) / 1e3 * cluster.SHARES * 100
    there = max(0.0, statistics.median(whole) - statistics.median(sending)) / 1e3 * cluster.SHARES
    projected = work / 100 + sent + there
    return [
        Figure.of(
            "cluster: sending a share",
            sending,
            "ms",
            note=f"LocalCluster; projected: 100 workers do 100,000 sets × a year of minutes in {projected:.1f} s where one "
            f"core takes {work:.0f} s: {work / projected:.0f} × faster",
        ),
        Figure.of("cluster: a share, sent and begun", whole, "ms", note="with what a worker does before its first set"),
    ]
