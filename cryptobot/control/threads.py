"""Waiting for what blocks, without being kept by it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


async def on_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call something that blocks, on a thread that keeps neither the loop nor the process from ending.

    `asyncio.to_thread` would: a loop that ends waits for its threads, and one that hangs inside a strategy never comes.

    Parameters
    ----------
    function, arguments
        What to call.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(setter: Callable[[Any], None], value: Any) -> None:
        if not answer.done():
            setter(value)

    def main() -> None:
        try:
            told = (answer.set_result, function(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            told = (answer.set_exception, error)  # type: ignore[assignment]
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
            loop.call_soon_threadsafe(tell, *told)

    threading.Thread(target=main, name="cryptobot-waiting", daemon=True).start()
    return await answer
