"""The gate: who may ask, how often and in time; then the question is put to the world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import localcontext
from typing import Any

from cryptobot.core.money import MONEY
from cryptobot.exchange.simulator import parameters
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.keys import Window
from cryptobot.exchange.simulator.routes.route import Route
from cryptobot.exchange.simulator.routes.table import BY_PATH, BY_SOCKET, PATHS
from cryptobot.exchange.simulator.world import Seen, World


@dataclass(slots=True)
class Answer:
    """What a client gets.

    Attributes
    ----------
    status
        HTTP status.
    content
        Anything JSON can hold.
    headers
        More headers.
    error
        The refusal, where it is one.
    """

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)
    error: ApiError | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in and has not been executed yet."""

    route: Route
    values: dict[str, Any]
    given: dict[str, str]
    window: Window | None
    by_socket: bool


class Gate:
    """Lets requests in and has them answered; knows nothing of sockets.

    Parameters
    ----------
    world
        The exchange.

    Examples
    --------
    A REST request is answered in one go by `ask`; servers that delay an answer use `admit` and `execute`.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, method: str, path: str, query: str = "", body: str = "", api_key: str | None = None) -> Answer:
        """Answer a REST request.

        Parameters
        ----------
        method, path
            Such as ``"GET"``, ``"/api/v3/time"``.
        query, body
            As they came over the wire.
        api_key
            The header ``X-MBX-APIKEY``.
        """
        try:
            call = self.admit(method, path, query, body, api_key)
        except ApiError as error:
            return self.refuse(error)
        return self.execute(call)

    def admit(self, method: str, path: str, query: str, body: str, api_key: str | None) -> Call:
        """Let a REST request in.

        Raises
        ------
        ApiError
            If it asks too often, is signed wrongly, comes too late, or its parameters are wrong.
        """
        route = BY_PATH.get((method, path))
        if route is None:
            if path in PATHS:
                raise ApiError(-1000, "Method not allowed.", 405)
            if path == "/api/v3/userDataStream":
                raise ApiError(-1020, "This operation is not supported.", 410)
            raise ApiError(-1000, "Path not found.", 404)
        given = parameters.pairs(query, body)
        self._charge(route.weigh(given))
        if route.signed:
            self._world.keys.check_rest(api_key, query, body)
        return self._read(route, given, by_socket=False)

    def admit_socket(self, method: str, params: Mapping[str, Any]) -> Call:
        """Let a request to the WebSocket API in; raises as `admit` does."""
        route = BY_SOCKET.get(method.removeprefix("v3/"))
        if route is None:
            self._charge(1)
            raise ApiError(-1020, "This operation is not supported.")
        given = parameters.texts(params)
        # Every request may ask to be told the limits, or not.
        given.pop("returnRateLimits", None)
        self._charge(route.weigh(given))
        if route.signed:
            self._world.keys.check_socket(params)
        return self._read(route, given, by_socket=True)

    def admit_subscription(self, params: Mapping[str, Any]) -> None:
        """Let somebody listen to the account's events; raises as `admit` does."""
        self._charge(2)
        self._world.keys.check_socket(params)
        self._check_window(Window.of(params))

    def execute(self, call: Call) -> Answer:
        """Execute a request that was let in, unless it has become too old meanwhile."""
        world = self._world
        try:
            if call.window is not None and world.pace.real:
                call.window.check_age(world.server_time)
            if call.route.orders:
                world.limits.count_orders(call.route.orders, world.clock.now(), world.now)
            with localcontext(MONEY):
                content = call.route.answer(world, call.values)
        except ApiError as error:
            return self.refuse(error, call)
        self._note(call, 200)
        return Answer(200, content, world.limits.headers(orders=call.route.orders > 0))

    def refuse(self, error: ApiError, call: Call | None = None) -> Answer:
        """Answer with an error."""
        if call is not None:
            self._note(call, error.status)
        headers = self._world.limits.headers(orders=False) | error.headers
        return Answer(error.status, error.content, headers, error)

    def lost(self, method: str, path: str, params: Mapping[str, str], status: int = 0) -> None:
        """Note a request that was not let in, or had no answer."""
        shown = {name: value for name, value in params.items() if name not in ("signature", "apiKey")}
        self._world.requests.append(Seen(method, path, shown, status))

    def _charge(self, weight: int) -> None:
        self._world.limits.charge(weight, self._world.clock.now(), self._world.now)

    def _read(self, route: Route, given: dict[str, str], *, by_socket: bool) -> Call:
        window = None
        if route.signed:
            window = Window.of(given)
            self._check_window(window)
        values = parameters.read(route.parameters, given, signed=route.signed)
        return Call(route, values, given, window, by_socket)

    def _check_window(self, window: Window) -> None:
        # A market with a clock of its own cannot hold its clients to it: they sign with theirs.
        if self._world.pace.real:
            window.check(self._world.server_time)

    def _note(self, call: Call, status: int) -> None:
        method, path = ("WS", call.route.socket) if call.by_socket else (call.route.method, call.route.path)
        self.lost(method, path, call.given, status)
