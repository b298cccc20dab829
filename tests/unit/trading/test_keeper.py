"""The keeper: doubts resolved, books compared and silence noticed, whether or not anything happens."""

from __future__ import annotations

import itertools

import pytest

from cryptobot.core.errors import AuthError, OrderUnknown, TransientError
from cryptobot.core.limits import Limits
from cryptobot.core.types import Mode
from tests.unit.trading.house import House
from tests.unit.trading.shop import DEADLINE


@pytest.fixture
def make_house(told):
    houses = []

    def make(*args, **options):
        houses.append(House(told, *args, **options))
        return houses[-1]

    yield make
    for each in houses:
        each.close()


@pytest.fixture
def house(make_house):
    house = make_house()
    house.wait(1)
    house.notices.clear()
    return house


def test_nothing_is_bought_before_the_first_comparison(make_house):
    house = make_house()
    assert house.keeper.hold is not None
    house.bar("b")
    assert house.shop.orders == {}
    assert "not been compared yet" in house.engine.refused[0].reason
    house.compare()
    assert house.keeper.hold is None
    house.bar("b")
    assert len(house.shop.orders) == 1


def test_everything_is_compared_every_minute(house):
    asked = house.asked()
    house.wait(59)
    assert house.asked() == asked
    house.wait(1)
    assert house.asked() == asked + 1
    house.wait(60)
    assert house.asked() == asked + 2


def test_while_something_is_unknown_everything_is_compared_every_second(house):
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.bar("b")
    assert house.gateway.blocked is not None
    asked = house.asked()
    house.wait(5)
    assert house.asked() == asked + 5
    house.bar("b")
    assert len(house.engine.intents) == 1
    house.wait(int(DEADLINE))
    assert house.gateway.blocked is None
    assert house.topics().count("unknown_order") == house.topics().count("resolved") == 1
    house.bar("b")
    assert len(house.engine.intents) == 2


def test_an_unknown_order_holds_back_what_is_new(house):
    house.shop.fault("submit", OrderUnknown("timeout"), after=True)
    house.bar("b")
    house.bar("b")
    assert house.engine.blocked == house.gateway.blocked is not None


def test_a_lost_connection_holds_back_until_everything_was_compared(house):
    house.gone()
    assert not house.keeper.connected
    house.bar("b")
    assert "the connection to the exchange is lost (silent)" in house.engine.refused[-1].reason
    house.wait(61)  # comparing does not bring it back
    assert house.keeper.hold is not None
    house.back()
    assert house.keeper.connected
    assert house.keeper.hold is not None
    house.bar("b")
    assert house.shop.orders == {}
    asked = house.asked()
    house.wait(1)  # at once
    assert house.asked() == asked + 1
    assert house.keeper.hold is None
    house.bar("b")
    assert len(house.shop.orders) == 1
    assert house.topics().count("connection") == 2


def test_a_comparison_that_fails_is_tried_again_ever_more_rarely_and_holds_back(house):
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("why not")
    asked, times = house.asked("now"), []
    for second in range(200):
        house.wait(1)
        if house.asked("now") > asked:
            asked = house.asked("now")
            times.append(second)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[:5] == [1, 2, 4, 8, 16]
    assert gaps[5:] == [30] * len(gaps[5:])
    assert house.keeper.hold == "why not"
    assert house.topics().count("connection") == 1
    house.shop._faults.clear()
    house.wait(31)
    assert house.keeper.hold is None
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("again")
    asked = house.asked("now")
    house.wait(2)
    assert house.asked("now") == asked + 2  # soon again: a success forgets the failures


def test_a_periodic_comparison_that_fails_holds_back_too(house):
    house.shop.fault("fills", TransientError("down"))
    house.wait(60)
    assert "could not be compared (down)" in house.keeper.hold
    house.bar("b")
    assert house.shop.orders == {}
    house.wait(2)
    assert house.keeper.hold is None


def test_what_cannot_be_compared_is_told_in_time(house):
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.bar("b")
    house.notices.clear()
    house.shop.fault("now", TransientError("down"), times=1000)
    house.wait(10)
    assert house.topics() == ["connection"]
    assert "could not be compared for" in house.texts()
    house.wait(100)
    assert house.topics().count("connection") == 1
    house.shop._faults.clear()
    house.wait(40)
    house.notices.clear()
    house.shop.fault("now", TransientError("down"), times=1000)
    house.wait(200)
    assert house.topics().count("connection") == 1  # told anew


def test_without_anything_waiting_there_is_time(house):
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("again")
    house.wait(25)
    assert house.topics() == []
    house.wait(20)
    assert house.topics() == ["connection"]


def test_keys_that_are_no_longer_taken_are_raised(house):
    house.shop.fault("balances", AuthError("revoked"))
    with pytest.raises(AuthError):
        house.wait(60)


def test_what_is_found_is_carried_out(house):
    house.bar("b")
    [order] = house.shop.open_of()
    house.shop.buy_whole(order.client_id)
    house.shop.wire.clear()
    house.wait(60)
    assert house.engine.portfolio.quantity == house.shop.position > 0


def test_coins_that_are_gone_halt_the_trading(house):
    house.bar("b")
    [order] = house.shop.open_of()
    house.shop.buy_whole(order.client_id)
    house.hear_wire()
    house.shop.coins -= 3
    house.wait(62)
    assert str(house.engine.gate.state) == "halted"
    assert "reconciliation" in house.topics()
    [change] = house.journal.contents("trading_state")
    assert (change.state, change.by) == ("halted", "reconciliation")
    house.bar("s")
    assert house.shop.open_of() == []


def test_a_withdrawal_only_reduces(house):
    house.shop.cash -= 500
    house.wait(62)
    assert str(house.engine.gate.state) == "reducing"
    assert house.topics().count("reconciliation") == 1
    house.wait(100)
    assert house.topics().count("reconciliation") == 1
    house.bar("b")
    assert house.shop.orders == {}


def test_who_clears_takes_the_account_as_it_is(house):
    house.shop.cash -= 500
    house.wait(62)
    house.shop.cash -= 70
    house.shop.coins += 1
    house.carry_out(house.engine.clear("I took it", "user", house.shop.time))
    house.wait(200)
    assert str(house.engine.gate.state) == "active"
    assert house.topics().count("reconciliation") == 1
    assert "external" not in house.topics()
    assert house.gateway.account.quote == house.shop.cash
    assert house.gateway.account.base == house.shop.coins
    house.shop.cash -= 1
    house.wait(62)
    assert str(house.engine.gate.state) == "reducing"  # but only once


def test_who_clears_does_not_bring_coins_back(house):
    house.bar("b")
    [order] = house.shop.open_of()
    house.shop.buy_whole(order.client_id)
    house.hear_wire()
    house.shop.coins -= 3
    house.wait(62)
    house.carry_out(house.engine.clear("never mind", "user", house.shop.time))
    house.wait(62)
    assert str(house.engine.gate.state) == "halted"


# -- time


def test_a_sleep_is_noticed_and_everything_compared(house):
    house.bar("-")
    asked = house.asked()
    house.clock.advance(15.5)
    house.bar("b")  # the bar itself comes first
    assert house.shop.orders == {}
    assert "stale_feed" in house.topics()
    assert "as if this computer had slept" in house.engine.refused[-1].reason
    house.wait(1)
    assert house.asked() == asked + 1
    assert house.keeper.hold is None
    assert house.topics().count("stale_feed") == 1


def test_fifteen_seconds_are_no_sleep(house):
    house.clock.advance(15)
    house.look(0)
    assert house.notices == []


def test_practice_never_sleeps(make_house):
    house = make_house(mode=Mode.PRACTICE)
    house.compare()
    house.clock.advance(10_000)
    house.look(0)
    assert "stale_feed" not in house.topics()
    house.shop.fault("now", TransientError("down"))
    house.compare()
    assert house.keeper.hold is None


def test_silence_is_told_once_until_bars_come_again(house):
    house.bar("-")
    house.wait(195)
    assert "stale_feed" not in house.topics()
    house.wait(1)
    assert house.topics().count("stale_feed") == 1
    assert "No bar has closed for 196 s; bars are of 1m" in house.texts()
    house.wait(300)
    assert house.topics().count("stale_feed") == 1
    house.bars += 10
    house.bar("-")
    house.wait(200)
    assert house.texts().count("No bar has closed") == 2


def test_the_engine_knows_how_old_a_bar_is_by_the_exchanges_clock(make_house):
    house = make_house(Limits(max_bar_age=10, max_clock_skew=5))
    house.shop.ahead = 3 * 10**9
    house.compare()
    assert house.keeper.skew == 3
    house.clock.advance(60 + 4)
    house.look(0)
    house.bar("-")
    assert house.engine.bar_age == pytest.approx(7)
    assert house.engine.clock_skew == 3
    house.shop.ahead = -7 * 10**9
    house.compare()
    house.bars = 5
    house.bar("b")
    assert house.engine.clock_skew == 7
    assert house.engine.refused[-1].rule == "max_clock_skew"


def test_the_clock_of_a_practice_market_is_its_own(make_house):
    house = make_house(Limits(max_bar_age=10, max_clock_skew=5), mode=Mode.PRACTICE)
    house.shop.ahead = 10**18
    house.compare()
    house.wait(60 + 11)
    house.bar("b")
    assert (house.engine.bar_age, house.engine.clock_skew) == (0.0, 0.0)
    assert len(house.shop.orders) == 1


def test_a_stale_bar_buys_nothing(make_house):
    house = make_house(Limits(max_bar_age=10))
    house.compare()
    house.wait(60 + 10)
    house.bar("b")
    assert len(house.shop.orders) == 1
    other = make_house(Limits(max_bar_age=10))
    other.compare()
    other.wait(60 + 11)
    other.bar("b")
    assert other.engine.refused[-1].rule == "max_bar_age"


def test_without_limits_on_time_nothing_is_measured(house):
    house.shop.ahead = 10**12
    house.compare()
    house.bar("-")
    assert (house.engine.bar_age, house.engine.clock_skew) == (0.0, 0.0)


def test_a_full_disk_buys_nothing(house):
    house.journal.full = True
    house.bar("b")  # nobody knows yet that it is full
    assert house.engine.refused[-1].rule in ("JOURNAL", "blocked")
    house.bar("b")
    assert house.engine.refused[-1].reason == "the journal cannot be written"
    assert house.shop.orders == {}
    house.journal.full = False
    house.bar("-")
    house.recorder.flush()
    house.bar("b")
    assert len(house.shop.orders) == 1


# -- protection, whatever else happens


def test_a_position_is_protected_although_no_bar_comes(make_house):
    house = make_house(Limits(stop_loss=0.05))
    house.compare()
    house.bar("b")
    [entry] = house.shop.open_of()
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.shop.buy_whole(entry.client_id)
    house.hear_wire()
    assert house.shop.open_of() == []
    house.wait(int(DEADLINE) + 5)
    [stop] = house.shop.open_of()
    assert stop.quantity == house.shop.position
    assert house.engine.exits.protected
    assert house.shop.sins == []


def test_a_position_that_an_earlier_session_left_bare_is_protected(make_house):
    house = make_house(Limits(stop_loss=0.05))
    house.compare()
    house.bar("b")
    [entry] = house.shop.open_of()
    house.shop.buy_whole(entry.client_id)  # and it dies before it hears of it
    again = make_house(Limits(stop_loss=0.05), shop=house.shop, journal=house.journal)
    again.compare()
    again.wait(1)
    [stop] = house.shop.open_of()
    house.shop.end(stop.client_id)  # and again, while nobody is there
    third = make_house(Limits(stop_loss=0.05), shop=house.shop, journal=house.journal)
    third.compare()
    third.wait(5)
    [stop] = house.shop.open_of()
    assert stop.quantity == house.shop.position
    assert third.engine.exits.protected
    house.shop.hidden.clear()
    fourth = make_house(Limits(stop_loss=0.1), shop=house.shop, journal=house.journal)
    fourth.compare()
    fourth.wait(5)
    assert len(house.shop.open_of()) == 1
    assert house.shop.sins == []


# -- the end


def test_at_the_end_what_was_executed_and_not_told_is_booked(house):
    house.bar("b")
    [intent] = house.engine.intents
    fill = house.shop.buy_whole(intent.id)
    house.shop.wire.clear()  # nobody hears of it
    house.run(house.keeper.compare_last(pytest.fail))
    assert [content.fill.id for content in house.journal.contents("fill")] == [fill.id]
    assert house.engine.portfolio.quantity == house.shop.position > 0


def test_an_exchange_that_does_not_answer_at_the_end_holds_nothing_up(house):
    house.shop.fault("now", TransientError("down"), times=9)
    house.run(house.keeper.compare_last(pytest.fail))
    assert house.keeper.hold == "journal and exchange could not be compared (down)"


def test_what_speaks_against_the_books_at_the_end_is_said(house):
    said, error = [], AuthError("wrong key")
    house.shop.fault("now", error)
    house.run(house.keeper.compare_last(said.append))
    assert said == [error]
