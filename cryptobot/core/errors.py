"""The error tree, grouped by what the reader must do.

```
CryptobotError
├ ConfigError         fix it and start again
│  └ StrategyError    the strategy raised or returned nonsense: mend the strategy
├ DataError           the bars or prices cannot be trusted: no new orders
│  ├ GapError
│  └ StaleDataError
├ ExchangeError
│  ├ TransientError   retried where that is safe
│  ├ OrderRejected    told, goes on
│  ├ OrderNotSent     certain not to have reached the exchange: may be tried again
│  ├ OrderNotFound    the exchange shows no such order (yet)
│  ├ OrderUnknown     resolved by evidence only
│  └ AuthError        stops
├ RiskLimitError      cancels and stops
├ JournalError        stops: never trade unrecorded
└ ParityError         the strategy is refused for live
```
"""

from __future__ import annotations


class CryptobotError(Exception):
    """Root of every error this library raises on purpose."""


class ConfigError(CryptobotError, ValueError):
    """A value the user gave is not allowed: fix it and start again."""


class StrategyError(ConfigError):
    """A strategy raised, or returned something that is not a decision. The bot halts."""


class DataError(CryptobotError, ValueError):
    """Bars or prices that cannot be trusted: nothing new is traded on them."""


class GapError(DataError):
    """Bars are missing where an unbroken series is needed."""


class StaleDataError(DataError):
    """The newest price is older than is allowed."""


class ExchangeError(CryptobotError):
    """The exchange, or the way to it, failed."""


class TransientError(ExchangeError):
    """A passing fault: retried where a retry cannot trade twice."""


class OrderRejected(ExchangeError):
    """The exchange refused the order; nothing was traded.

    Attributes
    ----------
    rule
        Name of the rule that it broke, where one is known, for example ``"NOTIONAL"``.
    """

    def __init__(self, text: str = "", rule: str = "") -> None:
        super().__init__(text)
        self.rule = rule


class OrderNotSent(TransientError):
    """The order is certain not to have reached the exchange, or not to have been executed: it may be tried again."""


class OrderNotFound(ExchangeError):
    """The exchange shows no such order. Soon after sending, this proves nothing."""


class OrderUnknown(ExchangeError):
    """Nobody knows yet whether the order was accepted: resolved by evidence, never by a retry."""


class AuthError(ExchangeError):
    """Keys are missing, wrong or carry rights they must not have. The bot stops."""


class RiskLimitError(CryptobotError):
    """A risk limit was reached: open orders are cancelled and the bot stops."""


class JournalError(CryptobotError):
    """The journal cannot be written or trusted: the bot stops rather than trade unrecorded."""


class ParityError(CryptobotError):
    """Live and batch decisions differ: the strategy is refused for live."""
