"""Strategies and backtests."""

from __future__ import annotations

import orjson
from aiohttp import web

from mcp_server.backend import Progress
from mcp_server.errors import BackendError, UnknownName
from mcp_server.http import answers
from mcp_server.http.endpoint import noted
from mcp_server.http.routes import Call
from mcp_server.http.service import Service
from mcp_server.models.research import BacktestReport, BacktestRequest, Comparison, Strategies
from mcp_server.rest.arguments import Nothing, OfBacktest, OfComparison, ToBacktest

STREAM = "application/x-ndjson"


async def strategies(call: Call, _given: Nothing) -> Strategies:
    """List the strategies."""
    return Strategies(strategies=list(await call.service.backend.strategies()))


async def backtest(call: Call, given: OfBacktest) -> BacktestReport:
    """Return a kept report."""
    return await call.service.backend.backtest(given.id)


async def compare(call: Call, given: OfComparison) -> Comparison:
    """Return several kept reports side by side."""
    return await call.service.backend.compare_backtests(given.ids)


async def run(call: Call, given: ToBacktest) -> BacktestReport | web.StreamResponse:
    """Run a backtest; with ``Accept: application/x-ndjson`` its progress comes line by line before the report.

    Closing the connection ends the work.
    """
    if STREAM not in call.request.headers.get("Accept", ""):
        return await backtest_of(call.service, given, _silent)
    response = web.StreamResponse(headers={**answers.HEADERS, "Content-Type": STREAM})

    async def write(kind: str, content: bytes) -> None:
        if not response.prepared:
            await response.prepare(call.request)
        await response.write(b'{"type":"' + kind.encode() + b'","data":' + content + b"}\n")

    async def progress(done: float, text: str) -> None:
        await write("progress", orjson.dumps({"done": min(1.0, max(0.0, done)), "text": call.service.hide(text)}))

    try:
        report = await backtest_of(call.service, given, progress)
    except Exception as error:
        if not response.prepared:
            raise
        known = isinstance(error, BackendError)
        text = (
            call.service.hide(str(error))
            if known
            else f"The server failed. Its log has it under {noted(error, call.service)}."
        )
        code = error.code if isinstance(error, BackendError) else "internal"
        await write("error", orjson.dumps({"code": code, "message": text}))
    else:
        await write("report", answers.body(report))
    await response.write_eof()
    return response


async def _silent(_done: float, _text: str) -> None:
    """Nobody listens to the progress."""


async def backtest_of(service: Service, wanted: BacktestRequest, progress: Progress) -> BacktestReport:
    """Check what is wanted, then run it within the limits; the tool of the protocol does the same.

    Raises
    ------
    UnknownName
        If there is no such market, interval or strategy.
    Busy
        If enough backtests run already.
    BackendError
        If it takes too long, or the backend refuses.
    """
    request = BacktestRequest.model_validate(
        {
            **wanted.model_dump(),
            "symbol": await service.market(wanted.symbol),
            "timeframe": await service.interval(wanted.timeframe),
        }
    )
    known = [info.name for info in await service.backend.strategies()]
    if request.strategy not in known:
        raise UnknownName("strategy", request.strategy, known)
    if request.start is not None and request.end is not None and request.start >= request.end:
        raise BackendError("`start` is not before `end`. Give an earlier start or a later end.")
    service.begin_backtest()
    try:
        async with service.backtest_deadline():
            return await service.backend.run_backtest(request, progress)
    except TimeoutError:
        raise BackendError(
            f"The backtest took more than {service.limits.backtest_seconds:g} s and was ended. Choose a shorter period."
        ) from None
    finally:
        service.end_backtest()
