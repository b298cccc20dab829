"""What passes between a bot's process and its handles: JSON text, exact in every digit."""

from __future__ import annotations

import base64
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from cryptobot.core.bars import COLUMNS
from cryptobot.core.errors import CryptobotError
from cryptobot.core.types import Fill
from cryptobot.trading.tape import TapeWindow

T = TypeVar("T")

_INT64: Final = np.dtype("<i8")
_FLOAT64: Final = np.dtype("<f8")


def dump(value: Any) -> bytes:
    """Write a value: dataclasses by their fields, Decimals as texts, NaN and infinity as words."""
    return to_json(value, inf_nan_mode="strings")


def parse(content: bytes) -> Any:
    """Read JSON text; raises ValueError if it is none."""
    return from_json(content)


def load(kind: type[T], value: Any) -> T:
    """Return what was written, as the type that it is.

    Raises
    ------
    CryptobotError
        If it is not what this version writes.
    """
    try:
        return cast("T", _adapter(cast("Hashable", kind)).validate_python(value))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise CryptobotError(
            f"The bot's process answered what this version does not understand ({problem['loc']}: {problem['msg']}). It was "
            "started by another version of cryptobot: shut it down and launch it again."
        ) from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def tape_to_plain(tape: TapeWindow) -> dict[str, Any]:
    """Turn a tape into what JSON can hold: columns as the bytes of their numbers."""
    return {
        "sequence": tape.sequence,
        "time": _text(tape.time, _INT64),
        "columns": {name: _text(getattr(tape, name), _FLOAT64) for name in (*COLUMNS, "equity")},
        "features": {name: _text(values, _FLOAT64) for name, values in tape.features.items()},
        "fills": tape.fills,
    }


def tape_of_plain(plain: Mapping[str, Any]) -> TapeWindow:
    """Turn it back, bit for bit."""
    columns = {name: _array(text, _FLOAT64) for name, text in plain["columns"].items()}
    return TapeWindow(
        time=_array(plain["time"], _INT64),
        **columns,
        features={name: _array(text, _FLOAT64) for name, text in plain["features"].items()},
        fills=tuple(load(list[Fill], plain["fills"])),
        sequence=plain["sequence"],
    )


def joined(pages: list[TapeWindow]) -> TapeWindow:
    """Put pages of one tape together, oldest first."""
    newest = pages[-1]
    columns = {name: np.concatenate([getattr(page, name) for page in pages]) for name in (*COLUMNS, "equity")}
    return TapeWindow(
        time=np.concatenate([page.time for page in pages]),
        **columns,
        features={name: np.concatenate([page.features[name] for page in pages]) for name in newest.features},
        fills=tuple(fill for page in pages for fill in page.fills),
        sequence=newest.sequence,
    )


def _text(values: NDArray[Any], kind: np.dtype[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode("ascii")


def _array(text: str, kind: np.dtype[Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=kind).astype(kind.newbyteorder("="), copy=True)
