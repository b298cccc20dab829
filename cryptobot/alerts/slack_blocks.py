"""A message in Slack's Block Kit. Nothing that comes from outside is read as markup: texts stay texts."""

from __future__ import annotations

from typing import Any, Final

from cryptobot.alerts import words
from cryptobot.alerts.alert import Message
from cryptobot.alerts.clean import clean

# Slack's own limits are 150, 3,000 and 2,000; a message that reads well on a phone is far shorter.
_HEADER: Final = 150
_SECTION: Final = 2_900
_CONTEXT: Final = 500
_FALLBACK: Final = 600


def blocks(message: Message) -> list[dict[str, Any]]:
    """Return the blocks of a message."""
    made: list[dict[str, Any]] = [{"type": "header", "text": _text(words.headline(message), _HEADER)}]
    said = words.body(message)
    if said:
        made.append({"type": "section", "text": _text(said, _SECTION)})
    figures = words.facts(message)
    if figures:
        made.append({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": _figures(figures)}]})
    foot = words.footer(message)
    if foot:
        made.append({"type": "context", "elements": [_text(foot, _CONTEXT)]})
    return made


def fallback(message: Message) -> str:
    """Return the line that a notification shows; Slack reads three characters of it as markup, which are escaped."""
    first = words.body(message).partition("\n")[0]
    line = clean(f"{words.headline(message)}: {first}" if first else words.headline(message), _FALLBACK, one_line=True)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": clean(text, most), "emoji": False}


def _figures(figures: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return lines of names and figures; the elements of a rich text are never read as markup."""
    made: list[dict[str, Any]] = []
    for name, value in figures:
        made.append({"type": "text", "text": f"{name}  "})
        made.append({"type": "text", "text": value or "–", "style": {"bold": True}})
        made.append({"type": "text", "text": "\n"})
    return made[:-1]
