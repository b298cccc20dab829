"""Statistics of the ring that a kernel keeps its window in, oldest value first: the same bits wherever a run began."""

from __future__ import annotations

from cryptobot.strategy.kernel import State


def ring_mean(state: State, first: int, count: int, size: int) -> float:
    """Return the mean of a full ring.

    Parameters
    ----------
    state
        The kernel's state.
    first
        Where in the state the ring begins.
    count
        How many values have been put into the ring so far: the oldest stands at ``count % size``.
    size
        Length of the ring.
    """
    total = 0.0
    for age in range(size):
        total += state[first + (count + age) % size]
    return total / size


def ring_variance(state: State, first: int, count: int, size: int, freedom: int) -> float:
    """Return the variance of a full ring in two passes: Σ (x - mean)² / (size - freedom).

    The deviations would sum to 0 from the true mean; what they sum to instead corrects the rounding of the mean.

    Parameters
    ----------
    state, first, count, size
        As for `ring_mean`.
    freedom
        0 for the variance of a population, 1 for that of a sample.
    """
    mean = ring_mean(state, first, count, size)
    total = 0.0
    rest = 0.0
    for age in range(size):
        deviation = state[first + (count + age) % size] - mean
        total += deviation * deviation
        rest += deviation
    total -= rest * rest / size
    return 0.0 if total < 0.0 else total / (size - freedom)
