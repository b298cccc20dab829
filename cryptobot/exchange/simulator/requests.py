"""Requests over the wire: a fault may befall each of them, before it is executed or after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.gate import Answer, Call, Gate
from cryptobot.exchange.simulator.world import World


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes back to the client.

    Attributes
    ----------
    answer
        The exchange's answer; None when the connection is to be broken.
    text
        What is sent instead of the answer's content.
    half
        Whether only half of it is sent.
    """

    answer: Answer | None
    text: str | None = None
    half: bool = False


async def carry_out(
    world: World,
    gate: Gate,
    method: str,
    path: str,
    params: Mapping[str, str],
    admit: Callable[[], Call],
    settle: Callable[[], None],
) -> Sent:
    """Answer one request, with whatever goes wrong on purpose.

    Parameters
    ----------
    world, gate
        The exchange.
    method, path, params
        For faults and for the list of requests.
    admit
        Lets the request in.
    settle
        Called right after it was executed: sends what happened to those who listen.
    """
    fault = world.faults.for_request(method, path)
    kind = fault.kind if fault is not None else ""
    if kind == "drop_before":
        gate.lost(method, path, params)
        return Sent(None)
    if fault is not None and kind in ("http", "error") and not fault.executed:
        gate.lost(method, path, params, fault.status)
        return _instead(fault)
    try:
        call = admit()
    except ApiError as error:
        gate.lost(method, path, params, error.status)
        return Sent(gate.refuse(error))
    if fault is not None and kind == "delay_before":
        await world.clock.sleep(fault.seconds)
    answer = gate.execute(call)
    settle()
    if fault is None:
        return Sent(answer)
    if kind == "delay_after":
        await world.clock.sleep(fault.seconds)
    if kind == "drop_after":
        return Sent(None)
    if kind in ("http", "error", "html"):
        return _instead(fault)
    return Sent(answer, half=kind == "truncate")


def _instead(fault: Fault) -> Sent:
    if fault.kind == "error":
        error = ApiError(fault.code, fault.text, fault.status, dict(fault.headers))
        return Sent(Answer(error.status, error.content, dict(fault.headers), error))
    return Sent(Answer(fault.status, None, dict(fault.headers)), text=fault.text)
