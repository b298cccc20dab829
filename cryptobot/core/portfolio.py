"""Cash and one position in exact arithmetic: the one way of keeping books in backtest, paper and live."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.errors import ConfigError, ExchangeError
from cryptobot.core.money import ZERO, Market, decimal_of, exact_money
from cryptobot.core.types import Fill, Side, Trade


class Portfolio:
    """Cash and a long position in one market.

    Parameters
    ----------
    cash
        In the quote currency, above 0.
    market
        What is traded. It says which currencies a fee may be taken in, and what is too little to be sold. None: fees
        are in the quote currency and every quantity can be sold.

    Attributes
    ----------
    cash
        Free money in the quote currency.
    quantity
        The position, in the base currency; never negative.
    dust
        Left over from closed trades because it is too little to be sold, in the base currency. It joins the next
        position.
    entry_price
        Average price of the open position without fees, or None when flat.
    fees
        Paid so far, in the quote currency; a fee taken in the base currency is valued at the price of its fill.
    other_fees
        Paid so far in further currencies. They are no part of any profit or loss here.
    realised_pnl
        Profit or loss of the closed trades after fees: the money they brought in, less the money they cost.
    trades
        Closed trades, oldest first.
    """

    def __init__(self, cash: float | Decimal, market: Market | None = None) -> None:
        amount = decimal_of(cash, "cash")
        if amount <= 0:
            raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
        self.initial_cash = amount
        self.cash = amount
        self.quantity = ZERO
        self.dust = ZERO
        self.fees = ZERO
        self.other_fees: dict[str, Decimal] = {}
        self.realised_pnl = ZERO
        self.trades: list[Trade] = []
        self._market = market
        self._seen: set[str] = set()
        self._reset_entry()

    def _reset_entry(self) -> None:
        self._entry_time = 0
        self._bought = ZERO
        self._bought_value = ZERO
        self._sold = ZERO
        self._sold_value = ZERO
        self._trade_fees = ZERO
        self._last_time = 0
        self._paid = ZERO  # fees that were taken from the cash

    @property
    def is_flat(self) -> bool:
        """Whether there is no position; dust is none."""
        return self.quantity == 0

    @property
    @exact_money
    def entry_price(self) -> Decimal | None:
        """Average price of the entry without fees, or None when flat."""
        return None if self.is_flat else self._bought_value / self._bought

    @exact_money
    def apply(self, fill: Fill, *, complete: bool = True) -> Trade | None:
        """Book one execution.

        A fill whose id was booked before changes nothing, so that a repeated message cannot count twice.

        Parameters
        ----------
        fill
            The execution.
        complete
            Whether its order is done with it. What a finished sale leaves over, if it is too little to be sold, is
            dust and no position.

        Returns
        -------
        Trade or None
            The round trip that this fill closed.

        Raises
        ------
        ExchangeError
            If a sale is larger than the position, or a number cannot be.
        """
        if fill.id in self._seen:
            return None
        held = self.quantity if fill.side is Side.SELL or not self.dust else self.quantity + self.dust
        change, cash, value_of_fee = balance_changes(fill, self._market)
        if held + change < 0:
            raise ExchangeError(
                f"fill {fill.id}: sells {-change}, but the books hold only {held}. The books and the exchange disagree: "
                "nothing more is traded until they are reconciled."
            )
        self._seen.add(fill.id)
        self._last_time = fill.time
        value = fill.price * fill.quantity
        if value_of_fee is None:
            asset = str(fill.fee_asset)
            self.other_fees[asset] = self.other_fees.get(asset, ZERO) + fill.fee
        else:
            self.fees += value_of_fee
            self._trade_fees += value_of_fee
            if fill.fee_asset is None or self._market is None or fill.fee_asset == self._market.quote:
                self._paid += fill.fee
        if fill.side is Side.BUY:
            if self.is_flat:
                self._entry_time = fill.time
            self.dust = ZERO
            self.cash += cash
            self.quantity = held + change
            self._bought += fill.quantity
            self._bought_value += value
            return None
        self.cash += cash
        self.quantity = held + change
        self._sold += fill.quantity
        self._sold_value += value
        if self.is_flat:
            return self._close()
        return self.settle(fill.price) if complete else None

    @exact_money
    def settle(self, price: Decimal) -> Trade | None:
        """Set a remainder aside that is too little to be sold, now that no order is at work on it.

        Parameters
        ----------
        price
            Of the market, to value the remainder at.

        Returns
        -------
        Trade or None
            The round trip that ended with it.
        """
        market = self._market
        if market is None or self.is_flat or not self._sold:
            return None
        if market.refusal(price, market.round_quantity(self.quantity)) is None:
            return None
        self.dust, self.quantity = self.quantity, ZERO
        return self._close()

    def _close(self) -> Trade:
        pnl = self._sold_value - self._bought_value - self._paid
        trade = Trade(
            entry_time=self._entry_time,
            entry_price=self._bought_value / self._bought,
            exit_time=self._last_time,
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
        """Value of cash, position and dust at a price, in the quote currency."""
        held = self.quantity + self.dust if self.dust else self.quantity
        return self.cash + held * decimal_of(price)

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
            pnl=value - self._bought_value - self._paid,
        )


@exact_money
def balance_changes(fill: Fill, market: Market | None) -> tuple[Decimal, Decimal, Decimal | None]:
    """Return what an execution does to an account.

    Parameters
    ----------
    fill
        The execution.
    market
        Where it happened; None: fees are in the quote currency.

    Returns
    -------
    tuple
        The change of the base currency, of the quote currency, and what the fee is worth in the quote currency, or
        None for a fee in a further currency.

    Raises
    ------
    ExchangeError
        If one of its numbers cannot be.
    """
    for name, number in (("price", fill.price), ("quantity", fill.quantity)):
        if not (number.is_finite() and number > 0):
            raise ExchangeError(
                f"fill {fill.id}: its {name} is {number}; it must be above 0. Nothing was booked: look at the order "
                "on the exchange before trading on."
            )
    if not fill.fee.is_finite():
        raise ExchangeError(f"fill {fill.id}: its fee is {fill.fee}, no number. Nothing was booked.")
    sign = 1 if fill.side is Side.BUY else -1
    change, cash = sign * fill.quantity, -sign * fill.price * fill.quantity
    if fill.fee_asset is None or (market is not None and fill.fee_asset == market.quote):
        return change, cash - fill.fee, fill.fee
    if market is None:
        raise ExchangeError(
            f"fill {fill.id}: its fee is in {fill.fee_asset}, and these books know no market. Nothing was booked."
        )
    if fill.fee_asset == market.base:
        return change - fill.fee, cash, fill.fee * fill.price
    return change, cash, None
