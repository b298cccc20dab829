"""What tools and resources share: they answer from one service, and are offered by one server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from mcp_server.http.service import Service

if TYPE_CHECKING:
    from mcp_server.protocol.assistant import AssistantServer


class Part(ABC):
    """One kind of what is offered to assistants.

    Parameters
    ----------
    service
        What answers are made of.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    @abstractmethod
    def register(self, server: AssistantServer) -> None:
        """Offer it."""
