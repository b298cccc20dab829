"""The tool that computes."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Context  # noqa: TC002 - the SDK reads the annotations
from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent, ToolAnnotations
from pydantic import Field

from mcp_server.models.base import UtcTime
from mcp_server.models.research import BacktestRequest, BacktestSummary
from mcp_server.protocol.assistant import AssistantServer
from mcp_server.protocol.part import Part
from mcp_server.protocol.read_tools import Symbol, Timeframe
from mcp_server.rest.research import backtest_of

# It changes nothing but the list of kept reports.
COMPUTES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class ComputeTools(Part):
    """The tool that computes."""

    def register(self, server: AssistantServer) -> None:
        """Offer it."""
        server.add_tool(self.run_backtest, annotations=COMPUTES)

    async def run_backtest(
        self,
        context: Context[Any, Any],
        symbol: Symbol,
        strategy: Annotated[str, Field(max_length=80, description="Name: see list_strategies")],
        parameters: Annotated[
            dict[str, bool | int | float | str] | None, Field(max_length=50, description="Of the strategy")
        ] = None,
        timeframe: Timeframe = "1h",
        start: Annotated[UtcTime | None, Field(description="First candle, ISO 8601")] = None,
        end: Annotated[UtcTime | None, Field(description="After the last candle, ISO 8601")] = None,
        cash: Annotated[float, Field(gt=0, le=1e12, description="To begin with, in the quote currency")] = 10_000,
        fee: Annotated[float, Field(ge=0, lt=1, description="Fraction of each fill's value")] = 0.001,
        slippage_bps: Annotated[float, Field(ge=0, lt=10_000, description="In basis points")] = 0,
    ) -> Annotated[CallToolResult, BacktestSummary]:
        """Backtest a strategy: a summary beside simply holding, and a link to the whole report.

        Reports progress and can be cancelled. Fees and slippage are paid; a result is no promise.
        """
        request = BacktestRequest(
            symbol=symbol,
            strategy=strategy,
            parameters=parameters or {},
            timeframe=timeframe,
            start=start,
            end=end,
            cash=cash,
            fee=fee,
            slippage_bps=slippage_bps,
        )

        async def progress(done: float, text: str) -> None:
            await context.report_progress(min(1.0, max(0.0, done)), 1.0, self._service.hide(text))

        report = await backtest_of(self._service, request, progress)
        uri = f"backtest://{report.summary.id}"
        link = ResourceLink(
            type="resource_link",
            uri=uri,
            name=report.summary.id,
            description="The whole report",
            mime_type="application/json",
        )
        content: list[ContentBlock] = [TextContent(type="text", text=report.summary.model_dump_json()), link]
        return CallToolResult(content=content, structured_content=report.summary.model_dump(mode="json"))
