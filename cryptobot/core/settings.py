"""Settings from the environment and from `.env`; secrets never show."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import Field, SecretStr, ValidationError, create_model, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cryptobot.core.errors import ConfigError
from cryptobot.core.secrecy import keep_secret
from cryptobot.core.suggest import closest, listed

# What a variable that holds a secret is called, whoever's it is: an error of a strategy may quote them all.
_SECRET: Final = re.compile(r"(?i)(api_?key|secret|token|password|passwd|webhook(_url)?)$")


class Settings(BaseSettings):
    """What the library needs to know from outside.

    Read from environment variables, then from a file `.env` in the working directory. Keys and webhook addresses are
    held as secrets: every representation shows ``**********``.

    Attributes
    ----------
    binance_api_key, binance_api_secret
        ``BINANCE_API_KEY`` and ``BINANCE_API_SECRET``.
    slack_webhook_url, slack_bot_token, slack_channel
        ``SLACK_WEBHOOK_URL``, or ``SLACK_BOT_TOKEN`` and ``SLACK_CHANNEL``.
    webhook_url, webhook_token
        ``CRYPTOBOT_WEBHOOK_URL`` and ``CRYPTOBOT_WEBHOOK_TOKEN``: where alerts are posted to as JSON.
    data_directory
        ``CRYPTOBOT_DATA_DIRECTORY``: where bars, journals, runs and logs are kept.
    record_runs
        ``CRYPTOBOT_RECORD_RUNS``: whether backtests, sweeps and walk-forwards are recorded there; true by default.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )

    binance_api_key: SecretStr | None = None
    binance_api_secret: SecretStr | None = None
    slack_webhook_url: SecretStr | None = None
    slack_bot_token: SecretStr | None = None
    slack_channel: str | None = None
    webhook_url: SecretStr | None = Field(default=None, validation_alias="CRYPTOBOT_WEBHOOK_URL")
    webhook_token: SecretStr | None = Field(default=None, validation_alias="CRYPTOBOT_WEBHOOK_TOKEN")
    data_directory: Path = Field(
        default_factory=lambda: Path.home() / ".cryptobot", validation_alias="CRYPTOBOT_DATA_DIRECTORY"
    )

    record_runs: bool = Field(default=True, validation_alias="CRYPTOBOT_RECORD_RUNS")

    @field_validator("data_directory")
    @classmethod
    def _home(cls, directory: Path) -> Path:
        return directory.expanduser()

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Read the settings.

        Raises
        ------
        ConfigError
            If a setting cannot be read; the message names it and never shows its value.
        """
        for name in overrides:
            if name not in cls.model_fields:
                raise ConfigError(
                    f"settings: `{name}` is unknown.{closest(name, cls.model_fields)} Known: {listed(cls.model_fields)}."
                )
        try:
            made = cls(**overrides)
        except UnicodeDecodeError:
            raise ConfigError("settings: the file .env is not UTF-8 text. Save it as UTF-8.") from None
        except ValidationError as error:
            # The input is left out on purpose: it may be a secret.
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
            )
            raise ConfigError(f"settings: {problems}. Correct the environment variable or the line in .env.") from None
        keep_secret(*made.secrets().values(), *_others())
        return made

    @classmethod
    def exchange_keys(cls, exchange_id: str) -> tuple[str | None, str | None]:
        """Return the plain API key and secret of an exchange: ``KRAKEN_API_KEY`` and ``KRAKEN_API_SECRET`` for Kraken.

        Either is None if it is not set.
        """
        names = [f"{exchange_id}_api_{part}" for part in ("key", "secret")]
        fields: dict[str, Any] = dict.fromkeys(names, (SecretStr | None, None))
        found: type[Settings] = create_model("ExchangeSettings", __base__=cls, **fields)
        plain = found.load().secrets()
        # Keys that are PEM files have line ends, which an environment variable often holds as a backslash and an n.
        key, secret = (plain[name].replace("\\n", "\n") if name in plain else None for name in names)
        return key, secret

    @classmethod
    def secret_named(cls, variable: str) -> str | None:
        """Return a secret that lies in an environment variable of the user's own, or under that name in `.env`."""
        field = variable.lower()
        if field in cls.model_fields:
            return cls.load().secrets().get(field)
        fields: dict[str, Any] = {field: (SecretStr | None, None)}
        found: type[Settings] = create_model("SecretSettings", __base__=cls, **fields)
        return found.load().secrets().get(field)

    def __reduce__(self) -> NoReturn:
        raise TypeError("Settings hold secrets and are not pickled. Load them where they are needed: Settings.load().")

    def secrets(self) -> dict[str, str]:
        """Return the plain values of all set secrets by name: for redaction and for signing, never for showing."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value.get_secret_value() for name, value in found if isinstance(value, SecretStr)}


def _others() -> Iterator[str]:
    return (value for name, value in os.environ.items() if _SECRET.search(name))
