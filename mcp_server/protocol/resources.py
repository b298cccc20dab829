"""The resources: what assistants can attach and watch. All of it is to be had by tools, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from mcp_server.errors import BackendError, UnknownName
from mcp_server.http.service import spelled
from mcp_server.models.market import Price
from mcp_server.models.research import Strategies
from mcp_server.protocol.part import Part

if TYPE_CHECKING:
    from pydantic import BaseModel

    from mcp_server.protocol.assistant import AssistantServer

JSON = "application/json"
CANDLES = 200


class Resources(Part):
    """The resources of one backend."""

    def register(self, server: AssistantServer) -> None:
        """Offer them, with completion of their arguments."""
        server.resource("price://{symbol}", name="price", mime_type=JSON)(self.price)
        server.resource("ohlcv://{symbol}/{timeframe}", name="ohlcv", mime_type=JSON)(self.candles)
        server.resource("backtest://{id}", name="backtest", mime_type=JSON)(self.backtest)
        server.resource("bot://status", name="bot status", mime_type=JSON)(self.status)
        server.resource("docs://strategies", name="strategies", mime_type=JSON)(self.strategies)
        server.completion()(self.complete)  # type: ignore[no-untyped-call]

    async def price(self, symbol: str) -> str:
        """Read the newest price of a market, for example price://BTC-USDT. Can be watched."""
        service = self._service
        try:
            tick = await service.backend.price(await service.market(symbol))
        except BackendError as error:
            raise self._error(error) from None
        return _text(Price.model_validate(tick.fields(service.now())))

    async def candles(self, symbol: str, timeframe: str) -> str:
        """Read the newest 200 candles of a market, for example ohlcv://BTC-USDT/1h."""
        service = self._service
        try:
            name, interval = await service.market(symbol), await service.interval(timeframe)
            return _text(await service.backend.candles(name, interval, CANDLES, None))
        except BackendError as error:
            raise self._error(error) from None

    async def backtest(self, id: str) -> str:  # noqa: A002 - the name in the address
        """Read the whole report of a backtest."""
        try:
            return _text(await self._service.backend.backtest(id))
        except BackendError as error:
            raise self._error(error) from None

    async def status(self) -> str:
        """Read where the bots stand. Can be watched."""
        service = self._service
        try:
            found = [await service.status(name) for name in await service.backend.bots()]
        except BackendError as error:
            raise self._error(error) from None
        return "[" + ",".join(_text(status) for status in found) + "]"

    async def strategies(self) -> str:
        """Read all strategies with a JSON schema of their parameters."""
        return _text(Strategies(strategies=list(await self._service.backend.strategies())))

    async def complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion | None:
        """Complete a name that is being typed."""
        backend = self._service.backend
        if argument.name == "symbol":
            names = [symbol.replace("/", "-") for symbol in await backend.symbols()]
        elif argument.name == "timeframe":
            names = list(await backend.timeframes())
        elif argument.name == "strategy":
            names = [info.name for info in await backend.strategies()]
        else:
            return None
        typed = argument.value.lower().replace("/", "-")
        found = [name for name in names if name.lower().startswith(typed)]
        return Completion(values=found[:100], total=len(found), has_more=len(found) > 100)

    def _error(self, error: BackendError) -> ResourceError:
        text = self._service.hide(str(error))
        # By its status: over stdio it is another server that did not find it.
        return ResourceNotFoundError(text) if error.status == UnknownName.status else ResourceError(text)


def address_of(symbol: str) -> str:
    """Return the address of a market's price.

    Examples
    --------
    >>> address_of("BTC/USDT")
    'price://BTC-USDT'
    """
    return f"price://{spelled(symbol).replace('/', '-')}"


def _text(answer: BaseModel) -> str:
    return answer.model_dump_json()
