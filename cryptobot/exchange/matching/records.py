"""Everything that ever happened in the core, and how to find it again."""

from __future__ import annotations

from cryptobot.core.errors import OrderNotFound
from cryptobot.core.types import Intent
from cryptobot.exchange.matching.entry import Entry
from cryptobot.exchange.matching.events import Executed
from cryptobot.exchange.matching.pairs import Pair


class Records:
    """Orders, executions and pairs, oldest first.

    Parameters
    ----------
    first_order_id, first_fill_id
        Ids of orders and of executions count up from here.
    """

    def __init__(self, first_order_id: int = 1, first_fill_id: int = 1) -> None:
        self.pairs: list[Pair] = []
        self._next_order = first_order_id
        self._next_fill = first_fill_id
        self._turns = 0
        self._by_symbol: dict[str, list[Entry]] = {}
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._by_client_id: dict[tuple[str, str], Entry] = {}
        self._pair_by_client_id: dict[tuple[str, str], Pair] = {}
        self._executions: dict[str, list[Executed]] = {}

    def next_fill(self) -> str:
        """Return a new id for an execution."""
        number = self._next_fill
        self._next_fill += 1
        return str(number)

    def add(self, entry: Entry) -> None:
        """Record a new order: it gets its id and its place in the queue."""
        entry.number = self._next_order
        entry.exchange_id = str(entry.number)
        entry.turn = self.next_turn()
        self._next_order += 1
        symbol = entry.intent.symbol
        self._by_symbol.setdefault(symbol, []).append(entry)
        self._by_id[symbol, entry.exchange_id] = entry
        self._by_client_id[symbol, entry.intent.id] = entry

    def add_execution(self, executed: Executed) -> None:
        """Record an execution."""
        self._executions.setdefault(executed.order.symbol, []).append(executed)

    def has_open(self, intent: Intent) -> bool:
        """Whether an order with this client id is open in the same market."""
        entry = self._by_client_id.get((intent.symbol, intent.id))
        return entry is not None and entry.status.is_open

    def add_pair(self, pair: Pair) -> None:
        """Record a new pair."""
        self.pairs.append(pair)
        self._pair_by_client_id[pair.symbol, pair.client_id] = pair

    def has_open_pair(self, symbol: str, client_id: str) -> bool:
        """Whether a pair with this client id is open in the same market."""
        pair = self._pair_by_client_id.get((symbol, client_id))
        return pair is not None and any(self._by_id[symbol, leg].status.is_open for leg in (pair.above, pair.below))

    def next_turn(self) -> int:
        """Return a place in the queue behind everybody so far."""
        self._turns += 1
        return self._turns

    def one(self, symbol: str, client_id: str | None, exchange_id: str | None) -> Entry:
        """Return an order, by client id the newest one; raises `OrderNotFound`."""
        entry = None
        if exchange_id is not None:
            entry = self._by_id.get((symbol, exchange_id))
            if entry is not None and client_id is not None and entry.intent.id != client_id:
                entry = None
        elif client_id is not None:
            entry = self._by_client_id.get((symbol, client_id))
        if entry is None:
            asked = f"client id {client_id!r}" if exchange_id is None else f"exchange id {exchange_id!r}"
            raise OrderNotFound(f"{symbol}: there is no order with {asked}. Look at `orders` for those there are.")
        return entry

    def open_one(self, symbol: str, client_id: str | None, exchange_id: str | None) -> Entry:
        """Return an open order; raises `OrderNotFound`, also if it has ended."""
        entry = self.one(symbol, client_id, exchange_id)
        if not entry.status.is_open:
            raise OrderNotFound(f"{symbol}: order {entry.intent.id} is not open any more: it is {entry.status}.")
        return entry

    def entries(self, symbol: str) -> list[Entry]:
        """Return the orders of a market, oldest first."""
        return self._by_symbol.get(symbol, [])

    def executions(self, symbol: str) -> list[Executed]:
        """Return the executions of a market, oldest first."""
        return list(self._executions.get(symbol, []))
