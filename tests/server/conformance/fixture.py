"""The server that the official conformance suite asks for, hosted by the product's own bridge: it tests the transport.

`python fixture.py` prints the address to test. The names and answers of its tools, resources and prompts are those that the
suite's scenarios call for; it has no other purpose.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import sys
import warnings
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as t
from aiohttp import web
from mcp.server import Server, ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError

from mcp_server.protocol.bridge import Bridge

Context = ServerRequestContext[Any, Any]
Answer = t.CallToolResult | t.InputRequiredResult
Tool = Callable[[Context, t.CallToolRequestParams], Awaitable[Answer]]
MISSING_CAPABILITY = -32021
TOOLS: dict[str, tuple[Tool, dict[str, Any]]] = {}
BUS = InMemorySubscriptionBus()


def png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    pixel = zlib.compress(b"\x00\xff\x00\x00")
    head = struct.pack("!IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    return base64.b64encode(made).decode()


def wav() -> str:
    """One silent sample."""
    body = (
        b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8_000, 8_000, 1, 8) + b"data" + struct.pack("<I", 1) + b"\x80"
    )
    return base64.b64encode(b"RIFF" + struct.pack("<I", len(body)) + body).decode()


def text(words: str) -> t.TextContent:
    return t.TextContent(type="text", text=words)


def image() -> t.ImageContent:
    return t.ImageContent(type="image", data=png(), mime_type="image/png")


def embedded(uri: str, words: str, kind: str = "text/plain") -> t.EmbeddedResource:
    return t.EmbeddedResource(type="resource", resource=t.TextResourceContents(uri=uri, text=words, mime_type=kind))


def says(*content: t.ContentBlock) -> t.CallToolResult:
    return t.CallToolResult(content=list(content))


def tool(name: str, schema: dict[str, Any] | None = None) -> Callable[[Tool], Tool]:
    def add(function: Tool) -> Tool:
        TOOLS[name] = (function, schema or {"type": "object", "properties": {}})
        return function

    return add


def constant(name: str, *content: t.ContentBlock, error: bool = False) -> None:
    async def answer(_context: Context, _given: t.CallToolRequestParams) -> Answer:
        return t.CallToolResult(content=list(content), is_error=error)

    tool(name)(answer)


constant("test_simple_text", text("This is a simple text response for testing."))
constant("test_image_content", image())
constant("test_audio_content", t.AudioContent(type="audio", data=wav(), mime_type="audio/wav"))
constant("test_embedded_resource", embedded("test://embedded-resource", "This is an embedded resource content."))
constant(
    "test_multiple_content_types",
    text("Multiple content types test:"),
    image(),
    embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
)
constant("test_error_handling", text("This tool intentionally returns an error for testing"), error=True)


async def _log(context: Context, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        await context.session.send_log_message("info", words, related_request_id=context.request_id)


@tool("test_tool_with_logging")
@tool("test_logging_tool")
async def logs(context: Context, _given: t.CallToolRequestParams) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await _log(context, words)
        await asyncio.sleep(0.05)
    return says(text("logged"))


@tool("test_tool_with_progress")
@tool("test_streaming_elicitation")
async def progresses(context: Context, _given: t.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return says(text("done"))


PROMPT = {"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}


@tool("test_sampling", PROMPT)
async def samples(context: Context, given: t.CallToolRequestParams) -> Answer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = await context.session.create_message(
            [t.SamplingMessage(role="user", content=text((given.arguments or {})["prompt"]))],
            max_tokens=100,
            related_request_id=context.request_id,
        )
    return says(text(f"LLM response: {found.content.text if isinstance(found.content, t.TextContent) else ''}"))


async def _elicit(context: Context, message: str, properties: dict[str, Any], required: list[str]) -> t.ElicitResult:
    schema = {"type": "object", "properties": properties, "required": required}
    return await context.session.elicit_form(message, schema, related_request_id=context.request_id)


MESSAGE = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}


@tool("test_elicitation", MESSAGE)
async def elicits(context: Context, given: t.CallToolRequestParams) -> Answer:
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    found = await _elicit(context, (given.arguments or {})["message"], fields, ["username", "email"])
    return says(text(f"User response: action={found.action}, content={json.dumps(found.content)}"))


@tool("test_elicitation_sep1034_defaults")
async def elicits_defaults(context: Context, _given: t.CallToolRequestParams) -> Answer:
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    found = await _elicit(context, "Please look at the defaults", fields, [])
    return says(text(f"Elicitation completed: action={found.action}, content={json.dumps(found.content)}"))


@tool("test_elicitation_sep1330_enums")
async def elicits_enums(context: Context, _given: t.CallToolRequestParams) -> Answer:
    plain = ["option1", "option2", "option3"]
    first = [
        {"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)
    ]
    many = [{"const": f"value{n}", "title": f"{word} Choice"} for n, word in enumerate(("First", "Second", "Third"), 1)]
    fields = {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": first},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": many}},
    }
    found = await _elicit(context, "Please choose", fields, [])
    return says(text(f"Elicitation completed: action={found.action}, content={json.dumps(found.content)}"))


@tool("test_reconnection")
async def reconnects(context: Context, _given: t.CallToolRequestParams) -> Answer:
    if context.close_sse_stream is not None:
        await context.close_sse_stream()
    await asyncio.sleep(0.1)
    return says(text("Reconnected"))


@tool("test_missing_capability")
async def needs_sampling(context: Context, _given: t.CallToolRequestParams) -> Answer:
    able = context.session.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(MISSING_CAPABILITY, "sampling is needed", {"requiredCapabilities": {"sampling": {}}})
    return says(text("sampling is there"))


@tool("test_trigger_tool_change")
async def changes_tools(_context: Context, _given: t.CallToolRequestParams) -> Answer:
    await BUS.publish(ToolsListChanged())
    return says(text("told"))


@tool("test_trigger_prompt_change")
async def changes_prompts(_context: Context, _given: t.CallToolRequestParams) -> Answer:
    await BUS.publish(PromptsListChanged())
    return says(text("told"))


REGION = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "required": ["region"],
}


@tool("test_headers", REGION)
async def mirrors(_context: Context, given: t.CallToolRequestParams) -> Answer:
    return says(text(str((given.arguments or {}).get("region"))))


SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


@tool("json_schema_2020_12_tool", SCHEMA_2020_12)
async def keeps_schema(_context: Context, _given: t.CallToolRequestParams) -> Answer:
    return says(text("ok"))


# -- asking by way of the result (2026-07-28) -------------------------------------------------------------------------


def question(message: str, field: str, kind: str = "string") -> t.ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return t.ElicitRequest(params=t.ElicitRequestFormParams(message=message, requested_schema=schema))


def sampling(words: str, most: int) -> t.CreateMessageRequest:
    message = t.SamplingMessage(role="user", content=text(words))
    return t.CreateMessageRequest(params=t.CreateMessageRequestParams(messages=[message], max_tokens=most))


def asks(requests: dict[str, Any], state: str | None = None) -> t.InputRequiredResult:
    return t.InputRequiredResult(input_requests=requests, request_state=state)


def said(given: Any, key: str, field: str) -> Any:
    """What the person answered; None if nothing fitting."""
    answer = (given.input_responses or {}).get(key)
    content = getattr(answer, "content", None)
    return content.get(field) if isinstance(content, dict) else None


@tool("test_input_required_result_elicitation")
async def asks_name(_context: Context, given: t.CallToolRequestParams) -> Answer:
    name = said(given, "user_name", "name")
    if name is None:
        return asks({"user_name": question("What is your name?", "name")})
    return says(text(f"Hello, {name}!"))


@tool("test_input_required_result_sampling")
async def asks_model(_context: Context, given: t.CallToolRequestParams) -> Answer:
    answer = (given.input_responses or {}).get("capital_question")
    if answer is None:
        return asks({"capital_question": sampling("What is the capital of France?", 100)})
    return says(text(str(getattr(getattr(answer, "content", None), "text", answer))))


@tool("test_input_required_result_list_roots")
async def asks_roots(_context: Context, given: t.CallToolRequestParams) -> Answer:
    answer = (given.input_responses or {}).get("client_roots")
    if answer is None:
        return asks({"client_roots": t.ListRootsRequest()})
    return says(text(", ".join(str(root.uri) for root in getattr(answer, "roots", []))))


@tool("test_input_required_result_request_state")
@tool("test_input_required_result_tampered_state")
async def asks_with_state(_context: Context, given: t.CallToolRequestParams) -> Answer:
    if given.request_state != "kept" or not given.input_responses:
        return asks({"confirm": question("Please confirm", "ok", "boolean")}, "kept")
    return says(text("state-ok"))


@tool("test_input_required_result_multiple_inputs")
async def asks_much(_context: Context, given: t.CallToolRequestParams) -> Answer:
    wanted = {
        "user_name": question("What is your name?", "name"),
        "greeting": sampling("Generate a greeting", 50),
        "client_roots": t.ListRootsRequest(),
    }
    if given.request_state != "much" or not wanted.keys() <= (given.input_responses or {}).keys():
        return asks(wanted, "much")
    return says(text(f"Hello, {said(given, 'user_name', 'name')}"))


@tool("test_input_required_result_multi_round")
async def asks_twice(_context: Context, given: t.CallToolRequestParams) -> Answer:
    state = json.loads(given.request_state or "{}")
    name = state.get("name") or said(given, "step1", "name")
    if name is None:
        return asks({"step1": question("Step 1: What is your name?", "name")}, json.dumps({"round": 1}))
    color = said(given, "step2", "color")
    if color is None:
        return asks({"step2": question("Step 2: What is your favorite color?", "color")}, json.dumps({"name": name}))
    return says(text(f"{name} likes {color}"))


@tool("test_input_required_result_capabilities")
async def asks_what_it_may(context: Context, given: t.CallToolRequestParams) -> Answer:
    able = context.session.client_capabilities or t.ClientCapabilities()
    wanted: dict[str, Any] = {}
    if able.elicitation is not None:
        wanted["user_name"] = question("What is your name?", "name")
    if able.sampling is not None:
        wanted["greeting"] = sampling("Generate a greeting", 50)
    if not wanted or wanted.keys() <= (given.input_responses or {}).keys():
        return says(text("done"))
    return asks(wanted)


# -- resources and prompts --------------------------------------------------------------------------------------------


async def list_resources(_context: Context, _given: Any) -> t.ListResourcesResult:
    known = [("static-text", "text/plain"), ("static-binary", "image/png"), ("watched-resource", "text/plain")]
    return t.ListResourcesResult(
        resources=[t.Resource(uri=f"test://{name}", name=name, mime_type=kind) for name, kind in known]
    )


async def list_templates(_context: Context, _given: Any) -> t.ListResourceTemplatesResult:
    template = t.ResourceTemplate(uri_template="test://template/{id}/data", name="data", mime_type="application/json")
    return t.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(_context: Context, given: t.ReadResourceRequestParams) -> t.ReadResourceResult:
    uri = str(given.uri)
    contents: t.TextResourceContents | t.BlobResourceContents
    if uri == "test://static-binary":
        contents = t.BlobResourceContents(uri=uri, blob=png(), mime_type="image/png")
    elif uri == "test://static-text":
        words = "This is the content of the static text resource."
        contents = t.TextResourceContents(uri=uri, text=words, mime_type="text/plain")
    elif uri == "test://watched-resource":
        contents = t.TextResourceContents(uri=uri, text="watched", mime_type="text/plain")
    elif uri.startswith("test://template/") and uri.endswith("/data"):
        number = uri.removeprefix("test://template/").removesuffix("/data")
        data = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        contents = t.TextResourceContents(uri=uri, text=data, mime_type="application/json")
    else:
        raise MCPError(t.INVALID_PARAMS, "Resource not found", {"uri": uri})
    return t.ReadResourceResult(contents=[contents])


async def nothing(_context: Context, _given: Any) -> t.EmptyResult:
    return t.EmptyResult()


async def complete(_context: Context, _given: t.CompleteRequestParams) -> t.CompleteResult:
    return t.CompleteResult(completion=t.Completion(values=["paris", "park", "party"], total=3, has_more=False))


async def list_prompts(_context: Context, _given: Any) -> t.ListPromptsResult:
    takes = {
        "test_simple_prompt": [],
        "test_prompt_with_arguments": ["arg1", "arg2"],
        "test_prompt_with_embedded_resource": ["resourceUri"],
        "test_prompt_with_image": [],
        "test_input_required_result_prompt": [],
    }
    return t.ListPromptsResult(
        prompts=[
            t.Prompt(
                name=name,
                description=name,
                arguments=[t.PromptArgument(name=argument, description=argument, required=True) for argument in names],
            )
            for name, names in takes.items()
        ]
    )


async def get_prompt(_context: Context, given: t.GetPromptRequestParams) -> t.GetPromptResult | t.InputRequiredResult:
    with_ = given.arguments or {}
    content: list[t.ContentBlock]
    if given.name == "test_simple_prompt":
        content = [text("This is a simple prompt for testing.")]
    elif given.name == "test_prompt_with_arguments":
        content = [text(f"Prompt with arguments: arg1='{with_.get('arg1')}', arg2='{with_.get('arg2')}'")]
    elif given.name == "test_prompt_with_embedded_resource":
        resource = embedded(with_.get("resourceUri", ""), "Embedded resource content for testing.")
        content = [resource, text("Please process the embedded resource above.")]
    elif given.name == "test_prompt_with_image":
        content = [image(), text("Please analyze the image above.")]
    elif given.name == "test_input_required_result_prompt":
        context = said(given, "user_context", "context")
        if context is None:
            return asks({"user_context": question("What context should the prompt use?", "context")})
        content = [text(f"Use this context: {context}")]
    else:
        raise MCPError(t.INVALID_PARAMS, f"Unknown prompt: {given.name}")
    return t.GetPromptResult(messages=[t.PromptMessage(role="user", content=block) for block in content])


# -- the server -------------------------------------------------------------------------------------------------------


async def list_tools(_context: Context, _given: Any) -> t.ListToolsResult:
    return t.ListToolsResult(
        tools=[t.Tool(name=name, description=name, input_schema=schema) for name, (_, schema) in TOOLS.items()]
    )


async def call_tool(context: Context, given: t.CallToolRequestParams) -> Answer:
    if given.name not in TOOLS:
        raise MCPError(t.INVALID_PARAMS, f"Unknown tool: {given.name}")
    return await TOOLS[given.name][0](context, given)


class Events(EventStore):
    """Keeps events so that a client may come back for them."""

    def __init__(self) -> None:
        self._events: list[tuple[str, t.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: t.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        if not last_event_id.isdigit() or not 0 < int(last_event_id) <= len(self._events):
            return None
        stream = self._events[int(last_event_id) - 1][0]
        for number, (of, message) in enumerate(self._events, 1):
            if of == stream and number > int(last_event_id) and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def make() -> Server[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server: Server[Any] = Server(
            name="conformance-fixture",
            version="1",
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            on_list_resources=list_resources,
            on_list_resource_templates=list_templates,
            on_read_resource=read_resource,
            on_subscribe_resource=nothing,
            on_unsubscribe_resource=nothing,
            on_list_prompts=list_prompts,
            on_get_prompt=get_prompt,
            on_completion=complete,
            on_set_logging_level=nothing,
            on_subscriptions_listen=ListenHandler(BUS),
        )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="fixture"))
    return server


async def main() -> None:
    """Serve until the process is ended."""
    server = make()

    async def load() -> Any:
        return server.streamable_http_app(event_store=Events(), retry_interval=500), server.session_manager.run

    bridge = Bridge(load)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await bridge.handle(request, await request.read(), {}, None)

    app = web.Application(client_max_size=4 * 2**20)
    app.router.add_route("*", "/mcp", handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await bridge.start()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"http://localhost:{runner.addresses[0][1]}/mcp\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
