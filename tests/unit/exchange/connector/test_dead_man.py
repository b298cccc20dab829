"""The dead-man's switch: unmodified ccxt renews it at Kraken; an end in order takes it away, a silence does not."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cryptobot.core.errors import AuthError, ConfigError
from cryptobot.exchange.connector.exchange import CcxtExchange
from tests.unit.exchange.connector.conftest import QuickClock
from tests.unit.exchange.connector.test_kraken import SECRET, answers, ok

SWITCH = "/0/private/CancelAllOrdersAfter"
TAKEN = ok({"currentTime": "2026-01-01T00:00:00Z", "triggerTime": "2026-01-01T00:01:00Z"})


def using(kit, work, answer=TAKEN, **options):
    async def whole():
        async with kit.Stub(answers(CancelAllOrdersAfter=answer)) as stub:
            exchange = CcxtExchange(
                "kraken", endpoint=stub.endpoint, api_key="key-of-kraken", secret=SECRET, clock=QuickClock(), **options
            )
            return await work(exchange, stub), stub

    return asyncio.run(whole())


def told(stub):
    return [int(params["timeout"]) for params in stub.sent(SWITCH)]


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the stub tells of nothing
            await asyncio.sleep(0.01)


def test_it_is_renewed_while_the_process_lives_and_taken_away_at_an_end_in_order(kit, caplog):
    async def work(exchange, stub):
        await exchange.connect()
        await until(lambda: len(told(stub)) >= 4)
        await exchange.close()
        before = told(stub)
        await asyncio.sleep(0.5)  # more than its time, on this clock: nothing renews it any more
        return before

    with caplog.at_level(logging.WARNING):
        before, stub = using(kit, work, dead_man_switch=30)
    assert set(before[:-1]) == {30}
    assert before[-1] == 0
    assert told(stub) == before
    assert "also those that protect a position" in caplog.text


def test_a_session_can_be_begun_again(kit):
    async def work(exchange, stub):
        for _ in range(2):
            await exchange.connect()
            await exchange.close()

    assert told(using(kit, work, dead_man_switch=60)[1]) == [60, 0, 60, 0]


def test_without_being_asked_for_it_is_never_told(kit):
    async def work(exchange, stub):
        await exchange.connect()
        await exchange.close()

    assert told(using(kit, work)[1]) == []


def test_an_exchange_that_does_not_take_it_is_not_traded_on(kit):
    async def work(exchange, stub):
        with pytest.raises(AuthError):
            await exchange.connect()
        await exchange.close()

    refused = {"error": ["EGeneral:Permission denied"]}
    using(kit, work, answer=refused, dead_man_switch=60)


def test_a_renewal_that_fails_is_told_once_and_tried_again(kit, caplog):
    failing = [TAKEN, *[{"error": ["EService:Unavailable"]}] * 3]

    async def work(exchange, stub):
        await exchange.connect()
        await until(lambda: len(told(stub)) >= 6)
        await exchange.close()

    using(kit, work, answer=lambda _: failing.pop(0) if failing else TAKEN, dead_man_switch=30)
    assert caplog.text.count("could not be renewed") == 1


def test_a_fault_that_is_no_answer_of_the_exchange_does_not_end_the_renewing(kit, caplog, monkeypatch):
    async def work(exchange, stub):
        await exchange.connect()
        client, faults = exchange._connection.exchange, [KeyError("result"), RuntimeError(f"sent with {SECRET}")]
        renew = client.cancel_all_orders_after

        async def faulty(milliseconds):
            if faults:
                raise faults.pop(0)
            return await renew(milliseconds)

        monkeypatch.setattr(client, "cancel_all_orders_after", faulty)
        await until(lambda: not faults and len(told(stub)) >= 3)  # it was renewed after them
        await exchange.close()

    stub = using(kit, work, dead_man_switch=30)[1]
    assert told(stub)[-1] == 0
    assert caplog.text.count("could not be renewed: KeyError: 'result'") == 1
    assert SECRET not in caplog.text


@pytest.mark.parametrize("seconds", [0, 14.9, 3_601, float("nan"), True, "60"])
def test_what_is_no_time_is_refused(seconds):
    with pytest.raises(ConfigError, match="dead_man_switch"):
        CcxtExchange("kraken", mode="live", api_key="k", secret=SECRET, dead_man_switch=seconds)


def test_an_exchange_without_one_says_what_it_can():
    with pytest.raises(ConfigError, match="binance cannot do `dead_man_switch`"):
        CcxtExchange("binance", mode="testnet", api_key="k", secret="s", dead_man_switch=60)
