"""The protocol's server: the SDK's, with answers for mistaken calls and short texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError, UnexpectedResourceError, UnexpectedToolError
from mcp_types import CallToolResult, ContentBlock, InputRequiredResult, ResourceLink, TextContent
from pydantic import ValidationError

from mcp_server.errors import BackendError
from mcp_server.http.endpoint import explain, noted
from mcp_server.http.service import Service
from mcp_server.security.tokens import Right
from mcp_server.words import closest, listed

if TYPE_CHECKING:
    from mcp.server.lowlevel.helper_types import ReadResourceContents
    from pydantic import AnyUrl

LONGEST_TEXT = 60_000
"""Characters of one answer: some assistants take no more than 25,000 tokens at once."""


class AssistantServer(MCPServer[Any]):
    """The SDK's server for one backend.

    Parameters
    ----------
    service
        What answers are made of.
    without_token
        The right of requests that carry none: over stdio.
    options
        For the SDK's server.
    """

    def __init__(self, service: Service, without_token: Right, **options: Any) -> None:
        super().__init__(**options)
        self.service = service
        self.without_token = without_token

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool.

        Raises
        ------
        ToolError
            If the tool or an argument is unknown or not allowed, or the backend refuses: in words that help.
        """
        takes = {tool.name: list(tool.input_schema.get("properties", {})) for tool in await self.list_tools()}
        if name not in takes:
            raise ToolError(
                f"Tool `{name[:60]}` is unknown.{closest(name[:60], takes)} Known: {listed(sorted(takes))}."
            )
        for given in arguments:
            if given not in takes[name]:
                valid = f"It takes {listed(takes[name])}." if takes[name] else "It takes none."
                raise ToolError(
                    f"{name}: argument `{given[:60]}` is unknown.{closest(given[:60], takes[name])} {valid}"
                )
        try:
            result = await super().call_tool(name, arguments, context)
        except UnexpectedToolError as error:
            if isinstance(error.__cause__, BackendError):
                raise ToolError(self.service.hide(str(error.__cause__))) from None
            cause = error.__cause__ or error
            raise ToolError(f"The server failed. Its log has the details under {noted(cause, self.service)}.") from None
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(f"{name}: {explain(error.__cause__, takes[name])}") from None
            raise
        return _short(result) if isinstance(result, CallToolResult) else result

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource.

        Raises
        ------
        ResourceError
            If there is none, the backend refuses, or the server fails: then with a number to look for in its log.
        """
        try:
            return await super().read_resource(uri, context)
        except UnexpectedResourceError as error:
            cause = error.__cause__ or error
            number = noted(cause, self.service)
            raise ResourceError(f"The server failed. Its log has the details under {number}.") from None


def _short(result: CallToolResult) -> CallToolResult:
    """Write the text of a typed answer without the blanks that make it twice as long; bound it."""
    if result.structured_content is None or result.is_error:
        return result
    text = orjson.dumps(result.structured_content).decode("utf-8")
    if len(text) > LONGEST_TEXT:
        raise ToolError(f"The answer has {len(text):,} characters, which is too much. Ask for less: a smaller limit.")
    links = [block for block in result.content if isinstance(block, ResourceLink)]
    content: list[ContentBlock] = [TextContent(type="text", text=text), *links]
    return result.model_copy(update={"content": content})
