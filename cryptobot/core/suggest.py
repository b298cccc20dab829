"""The closest valid name, for errors that help."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, options: Iterable[str]) -> str:
    """Say which valid name was probably meant.

    Parameters
    ----------
    name
        What was given.
    options
        The valid names.

    Returns
    -------
    str
        ``" Did you mean `fast`?"`` with a leading space, or an empty string when nothing is close.

    Examples
    --------
    >>> closest("fsat", ["fast", "slow"])
    ' Did you mean `fast`?'
    >>> closest("colour", ["fast", "slow"])
    ''
    """
    names = list(options)
    by_lowered = {option.lower(): option for option in names}
    found = difflib.get_close_matches(str(name).lower(), by_lowered, n=1, cutoff=0.6)
    return f" Did you mean `{by_lowered[found[0]]}`?" if found else ""


def listed(options: Iterable[str]) -> str:
    """Join names for an error message.

    Examples
    --------
    >>> listed(["a", "b"])
    '`a`, `b`'
    """
    return ", ".join(f"`{option}`" for option in options)
