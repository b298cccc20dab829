"""The figures of several bots as one text that Prometheus takes."""

from __future__ import annotations

from collections.abc import Iterable


def together(texts: Iterable[str]) -> str:
    r"""Put texts of figures together: what a figure is stands once, above its lines for every bot.

    Parameters
    ----------
    texts
        In Prometheus' text format, as `cryptobot.control.metrics` writes them.

    Examples
    --------
    >>> one, other = (f'# HELP a A.\n# TYPE a gauge\na{{bot="{name}"}} 1\n' for name in "xy")
    >>> print(together([one, other]), end="")
    # HELP a A.
    # TYPE a gauge
    a{bot="x"} 1
    a{bot="y"} 1
    """
    headings: dict[str, dict[str, str]] = {}
    lines: dict[str, list[str]] = {}
    for text in texts:
        name = ""
        for line in text.splitlines():
            if line.startswith("# "):
                _, kind, name = line.split(" ", 3)[:3]
                headings.setdefault(name, {}).setdefault(kind, line)
            else:
                lines.setdefault(name, []).append(line)
    return "".join(f"{line}\n" for name in headings for line in (*headings[name].values(), *lines.get(name, ())))
