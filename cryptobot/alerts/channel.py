"""What a channel is: something that a message can be sent through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from cryptobot.alerts.alert import Message
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.pace import Pace


class AlertChannel(ABC):
    """Base of every alert channel: derive from it, write `send`, and register it with ``@cb.alert("name")``.

    Parameters
    ----------
    **delivery
        How it wants to be told; see `Delivery`. For example ``level="warning"``, ``quiet="22:00-07:00"``,
        ``summary="20:00"``.

    Attributes
    ----------
    name
        Registered name; the journal remembers by it how far the channel was told.
    delivery
        How it wants to be told.
    pace
        How fast; several bots may share a channel.

    Examples
    --------
    >>> class Shout(AlertChannel):
    ...     def send(self, message):
    ...         self.heard = message.level.upper()
    >>> shout = Shout(level="warning")
    """

    name: ClassVar[str] = "unnamed"

    def __init__(self, **delivery: Any) -> None:
        self.delivery = Delivery.of(**delivery)
        self.pace = Pace(self.delivery.seconds_between)

    @classmethod
    def from_env(cls, **delivery: Any) -> Self:
        """Make one from the environment or `.env`, where its secrets stand.

        Parameters
        ----------
        **delivery
            See `Delivery`.

        Raises
        ------
        ConfigError
            If something is missing there, or a value is not allowed.
        """
        return cls(**delivery)

    @abstractmethod
    def send(self, message: Message) -> int | None:
        """Send one message, and wait until it was taken.

        It is called on a thread of the channel's own, never for two messages of one bot at once. It may take long;
        nothing waits for it but this channel's next message.

        Parameters
        ----------
        message
            An `Alert`, or a `Digest` of many.

        Returns
        -------
        int or None
            A mark of the message, if later ones can be put under it; see `Alert.thread`.

        Raises
        ------
        AlertError
            If it was not taken.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}(level={self.delivery.level!r})"
