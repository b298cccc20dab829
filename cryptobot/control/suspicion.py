"""What others do where only the bot should: orders and balances that are not its own, calls that were refused."""

from __future__ import annotations

import queue
import threading
from typing import Final, Literal

from cryptobot.core.errors import CryptobotError
from cryptobot.core.trading_state import TradingState
from cryptobot.trading.actions import Action, Notice, SetTradingState
from cryptobot.trading.bot import Bot
from cryptobot.trading.engine import Engine

Then = Literal["tell", "reduce", "halt"]
_MOST: Final = 100
# Refused calls that no mistake of the bot's own user explains.
_CALLS: Final = frozenset({"token", "lockout", "host", "origin"})


class Suspicion:
    """Tells of what is suspicious as critical, and by choice holds the bot back.

    Parameters
    ----------
    bot
        The bot.
    then
        ``"tell"`` people only; ``"reduce"``: also buy nothing more until a person clears it; ``"halt"``: also cancel every
        order and trade nothing, as `Bot.kill` does.
    """

    def __init__(self, bot: Bot, then: Then = "tell") -> None:
        self._bot = bot
        self._then = then
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST)
        self._thread = threading.Thread(target=self._run, name="cryptobot-suspicion", daemon=True)

    def start(self) -> None:
        """Begin to listen to what the bot tells people."""
        self._bot.session.listeners.append(self.heard)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        if self.heard in self._bot.session.listeners:
            self._bot.session.listeners.remove(self.heard)
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(1.0)

    def heard(self, notice: Notice) -> None:
        """Take a notice; called where the bot trades, so it only puts it aside."""
        if notice.topic == "external" and self._then != "tell":
            self._put(notice.text)

    def refused(self, reason: str, text: str) -> None:
        """Take note of a call that the door of the bot's process refused.

        Parameters
        ----------
        reason
            In a word; see `mcp_server.security.refusals`.
        text
            What was tried.
        """
        if reason in _CALLS:
            self._bot.session.tell(Notice("error", f"A call to the bot's process was refused: {text}.", "external"))

    def _put(self, text: str) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(text)

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            bot, state = self._bot, self._bot.status().trading_state
            try:
                if self._then == "halt" and state != "halted":
                    bot.kill(reason=f"suspicious: {text}", by="watch")
                elif self._then == "reduce" and state == "active":
                    _reduce(bot, f"suspicious: {text}")
            except CryptobotError as error:
                bot.log("error", f"The bot could not be held back: {error}")


def _reduce(bot: Bot, reason: str) -> None:
    """Let a bot buy nothing more until a person clears it; its position stays protected."""
    state = SetTradingState(TradingState.REDUCING, reason, "watch")

    def decide(engine: Engine, _now: int) -> list[Action]:
        engine.gate.reduce(reason)
        return [state, Notice("error", f"Nothing is bought until this is cleared: {reason}", "limit", {"why": reason})]

    bot.session.command(decide, state, 30.0)
