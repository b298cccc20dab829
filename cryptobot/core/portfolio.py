"""Cash and one position in exact arithmetic: the one way of keeping books in backtest, paper and live."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.errors import ConfigError, ExchangeError
from cryptobot.core.money import ZERO, decimal_of, exact_money
from cryptobot.core.types import Fill, Side, Trade


class Portfolio:
    """Cash and a long position in one market.

    Parameters
    ----------
    cash
        In the quote currency, above 0.

    Attributes
    ----------
    cash
        Free money in the quote currency.
    quantity
        Held, in the base currency; never negative.
    entry_price
        Average price of the open position without fees, or None when flat.
    fees
        Paid so far, in the quote currency.
    realised_pnl
        Profit or loss of the closed trades after fees.
    trades
        Closed trades, oldest first.
    """

    def __init__(self, cash: float | Decimal) -> None:
        amount = decimal_of(cash, "cash")
        if amount <= 0:
            raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
        self.initial_cash = amount
        self.cash = amount
        self.quantity = ZERO
        self.fees = ZERO
        self.realised_pnl = ZERO
        self.trades: list[Trade] = []
        self._seen: set[str] = set()
        self._reset_entry()

    def _reset_entry(self) -> None:
        self._entry_time = 0
        self._bought = ZERO
        self._bought_value = ZERO
        self._sold = ZERO
        self._sold_value = ZERO
        self._trade_fees = ZERO

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.quantity == 0

    @property
    @exact_money
    def entry_price(self) -> Decimal | None:
        """Average price of the entry without fees, or None when flat."""
        return None if self.is_flat else self._bought_value / self._bought

    @exact_money
    def apply(self, fill: Fill) -> Trade | None:
        """Book one execution.

        A fill whose id was booked before changes nothing, so that a repeated message cannot count twice.

        Returns
        -------
        Trade or None
            The round trip that this fill closed.

        Raises
        ------
        ExchangeError
            If a sale is larger than the position, or a price or quantity is not above 0.
        """
        if fill.id in self._seen:
            return None
        for name, number in (("price", fill.price), ("quantity", fill.quantity)):
            if not (number.is_finite() and number > 0):
                raise ExchangeError(
                    f"fill {fill.id}: its {name} is {number}; it must be above 0. Nothing was booked: look at the order "
                    "on the exchange before trading on."
                )
        value = fill.price * fill.quantity
        if fill.side is Side.SELL and fill.quantity > self.quantity:
            raise ExchangeError(
                f"fill {fill.id}: sells {fill.quantity}, but the books hold only {self.quantity}. The books and the "
                "exchange disagree: nothing more is traded until they are reconciled."
            )
        self._seen.add(fill.id)
        self.fees += fill.fee
        self._trade_fees += fill.fee
        if fill.side is Side.BUY:
            if self.is_flat:
                self._entry_time = fill.time
            self.cash -= value + fill.fee
            self.quantity += fill.quantity
            self._bought += fill.quantity
            self._bought_value += value
            return None
        self.cash += value - fill.fee
        self.quantity -= fill.quantity
        self._sold += fill.quantity
        self._sold_value += value
        if not self.is_flat:
            return None
        pnl = self._sold_value - self._bought_value - self._trade_fees
        trade = Trade(
            entry_time=self._entry_time,
            entry_price=self._bought_value / self._bought,
            exit_time=fill.time,
            exit_price=self._sold_value / self._sold,
            quantity=self._bought,
            fees=self._trade_fees,
            pnl=pnl,
        )
        self.realised_pnl += pnl
        self.trades.append(trade)
        self._reset_entry()
        return trade

    @exact_money
    def equity(self, price: float | Decimal) -> Decimal:
        """Value of cash and position at a price, in the quote currency."""
        return self.cash + self.quantity * decimal_of(price)

    @exact_money
    def open_trade(self, price: float | Decimal) -> Trade | None:
        """Return the open position as a trade valued at a price, or None when flat."""
        if self.is_flat:
            return None
        value = self._sold_value + self.quantity * decimal_of(price)
        return Trade(
            entry_time=self._entry_time,
            entry_price=self._bought_value / self._bought,
            exit_time=None,
            exit_price=None,
            quantity=self._bought,
            fees=self._trade_fees,
            pnl=value - self._bought_value - self._trade_fees,
        )
