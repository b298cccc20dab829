"""Journals as tables for other programs."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest

from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.trading.journal import JournalView, SqliteJournal
from cryptobot.trading.journal.codec import decode
from cryptobot.trading.journal.export import FORMATS, TABLES, export


def read(path):
    if path.suffix == ".json":
        return pd.DataFrame(json.loads(path.read_text("utf-8")))
    return pd.read_csv(path, dtype=str) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("table", TABLES)
def test_every_table_in_every_format(sample, tmp_path, ending, table):
    path, kept = sample(orders=4)
    to = tmp_path / f"out.{ending}"
    rows = export(path, to, table=table)
    frame = read(to)
    assert len(frame) == rows
    expected = {"records": len(kept), "intents": 4, "fills": 5, "trades": 2, "bars": 4, "notices": 1}
    assert rows == expected[table]


@pytest.mark.parametrize("ending", FORMATS)
def test_everything_comes_back_exactly(sample, tmp_path, ending, same):
    path, kept = sample()
    export(path, tmp_path / "all", ending)
    (tmp_path / "all").rename(tmp_path / f"all.{ending}")
    frame = read(tmp_path / f"all.{ending}")
    assert [int(number) for number in frame["number"]] == [record.number for record in kept]
    assert [int(time) for time in frame["time"]] == [record.time for record in kept]
    assert same([decode(text) for text in frame["content"]], [record.content for record in kept])
    assert frame["time_utc"][0] == "1970-01-01T00:00:07.000000000Z"


@pytest.mark.parametrize("ending", FORMATS)
def test_fills_keep_every_digit(sample, tmp_path, ending):
    path, _ = sample()
    to = tmp_path / f"fills.{ending}"
    export(path, to, table="fills")
    frame = read(to)
    booked = JournalView.of(path).booked
    for name in ("price", "quantity", "fee"):
        assert [Decimal(text) for text in frame[name]] == [getattr(each.fill, name) for each in booked]
    assert list(frame["id"]) == [each.fill.id for each in booked]
    assert [str(own) for own in frame["own"]] == [str(each.own) for each in booked]
    assert list(frame["side"]) == [each.fill.side.value for each in booked]


def test_bars_have_a_column_a_feature(sample, tmp_path):
    export(sample()[0], tmp_path / "bars.parquet", table="bars")
    frame = read(tmp_path / "bars.parquet")
    assert {"open", "high", "low", "close", "volume", "feature_fast", "feature_slow", "equity"} <= set(frame)
    assert frame["feature_fast"].isna().all()
    assert (frame["feature_slow"] == 1.25).all()


def test_a_journal_may_be_exported_while_it_is_written(tmp_path, header, fill_journal):
    with SqliteJournal(tmp_path / "j.sqlite", create=header) as journal:
        kept = fill_journal(journal)
        assert export(tmp_path / "j.sqlite", tmp_path / "all.csv") == len(kept)


@pytest.mark.parametrize(
    ("to", "options", "error", "words"),
    [
        ("out.cvs", {}, ConfigError, "Did you mean `csv`"),
        ("out", {}, ConfigError, "Allowed: `csv`, `parquet`, `json`"),
        ("out.csv", {"table": "fils"}, ConfigError, "Did you mean `fills`"),
        ("no/out.csv", {}, ConfigError, "a folder that exists"),
        ("folder.csv", {}, JournalError, "cannot be written"),
    ],
)
def test_what_cannot_be_exported(sample, tmp_path, to, options, error, words):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(error, match=words):
        export(sample()[0], tmp_path / to, **options)
