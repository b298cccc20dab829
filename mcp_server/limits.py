"""How much of everything the server allows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from mcp_server.errors import StartError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of everything the server allows. Every value is above zero.

    Attributes
    ----------
    header_seconds
        To send the head of a request, from the first byte (or the connection) on.
    body_seconds
        To send its body.
    idle_seconds
        Between requests of a connection.
    body_bytes, mcp_body_bytes
        Largest body of a REST request, and of a protocol message.
    connections
        At once. When there are more, the oldest one that has not shown a token goes.
    strangers
        Connections that have not shown a token yet; beyond it the oldest goes once it is a second old.
    calls_per_second, call_burst
        REST requests with the same right.
    mcp_calls_per_second, mcp_call_burst
        Protocol messages with the same right.
    control_per_second, control_burst
        Requests to control routes.
    sockets
        WebSocket clients.
    socket_queue
        Messages kept for a WebSocket client that reads slowly; the oldest are dropped.
    socket_slow_seconds
        How long a client may read nothing before it is dropped.
    socket_message_bytes
        Largest message a WebSocket client may send.
    heartbeat_seconds
        Between the pings that find dead WebSocket clients.
    sessions, session_idle_seconds
        Protocol sessions of older clients, and how long one may be silent.
    backtests
        At once.
    backtest_seconds
        The longest one.
    bad_tokens, bad_token_seconds
        So many wrong tokens from an address within so many seconds lock it out …
    lockout_seconds
        … for so long.
    rows
        Candles, trades, lines of a log in one answer.
    """

    header_seconds: float = 5.0
    body_seconds: float = 10.0
    idle_seconds: float = 60.0
    body_bytes: int = 64 * 1024
    mcp_body_bytes: int = 1024 * 1024
    connections: int = 2_000
    strangers: int = 256
    calls_per_second: float = 500.0
    call_burst: int = 1_000
    mcp_calls_per_second: float = 100.0
    mcp_call_burst: int = 300
    control_per_second: float = 5.0
    control_burst: int = 10
    sockets: int = 1_000
    socket_queue: int = 256
    socket_slow_seconds: float = 10.0
    socket_message_bytes: int = 4 * 1024
    heartbeat_seconds: float = 20.0
    sessions: int = 256
    session_idle_seconds: float = 300.0
    backtests: int = 2
    backtest_seconds: float = 600.0
    bad_tokens: int = 10
    bad_token_seconds: float = 60.0
    lockout_seconds: float = 30.0
    rows: int = 500

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
                raise StartError(f"limits: {field.name}={value!r} is not allowed. Give a number above 0.")
