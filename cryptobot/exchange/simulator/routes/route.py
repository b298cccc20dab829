"""What a request is: its name, its weight, who may ask it, its parameters and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptobot.exchange.simulator.parameters import Parameter

if TYPE_CHECKING:
    from cryptobot.exchange.simulator.world import World

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked of the exchange.

    Attributes
    ----------
    method, path
        Of the REST request.
    weight
        What it counts for; a function where that depends on the parameters (as they were sent).
    answer
        Computes the answer from the world and the parameters; anything JSON can hold.
    parameters
        All that it knows, besides those of a signature.
    signed
        Whether only the key's owner may ask it.
    orders
        How many new orders it makes.
    socket
        Its name on the WebSocket API; ``""`` where it is not there.
    """

    method: str
    path: str
    weight: int | Callable[[Mapping[str, str]], int]
    answer: Callable[[World, Values], Any]
    parameters: tuple[Parameter, ...] = ()
    signed: bool = False
    orders: int = 0
    socket: str = ""

    def weigh(self, given: Mapping[str, str]) -> int:
        """Return what a request with these parameters counts for."""
        return self.weight if isinstance(self.weight, int) else self.weight(given)
