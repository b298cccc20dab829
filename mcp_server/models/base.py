"""What all answers share: they are immutable, finite and know their times."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from mcp_server.words import iso

Mode = Literal["practice", "paper", "testnet", "live"]
"""Where a bot's orders go, in order of trust."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _moment(time: Any) -> Any:
    # Pydantic would take a number for seconds; in this project whole numbers are nanoseconds.
    if isinstance(time, int) and not isinstance(time, bool):
        try:
            return _EPOCH + dt.timedelta(microseconds=time // 1_000)
        except OverflowError:
            raise ValueError("the time is out of range: give nanoseconds since 1970-01-01 UTC") from None
    return time


def _zoned(moment: dt.datetime) -> dt.datetime:
    # A time without a zone is taken as UTC, as everywhere on the wire.
    try:
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def _written(moment: dt.datetime) -> str:
    return iso(round((moment - _EPOCH) / dt.timedelta(microseconds=1)) * 1_000)


UtcTime = Annotated[
    dt.datetime, BeforeValidator(_moment), AfterValidator(_zoned), PlainSerializer(_written, return_type=str)
]
"""A moment: nanoseconds since 1970-01-01 UTC or a datetime in, ISO 8601 text with a Z out."""

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number: JSON has no others."""


class Answer(BaseModel):
    """The root of what the server answers."""

    model_config = ConfigDict(frozen=True)


class AboutBot(Answer):
    """An answer about a bot: it always says which one and where its orders go."""

    bot: str = Field(description="Name of the bot")
    mode: Mode = Field(description="Where its orders go: practice, paper, testnet or live (real money)")


class Outcome(Answer):
    """How trading went, beside simply holding."""

    buy_and_hold_pct: Number
    max_drawdown_pct: Number = Field(le=0)
    sharpe: Number | None = None
    trades: int
    win_rate_pct: Number | None = None
    profit_factor: Number | None = None
    fees: Number
