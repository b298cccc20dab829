"""`ClosedBarFeed`: each closed bar once, in order, whatever the stream does."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.bars import Hole
from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import AuthError, ConfigError, TransientError
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.feed.closed_bars import ClosedBarFeed

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def minutes_of(run) -> list[int]:
    """Return which minutes' bars were given."""
    return [bar.time // MINUTE for bar in run.bars]


async def with_frames(run, minutes: int, every: float = 2.0, after: float = 0.25) -> None:
    """Let time pass while the exchange tells of the open candle every few seconds."""
    end = run.clock.now() + minutes * MINUTE
    due = run.clock.now() + after * SECOND
    while run.clock.now() < end:
        if run.clock.now() >= due:
            run.venue.tell(run.clock.now() // MINUTE * MINUTE)
            due += every * SECOND
        await run.pass_time(0.25)


def test_while_messages_come_candles_are_asked_for_once_a_bar(play, venue):
    run = play(lambda run: with_frames(run, 8), venue(20))
    assert minutes_of(run) == list(range(8))[:-1]
    assert run.bars == [candle.bar() for candle in run.venue.candles_[:7]]
    # one question at the start, with the exchange's time, and one a bar
    assert run.venue.questions == ["now", "candles"] + 7 * ["candles"]
    assert all(given - bar.time - MINUTE <= SECOND for given, bar in zip(run.given_at, run.bars, strict=True))
    assert run.changes == []


def test_without_a_stream_it_asks_when_a_bar_is_over(play, venue):
    run = play(lambda run: run.pass_time(300), venue(20), watched=False)
    assert minutes_of(run) == [0, 1, 2, 3, 4]
    assert run.venue.questions.count("candles") <= 6
    assert all(given - bar.time - MINUTE <= SECOND for given, bar in zip(run.given_at, run.bars, strict=True))
    assert run.changes == []


def test_the_last_candle_is_closed_by_the_exchanges_own_time_only(play, venue):
    """It has no later candle, and the computer's clock is a minute ahead of the exchange's."""
    run = play(lambda run: run.pass_time(118), venue(1, offset=-MINUTE), watched=False)
    assert run.bars == []
    run = play(lambda run: run.pass_time(125), venue(1, offset=-MINUTE), watched=False)
    assert minutes_of(run) == [0]
    assert run.bars == [run.venue.candles_[0].bar()]


def test_a_message_alone_closes_nothing(play, venue):
    async def scenario(run):
        await run.pass_time(30)
        for _ in range(5):
            run.venue.tell(7 * MINUTE)
            await run.pass_time(5)

    assert play(scenario, venue(1)).bars == []


def test_bars_of_before_are_fetched_page_by_page(play, venue):
    made = venue(30, page_limit=4)
    made.clock.advance(29.5 * 60)
    run = play(lambda run: run.pass_time(1), made, since=3 * MINUTE)
    assert minutes_of(run) == list(range(3, 29))
    assert run.venue.questions.count("now") == 1


def test_a_page_of_one_candle_gets_on_by_the_exchanges_time(play, venue):
    made = venue(6, page_limit=1)
    made.clock.advance(5.5 * 60)
    run = play(lambda run: run.pass_time(120), made)
    assert minutes_of(run) == [0, 1, 2, 3, 4, 5]


def test_holes_stay_holes_and_are_named(play, venue):
    run = play(lambda run: with_frames(run, 9), venue(20, gone=(2, 3, 6)))
    assert minutes_of(run) == [0, 1, 4, 5, 7]
    assert run.feed.holes == [Hole(MINUTE, 4 * MINUTE, 2), Hole(5 * MINUTE, 7 * MINUTE, 1)]
    assert run.feed.next == 8 * MINUTE


def test_a_candle_that_comes_a_little_late_is_waited_for(play, venue):
    """Candle 2 is shown only half a second after candle 3 has closed."""
    run = play(lambda run: with_frames(run, 7), venue(20, late={2: 60.5}))
    assert minutes_of(run) == [0, 1, 2, 3, 4, 5]
    assert run.feed.holes == []


def test_a_candle_that_comes_much_too_late_is_a_hole_and_never_given_after_a_later_one(play, venue):
    run = play(lambda run: with_frames(run, 7), venue(20, late={2: 90}))
    assert minutes_of(run) == [0, 1, 3, 4, 5]
    assert run.feed.holes == [Hole(MINUTE, 3 * MINUTE, 1)]


def test_a_bar_that_is_changed_after_its_close_is_not_given_again(play, venue):
    run = play(lambda run: with_frames(run, 6), venue(20, revised={1: 30.0, 2: 70.0}))
    assert run.bars == [candle.bar() for candle in run.venue.candles_[:5]]


def test_answers_that_lag_behind_the_messages_are_asked_for_again_soon(play, venue):
    """Candles are shown 1.2 s after their close, the open one not at all."""
    late = dict.fromkeys(range(20), 1.2)
    run = play(lambda run: with_frames(run, 5), venue(20, late=late, shows_open=False))
    assert minutes_of(run) == [0, 1, 2, 3]
    assert all(given - bar.time - MINUTE <= 5 * SECOND for given, bar in zip(run.given_at, run.bars, strict=True))
    assert run.venue.questions.count("candles") <= 1 + 4 * 8


@pytest.mark.parametrize("goes_deaf", [True, False], ids=["its loop died", "the exchange is mute"])
def test_a_silent_stream_is_noticed_within_two_bars_and_made_anew(play, venue, goes_deaf):
    async def scenario(run):
        await with_frames(run, 2)
        run.venue.deaf = goes_deaf
        if not goes_deaf:
            run.venue.muted = lambda now: now < 5 * MINUTE
        await with_frames(run, 6)

    run = play(scenario, venue(20))
    assert minutes_of(run) == list(range(7))
    down, up = run.changes
    assert (down.up, up.up) == (False, True)
    assert "silent" in down.reason
    assert down.time <= 2 * MINUTE + 2 * MINUTE
    assert up.time <= (down.time if goes_deaf else 5 * MINUTE) + MINUTE
    assert run.venue.drops
    assert run.venue.drops[0] - down.time <= SECOND


def test_a_stream_that_was_dead_from_the_start_is_noticed(play, venue):
    async def scenario(run):
        run.venue.deaf, run.venue.heals = True, False
        await with_frames(run, 6)

    run = play(scenario, venue(20))
    assert minutes_of(run) == [0, 1, 2, 3, 4, 5][: len(run.bars)]
    assert len(run.bars) >= 5
    assert [change.up for change in run.changes] == [False]
    assert run.changes[0].time <= 2 * MINUTE
    assert len(run.venue.drops) > 2, "a connection that stays silent is made anew again and again"


def test_a_stream_that_repeats_an_old_candle_is_silent(play, venue):
    async def scenario(run):
        await with_frames(run, 2)
        for _ in range(4 * 30):
            run.venue.tell(MINUTE)
            await run.pass_time(2)

    run = play(scenario, venue(20))
    assert minutes_of(run)[:5] == [0, 1, 2, 3, 4]
    assert run.changes[0].up is False
    assert run.changes[0].time <= 4 * MINUTE + 15 * SECOND


def test_a_market_without_trades_is_not_a_dead_stream(play, venue):
    async def scenario(run):
        await with_frames(run, 2)
        await run.pass_time(5 * 60)

    run = play(scenario, venue(20, quiet=range(2, 20)))
    assert minutes_of(run) == [0, 1, 2, 3, 4, 5, 6][: len(run.bars)]
    assert len(run.bars) >= 6
    assert run.changes == []


def test_a_broken_stream_is_told_and_bars_come_by_asking(play, venue):
    async def scenario(run):
        await with_frames(run, 2)
        run.venue.tell(TransientError("1006"))
        run.venue.muted = lambda now: now < 4 * MINUTE
        await with_frames(run, 4)

    run = play(scenario, venue(20))
    assert minutes_of(run) == [0, 1, 2, 3, 4]
    assert [change.up for change in run.changes] == [False, True]
    assert "1006" in run.changes[0].reason
    assert run.changes[0].time <= 2 * MINUTE + SECOND
    assert all(given - bar.time - MINUTE <= 3 * SECOND for given, bar in zip(run.given_at, run.bars, strict=True))


@pytest.mark.parametrize("error", [KeyError("spot"), ValueError("{oops"), asyncio.CancelledError()])
def test_whatever_a_stream_raises_does_not_end_the_bars(play, venue, error):
    async def scenario(run):
        await with_frames(run, 1)
        run.venue.tell(error)
        await with_frames(run, 3)

    run = play(scenario, venue(20))
    assert minutes_of(run) == [0, 1, 2]
    assert [change.up for change in run.changes] == [False, True]
    assert run.changes[0].time <= MINUTE + SECOND


def test_a_stream_that_breaks_again_and_again_is_not_hurried(play, venue):
    async def scenario(run):
        for _ in range(10 * 60):
            run.venue.tell(run.clock.now() // MINUTE * MINUTE)
            run.venue.tell(TransientError("no"))
            await run.pass_time(1)

    run = play(scenario, venue(20))
    assert minutes_of(run) == list(range(10))[: len(run.bars)]
    assert len(run.bars) >= 9
    assert len(run.venue.drops) < 40, "one message after each new connection does not make it a good one"
    assert [change.up for change in run.changes] == [bool(i % 2) for i in range(len(run.changes))]


def test_passing_faults_of_the_answers_are_borne_with_pauses_that_grow(play, venue):
    made = venue(20, failing=lambda now: 2 * MINUTE < now < 5 * MINUTE)
    run = play(lambda run: with_frames(run, 8), made)
    assert minutes_of(run) == list(range(7))
    assert [change.up for change in run.changes] == [False, True]
    assert "no answer" in run.changes[0].reason
    assert run.venue.questions.count("candles") + run.venue.questions.count("now") < 30


def test_one_lost_answer_is_no_lost_connection(play, venue):
    made = venue(20, failing=lambda now: 2 * MINUTE < now < 2 * MINUTE + 2 * SECOND)
    run = play(lambda run: with_frames(run, 5), made)
    assert minutes_of(run) == [0, 1, 2, 3]
    assert run.changes == []


@pytest.mark.parametrize("error", [AuthError("wrong key"), ConfigError("no such market")])
@pytest.mark.parametrize("by_stream", [True, False])
def test_wrong_names_and_keys_end_the_feed(play, venue, error, by_stream):
    async def scenario(run):
        await with_frames(run, 1)
        if by_stream:
            run.venue.tell(error)
        else:

            async def refuse(*_):
                raise error

            run.venue.candles = refuse
        await with_frames(run, 2)

    with pytest.raises(type(error), match=str(error)):
        play(scenario, venue(20))


def test_a_connection_that_never_finishes_closing_is_left_behind(play, venue):
    made = venue(20)

    async def scenario(run):
        async def hang(*_):
            made.drops.append(run.clock.now())
            await asyncio.Event().wait()

        await with_frames(run, 1)
        made.unwatch = hang
        made.tell(TransientError("broken"))
        await with_frames(run, 3)
        del made.unwatch

    run = play(scenario, made)
    assert minutes_of(run) == [0, 1, 2]
    assert [change.up for change in run.changes] == [False, True]


@pytest.mark.parametrize("poll", [0, -1, True, "10", float("nan"), 1e9])
def test_a_poll_that_is_no_time_is_refused(poll):
    with pytest.raises(ConfigError, match="poll: "):
        ClosedBarFeed(None, None, "BTC/USDT", Timeframe(60), clock=SimulatedClock(), since=0, poll=poll)


FRAMES = st.lists(
    st.tuples(st.integers(0, 599), st.sampled_from(["now", "now", "old", "older", "future", "break", "odd"])),
    max_size=60,
)
SPANS = st.lists(st.tuples(st.integers(0, 560), st.integers(1, 150)), max_size=3)


@settings(max_examples=80, deadline=None)
@given(
    gone=st.sets(st.integers(0, 11), max_size=6),
    late=st.dictionaries(st.integers(0, 11), st.floats(0, 200), max_size=5),
    revised=st.dictionaries(st.integers(0, 11), st.floats(0, 200), max_size=5),
    quiet=st.sets(st.integers(0, 11)),
    frames=FRAMES,
    ticking=st.booleans(),
    mute=SPANS,
    outages=SPANS,
    offset=st.integers(-90, 90),
    page=st.integers(1, 5),
    shows_open=st.booleans(),
    watched=st.booleans(),
)
def test_whatever_happens_each_closed_bar_comes_once_and_in_order(  # noqa: PLR0917 - each is a dimension of the weather
    play, venue, gone, late, revised, quiet, frames, ticking, mute, outages, offset, page, shows_open, watched
):
    def within(spans):
        return lambda now: any(start <= now / SECOND < start + length for start, length in spans)

    made = venue(
        12,
        gone=gone,
        late=late,
        revised=revised,
        quiet=quiet,
        muted=within(mute),
        failing=within(outages),
        offset=offset * SECOND,
        page_limit=page,
        shows_open=shows_open,
    )

    async def scenario(run):
        script = {}
        for second, kind in frames:
            script.setdefault(second, []).append(kind)
        for second in range(600):
            market = run.clock.now() + made.offset
            for kind in [*script.get(second, []), *(["now"] if ticking and second % 2 == 0 else [])]:
                back = {"now": 0, "old": 1, "older": 4, "future": -3}.get(kind)
                if back is None:
                    made.tell(TransientError("1006") if kind == "break" else KeyError("k"))
                else:
                    made.tell((market // MINUTE - back) * MINUTE)
            await run.pass_time(1, 1)
        made.muted = made.failing = lambda _: False
        await run.pass_time(420, 1)

    run = play(scenario, made, watched=watched)
    given = minutes_of(run)
    assert given == sorted(set(given))
    present = [i for i in range(12) if i not in gone]
    punctual = {i for i in present if late.get(i, 0) <= 60}
    assert punctual <= set(given) <= set(present)
    for bar, seen in zip(run.bars, run.given_at, strict=True):
        script = next(candle for candle in made.candles_ if candle.open == bar.time)
        assert seen + made.offset >= script.close, "given before it closed"
        assert bar in (script.bar(), script.bar(3.0)), "given unfinished"
    assert [change.up for change in run.changes] == [bool(i % 2) for i in range(len(run.changes))]
    named = {i for hole in run.feed.holes for i in range(hole.after // MINUTE + 1, hole.before // MINUTE)}
    assert named == set(range(max(given, default=-1) + 1)) - set(given)
