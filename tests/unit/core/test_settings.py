"""Settings come from the environment and from .env; secrets never show."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from cryptobot.core.errors import ConfigError
from cryptobot.core.settings import Settings

SECRET = "s3cr3t-value-of-a-key"
NAMES = ("BINANCE_API_KEY", "BINANCE_API_SECRET", "SLACK_WEBHOOK_URL", "CRYPTOBOT_DATA_DIRECTORY")


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_anything_there_are_no_keys():
    settings = Settings.load()
    assert settings.binance_api_key is settings.binance_api_secret is settings.slack_webhook_url is None
    assert settings.data_directory == Path.home() / ".cryptobot"
    assert settings.secrets() == {}


def test_the_environment_wins_over_the_file(directory, monkeypatch):
    (directory / ".env").write_text("BINANCE_API_KEY=from-file\nSLACK_WEBHOOK_URL=hook\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("BINANCE_API_KEY", "from-environment")
    assert Settings.load().secrets() == {"binance_api_key": "from-environment", "slack_webhook_url": "hook"}


def test_a_template_with_blank_lines_sets_nothing(directory, monkeypatch):
    (directory / ".env").write_text("BINANCE_API_KEY=\nBINANCE_API_SECRET=\nCRYPTOBOT_DATA_DIRECTORY=\n")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "")
    settings = Settings.load()
    assert settings.secrets() == {}
    assert settings.data_directory == Path.home() / ".cryptobot"


def test_the_data_directory_by_variable_and_by_name(directory, monkeypatch):
    assert Settings.load(data_directory=directory / "here").data_directory == directory / "here"
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", "~/bots")
    assert Settings.load().data_directory == Path.home() / "bots"


@pytest.fixture
def settings(monkeypatch):
    for name in NAMES[:3]:
        monkeypatch.setenv(name, SECRET)
    loaded = Settings.load()
    assert set(loaded.secrets().values()) == {SECRET}
    return loaded


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        lambda s: s.model_dump_json(),
        lambda s: str(s.model_dump()),
        lambda s: json.dumps(s.model_dump(mode="json")),
        lambda s: str(dict(s)),
        lambda s: str(vars(s)),
        lambda s: repr(copy.deepcopy(s)),
        lambda s: repr(s.model_copy()),
        lambda s: "".join(map(str, s.__rich_repr__())),
    ],
)
def test_no_representation_shows_a_secret(settings, show):
    shown = show(settings)
    assert SECRET not in shown
    assert "binance_api_key" in shown


def test_no_traceback_shows_a_secret_even_with_its_variables(settings):
    try:
        raise RuntimeError(f"failed with {settings}")
    except RuntimeError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "binance_api_key" in text
    assert SECRET not in text


def test_a_wrong_value_is_named_and_never_shown():
    with pytest.raises(ConfigError) as caught:
        Settings.load(binance_api_key=[SECRET])
    text = "".join(traceback.format_exception(caught.value))
    assert "settings: binance_api_key" in text
    assert SECRET not in text
    assert "\n" not in str(caught.value)


def test_an_unknown_setting_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match="`binance_api_kye` is unknown. Did you mean `binance_api_key`?"):
        Settings.load(binance_api_kye="x")


def test_a_file_that_is_no_text_is_refused_without_showing_it(directory):
    (directory / ".env").write_bytes(b"BINANCE_API_KEY=s3cr3t\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"\.env is not UTF-8") as caught:
        Settings.load()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_settings_never_change(settings):
    with pytest.raises(ValidationError, match="frozen"):
        settings.binance_api_key = None


def test_even_the_validators_own_error_hides_the_value():
    with pytest.raises(ValidationError) as caught:
        Settings(binance_api_key=[SECRET])
    assert SECRET not in str(caught.value)


def test_secrets_are_not_pickled(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError, match=r"not pickled.*Settings\.load"):
        pickle.dumps(Settings.load(binance_api_key="planted"))
