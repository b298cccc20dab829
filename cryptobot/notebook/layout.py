"""The widgets of a control panel and how they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from cryptobot.notebook import status_words
from cryptobot.notebook.action_words import ActionName
from cryptobot.notebook.chart import Chart
from cryptobot.notebook.closing import close_all
from cryptobot.notebook.confirmation import Confirmation
from cryptobot.notebook.frames import Frames
from cryptobot.notebook.limits_table import LimitsTable
from cryptobot.notebook.logview import LogView
from cryptobot.notebook.notices_table import NoticesTable
from cryptobot.notebook.orders_table import OrdersTable
from cryptobot.notebook.parameters import ParametersForm
from cryptobot.notebook.readout import Readout
from cryptobot.notebook.strategy_card import StrategyCard
from cryptobot.notebook.tables import TradesTable
from cryptobot.notebook.toolbar import Toolbar

TABS = ("Trades", "Orders", "Notices", "Limits", "Log")


class Layout:
    """Every widget of a panel.

    Parameters
    ----------
    frames
        The pulse, which also brings the style sheet.
    chart
        The chart.
    card
        The strategy and its parameters.
    buttons
        What can be done with the bot, by name.
    confirmation
        The strip that asks.

    Attributes
    ----------
    start, stop
        Two of the buttons.
    tools
        The chart's switches.
    root
        The widget to show.
    """

    def __init__(
        self,
        frames: Frames,
        chart: Chart,
        card: StrategyCard,
        buttons: Mapping[ActionName, Any],
        confirmation: Confirmation,
    ) -> None:
        self.frames, self.chart, self.card = frames, chart, card
        self.buttons, self.confirmation = dict(buttons), confirmation
        self.start, self.stop = self.buttons["start"], self.buttons["stop"]
        self.header = Readout("header", status_words.HEADER)
        self.figures = Readout("figures", status_words.FIGURES)
        self.decision = Readout("decision", [("decision", "Last decision")])
        self.account = Readout("account", status_words.ACCOUNT)
        self.trades, self.orders, self.notices = TradesTable(), OrdersTable(), NoticesTable()
        self.limits = LimitsTable()
        self.log = LogView()
        self.tools = Toolbar(chart)
        for card_of in (self.account, self.decision):
            card_of.add_class("cb-card")
        top = _box(
            ipywidgets.HBox, "cb-top", self.header, frames, _box(ipywidgets.HBox, "cb-steering", *self.buttons.values())
        )
        main = _box(
            ipywidgets.HBox, "cb-main",
            _box(ipywidgets.VBox, "cb-chart-column", self.tools.widget, chart.widget),
            _box(ipywidgets.VBox, "cb-side", card.widget, self.decision, self.account),
        )  # fmt: skip
        self.tabs = ipywidgets.Tab(
            children=[self.trades, self.orders, self.notices, self.limits, self.log], titles=list(TABS)
        )
        self.tabs.add_class("cb-tabs")
        self.root = _box(ipywidgets.VBox, "cb-panel", top, confirmation.widget, self.figures, main, self.tabs)

    @property
    def form(self) -> ParametersForm:
        """The fields of the picked strategy's parameters."""
        return self.card.form

    def count(self, tab: str, number: int) -> None:
        """Write a number behind the title of a tab, if there is something to see there."""
        title = f"{tab} ({number:,})" if number else tab
        titles = [title if known.partition(" ")[0] == tab else known for known in self.tabs.titles]
        if list(self.tabs.titles) != titles:
            self.tabs.titles = titles

    def close(self) -> None:
        """Close every widget: ipywidgets keeps what is not closed."""
        close_all(self.root)


def _box(kind: Any, style: str, *children: Any) -> Any:
    box = kind(list(children))
    box.add_class(style)
    return box
