"""What a restart and people read out of a journal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptobot.core.errors import ExchangeError, JournalError
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill, Intent, OcoIntent, Side
from cryptobot.trading.journal import (
    BookedFill,
    JournalView,
    MemoryJournal,
    Outcome,
    ParametersSet,
    SqliteJournal,
    StateChange,
    TradingStateChange,
)
from cryptobot.trading.lifecycle import OrderState

BUY = Intent("bot-1", 5, "BTC/USDT", Side.BUY, quantity=Decimal(2))
STOP = Intent("bot-3", 5, "BTC/USDT", Side.SELL, quantity=Decimal(2), type=OrderType.STOP_LOSS, stop_price=Decimal(90))
TAKE = Intent("bot-4", 5, "BTC/USDT", Side.SELL, quantity=Decimal(2), type=OrderType.LIMIT_MAKER, price=Decimal(110))
PAIR = OcoIntent("bot-2", TAKE, STOP)


def order(status=OrderStatus.NEW, filled=0, intent=BUY):
    return Order(
        intent.id, "77", "BTC/USDT", intent.side, intent.type, status, Decimal(2), Decimal(filled), Decimal(filled) * 100, 0, filled
    )  # fmt: skip


def fill(number, quantity, intent=BUY, price=100):
    return BookedFill(
        Fill(str(number), intent.id, number, intent.side, Decimal(price), Decimal(quantity), Decimal(0)), complete=False
    )


@pytest.fixture
def view(header):
    """Write records of these kinds and read them."""

    def make(*said):
        journal = MemoryJournal(header)
        for time, (kind, content) in enumerate(said):
            journal.append(time, kind, content)
        return JournalView.of(journal)

    return make


def state(view, client_id="bot-1"):
    return view.lives[client_id].state


def test_an_intent_without_an_answer_is_unknown(view):
    seen = view(("intent", BUY))
    assert state(seen) is OrderState.UNKNOWN
    assert seen.intents == [BUY]
    assert [life.client_id for life in seen.opened_orders] == ["bot-1"]


@pytest.mark.parametrize(
    ("said", "expected", "open_"),
    [
        ([("outcome", Outcome("bot-1", "acknowledged", "77"))], OrderState.ACKNOWLEDGED, True),
        ([("outcome", Outcome("bot-1", "rejected", reason="no money"))], OrderState.REJECTED, False),
        ([("outcome", Outcome("bot-1", "not_sent", reason="dns"))], OrderState.REJECTED, False),
        ([("outcome", Outcome("bot-1", "unknown", reason="timeout"))], OrderState.UNKNOWN, True),
        (
            [("outcome", Outcome("bot-1", "unknown")), ("outcome", Outcome("bot-1", "absent"))],
            OrderState.REJECTED,
            False,
        ),
        ([("outcome", Outcome("bot-1", "unknown")), ("order", order())], OrderState.ACKNOWLEDGED, True),
        ([("order", order(OrderStatus.PARTIALLY_FILLED, 1))], OrderState.PARTIALLY_FILLED, True),
        ([("order", order(OrderStatus.CANCELLED))], OrderState.CANCELLED, False),
        ([("order", order(OrderStatus.CANCELLED, 1))], OrderState.CANCELLED, True),
        ([("order", order(OrderStatus.CANCELLED, 1)), ("fill", fill(1, 1))], OrderState.CANCELLED, False),
        ([("fill", fill(1, 1))], OrderState.PARTIALLY_FILLED, True),
        ([("fill", fill(1, 1)), ("fill", fill(1, 1)), ("fill", fill(2, 1))], OrderState.FILLED, False),
        ([("outcome", Outcome("bot-1", "absent")), ("intent", BUY)], OrderState.UNKNOWN, True),
        ([("outcome", Outcome("bot-1", "cancel_sent"))], OrderState.UNKNOWN, True),
    ],
)
def test_the_orders_stand_as_the_journal_says(view, said, expected, open_):
    seen = view(("intent", BUY), *said)
    assert state(seen) is expected
    assert bool(seen.opened_orders) is open_
    assert seen.intents == [BUY]
    assert seen.cancels == ({"bot-1"} if said[0][1] == Outcome("bot-1", "cancel_sent") else set())


def test_a_pair_is_two_orders(view):
    seen = view(("intent", PAIR), ("outcome", Outcome("bot-2", "acknowledged")))
    assert seen.intents == [PAIR]
    assert state(seen, "bot-3") is state(seen, "bot-4") is OrderState.ACKNOWLEDGED
    seen = view(("intent", PAIR), ("outcome", Outcome("bot-2", "rejected", reason="no")), ("outcome", Outcome("bot-2", "cancel_sent")))  # fmt: skip
    assert state(seen, "bot-3") is state(seen, "bot-4") is OrderState.REJECTED
    assert seen.cancels == {"bot-3", "bot-4"}
    seen = view(("intent", PAIR), ("order", order(intent=STOP)), ("fill", fill(1, 2, STOP)), ("order", order(OrderStatus.CANCELLED, intent=TAKE)))  # fmt: skip
    assert (state(seen, "bot-3"), state(seen, "bot-4")) == (OrderState.FILLED, OrderState.CANCELLED)
    assert seen.opened_orders == []


def test_a_blind_second_sending_is_seen(view):
    with pytest.raises(ExchangeError, match="must not be sent again"):
        view(("intent", BUY), ("outcome", Outcome("bot-1", "unknown")), ("intent", BUY))


def test_an_answer_to_nothing_is_refused(view):
    with pytest.raises(JournalError, match="no intent"):
        view(("outcome", Outcome("bot-9", "rejected")))


def test_foreign_orders_and_fills_are_kept_apart(view):
    foreign = BookedFill(Fill("9", "", 5, Side.BUY, Decimal(1), Decimal(1), Decimal(0)), own=False)
    seen = view(("fill", foreign), ("order", Order("", "88", "BTC/USDT", Side.BUY, OrderType.LIMIT, OrderStatus.NEW, Decimal(1), Decimal(0), Decimal(0), 0, 0)))  # fmt: skip
    assert seen.fills == []
    assert seen.booked == [foreign]
    assert seen.lives == {}
    assert seen.portfolio().is_flat
    assert seen.orders[""].exchange_id == "88"


def test_trades_and_books(view):
    sell = Intent("bot-5", 9, "BTC/USDT", Side.SELL, quantity=Decimal("1.99"))
    got = BookedFill(Fill("1", "bot-1", 1, Side.BUY, Decimal(100), Decimal(2), Decimal("0.002"), "BTC"))
    sold = BookedFill(Fill("2", "bot-5", 2, Side.SELL, Decimal(110), Decimal("1.99"), Decimal(0)))
    seen = view(("intent", BUY), ("fill", got), ("intent", sell), ("fill", sold), ("fill", sold))
    (trade,) = seen.trades(Market("BTC/USDT", lot_size="0.01"))
    assert trade.pnl == Decimal("1.99") * 110 - 200
    assert seen.fills == [got.fill, sold.fill]
    assert seen.trades() == [], "without the lot the rest is a position"
    books = seen.portfolio(Market("BTC/USDT", lot_size="0.01"), 1_000)
    assert books.cash == 1_000 - 200 + Decimal("218.90")
    assert books.dust == Decimal("0.008")
    with pytest.raises(JournalError, match="Give the market"):
        JournalView().trades()


def test_the_newest_of_each(view):
    seen = view(
        ("state", StateChange("running")),
        ("state", ("halted", "why")),
        ("trading_state", TradingStateChange("reducing")),
        ("trading_state", TradingStateChange("halted", "kill", "user")),
        ("parameters", ParametersSet("Told", {"shift": 1})),
    )
    assert seen.state == StateChange("halted", "why")
    assert seen.trading_state == TradingStateChange("halted", "kill", "user")
    assert seen.parameters == [ParametersSet("Told", {"shift": 1})]
    assert seen.count == 6
    empty = view()
    assert (empty.state, empty.trading_state) == (None, None)


def test_a_view_of_a_file_is_the_view_of_its_records(sample, fill_journal, header, same):
    path, kept = sample(orders=4)
    memory = MemoryJournal(header)
    fill_journal(memory, 4)
    of_file, of_memory = JournalView.of(path), JournalView.of(memory)
    for name in ("header", "count", "intents", "booked", "orders", "cancels", "bars", "parameters", "states",
                 "trading_states", "notices", "gates", "events", "cursors"):  # fmt: skip
        assert same(getattr(of_file, name), getattr(of_memory, name)), name
    assert {k: v.state for k, v in of_file.lives.items()} == {k: v.state for k, v in of_memory.lives.items()}
    assert of_file.cursors == {"slack": 3}
    assert len(of_file.bars) == 4
    assert JournalView.of(path, bars=False).bars == []
    assert JournalView.of(path, bars=False).count == len(kept)
    assert len(of_file.trades()) == 2
    assert of_file.count == len(kept)
    with SqliteJournal(path) as journal:
        assert JournalView.of(journal).count == len(kept)
