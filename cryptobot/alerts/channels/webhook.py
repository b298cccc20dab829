"""Alerts as JSON to an address of your own."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import SecretStr

from cryptobot.alerts import words
from cryptobot.alerts.alert import Alert, Message
from cryptobot.alerts.catalogue import alert
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.clean import clean
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.errors import AlertError, NotSetUpError
from cryptobot.alerts.http import Answer, post, require_url, retry_after, secrets_of
from cryptobot.core.errors import ConfigError
from cryptobot.core.secrecy import keep_secret
from cryptobot.core.settings import Settings

_NAME: Final = "CRYPTOBOT_WEBHOOK_URL"


@alert("webhook")
class WebhookAlerts(AlertChannel):
    """Alerts as JSON documents, posted to an address of your own.

    A document has the fields of an `Alert` (``"kind": "alert"``) or of a `Digest` (``"kind": "digest"``), and
    ``"text"`` with the whole message for people. An answer of 200 to 299 means that it was taken.

    Parameters
    ----------
    url
        Where to; ``https://``, or ``http://`` on this machine. It is held as a secret.
    token
        Sent as ``Authorization: Bearer …``; None for none.
    timeout
        Seconds to wait for the connection, and for each piece of the answer.
    **delivery
        How it wants to be told; see `Delivery`.

    Raises
    ------
    ConfigError
        If a value is not allowed.

    Examples
    --------
    >>> WebhookAlerts("https://alerts.example/take/secret-part")
    WebhookAlerts(url=**********, level='info')
    """

    def __init__(
        self, url: str | SecretStr, *, token: str | SecretStr | None = None, timeout: float = 10.0, **delivery: Any
    ) -> None:
        super().__init__(**delivery)
        self._url = require_url(url, "url")
        self._token = None if token is None else SecretStr(_plain(token).strip())
        if self._token is not None and not (_plain(self._token).isascii() and _plain(self._token).isprintable()):
            raise ConfigError("token: it holds characters that cannot be sent in a header. Copy it again.")
        keep_secret("" if self._token is None else _plain(self._token))
        self._timeout = timeout

    @classmethod
    def from_env(cls, *, timeout: float = 10.0, **delivery: Any) -> WebhookAlerts:
        """Make one of ``CRYPTOBOT_WEBHOOK_URL``, and ``CRYPTOBOT_WEBHOOK_TOKEN`` where that is set.

        Parameters
        ----------
        timeout
            As for the class.
        **delivery
            See `Delivery`.

        Raises
        ------
        NotSetUpError
            If the address is missing.
        ConfigError
            If a value is not allowed.
        """
        Delivery.of(**delivery)  # a secret given here would come from a file that is not for secrets
        settings = Settings.load()
        if settings.webhook_url is None:
            raise NotSetUpError(f"{_NAME} is not set. Set it in the environment or in .env to the address to post to.")
        return cls(settings.webhook_url, token=settings.webhook_token, timeout=timeout, **delivery)

    def send(self, message: Message) -> None:
        """Post one document.

        Raises
        ------
        AlertError
            If it was not taken.
        """
        url = self._url.get_secret_value()
        headers = {} if self._token is None else {"Authorization": f"Bearer {_plain(self._token)}"}
        secrets = [*secrets_of(url), *([] if self._token is None else [_plain(self._token)])]
        answer = post(url, json.dumps(document(message)).encode(), headers, self._timeout, secrets)
        if not 200 <= answer.status < 300:
            raise _refused(answer)

    def __repr__(self) -> str:
        return f"WebhookAlerts(url=**********, level={self.delivery.level!r})"

    def __reduce__(self) -> Any:
        raise TypeError("WebhookAlerts holds secrets and is not pickled. Make it where it is needed: from_env().")


def document(message: Message) -> dict[str, Any]:
    """Return a message as JSON's own types."""
    shared: dict[str, Any] = {"level": message.level, "text": words.plain(message)}
    shared |= {"bot": clean(message.bot, 140), "mode": clean(message.mode, 20), "market": clean(message.market, 140)}
    shared |= {"number": message.number, "repeat": message.repeat}
    if isinstance(message, Alert):
        one = {"kind": "alert", "time": message.time, "topic": message.topic, "title": clean(message.title, 140)}
        return {**one, "sentence": words.body(message), "facts": dict(words.facts(message)), **shared}
    tallies = [{"level": t.level, "title": clean(t.title, 140), "count": t.count} for t in message.tallies]
    many = {"kind": "digest", "first": message.first, "last": message.last, "count": message.count, "tallies": tallies}
    return {**many, **shared}


def _refused(answer: Answer) -> AlertError:
    if answer.status == 429:
        return AlertError(
            "The receiver says that it gets too many messages (429).",
            retry_after=retry_after(answer.headers.get("retry-after")),
        )
    if answer.status >= 500:
        return AlertError(f"The receiver failed ({answer.status}): {answer.said}.", maybe_told=True)
    if answer.status in (400, 413, 415, 422):
        return AlertError(
            f"The receiver refused the message ({answer.status}): {answer.said}. See what it expects.", again="never"
        )
    if 300 <= answer.status < 400:
        return AlertError(
            f"The receiver sends elsewhere ({answer.status}), which is not followed: the address is a secret. Set the "
            f"address that it means in {_NAME}.",
            again="later",
        )
    return AlertError(
        f"The receiver refused ({answer.status}): {answer.said}. Check {_NAME} and CRYPTOBOT_WEBHOOK_TOKEN.",
        again="later",
    )


def _plain(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else str(secret)
