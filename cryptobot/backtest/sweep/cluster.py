"""Spreading a sweep over other machines with Dask (extra ``cluster``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.compute import Outcome, compute
from cryptobot.backtest.sweep.features import Featured, features_of
from cryptobot.backtest.sweep.foresight import refuse_foresight
from cryptobot.backtest.sweep.place import Place
from cryptobot.backtest.sweep.reading import read_conditions
from cryptobot.backtest.sweep.threads import Stop
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, ExchangeError

if TYPE_CHECKING:
    from types import ModuleType

Part = tuple[NDArray[np.float64], NDArray[np.float64]]
# The number of a place, and parameter sets to try there.
Share = tuple[int, NDArray[np.intp]]
SHARES = 8  # of the parameter sets, for each of the cluster's threads
_LEAST: Final = 8  # parameter sets in a share: sending one costs about a millisecond
_ROUNDS: Final = 5


def compute_on_cluster(
    client: Any,
    combinations: Combinations,
    featured: Featured,
    places: Sequence[Place],
    *,
    told: Callable[[int], None],
    stop: Stop,
) -> list[Outcome]:
    """Compute parameter sets on the workers of a cluster, at every place.

    Every worker gets the bars once; those of several places only go where they are needed. What a lost worker had is
    given to another; when even the bars are lost with it, they are sent again.

    Parameters
    ----------
    client
        A ``dask.distributed.Client``.
    combinations, featured, told, stop
        As for `compute`.
    places
        Bars and terms, one symbol each.

    Raises
    ------
    ConfigError
        If the client is none, or has no workers.
    ExchangeError
        If shares of the work are lost again and again.
    """
    distributed = _distributed(client)
    kept = featured.kept
    row = int(kept[0])
    read = read_conditions(combinations, np.array([row]), list(combinations.strategy(**combinations.row(row)).nodes))
    for place in places:
        refuse_foresight(combinations, row, place.bars, readable=read is not None)
    outcomes = [Outcome.empty(len(combinations), place.setting.edges.size - 1) for place in places]
    threads = sum(client.nthreads().values())
    if threads == 0:
        raise ConfigError("client: the cluster has no workers. Start some, for example cluster.scale(4).")
    size = max(_LEAST, -(-kept.size * len(places) // (threads * SHARES)))
    waiting = [(which, kept[at : at + size]) for which in range(len(places)) for at in range(0, kept.size, size)]
    try:
        for _ in range(_ROUNDS):
            lost = []
            for share, part in _answers(distributed, client, combinations, waiting, places):
                if part is None:
                    lost.append(share)
                    continue
                outcome, rows = outcomes[share[0]], share[1]
                outcome.raw[rows], outcome.blocks[rows] = part
                outcome.done[rows] = True
                told(rows.size)
            waiting = lost
            if not waiting:
                return outcomes
    except KeyboardInterrupt:
        stop.set()
        return outcomes
    raise ExchangeError(
        f"sweep: the cluster lost {len(waiting)} shares of the work {_ROUNDS} times in a row. Look at the workers' logs: "
        "mostly they run out of memory."
    )


def _distributed(client: Any) -> ModuleType:
    try:
        import distributed
    except ImportError as error:
        raise ConfigError(
            f"client: Dask cannot be imported here ({error}). Install the cluster extra: "
            'pip install ".[cluster]" in the checkout.'
        ) from error
    if not isinstance(client, distributed.Client):
        raise ConfigError(
            f"client: {type(client).__name__} is not a dask.distributed.Client. Make one: "
            "dask.distributed.Client('tcp://scheduler:8786'), or Client() for this machine."
        )
    module: ModuleType = distributed
    return module


def _answers(
    distributed: Any,
    client: Any,
    combinations: Combinations,
    shares: list[Share],
    places: Sequence[Place],
) -> Iterator[tuple[Share, Part | None]]:
    """Yield each share with its results as they arrive; None for one that was lost."""
    needed = sorted({which for which, _ in shares})
    packed = [_packed(places[which]) for which in needed]
    sent = dict(zip(needed, client.scatter(packed, broadcast=len(places) == 1, hash=False), strict=True))
    # In one go: the scheduler takes a list of tasks far faster than its tasks one by one.
    parts = [combinations.take(rows) for _, rows in shares]
    there = [sent[which] for which, _ in shares]
    asked = client.map(compute_share, parts, there, pure=False, retries=2, batch_size=1_000)
    futures = dict(zip(asked, shares, strict=True))
    try:
        for future in distributed.as_completed(futures):
            share = futures[future]
            try:
                yield share, future.result()
            except (CancelledError, distributed.KilledWorker, distributed.comm.CommClosedError):
                yield share, None
    finally:
        client.cancel([future for future in futures if not future.done()])


def _packed(place: Place) -> Any:
    bars = place.bars
    columns = {name: np.array(getattr(bars, name)) for name in ("time", *COLUMNS)}
    return columns, bars.timeframe, bars.grid, place.setting


def compute_share(combinations: Combinations, sent: Any) -> Part:
    """Compute some parameter sets, on a worker.

    Parameters
    ----------
    combinations
        All of them keep the strategy's constraints.
    sent
        The bars' columns by name, their timeframe and their grid, and the sweep's setting.
    """
    columns, timeframe, grid, setting = sent
    for column in columns.values():
        column.flags.writeable = False
    bars = BarColumns(**columns, timeframe=timeframe, grid=grid)
    outcome = compute(
        combinations,
        features_of(combinations),
        bars,
        setting,
        workers=1,
        told=lambda _: None,
        stop=Stop(),
        trusted=True,  # looked at before anything was sent
    )
    return outcome.raw, outcome.blocks
