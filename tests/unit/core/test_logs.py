"""One logger: no secret, nothing unseen, one line an entry, and facts beside the words."""

from __future__ import annotations

import io
import json
import logging

import pytest

from cryptobot.core.logs import HumanLines, JsonLines, listening, logger, said
from cryptobot.core.secrecy import keep_secret

CANARY = "canary-logs-7f3a9b2c"
HOSTILE = "a\n2026-01-01 00:00:00.000 ERROR   forged \x1b[31mred \u202ereversed </script>{}%s"


@pytest.fixture(autouse=True)
def _known():
    keep_secret(CANARY)


def logged(lines, do):
    stream = io.StringIO()
    with listening(logging.StreamHandler(stream), lines, logging.DEBUG):
        do(logger("cryptobot.test"))
    return stream.getvalue()


def fail(log):
    try:
        raise ValueError(f"inner {CANARY}")
    except ValueError as error:
        try:
            raise RuntimeError(f"outer signature={CANARY}") from error
        except RuntimeError:
            log.exception("It failed with %s", CANARY)


@pytest.mark.parametrize("lines", [HumanLines(), JsonLines()])
def test_no_secret_is_logged(lines):
    for do in (
        fail,
        lambda log: log.info("key %s and {}", CANARY),
        lambda log: log.info("key " + CANARY),  # noqa: G003 - somebody will
        lambda log: log.info("key", extra={"facts": {"order": CANARY}}),
        lambda log: log.info("%d", CANARY),  # a wrong format
        lambda _: logging.getLogger("mcp_server.other.part").warning("key %s", CANARY),
    ):
        text = logged(lines, do)
        assert text
        assert CANARY not in text


def test_other_handlers_get_no_secret_either(caplog):
    with caplog.at_level(logging.DEBUG, "cryptobot.test"):
        fail(logger("cryptobot.test"))
        logging.getLogger("slack_sdk.webhook.client").error("POST %s", CANARY)
    assert len(caplog.records) == 2
    assert CANARY not in caplog.text
    assert "RuntimeError: outer" in caplog.text


def test_a_line_stays_one_line():
    text = logged(JsonLines(), lambda log: log.info("%s", HOSTILE))
    [line] = text.splitlines()
    entry = json.loads(line)
    assert "\x1b" not in entry["text"]
    assert "\u202e" not in entry["text"]
    human = logged(HumanLines(), lambda log: log.info("%s", HOSTILE)).splitlines()
    assert len(human) == 2
    assert human[1].startswith("    2026")  # indented: it cannot pass for an entry
    assert said(entry).splitlines()[1] == human[1]


def test_facts_stand_beside_the_words_and_cannot_take_their_place():
    facts = {"bot": "mine", "order": "o-1", "text": "forged", "time": "forged"}
    entry = json.loads(logged(JsonLines(), lambda log: log.info("Bought.", extra={"facts": facts})))
    assert (entry["bot"], entry["order"], entry["text"], entry["level"]) == ("mine", "o-1", "Bought.", "info")
    assert entry["time"].endswith("Z")
    assert entry["logger"] == "cryptobot.test"


def test_a_traceback_is_kept():
    entry = json.loads(logged(JsonLines(), fail))
    assert "ValueError: inner …" in entry["error"]
    assert "RuntimeError: outer signature=…" in entry["error"]
    assert said(entry).count("\n    ") == len(entry["error"].splitlines())


def test_listening_leaves_things_as_they_were():
    log = logging.getLogger("cryptobot")
    before = log.level, list(log.handlers)
    logged(HumanLines(), lambda log: log.debug("x"))
    assert (log.level, list(log.handlers)) == before
