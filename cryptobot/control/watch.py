"""What watches over a bot in its own process: signs of life to somebody outside, and an eye on what is suspicious."""

from __future__ import annotations

from cryptobot.control.config import WatchConfig
from cryptobot.control.suspicion import Suspicion
from cryptobot.core.errors import ConfigError
from cryptobot.core.settings import Settings
from cryptobot.trading.bot import Bot
from cryptobot.trading.heartbeat import Heartbeat
from mcp_server.security.refusals import Refusal


class Watch:
    """Watches over a bot from `start` to `close`.

    Parameters
    ----------
    bot
        The bot.
    config
        The table ``[watch]``.

    Raises
    ------
    ConfigError
        If the address of the heartbeat is not set, or is none; it is not shown.
    """

    def __init__(self, bot: Bot, config: WatchConfig) -> None:
        self._suspicion = Suspicion(bot, config.suspicion)
        self._heartbeat: Heartbeat | None = None
        if config.heartbeat is not None:
            url = Settings.secret_named(config.heartbeat)
            if url is None:
                raise ConfigError(
                    f"watch.heartbeat: {config.heartbeat} is not set. Set it, in the environment or in .env, to the address that "
                    "your watcher gave you."
                )
            self._heartbeat = Heartbeat(url, lambda: _looks(bot), bot.log, config.every)

    def start(self) -> None:
        """Begin."""
        self._suspicion.start()
        if self._heartbeat is not None:
            self._heartbeat.start()

    def refused(self, refusal: Refusal) -> None:
        """Take note of a call that the door of the process refused."""
        self._suspicion.refused(refusal.reason, refusal.text)

    def close(self) -> None:
        """Watch no more."""
        if self._heartbeat is not None:
            self._heartbeat.close()
        self._suspicion.close()


def _looks(bot: Bot) -> int | None:
    """Return how often a bot has looked after itself; None if it does not trade."""
    session = bot.session
    return session.desk.meter.looks if session.state == "running" and session.desk is not None else None
