"""Colours of the plots, for light, dark and unknown pages, and the way to plotly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one plot; ``lines`` are for further curves, ``edge`` surrounds markers."""

    paper: str
    text: str
    grid: str
    up: str
    down: str
    buy: str
    sell: str
    equity: str
    hold: str
    lines: tuple[str, ...]
    edge: str


THEMES: Final = {
    # For a page whose background is not known: nothing is painted behind, and every colour reads on white and on black.
    "auto": Theme(
        paper="rgba(0,0,0,0)",
        text="#7b8494",
        grid="rgba(128,136,150,0.22)",
        up="#26a69a",
        down="#ef5350",
        buy="#1f9d57",
        sell="#e5483f",
        equity="#2f86e0",
        hold="#8a92a2",
        lines=("#d98a1a", "#8b7bf0", "#d84a8c", "#1899a8"),
        edge="rgba(0,0,0,0)",
    ),
    "light": Theme(
        paper="#ffffff",
        text="#2a2e39",
        grid="#e9ecf1",
        up="#26a69a",
        down="#ef5350",
        buy="#0b7d3e",
        sell="#b71c1c",
        equity="#1976d2",
        hold="#9098a9",
        lines=("#e08a00", "#5b4bd6", "#c2185b", "#00838f"),
        edge="#ffffff",
    ),
    "dark": Theme(
        paper="#131722",
        text="#d1d4dc",
        grid="#232a38",
        up="#26a69a",
        down="#ef5350",
        buy="#5ee08a",
        sell="#ff7b72",
        equity="#4aa3ff",
        hold="#787b86",
        lines=("#f6b84a", "#a99bff", "#ff79b0", "#4dd0e1"),
        edge="#131722",
    ),
}


def theme_of(template: str) -> Theme:
    """Return the colours of ``"auto"``, ``"light"`` or ``"dark"``.

    Raises
    ------
    ConfigError
        If the name is unknown.
    """
    if template not in THEMES:
        raise ConfigError(
            f"template: {template!r} is unknown.{closest(str(template), THEMES)} Allowed: {listed(THEMES)}."
        )
    return THEMES[template]


def load_plotly() -> ModuleType:
    """Import plotly's graph objects.

    Raises
    ------
    ConfigError
        If plotly is not installed.
    """
    try:
        import plotly.graph_objects as graph
    except ImportError as error:
        raise ConfigError(
            f"Plots need plotly, which cannot be imported here ({error}). Install the research extra: "
            'pip install ".[research]" in the checkout.'
        ) from error
    module: ModuleType = graph
    return module


def times_of(nanoseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Return nanoseconds since 1970 as the milliseconds that plotly draws."""
    return nanoseconds.view("M8[ns]").astype("M8[ms]")


def page(figure: Any, theme: Theme, template: str, title: str, height: int) -> dict[str, Any]:
    """Lay out what all plots share, and return what all their axes share.

    Parameters
    ----------
    figure
        Of plotly.
    theme, template
        The colours and the name they were asked for by.
    title
        In plotly's HTML: names that come from others are escaped.
    height
        In pixels.
    """
    figure.update_layout(
        template="plotly_dark" if template == "dark" else "plotly_white",
        paper_bgcolor=theme.paper,
        plot_bgcolor=theme.paper,
        font={"color": theme.text, "size": 12, "family": "system-ui, sans-serif"},
        title={"text": title, "x": 0.01, "xanchor": "left", "font": {"size": 16}},
        height=height,
        margin={"l": 12, "r": 12, "t": 76, "b": 30},
        hovermode="x unified",
        hoversubplots="axis",
        hoverlabel={} if template == "auto" else {"bgcolor": theme.paper, "font": {"color": theme.text}},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.01, "yanchor": "bottom"},
        bargap=0,
    )
    return {"gridcolor": theme.grid, "zeroline": False, "linecolor": theme.grid, "automargin": True}
