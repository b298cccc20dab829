"""The exchange's back door for tests: its own truth, faults, and steps."""

from __future__ import annotations

import dataclasses
import hmac
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from cryptobot.core.errors import ConfigError
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.sockets import dumps
from cryptobot.exchange.simulator.world import World

TOKEN_HEADER: Final = "X-Sim-Token"  # noqa: S105 - a header's name
_HOSTS: Final = ("127.0.0.1", "localhost")


class Admin:
    """Serves ``/_sim``: only with the token that the simulator printed, and only under a name of this machine.

    Parameters
    ----------
    world
        The exchange.
    token
        What the header ``X-Sim-Token`` must hold.
    settle
        Sends what happened to those who listen.
    step
        Goes on by a number of candles.
    repair
        Ends all faults, those of sockets included.
    """

    def __init__(
        self,
        world: World,
        token: str,
        settle: Callable[[], None],
        step: Callable[[int], Awaitable[int]],
        repair: Callable[[], None],
    ) -> None:
        self._world = world
        self._token = token
        self._settle = settle
        self._step = step
        self._repair = repair

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        host = request.host.rpartition(":")[0] if ":" in request.host else request.host
        if host not in _HOSTS:
            return _answer({"error": f"host {host} is not this machine. Use 127.0.0.1."}, 403)
        given = request.headers.get(TOKEN_HEADER, "")
        # A header may hold any bytes; those that are no text come as surrogates.
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode()):
            return _answer({"error": f"the header {TOKEN_HEADER} does not hold the simulator's admin_token."}, 403)
        try:
            return _answer(await self._content(request), 200)
        except ConfigError as error:
            return _answer({"error": str(error)}, 400)

    async def _content(self, request: web.Request) -> Any:
        name = request.match_info["name"]
        world = self._world
        match request.method, name:
            case "GET", "ledger":
                return ledger_shape(world)
            case "GET", "faults":
                return [dataclasses.asdict(fault) for fault in world.faults.waiting]
            case "POST", "faults":
                asked = await _json(request)
                faults = [Fault.of(_object(entry)) for entry in (asked if isinstance(asked, list) else [asked])]
                world.faults.add(*faults)
                self._settle()
                return {"added": len(faults)}
            case "DELETE", "faults":
                self._repair()
                return {}
            case "POST", "seeded":
                asked = _object(await _json(request))
                known = {"seed", "rate", "kinds"}
                if set(asked) - known:
                    raise ConfigError(f"seeded: {sorted(set(asked) - known)} are unknown. Known: {sorted(known)}.")
                kinds = asked.get("kinds")
                world.faults.seeded(asked.get("seed"), asked.get("rate", 0.01), tuple(kinds) if kinds else None)
                return {}
            case "POST", "step":
                asked = _object(await _json(request))
                time = await self._step(int(asked.get("n", 1)))
                return {"time": time, "finished": world.feed.finished}
            case "GET", "requests":
                return [dataclasses.asdict(seen) for seen in world.requests]
            case _:
                raise ConfigError(
                    f"{request.method} /_sim/{name} is unknown. Known: GET ledger, GET requests, GET, POST and DELETE "
                    "faults, POST seeded, POST step."
                )


def ledger_shape(world: World) -> dict[str, Any]:
    """Return the ledger as JSON can hold it; money as texts, times in nanoseconds."""
    ledger = world.ledger
    return {
        "time": world.now,
        "finished": world.feed.finished,
        "orders": [dataclasses.asdict(order) for order in ledger.orders],
        "fills": [dataclasses.asdict(fill) for fill in ledger.fills],
        "balances": {asset: dataclasses.asdict(held) for asset, held in ledger.balances.items()},
    }


async def _json(request: web.Request) -> Any:
    text = (await request.read()).decode("utf-8", "replace")
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise ConfigError(f"the body is not JSON ({error}). Send a JSON document.") from error


def _object(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise ConfigError(f'{asked!r} is not a JSON object. Send one, for example {{"kind": "drop_after"}}.')
    return asked


def _answer(content: Any, status: int) -> web.Response:
    return web.Response(text=dumps(_plain(content)), status=status, content_type="application/json")


def _plain(content: Any) -> Any:
    if isinstance(content, Decimal):
        return f"{content:f}"
    if isinstance(content, dict):
        return {str(name): _plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple | frozenset | set):
        return [_plain(value) for value in content]
    return content
