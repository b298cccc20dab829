"""The small page of `/bot-control`: where the bot stands and how to open its panel. No script, nothing loaded."""

from __future__ import annotations

from html import escape

from mcp_server.models.bot import BotStatus, ControlState


def page(status: BotStatus, control: ControlState) -> str:
    """Write the page; everything from elsewhere is escaped."""
    rows = {
        "Mode": status.mode,
        "State": status.state,
        "Market": f"{status.symbol} {status.timeframe}",
        "Strategy": status.strategy,
        "Equity": f"{status.equity:,.2f}",
        "Trades": str(status.trades),
    }
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    ways = "".join(f"<li><code>{escape(way)}</code></li>" for way in control.panel)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(status.bot)}</title>'
        f"<h1>{escape(status.bot)}</h1><table>{table}</table><h2>Open the panel</h2><ul>{ways}</ul></html>"
    )
