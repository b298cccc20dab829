"""The faults of a running simulator, for any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptobot.exchange.simulator.faults import Fault

if TYPE_CHECKING:
    from cryptobot.exchange.simulator.server import Simulator


class RemoteFaults:
    """Adds, draws and ends faults on the simulator's own thread.

    Parameters
    ----------
    simulator
        Whose.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def add(self, *faults: Fault) -> None:
        """Let these go wrong; see `Fault` and `cryptobot.exchange.simulator.faults.KINDS`."""
        self._simulator.change(lambda world: world.faults.add(*faults))

    def seeded(self, seed: int | None = None, rate: float = 0.01, kinds: tuple[str, ...] | None = None) -> None:
        """Let a part of all requests fail at random; see `Faults.seeded`."""
        self._simulator.change(lambda world: world.faults.seeded(seed, rate, kinds))

    def clear(self) -> None:
        """End all faults: those that wait, and those that last."""
        self._simulator.repair()

    @property
    def waiting(self) -> list[Fault]:
        """Those that may still happen."""
        return self._simulator.change(lambda world: world.faults.waiting)
