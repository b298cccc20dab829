"""Alerts in Slack, by slack_sdk."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from cryptobot.alerts import words
from cryptobot.alerts.alert import Alert, Message
from cryptobot.alerts.catalogue import alert
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.clean import clean
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.errors import AlertError, NotSetUpError
from cryptobot.alerts.http import require_url, retry_after, secrets_of, unreachable
from cryptobot.alerts.picture import equity_picture
from cryptobot.alerts.slack_blocks import blocks, fallback
from cryptobot.alerts.slack_errors import THREAD_GONE, SlackError, refused
from cryptobot.core.errors import ConfigError
from cryptobot.core.logs import logger
from cryptobot.core.secrecy import keep_secret
from cryptobot.core.settings import Settings

_API: Final = "https://slack.com/api/"
_STAMP: Final = re.compile(r"(\d{1,12})\.(\d{6})", re.ASCII)
_MILLION: Final = 1_000_000
_TOKEN: Final = re.compile(r"xox[a-z][-.][\x21-\x7e]+", re.ASCII)


@alert("slack")
class SlackAlerts(AlertChannel):
    """Alerts in Slack: through a webhook, or as a bot with one thread for each trade and a picture of the equity.

    Make it by `SlackAlerts.from_env`, so that the secrets stand in no code.

    Parameters
    ----------
    webhook
        The address of an incoming webhook. It is held as a secret.
    token, channel
        Instead: the token of a bot (right ``chat:write``; ``files:write`` for pictures) and where it posts: a channel's
        id or name.
    pictures
        Whether a bot posts a picture of the equity beside the summary of the day.
    endpoint
        Where Slack's API is: another address only for tests.
    timeout
        Seconds to wait for the connection, and for each piece of the answer.
    **delivery
        How it wants to be told; see `Delivery`. For example ``quiet="22:00-07:00"``, ``summary="20:00"``.

    Raises
    ------
    ConfigError
        If neither or both ways are given, a value is not allowed, or slack_sdk is not installed.

    Examples
    --------
    >>> SlackAlerts(webhook="https://hooks.slack.com/services/T0/B0/secret", level="warning")
    SlackAlerts(webhook=**********, level='warning')
    """

    def __init__(
        self,
        *,
        webhook: str | SecretStr | None = None,
        token: str | SecretStr | None = None,
        channel: str | None = None,
        pictures: bool = True,
        endpoint: str = _API,
        timeout: float = 10.0,
        **delivery: Any,
    ) -> None:
        super().__init__(**delivery)
        if importlib.util.find_spec("slack_sdk") is None:
            raise ConfigError("slack_sdk is not installed. Get it: pip install 'cryptobot[live]'.")
        if (webhook is None) == (token is None):
            raise ConfigError(
                "slack: give either webhook, or token and channel. SlackAlerts.from_env() takes what is set."
            )
        self._timeout = timeout
        self._pictures = pictures and token is not None
        self._channel = (channel or "").strip()
        self._webhook = None if webhook is None else require_url(webhook, "SLACK_WEBHOOK_URL")
        self._token = None if token is None else _require_token(token)
        self._endpoint = require_url(endpoint, "endpoint").get_secret_value()
        if token is not None and not self._channel:
            raise ConfigError(
                "SLACK_CHANNEL is not set. Set it beside SLACK_BOT_TOKEN to the channel's id, such as C0123456789, or name."
            )

    @classmethod
    def from_env(
        cls, *, pictures: bool = True, endpoint: str = _API, timeout: float = 10.0, **delivery: Any
    ) -> SlackAlerts:
        """Make one of ``SLACK_BOT_TOKEN`` and ``SLACK_CHANNEL``, or else of ``SLACK_WEBHOOK_URL``.

        Parameters
        ----------
        pictures, endpoint, timeout
            As for the class.
        **delivery
            See `Delivery`.

        Raises
        ------
        NotSetUpError
            If none of them is set.
        ConfigError
            If a value is not allowed.
        """
        Delivery.of(**delivery)  # a secret given here would come from a file that is not for secrets
        how: dict[str, Any] = {"pictures": pictures, "endpoint": endpoint, "timeout": timeout, **delivery}
        settings = Settings.load()
        if settings.slack_bot_token is not None:
            return cls(token=settings.slack_bot_token, channel=settings.slack_channel, **how)
        if settings.slack_webhook_url is not None:
            return cls(webhook=settings.slack_webhook_url, **how)
        raise NotSetUpError(
            "Slack is not set up. Set SLACK_WEBHOOK_URL (api.slack.com/apps, Incoming Webhooks), or SLACK_BOT_TOKEN and "
            "SLACK_CHANNEL, in the environment or in .env; then try: cryptobot alerts test."
        )

    def send(self, message: Message) -> int | None:
        """Post one message; see `AlertChannel.send`.

        Raises
        ------
        AlertError
            If Slack did not take it.
        """
        if self._webhook is not None:
            self._by_webhook(message)
            return None
        return self._by_token(message)

    def _by_webhook(self, message: Message) -> None:
        from slack_sdk.webhook import WebhookClient

        secrets = self._secrets()
        client = WebhookClient(secrets[0], timeout=self._whole_timeout, logger=_silent(), retry_handlers=[])
        answer = self._asked(lambda: client.send_dict(self._content(message)))
        if answer.status_code != 200:
            wait = retry_after(_header(answer.headers, "Retry-After"))
            raise refused(answer.status_code, answer.body, secrets, wait=wait)
        if answer.body.strip() != "ok":
            raise refused(200, answer.body, secrets, wait=0.0)

    def _by_token(self, message: Message) -> int | None:
        client = self._client()
        content = {"channel": self._channel, **self._content(message)}
        thread = message.thread if isinstance(message, Alert) else None
        if thread is not None:
            ends = isinstance(message, Alert) and words.ends_trade(message)
            try:
                answer = self._call(
                    lambda: client.chat_postMessage(**content, thread_ts=_stamp(thread), reply_broadcast=ends)
                )
            except SlackError as error:
                if error.code not in THREAD_GONE:
                    raise
                answer = self._call(lambda: client.chat_postMessage(**content))
        else:
            answer = self._call(lambda: client.chat_postMessage(**content))
        stamp = _STAMP.fullmatch(str(answer.get("ts")))
        mark = int(stamp[1]) * _MILLION + int(stamp[2]) if stamp else None
        if isinstance(message, Alert) and message.equity and self._pictures and mark is not None:
            self._draw(message, str(answer.get("channel") or self._channel), thread or mark)
        return mark

    def _draw(self, message: Alert, channel: str, under: int) -> None:
        """Post the picture under its message; without it, the message is told all the same."""
        picture = equity_picture(message.equity)
        if picture is None:
            return
        client = self._client()
        try:
            self._call(
                lambda: client.files_upload_v2(
                    channel=channel,
                    content=picture,
                    filename="equity.png",
                    title="Equity",
                    alt_txt="A line chart of the equity",
                    thread_ts=_stamp(under),
                )
            )
        except AlertError as error:
            self._pictures = error.again == "soon"
            then = "The next one is tried." if self._pictures else "No more are tried until the next start."
            logger("cryptobot.alerts").warning("Slack took no picture of the equity: %s %s", error, then)

    def _content(self, message: Message) -> dict[str, Any]:
        return {
            "text": fallback(message),
            "blocks": blocks(message),
            "mrkdwn": False,
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }

    def _client(self) -> Any:
        from slack_sdk import WebClient

        return WebClient(
            self._secrets()[0],
            base_url=self._endpoint,
            timeout=self._whole_timeout,
            logger=_silent(),
            retry_handlers=[],
        )

    def _call(self, ask: Callable[[], Any]) -> Any:
        """Ask by slack_sdk, whose own errors hold what was sent."""
        from slack_sdk.errors import SlackApiError

        secrets = self._secrets()
        try:
            return self._asked(ask)
        except SlackApiError as error:
            answer: Any = error.response
            said = answer.data if isinstance(answer.data, dict) else {"error": str(answer.data)}
            wait = retry_after(_header(answer.headers, "Retry-After"))
            raise refused(answer.status_code, said.get("error"), secrets, wait=wait, scope=said.get("needed")) from None

    def _asked(self, ask: Callable[[], Any]) -> Any:
        from slack_sdk.errors import SlackApiError

        try:
            return ask()
        except SlackApiError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever slack_sdk and a network can raise
            raise unreachable(error, "Slack", self._secrets()) from None

    @property
    def _whole_timeout(self) -> int:
        return max(1, round(self._timeout))

    def _secrets(self) -> list[str]:
        """Return what must not be shown: first the whole of it."""
        if self._webhook is not None:
            return secrets_of(self._webhook.get_secret_value())
        return [self._token.get_secret_value()] if self._token is not None else [""]

    def __repr__(self) -> str:
        how = "webhook=**********" if self._webhook is not None else f"token=**********, channel={self._channel!r}"
        return f"SlackAlerts({how}, level={self.delivery.level!r})"

    def __reduce__(self) -> Any:
        raise TypeError("SlackAlerts holds secrets and is not pickled. Make it where it is needed: from_env().")


def _require_token(token: str | SecretStr) -> SecretStr:
    text = (token.get_secret_value() if isinstance(token, SecretStr) else str(token)).strip()
    if not _TOKEN.fullmatch(text):
        raise ConfigError(
            "SLACK_BOT_TOKEN: it is no token of a bot: those begin with xoxb-. Copy it from api.slack.com/apps (OAuth & "
            "Permissions). (It is not shown.)"
        )
    keep_secret(text)
    return SecretStr(text)


def _silent() -> logging.Logger:
    """Return a logger that says nothing: slack_sdk writes addresses and answers into its own."""
    logger = logging.Logger("cryptobot.alerts.slack_sdk", logging.CRITICAL + 1)  # noqa: LOG001 - one that nobody can turn on
    logger.disabled = True
    return logger


def _header(headers: Mapping[str, Any], name: str) -> str | None:
    for each, value in headers.items():
        if each.lower() == name.lower():
            return clean(value, 40, one_line=True)
    return None


def _stamp(mark: int) -> str:
    return f"{mark // _MILLION}.{mark % _MILLION:06d}"
