"""Every route × every attack, made from the table of routes: a new route is attacked without a word here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mcp_server.errors import BackendError
from mcp_server.http.service import Service
from mcp_server.http.site import Site
from mcp_server.limits import Limits
from mcp_server.memory import MemoryBackend
from mcp_server.protocol.bridge import Bridge
from mcp_server.rest.table import ROUTES
from mcp_server.security.policy import Policy
from mcp_server.security.tokens import Right
from mcp_server.server import PriceServer

EVIL = "http://evil.example"
SECRETS = ("/etc/passwd", "Traceback", 'File "', '.py"', "site-packages")


class Watched(MemoryBackend):
    """Counts what was done to bots."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.done: list[str] = []

    async def start_bot(self, bot: str | None) -> Any:
        self.done.append("start")
        return await super().start_bot(bot)

    async def stop_bot(self, bot: str | None) -> Any:
        self.done.append("stop")
        return await super().stop_bot(bot)

    async def set_strategy(self, bot: str | None, strategy: str, parameters: dict[str, Any]) -> Any:
        self.done.append("set")
        return await super().set_strategy(bot, strategy, parameters)

    async def stop_all(self) -> Any:
        self.done.append("stop all")
        return await super().stop_all()

    async def note_frontend_error(self, bot: str | None, text: str) -> None:
        self.done.append("note")
        await super().note_frontend_error(bot, text)

    async def run_backtest(self, request: Any, progress: Any) -> Any:
        self.done.append("backtest")
        raise BackendError("none here")


async def _load() -> Any:
    raise AssertionError("not loaded here")


def table() -> list[tuple[str, str, Policy]]:
    service = Service(MemoryBackend(), Limits(), True, str, lambda: None)
    return [(method, path, policy) for method, path, policy, _ in Site(service, ROUTES, Bridge(_load), "0").table]


TABLE = table()


@pytest.fixture
def watched(backend: MemoryBackend) -> Watched:
    made = Watched()
    for name in ("_ticks", "_bars", "_bots", "_strategies", "_reports", "_indicators"):
        setattr(made, name, getattr(backend, name))
    return made


def target(path: str) -> str:
    return path.replace("{symbol}", "BTC-USDT").replace("{id}", "kept1")


class Attack:
    """One way to come in, and what must be said to it (None: whatever the policy says about right requests)."""

    def __init__(
        self, name: str, expected: Callable[[Policy, str], int | tuple[int, ...] | None], **request: Any
    ) -> None:
        self.name = name
        self.expected = expected
        self.request = request


def closed(status: int) -> Callable[[Policy, str], int | None]:
    """Refused where a token is needed; an open route needs none."""
    return lambda policy, _: status if policy.right is not Right.NONE else None


def always(*statuses: int) -> Callable[[Policy, str], Any]:
    return lambda _policy, _path: statuses


def posted(*statuses: int) -> Callable[[Policy, str], Any]:
    """For routes with a body; the others take none."""
    return lambda policy, _: statuses if policy.takes_json else (400,)


def controls(status: int) -> Callable[[Policy, str], Any]:
    return lambda policy, _: status if policy.right is Right.CONTROL else None


ATTACKS = [
    Attack("no token", closed(401), token=None),
    Attack("bad token", closed(401), token="x" * 43),
    Attack("empty token", closed(401), headers={"Authorization": "Bearer "}),
    Attack("right token, other scheme", closed(401), scheme="Basic"),
    Attack("right token with a tail", closed(401), tail="x"),
    Attack("bytes that are no text as a token", closed(401), headers={"Authorization": "Bearer \xff\xfe\x80"}),
    Attack("read token", controls(403), token="read"),
    Attack("token in the address", closed(401), token=None, query="token={read}&access_token={read}"),
    Attack("token in a cookie", closed(401), token=None, headers={"Cookie": "token={read}"}),
    Attack("evil host", always(421), headers={"Host": "evil.example"}),
    Attack("rebound host", always(421), headers={"Host": "evil.example:{port}"}),
    Attack("our host without the port", always(421), headers={"Host": "127.0.0.1"}),
    Attack("our host, other port", always(421), headers={"Host": "127.0.0.1:1"}),
    Attack("our host as a prefix", always(421), headers={"Host": "127.0.0.1:{port}.evil.example"}),
    Attack("no host", always(400, 421), headers={"Host": None}),
    Attack("evil origin", always(403), headers={"Origin": EVIL}),
    Attack("null origin", always(403), headers={"Origin": "null"}),
    Attack("rebound origin", always(403), headers={"Origin": "http://127.0.0.1:{port}.evil.example"}),
    Attack("origin of another port", always(403), headers={"Origin": "http://127.0.0.1:1"}),
    Attack("origin of another scheme", always(403), headers={"Origin": "https://127.0.0.1:{port}"}),
    Attack("empty origin", always(403), headers={"Origin": ""}),
    Attack(
        "cross-site form",
        always(403),
        content=b"bot=demo",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": EVIL},
    ),
    Attack(
        "form without an origin",
        posted(415),
        content=b"bot=demo",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Attack("text that holds JSON", posted(415), content=b"{}", headers={"Content-Type": "text/plain"}),
    Attack("no type at all", posted(415), content=b"{}", headers={"Content-Type": None}),
    Attack("compressed body", posted(415), content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    Attack("oversized body", posted(413), content=b'{"bot": "' + b"x" * 2_000_000 + b'"}'),
    Attack("a small body said to be huge", posted(413), content=b"{}", headers={"Content-Length": "99999999999"}),
    Attack("broken JSON", posted(400), content=b'{"bot": '),
    Attack("a list for an object", posted(400), content=b"[1, 2]"),
    Attack("deep nesting", posted(400), content=b'{"bot":' + b"[" * 20_000),
    Attack("bytes that are no text", posted(400), content=b"\xff\xfe{}"),
    Attack("preflight of an evil page", always(403), method="OPTIONS", headers={"Origin": EVIL}),
    Attack("preflight of nobody", always(405), method="OPTIONS"),
    Attack("PUT", always(405), method="PUT"),
    Attack("PATCH", always(405), method="PATCH"),
    Attack("HEAD", always(405), method="HEAD"),
    Attack("TRACE", always(405), method="TRACE"),
    Attack("a method of one's own", always(405, 400), method="STEAL"),
]


def test_there_are_at_least_a_dozen_attacks() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 12


@pytest.mark.parametrize(("method", "path", "policy"), TABLE, ids=lambda v: v if isinstance(v, str) else "")
def test_every_attack_on_this_route_is_refused(
    method: str,
    path: str,
    policy: Policy,
    make_server: Callable[..., PriceServer],
    watched: Watched,
    wide: Any,
    ask: Any,
) -> None:
    server = make_server(watched, allow_control=True, limits=wide())
    launched = 0
    for attack in ATTACKS:
        expected = attack.expected(policy, path)
        if expected is None:
            continue  # on this route it is no attack: an open route needs no token, the read token reads
        reply = launch(server, ask, method, path, policy, attack.request)
        wanted = expected if isinstance(expected, tuple) else (expected,)
        assert reply.status in wanted, f"{attack.name}: {reply.status} {reply.body[:200]!r}"
        assert not any(word.encode() in reply.body for word in SECRETS), attack.name
        assert server.token.encode() not in reply.body, attack.name
        assert "access-control-allow-origin" not in reply.headers, attack.name
        assert "set-cookie" not in reply.headers, attack.name
        assert watched.done == [], f"{attack.name} did something"
        launched += 1
    assert launched >= 12
    assert server.running
    assert ask(server, "GET", "/price/BTC-USDT").status == 200
    assert asyncio.run(watched.bot_status(None)).state == "stopped"


def launch(server: PriceServer, ask: Any, method: str, path: str, policy: Policy, request: dict[str, Any]) -> Any:
    """Make a request that is right in everything but the attack."""
    known = {"port": server.port, "read": server.token}
    right = server.control_token if policy.right is Right.CONTROL else server.token
    token = request.get("token", right)
    headers: dict[str, str | None] = {"Accept": "application/json, text/event-stream"}
    if path == "/ws":
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    if "scheme" in request:
        headers["Authorization"] = f"{request['scheme']} {right}"
    if "tail" in request:
        headers["Authorization"] = f"Bearer {right}{request['tail']}"
    for name, value in request.get("headers", {}).items():
        headers[name] = value.format(**known) if isinstance(value, str) else value
    query = "?" + request["query"].format(**known) if "query" in request else ""
    content = request.get("content")
    if content is None and policy.takes_json and "method" not in request:
        content = b"{}"
    return ask(server, request.get("method", method), target(path) + query, content, token=token, headers=headers)


@pytest.mark.parametrize(("method", "path", "policy"), TABLE, ids=lambda v: v if isinstance(v, str) else "")
def test_the_right_request_comes_through(
    method: str, path: str, policy: Policy, make_server: Any, backend: MemoryBackend, wide: Any, ask: Any
) -> None:
    """The attacks above differ from this one in one thing each: or they would prove nothing."""
    server = make_server(allow_control=True, limits=wide())
    contents = {
        "/backtests": {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m"},
        "/frontend-error": {"message": "x is undefined"},
        "/set-strategy": {"strategy": "slow"},
        "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
    }
    queries = {"/indicators/{symbol}": "?names=sma", "/backtests": "?ids=kept1,kept2" if method == "GET" else ""}
    content = contents.get(path, {}) if policy.takes_json else None
    if path == "/ws" or (path == "/mcp" and method != "POST"):
        # These do not end by themselves, or need a session: what matters is that the guard lets them through.
        reply = launch(server, ask, method, path, policy, {"headers": {"Connection": None, "Upgrade": None}})
        assert reply.status in (426, 400), reply.body
        return
    token = "control" if policy.right is Right.CONTROL else "read"
    headers = {"Accept": "application/json, text/event-stream"}
    reply = ask(server, method, target(path) + queries.get(path, ""), content, token=token, headers=headers)
    assert reply.status == 200, reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"].startswith("no-")
    assert "python" not in reply.headers["server"].lower()


def raw(server: PriceServer, method: str, path: str, policy: Policy, body: bytes = b"") -> bytes:
    """A right request, as bytes."""
    token = server.control_token if policy.right is Right.CONTROL else server.token
    head = (
        f"{method} {target(path)} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/json, text/event-stream\r\n"
    )
    if policy.takes_json:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body if policy.takes_json else b"")


def answer_to(port: int, content: bytes) -> bytes:
    """Send some bytes, and return what comes until the other side hangs up."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(content)
        try:
            while part := connection.recv(65_536):
                found += part
        except ConnectionResetError:
            pass  # a way of hanging up
    return found


def test_slow_heads_and_slow_bodies_are_cut_off_on_every_route(
    make_server: Any, watched: Watched, wide: Any, ask: Any
) -> None:
    server = make_server(watched, allow_control=True, limits=wide(header_seconds=0.5, body_seconds=0.5))
    whole = {(method, path): raw(server, method, path, policy, b"{" + b" " * 98) for method, path, policy in TABLE}
    with ThreadPoolExecutor(2 * len(TABLE)) as threads:
        heads = {name: threads.submit(answer_to, server.port, content[:60]) for name, content in whole.items()}
        bodies = {
            (method, path): threads.submit(answer_to, server.port, whole[method, path][:-1])
            for method, path, policy in TABLE
            if policy.takes_json
        }
    for name, head in heads.items():
        assert head.result() == b"", name
    for name, body in bodies.items():
        assert body.result().split()[1] == b"408", name
    assert len(heads) == len(TABLE)
    assert len(bodies) == sum(method == "POST" for method, _, _ in TABLE)
    assert watched.done == []
    assert server.refused["slow"] >= len(TABLE)
    assert ask(server, "GET", "/price/BTC-USDT").status == 200


def test_what_was_overheard_opens_nothing_after_a_stop(make_server: Any, watched: Watched, wide: Any) -> None:
    port = make_server(watched).stop().port
    server = make_server(watched, allow_control=True, limits=wide(), port=port)
    close = b"Connection: close\r\n"
    overheard = {
        (method, path): raw(server, method, path, policy, b"{}").replace(b"Accept:", close + b"Accept:")
        for method, path, policy in TABLE
    }
    server.stop()
    for content in overheard.values():
        with pytest.raises(ConnectionRefusedError):
            answer_to(port, content)
    server.start()
    for (_, path), content in overheard.items():
        assert answer_to(port, content).split()[1] == (b"200" if path == "/health" else b"401"), path
    assert watched.done == []
    assert server.running


INITIALIZE = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


def test_every_route_has_a_policy_and_no_get_does_anything() -> None:
    assert len({(method, path) for method, path, _ in TABLE}) == len(TABLE)
    for method, path, policy in TABLE:
        assert isinstance(policy, Policy)
        assert policy.takes_json == (method == "POST"), (method, path)
        assert (policy.right is Right.NONE) == (path == "/health"), (method, path)
        does = path in ("/stop-bot", "/shutdown", "/set-strategy") or (method, path) == ("POST", "/bot-control")
        assert (policy.right is Right.CONTROL) == does, (method, path)


def test_an_unlisted_handler_is_closed(make_server: Any, ask: Any) -> None:
    """A path that does not exist tells nothing to whoever has no token."""
    server = make_server()
    assert ask(server, "GET", "/nothing/here", token=None).status == 401
    assert ask(server, "GET", "/nothing/here").status == 404
    assert ask(server, "GET", "/price/..%2f..%2fetc%2fpasswd").status == 404


def test_listed_pages_may_ask_and_only_they(make_server: Any, ask: Any) -> None:
    lab = "http://localhost:8888"
    server = make_server(origins=[lab])
    reply = ask(server, "GET", "/prices", headers={"Origin": lab})
    assert (reply.status, reply.headers["access-control-allow-origin"], reply.headers["vary"]) == (200, lab, "Origin")
    own = ask(server, "GET", "/prices", headers={"Origin": server.url})
    assert own.status == 200
    assert "access-control-allow-origin" not in own.headers
    preflight = ask(server, "OPTIONS", "/prices", token=None, headers={"Origin": lab})
    assert preflight.status == 204
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert ask(server, "GET", "/prices", token=None, headers={"Origin": lab}).status == 401
    assert ask(server, "GET", "/prices", headers={"Origin": lab + "/"}).status == 403


def test_names_behind_a_proxy(make_server: Any, ask: Any) -> None:
    server = make_server(hosts=["bot.example.org"])
    assert ask(server, "GET", "/prices", headers={"Host": "bot.example.org"}).status == 200
    assert ask(server, "GET", "/prices", headers={"Host": "BOT.example.org"}).status == 200
    assert ask(server, "GET", "/prices", headers={"Host": "bot.example.org:1"}).status == 421
    page = {"Host": "bot.example.org", "Origin": "https://bot.example.org"}
    assert ask(server, "GET", "/prices", headers=page).status == 200


def test_requests_smuggled_in_one_another_are_refused(make_server: Any) -> None:
    server = make_server()
    head = (
        f"POST /frontend-error HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "GET /health HTTP/1.1\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head.encode())
        answer = raw.recv(4_096)
    assert answer.split()[1] == b"400"
    assert b"service" not in answer  # the second request was not answered


def test_refused_attempts_are_told_once_and_counted(
    make_server: Any, ask: Any, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []
    server = make_server(on_refused=told.append)
    for _ in range(3):
        ask(server, "GET", "/prices", token="wrong-token-that-must-not-be-logged")
        ask(server, "GET", "/prices", headers={"Host": "evil.example\tx"})
    assert server.refused["token"] == 3
    assert server.refused["host"] == 3
    assert sorted(refusal.reason for refusal in told) == ["host", "token"]
    assert "wrong-token-that-must-not-be-logged" not in caplog.text
    assert "evil.example" in caplog.text


def test_a_listener_that_raises_does_no_harm(make_server: Any, ask: Any) -> None:
    def broken(_refusal: Any) -> None:
        raise RuntimeError("no")

    server = make_server(on_refused=broken)
    assert ask(server, "GET", "/prices", token=None).status == 401
    assert ask(server, "GET", "/prices").status == 200


def test_ten_wrong_tokens_lock_out(make_server: Any, ask: Any) -> None:
    server = make_server()
    statuses = [ask(server, "GET", "/prices", token="y" * 43).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    locked = ask(server, "GET", "/prices")
    assert locked.status == 429
    assert 1 <= int(locked.headers["retry-after"]) <= 30
    assert locked.json["error"]["code"] == "locked_out"
    assert ask(server, "POST", "/stop-bot", {}, token="control").status == 429
    assert ask(server, "GET", "/health", token=None).status == 200


def test_a_connection_that_is_known_goes_on_during_a_lockout(make_server: Any, ask: Any) -> None:
    import http.client

    server = make_server()
    panel = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {server.token}"}
    panel.request("GET", "/prices", headers=headers)
    assert panel.getresponse().read()
    for number in range(10):
        ask(server, "GET", "/prices", token=f"{number:043}")
    assert ask(server, "GET", "/prices").status == 429
    panel.request("GET", "/prices", headers=headers)
    assert panel.getresponse().status == 200
    panel.close()


def test_more_calls_than_allowed_are_refused_for_a_while(make_server: Any, ask: Any) -> None:
    server = make_server(limits=Limits(calls_per_second=0.001, call_burst=3, control_per_second=0.001, control_burst=1))
    assert [ask(server, "GET", "/prices").status for _ in range(5)] == [200, 200, 200, 429, 429]
    reply = ask(server, "GET", "/prices")
    assert int(reply.headers["retry-after"]) > 1
    assert [ask(server, "POST", "/stop-bot", {}, token="control").status for _ in range(2)] == [200, 429]
