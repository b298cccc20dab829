"""The door of a bot's process: HTTP on 127.0.0.1, for whoever may read its state file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from aiohttp import web

from cryptobot.control import wire
from cryptobot.control.commands import Commands
from cryptobot.control.metrics import KIND
from cryptobot.core.errors import ConfigError, CryptobotError
from mcp_server.http.connections import Connections, Gate
from mcp_server.limits import Limits
from mcp_server.security.guard import Denied, Guard
from mcp_server.security.origins import Places
from mcp_server.security.policy import Policy
from mcp_server.security.refusals import Refusal, Refusals
from mcp_server.security.tokens import Right, Tokens

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

T = TypeVar("T")

_MOST: Final = 1 << 20
_READS: Final = Policy(Right.CONTROL)
_MEASURES: Final = Policy(Right.READ)
METRICS: Final = "/metrics"
_ASKS: Final = Policy(Right.CONTROL, takes_json=True, most_bytes=_MOST, rate="control")
# A person with a panel and a script never ask for more; a page that floods the process does.
_LIMITS: Final = Limits(connections=256, strangers=64, control_per_second=20, control_burst=40)
# A question waits so long for its news, and a command for its end; then it is asked again.
_LONGEST: Final = 20.0
_LOOK: Final = 0.02
# A strategy that hangs holds the bot's lock: the door stays open, and says so.
_PATIENCE: Final = 10.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ControlServer:
    """Answers questions about a bot and carries out commands, each request with the token.

    Parameters
    ----------
    token
        Of the state file.
    about
        What is told of the process itself, without asking the bot.
    sequence
        Returns the bot's newest number, without waiting for anything.
    answers
        Questions, by path; asked on threads, with the query's whole numbers.
    actions
        Commands, by name; see `Commands`.
    metrics
        Returns figures for Prometheus, which are told to whoever has the read token, too.
    refused
        Told of calls that were refused, each kind at most once a minute.
    """

    def __init__(
        self,
        token: str,
        about: Callable[[], Mapping[str, Any]],
        sequence: Callable[[], int],
        answers: Mapping[str, Callable[..., Any]],
        actions: Mapping[str, Callable[..., Any]],
        metrics: Callable[[], str] | None = None,
        refused: Callable[[Refusal], None] | None = None,
    ) -> None:
        self._tokens = Tokens(control=token)
        self._metrics = metrics
        self._refused = refused
        self._about = about
        self._sequence = sequence
        self._answers = answers
        self._commands = Commands(actions)
        self._threads = ThreadPoolExecutor(4, "cryptobot-answer")
        self._cleanups: list[Callable[[], Any]] = []
        self.port = 0

    @property
    def read_token(self) -> str:
        """The token that opens /metrics and nothing else."""
        return self._tokens.read

    async def start(self, port: int = 0) -> int:
        """Listen on a port of 127.0.0.1, and return it.

        Parameters
        ----------
        port
            0 takes any that is free; so does one that is taken.
        """
        loop = asyncio.get_running_loop()
        try:
            bound = socket.create_server(("127.0.0.1", port), backlog=128)
        except OSError:
            bound = socket.create_server(("127.0.0.1", 0), backlog=128)
        bound.setblocking(False)
        self.port = bound.getsockname()[1]
        refusals = Refusals(loop.time, self._refused)
        guard = Guard(self._tokens, Places(self.port, "http"), _LIMITS, refusals, loop.time)
        app = web.Application(middlewares=[_front(guard)], client_max_size=_MOST)
        app.router.add_get("/about", self._tell_about)
        app.router.add_get("/news", self._news)
        app.router.add_get(METRICS, self._tell_metrics)
        app.router.add_get("/{question}", self._answer)
        app.router.add_post("/commands/{name}", self._command)
        runner = web.AppRunner(app, access_log=None, logger=refusals.logger(), shutdown_timeout=1.0)
        await runner.setup()
        factory = cast("Callable[[], asyncio.Protocol]", runner.server)
        connections = Connections(_LIMITS, refusals, loop.time)
        listening = await loop.create_server(lambda: Gate(factory(), connections), sock=bound)
        watch = asyncio.create_task(connections.watch(), name="connections")

        async def close() -> None:
            watch.cancel()
            listening.close()
            await runner.cleanup()
            connections.abort_all()
            await asyncio.gather(watch, return_exceptions=True)

        self._cleanups.append(close)
        return self.port

    async def close(self) -> None:
        """Listen no more."""
        self._commands.close()
        while self._cleanups:  # the door first: who is in already is answered by the threads
            await self._cleanups.pop()()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _tell_about(self, request: web.Request) -> web.Response:
        return _good(self._about())

    async def _tell_metrics(self, request: web.Request) -> web.Response:
        if self._metrics is None:
            raise web.HTTPNotFound
        text = await self._patiently(self._metrics)
        return web.Response(body=text.encode(), headers={**_HEADERS, "Content-Type": KIND})

    async def _news(self, request: web.Request) -> web.Response:
        numbers = _numbers(request)
        seen, loop = numbers.get("sequence", -1), asyncio.get_running_loop()
        until = loop.time() + min(_LONGEST, max(0.0, numbers.get("milliseconds", 0) / 1_000))
        # The bot's thread tells nobody: what nobody waits for costs it nothing.
        while self._sequence() == seen and loop.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK)
        return _good(self._sequence())

    async def _answer(self, request: web.Request) -> web.Response:
        question = self._answers.get(request.match_info["question"])
        if question is None:
            raise web.HTTPNotFound
        numbers = _numbers(request)
        try:
            content = await self._patiently(lambda: wire.dump({"answer": question(**numbers)}))
        except TypeError as error:
            raise ConfigError(f"/{request.match_info['question']}: {error}.") from error
        return _response(200, content)

    async def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask the bot on a thread: whatever holds its lock, the door stays open."""
        try:
            asked = asyncio.get_running_loop().run_in_executor(self._threads, ask)
            return await asyncio.wait_for(asked, _PATIENCE)
        except TimeoutError:
            raise CryptobotError(
                f"The bot has not answered within {_PATIENCE:g} s: its strategy may hang. Its process can be ended: "
                "shut_down(), or `cryptobot stop`."
            ) from None

    async def _command(self, request: web.Request) -> web.Response:
        try:
            body = wire.parse(await asyncio.wait_for(request.read(), _LIMITS.body_seconds))
            command_id, arguments = body["id"], body["arguments"]
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError('The body must be a JSON object: {"id": "…", "arguments": {…}}.') from error
        if not isinstance(command_id, str) or not isinstance(arguments, dict):
            raise ConfigError("`id` must be a text and `arguments` an object.")
        done = self._commands.ask(request.match_info["name"], command_id, arguments)
        finished, _ = await asyncio.wait([done], timeout=_LONGEST)
        if not finished:
            return _response(202, b'{"pending":true}')
        return _good(done.result())


def _front(guard: Guard) -> Any:
    """Return the middleware that every request passes: place, token, rate, kind of body."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.transport is None:
            raise ConnectionResetError("the peer is gone")
        gate = cast("Gate", request.transport.get_protocol())
        gate.begin()
        headers, policy = request.headers, _ASKS if request.method == "POST" else _READS
        if (request.method, request.path) == ("GET", METRICS):
            policy = _MEASURES
        try:
            guard.check_place(headers.get("Host"), headers.get("Origin"), gate.address)
            right = guard.check_right(headers.get("Authorization"), policy, gate.address, proven=gate.proven)
            gate.prove()
            guard.check_rate(policy, right, gate.address)
            if policy.takes_json or request.body_exists:
                encoding = headers.get("Content-Encoding")
                guard.check_body(policy, request.content_type, encoding, request.content_length)
            return await handler(request)
        except Denied as denied:
            return _bad(denied.status, denied.code, str(denied), denied.headers)
        except web.HTTPException as error:
            return _bad(error.status, "refused", error.reason)
        except CryptobotError as error:
            return _bad(409, type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a bot or a strategy raises becomes an answer
            return _bad(500, "CryptobotError", f"{type(error).__name__}: {error}")
        finally:
            gate.end()

    return middleware


def _numbers(request: web.Request) -> dict[str, int]:
    try:
        return {name: int(text) for name, text in request.query.items()}
    except ValueError:
        raise ConfigError("The query holds what is no whole number.") from None


def _good(answer: Any) -> web.Response:
    return _response(200, wire.dump({"answer": answer}))


def _bad(status: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return _response(status, wire.dump({"error": {"kind": kind, "text": text}}), headers)


def _response(status: int, content: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=content, content_type="application/json", headers={**_HEADERS, **(headers or {})}
    )
