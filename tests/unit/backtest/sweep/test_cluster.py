"""A sweep on a cluster of this machine's processes: the same digits, also when a worker dies."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.sweep import cluster

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def bars():
    return cb.practice_bars(4_000, seed=5)


def same(a, b) -> bool:
    return a.figures.tobytes() == b.figures.tobytes() and a.block_sums.tobytes() == b.block_sums.tobytes()


def typed_class():
    """A class that no worker can import, as one typed into a cell."""

    class Typed(cb.Strategy):
        window = cb.param(14, ge=2)
        low = cb.param(30.0)

        def validate(self):
            if self.window == 9:
                raise cb.ConfigError("not nine")

        def features(self):
            return {"rsi": cb.RSI(self.window)}

        def should_buy(self, x):
            return np.where(x.rsi < self.low, True, False)

        def should_sell(self, x):
            return x.rsi > 60

    return Typed


def test_the_same_digits_as_at_home(client, bars):
    ranges = {"fast": range(3, 12), "slow": range(8, 60, 4), "volatility_threshold": [0.0, 0.0005]}
    wanted = cb.sweep(cb.MovingAverageCrossover, bars, **ranges)
    told = []
    got = cb.sweep(
        cb.MovingAverageCrossover, bars, client=client, progress=lambda *said: told.append(said[:2]), **ranges
    )
    assert same(got, wanted)
    assert got.table.equals(wanted.table)
    assert told[-1] == (len(got), len(got))
    assert len(got.skipped) == len(wanted.skipped) > 0


def test_a_class_typed_into_a_cell_travels_and_a_lost_worker_changes_nothing(client, bars):
    cls = typed_class()
    ranges = {"window": range(5, 25), "low": [35.0, 40.0, 45.0, 50.0]}
    wanted = cb.sweep(cls, bars, **ranges)
    killed = []

    def kill(done, total, left):
        if not killed:
            victim = next(iter(client.run(os.getpid).values()))
            os.kill(victim, getattr(signal, "SIGKILL", signal.SIGTERM))
            killed.append(victim)

    got = cb.sweep(cls, bars, client=client, progress=kill, **ranges)
    assert killed
    assert same(got, wanted)
    assert set(got.skipped["reason"]) == {"not nine"}


def test_symbols_are_spread_and_a_lost_worker_changes_nothing(client):
    frames = {f"COIN{number}/USDT": cb.practice_bars(1_500 + 500 * number, seed=number) for number in range(4)}
    ranges = {"fast": range(3, 12), "slow": range(8, 60, 4)}
    wanted = cb.sweep(cb.MovingAverageCrossover, frames, **ranges)
    told, killed = [], []

    def kill(done, total, left):
        told.append((done, total))
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], getattr(signal, "SIGKILL", signal.SIGTERM))

    got = cb.sweep(cb.MovingAverageCrossover, frames, client=client, progress=kill, **ranges)
    assert killed
    assert list(got) == list(frames)
    assert got.complete
    assert told[-1] == (len(wanted.table), len(wanted.table))
    assert all(same(got[symbol], wanted[symbol]) for symbol in frames)


def test_a_symbol_whose_bars_were_lost_is_sent_again(client, monkeypatch):
    frames = {"A": cb.practice_bars(1_000, seed=1), "B": cb.practice_bars(1_200, seed=2)}
    plain, rounds = cluster._answers, []

    def loses(distributed, asked, combinations, shares, places):
        rounds.append({which for which, _ in shares})
        for share, part in plain(distributed, asked, combinations, shares, places):
            yield share, None if len(rounds) == 1 and share[0] == 1 else part

    monkeypatch.setattr(cluster, "_answers", loses)
    ranges = {"fast": range(3, 12), "slow": range(20, 60, 4)}
    wanted = cb.sweep(cb.MovingAverageCrossover, frames, **ranges)
    got = cb.sweep(cb.MovingAverageCrossover, frames, client=client, **ranges)
    assert all(same(got[symbol], wanted[symbol]) for symbol in frames)
    assert rounds == [{0, 1}, {1}]


def test_an_error_on_a_worker_is_told(client, bars):
    class Broken(cb.Strategy):
        window = cb.param(14, ge=2)

        def features(self):
            return {"rsi": cb.RSI(self.window)}

        def should_buy(self, x):
            return x.rsi.tolist() if self.window == 20 else x.rsi[:] < 30

        def should_sell(self, x):
            return x.rsi > 60

    with pytest.raises(cb.StrategyError, match="should_buy returned list"):
        cb.sweep(Broken, bars, client=client, window=range(10, 30))


def test_ctrl_c_keeps_what_has_arrived(client, bars):
    def press(done, total, left):
        raise KeyboardInterrupt

    got = cb.sweep(typed_class(), bars, client=client, progress=press, window=range(5, 25), low=[30.0, 40.0, 50.0])
    assert not got.complete
    assert 0 < len(got) < 57


def test_shares_that_are_lost_are_asked_for_again(client, bars, monkeypatch):
    plain, rounds = cluster._answers, []

    def loses(distributed, asked, combinations, shares, *more):
        rounds.append(len(shares))
        for number, (share, part) in enumerate(plain(distributed, asked, combinations, shares, *more)):
            yield share, None if len(rounds) == 1 and number < 3 else part

    monkeypatch.setattr(cluster, "_answers", loses)
    ranges = {"fast": range(3, 12), "slow": range(20, 60, 4)}
    wanted = cb.sweep(cb.MovingAverageCrossover, bars, **ranges)
    assert same(cb.sweep(cb.MovingAverageCrossover, bars, client=client, **ranges), wanted)
    assert rounds[1:] == [3]


def test_shares_that_are_lost_again_and_again_are_an_error(client, bars, monkeypatch):
    def loses(distributed, asked, combinations, shares, *more):
        for share in shares:
            yield share, None

    monkeypatch.setattr(cluster, "_answers", loses)
    with pytest.raises(cb.ExchangeError, match="5 times in a row"):
        cb.sweep(cb.MovingAverageCrossover, bars, client=client, fast=[3, 4])
