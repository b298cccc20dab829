"""Refusals as Binance words them: a code, a text and an HTTP status."""

from __future__ import annotations

from typing import Any, Final

# What the matching core calls a refusal → code and text of the exchange. Everything that is not here is a filter.
_REFUSED: Final = {
    "INSUFFICIENT_BALANCE": (-2010, "Account has insufficient balance for requested action."),
    "DUPLICATE": (-2010, "Duplicate order sent."),
    "WOULD_MATCH": (-2010, "Order would immediately match and take."),
    "WOULD_TRIGGER": (-2010, "Stop price would trigger immediately."),
    "OCO_PRICES": (-2010, "The relationship of the prices for the orders is not correct."),
    "MARKET_CLOSED": (-1013, "Market is closed."),
    "STATUS": (-1013, "Market is closed."),
    "UNKNOWN_SYMBOL": (-1121, "Invalid symbol."),
    "NO_PRICE": (-1112, "No orders on book for symbol."),
    "PARAMETERS": (-1013, "Invalid quantity."),
}


class ApiError(Exception):
    """The exchange refuses a request.

    Parameters
    ----------
    code
        Binance's error code, below 0.
    text
        Its words.
    status
        HTTP status.
    headers
        More headers, such as ``Retry-After``.
    data
        More content, which only the WebSocket API shows.
    """

    def __init__(
        self,
        code: int,
        text: str,
        status: int = 400,
        headers: dict[str, str] | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.status = status
        self.headers = headers or {}
        self.data = data

    @property
    def content(self) -> dict[str, Any]:
        """What a REST client reads."""
        return {"code": self.code, "msg": self.text}


def missing(name: str) -> ApiError:
    """Return the error for a parameter that is not there."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> ApiError:
    """Return the error for a parameter whose text is not allowed."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def not_required(name: str) -> ApiError:
    """Return the error for a parameter that this type of order does not have."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def refused(rule: str) -> ApiError:
    """Translate a refusal of the matching core.

    Examples
    --------
    >>> refused("LOT_SIZE").text
    'Filter failure: LOT_SIZE'
    >>> refused("DUPLICATE").code
    -2010
    """
    code, text = _REFUSED.get(rule, (-1013, f"Filter failure: {rule}"))
    return ApiError(code, text)


UNKNOWN_ORDER: Final = (-2011, "Unknown order sent.")
NO_SUCH_ORDER: Final = (-2013, "Order does not exist.")
