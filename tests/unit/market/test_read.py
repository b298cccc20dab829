"""`read_bars`: every layout that is read, and every error with its way out."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError, CryptobotError, DataError
from cryptobot.market.practice import practice_bars
from cryptobot.market.read import read_bars

COLUMNS = ["open", "high", "low", "close", "volume"]


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=True, check_freq=False)
    assert left.attrs["timeframe"] == right.attrs["timeframe"]
    assert left.attrs["holes"] == right.attrs["holes"]


def table_of(bars: pd.DataFrame, name: str = "time") -> pd.DataFrame:
    """The bars with their times as a column."""
    return bars.rename_axis(index=name).reset_index()


def refused(kind: type[CryptobotError], path: Path | str, *words: str, **options: str) -> str:
    """Read a file that must be refused, and return the error's text: one paragraph with all of the words."""
    with pytest.raises(CryptobotError) as caught:
        read_bars(path, **options)
    text = str(caught.value)
    assert type(caught.value) is kind
    assert "\n" not in text
    assert text.endswith(".")
    for word in words:
        assert word in text
    return text


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    return practice_bars(400, seed=3, holes=2)


# -- formats


def write_feather(bars: pd.DataFrame, folder: Path) -> Path:
    table_of(bars).to_feather(folder / "bars.feather")
    return folder / "bars.feather"


def write_feather_index(bars: pd.DataFrame, folder: Path) -> Path:
    bars.to_feather(folder / "bars.FEATHER")
    return folder / "bars.FEATHER"


def write_parquet(bars: pd.DataFrame, folder: Path) -> Path:
    bars.to_parquet(folder / "bars.parquet")
    return folder / "bars.parquet"


def write_parquet_unnamed(bars: pd.DataFrame, folder: Path) -> Path:
    bars.rename_axis(index=None).to_parquet(folder / "bars.parquet")
    return folder / "bars.parquet"


def write_parquet_epoch_index(bars: pd.DataFrame, folder: Path) -> Path:
    bars.set_axis(pd.Index(bars.index.as_unit("ms").asi8, name="Timestamp")).to_parquet(folder / "bars.parquet")
    return folder / "bars.parquet"


def write_csv(bars: pd.DataFrame, folder: Path) -> Path:
    bars.to_csv(folder / "bars.csv")
    return folder / "bars.csv"


def write_csv_unnamed(bars: pd.DataFrame, folder: Path) -> Path:
    bars.rename_axis(index=None).to_csv(folder / "bars.csv")
    return folder / "bars.csv"


def write_csv_numbered(bars: pd.DataFrame, folder: Path) -> Path:
    table_of(bars, "date").to_csv(folder / "bars.csv")
    return folder / "bars.csv"


def write_csv_byte_order_mark(bars: pd.DataFrame, folder: Path) -> Path:
    bars.to_csv(folder / "bars.csv", encoding="utf-8-sig")
    return folder / "bars.csv"


def write_csv_gz(bars: pd.DataFrame, folder: Path) -> Path:
    bars.to_csv(folder / "bars.csv.gz")
    return folder / "bars.csv.gz"


@pytest.mark.parametrize(
    "write",
    [
        write_feather,
        write_feather_index,
        write_parquet,
        write_parquet_unnamed,
        write_parquet_epoch_index,
        write_csv,
        write_csv_unnamed,
        write_csv_numbered,
        write_csv_byte_order_mark,
        write_csv_gz,
    ],
)
def test_every_format_gives_back_the_same_bars(
    bars: pd.DataFrame, tmp_path: Path, write: Callable[[pd.DataFrame, Path], Path]
) -> None:
    path = write(bars, tmp_path)
    read = read_bars(path)
    same(read, bars)
    assert read.attrs["source"] == path.name
    assert read.index.name == "time"
    assert str(read.index.dtype) == "datetime64[ns, UTC]"
    assert list(read.columns) == COLUMNS
    assert (read.dtypes == np.float64).all()
    same(read_bars(str(path)), bars)


@pytest.mark.parametrize("name", ["time", "timestamp", "date", "datetime", "open_time", "Date", "Open time", " TIME "])
def test_every_name_of_the_time_column(bars: pd.DataFrame, tmp_path: Path, name: str) -> None:
    table = table_of(bars, name)
    table.columns = [column if column == name else column.title() for column in table.columns]
    table["Trades"] = 17
    table.to_feather(tmp_path / "bars.feather")
    table.to_csv(tmp_path / "bars.csv", index=False)
    same(read_bars(tmp_path / "bars.feather"), bars)
    same(read_bars(tmp_path / "bars.csv"), bars)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.float64])
def test_epoch_numbers_of_every_unit(bars: pd.DataFrame, tmp_path: Path, unit: str, kind: type) -> None:
    table = table_of(bars)
    table["time"] = bars.index.as_unit(unit).asi8.astype(kind)
    table.to_parquet(tmp_path / "bars.parquet")
    table.to_csv(tmp_path / "bars.csv", index=False)
    same(read_bars(tmp_path / "bars.parquet"), bars)
    same(read_bars(tmp_path / "bars.csv", timezone="UTC"), bars)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_stored_times_of_every_unit(bars: pd.DataFrame, tmp_path: Path, unit: str) -> None:
    bars.set_axis(bars.index.as_unit(unit)).to_parquet(tmp_path / "bars.parquet")
    same(read_bars(tmp_path / "bars.parquet"), bars)


@pytest.mark.parametrize("pattern", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%d %H:%M%z"])
def test_utc_texts(bars: pd.DataFrame, tmp_path: Path, pattern: str) -> None:
    table = table_of(bars)
    table["time"] = bars.index.strftime(pattern)
    table.to_csv(tmp_path / "bars.csv", index=False)
    table.to_feather(tmp_path / "bars.feather")
    same(read_bars(tmp_path / "bars.csv"), bars)
    same(read_bars(tmp_path / "bars.feather"), bars)


def test_csv_numbers_are_read_to_the_last_digit(tmp_path: Path) -> None:
    prices = np.random.default_rng(1).integers(10**6, 10**9, 20_000) / 10**4
    table = pd.DataFrame({"time": 1_700_000_000 + 60 * np.arange(prices.size)})
    for name in COLUMNS:
        table[name] = prices
    table.to_csv(tmp_path / "bars.csv", index=False)
    assert read_bars(tmp_path / "bars.csv")["close"].tolist() == prices.tolist()


@pytest.mark.parametrize("kind", [np.float32, str, Decimal, "Float64"])
def test_prices_of_other_types_keep_their_decimals(tmp_path: Path, kind: type | str) -> None:
    bars = practice_bars(50, price=300)
    table = table_of(bars)
    for name in COLUMNS[:4]:
        if kind in (str, Decimal):
            table[name] = pd.Series([kind(str(value)) for value in bars[name]], dtype=object)
        else:
            table[name] = table[name].astype(kind)
    table.to_parquet(tmp_path / "bars.parquet")
    same(read_bars(tmp_path / "bars.parquet"), bars)


# -- times with a zone and without


def test_naive_times_need_a_word(bars: pd.DataFrame, tmp_path: Path) -> None:
    naive = bars.tz_localize(None)
    naive.to_parquet(tmp_path / "bars.parquet")
    naive.to_csv(tmp_path / "bars.csv")
    for name in ("bars.parquet", "bars.csv"):
        refused(DataError, tmp_path / name, name, "2024-01-01 00:00:00", "timezone='UTC'")
        same(read_bars(tmp_path / name, timezone="UTC"), bars)


def test_local_times_are_converted(tmp_path: Path) -> None:
    bars = practice_bars(200, start="2024-07-01")
    local = bars.tz_convert("Europe/Berlin")
    local.tz_localize(None).to_parquet(tmp_path / "naive.parquet")
    local.to_parquet(tmp_path / "aware.parquet")
    local.to_csv(tmp_path / "aware.csv")
    for name in ("naive.parquet", "aware.parquet", "aware.csv"):
        same(read_bars(tmp_path / name, timezone="Europe/Berlin"), bars)
        same(read_bars(tmp_path / name, timezone="+02:00"), bars)
    refused(DataError, tmp_path / "aware.parquet", "bar 0", "2024-07-01 02:00:00+02:00", "timezone='Europe/Berlin'")
    refused(DataError, tmp_path / "aware.csv", "aware.csv", "2024-07-01 02:00:00+02:00", "timezone='+02:00'")
    refused(
        ConfigError,
        tmp_path / "aware.csv",
        "timezone: 'America/New_York'",
        "2024-07-01 02:00:00+02:00",
        timezone="America/New_York",
    )


def test_a_change_of_the_clocks(tmp_path: Path) -> None:
    # Berlin, 2024-10-27: 02:00 to 03:00 local time happens twice.
    bars = practice_bars(48, start="2024-10-26T12:00:00", timeframe="1h")
    local = bars.tz_convert("Europe/Berlin")
    local.to_csv(tmp_path / "aware.csv")
    same(read_bars(tmp_path / "aware.csv", timezone="Europe/Berlin"), bars)
    refused(ConfigError, tmp_path / "aware.csv", "2024-10-27 02:00:00+01:00", timezone="+02:00")
    local.tz_localize(None).to_csv(tmp_path / "naive.csv")
    refused(DataError, tmp_path / "naive.csv", "bar 12", "2024-10-27 02:00:00", "twice", timezone="Europe/Berlin")


@pytest.mark.parametrize("zone", ["Europe/Berlim", "", "Europe", "+25:00", "../UTC", 2])
def test_an_unknown_zone(bars: pd.DataFrame, tmp_path: Path, zone: str) -> None:
    bars.to_csv(tmp_path / "bars.csv")
    text = refused(ConfigError, tmp_path / "bars.csv", f"timezone: {zone!r}", "'UTC'", timezone=zone)
    assert ("Did you mean `Europe/Berlin`?" in text) == (zone == "Europe/Berlim")


def test_epoch_numbers_have_no_other_zone(bars: pd.DataFrame, tmp_path: Path) -> None:
    table_of(bars).assign(time=bars.index.as_unit("ms").asi8).to_csv(tmp_path / "bars.csv", index=False)
    refused(ConfigError, tmp_path / "bars.csv", "'Europe/Berlin'", "bars.csv", timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("row", "value", "words"),
    [
        (5, "2024-01-01T00:05:00", ("bar 5", "bar 0", "2024-01-01T00:05:00")),
        (5, "31/01/2024 12:30", ("bar 5", "31/01/2024 12:30")),
        (0, "31/01/2024 12:30Z", ("bar 0", "31/01/2024 12:30Z", "ISO 8601")),
        (5, "2024-02-30T00:00:00Z", ("bar 5", "2024-02-30T00:00:00Z")),
        (5, "9024-02-20T00:00:00Z", ("1678", "2262")),
        (5, None, ("bar 5", "no time")),
    ],
)
def test_texts_that_are_no_time(
    bars: pd.DataFrame, tmp_path: Path, row: int, value: str | None, words: tuple[str, ...]
) -> None:
    table = table_of(bars)
    table["time"] = bars.index.strftime("%Y-%m-%dT%H:%M:%SZ")
    table.loc[row, "time"] = value
    table.to_csv(tmp_path / "bars.csv", index=False)
    refused(DataError, tmp_path / "bars.csv", "bars.csv", *words)


@pytest.mark.parametrize(
    ("row", "value", "words"),
    [
        (5, 1_704_067_200, ("bar 5", "1704067200", "milliseconds")),
        (5, 1_704_067_200_000.5, ("1704067200000.5 of bar 5",)),
        (0, 20_240_101, ("bar 0", "20240101")),
        (0, -1, ("bar 0", "-1")),
        (5, float("inf"), ("bar 5", "inf")),
        (5, None, ("bar 5", "no time")),
    ],
)
def test_numbers_that_are_no_time(
    bars: pd.DataFrame, tmp_path: Path, row: int, value: float | None, words: tuple[str, ...]
) -> None:
    table = table_of(bars)
    table["time"] = pd.Series(bars.index.as_unit("ms").asi8).astype(float if isinstance(value, float | None) else int)
    table.loc[row, "time"] = value
    table.to_parquet(tmp_path / "bars.parquet")
    refused(DataError, tmp_path / "bars.parquet", "bars.parquet", *words)


def test_times_of_a_strange_type(bars: pd.DataFrame, tmp_path: Path) -> None:
    table_of(bars).assign(time=True).to_parquet(tmp_path / "bars.parquet")
    refused(DataError, tmp_path / "bars.parquet", "bool", "ISO 8601")


# -- columns


def test_a_missing_column_is_named_with_the_closest(bars: pd.DataFrame, tmp_path: Path) -> None:
    table_of(bars).rename(columns={"close": "clsoe"}).to_csv(tmp_path / "bars.csv", index=False)
    refused(DataError, tmp_path / "bars.csv", "bars.csv", "`close`", "Seen: `time`, `open`", "Did you mean `clsoe`?")


def test_a_missing_time_column(bars: pd.DataFrame, tmp_path: Path) -> None:
    bars.to_csv(tmp_path / "bars.csv", index=False)
    refused(DataError, tmp_path / "bars.csv", "open times", "Seen: `open`", "`timestamp`")


def test_two_columns_of_one_meaning(bars: pd.DataFrame, tmp_path: Path) -> None:
    bars.assign(Close=1.0).to_parquet(tmp_path / "bars.parquet")
    refused(DataError, tmp_path / "bars.parquet", "`close` is there 2 times")
    table_of(bars).assign(timestamp=5).to_csv(tmp_path / "bars.csv", index=False)
    refused(DataError, tmp_path / "bars.csv", "2 columns", "`time`, `timestamp`")
    bars.rename_axis(index=None).assign(date=5).to_parquet(tmp_path / "index.parquet")
    refused(DataError, tmp_path / "index.parquet", "2 columns", "`date`")
    (tmp_path / "twice.csv").write_text("time,open,high,low,close,close,volume\n1704067200,1,1,1,1,2,1\n")
    refused(DataError, tmp_path / "twice.csv", "two columns are called `close`")


def test_other_csv_layouts_are_explained(bars: pd.DataFrame, tmp_path: Path) -> None:
    bars.to_csv(tmp_path / "semicolons.csv", sep=";")
    refused(DataError, tmp_path / "semicolons.csv", "separate it by commas")
    bars.to_csv(tmp_path / "headless.csv", header=False)
    refused(DataError, tmp_path / "headless.csv", "no header")
    lines = bars.to_csv().splitlines()
    (tmp_path / "wide.csv").write_text("\n".join([lines[0], *(f"{line},7" for line in lines[1:])]))
    refused(DataError, tmp_path / "wide.csv", "more fields than the header")
    (tmp_path / "header.csv").write_text(lines[0] + "\n")
    refused(DataError, tmp_path / "header.csv", "no rows")


def test_text_among_the_prices(bars: pd.DataFrame, tmp_path: Path) -> None:
    table = table_of(bars).astype({"high": object})
    table.loc[7, "high"] = "60,001.5"
    table.to_csv(tmp_path / "bars.csv", index=False)
    refused(DataError, tmp_path / "bars.csv", "bar 7 (2024-01-01 00:07:00 UTC)", "high is '60,001.5'")


# -- rows


def first_last(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table.iloc[1:], table.iloc[:1]])


def doubled(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([table.iloc[:10], table.iloc[9:]])


def with_value(name: str, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        changed = table.copy()
        changed.iloc[20, changed.columns.get_loc(name)] = value
        return changed

    return change


def half_a_minute_late(table: pd.DataFrame) -> pd.DataFrame:
    late = table.index + pd.to_timedelta(np.where(np.arange(len(table)) > 30, 30, 0), unit="s")
    return table.set_axis(late.rename("time")).drop(table.index[10:12])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (first_last, ("bar 399", "older")),
        (doubled, ("bar 10 ", "same time")),
        (with_value("close", float("nan")), ("bar 20 (2024-01-01 00:20:00 UTC)", "close is nan")),
        (with_value("open", float("inf")), ("bar 20", "open is inf")),
        (with_value("low", 0.0), ("bar 20", "low is 0.0", "above 0")),
        (with_value("low", -5.0), ("bar 20", "low is -5.0")),
        (with_value("volume", -1.0), ("bar 20", "volume is -1.0", "at least 0")),
        (with_value("high", 1.0), ("bar 20", "high 1.0")),
        (with_value("low", 1e9), ("bar 20", "1000000000.0")),
        (half_a_minute_late, ("90 s", "1m", "one length")),
    ],
)
def test_impossible_rows_are_named_with_the_file(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], words: tuple[str, ...]
) -> None:
    change(practice_bars(400)).to_parquet(tmp_path / "bars.parquet")
    refused(DataError, tmp_path / "bars.parquet", "bars.parquet: bar", *words)


def test_holes_are_kept_and_named(tmp_path: Path) -> None:
    bars = practice_bars(100)
    bars.drop(bars.index[[40, 41, 42, 60]]).to_csv(tmp_path / "bars.csv")
    read = read_bars(tmp_path / "bars.csv")
    assert len(read) == 96
    assert read.attrs == {
        "source": "bars.csv",
        "timeframe": "1m",
        "holes": [
            {"after": "2024-01-01T00:39:00+00:00", "before": "2024-01-01T00:43:00+00:00", "missing": 3},
            {"after": "2024-01-01T00:59:00+00:00", "before": "2024-01-01T01:01:00+00:00", "missing": 1},
        ],
    }
    assert json.loads(json.dumps(read.attrs)) == read.attrs


def test_what_was_read_survives_being_stored(bars: pd.DataFrame, tmp_path: Path) -> None:
    bars.to_csv(tmp_path / "bars.csv")
    read = read_bars(tmp_path / "bars.csv")
    read.to_parquet(tmp_path / "again.parquet")
    read.reset_index().to_feather(tmp_path / "again.feather")
    assert pd.read_parquet(tmp_path / "again.parquet").attrs == read.attrs
    same(read_bars(tmp_path / "again.parquet"), read)
    same(read_bars(tmp_path / "again.feather"), read)


def test_one_bar(tmp_path: Path) -> None:
    practice_bars(1).to_csv(tmp_path / "bars.csv")
    assert len(read_bars(tmp_path / "bars.csv")) == 1


# -- files


def test_a_missing_file(bars: pd.DataFrame, tmp_path: Path) -> None:
    bars.to_csv(tmp_path / "candles.csv")
    refused(ConfigError, tmp_path / "candels.csv", "candels.csv", "Did you mean `candles.csv`?")
    refused(ConfigError, tmp_path / "no" / "candles.csv", "does not exist either")
    refused(ConfigError, "no-such-file.csv", "A relative path starts at")
    refused(ConfigError, "", "path: ''")
    refused(ConfigError, 5, "path: 5")  # type: ignore[arg-type]


def test_an_unknown_format(tmp_path: Path) -> None:
    for name, words in {
        "bars.xlsx": ("`.feather`, `.parquet`, `.csv`, `.csv.gz`",),
        "bars.fether": ("Did you mean `.feather`?",),
        "bars": ("ends in nothing",),
        "bars.gz": (".gz",),
    }.items():
        (tmp_path / name).write_bytes(b"x")
        refused(ConfigError, tmp_path / name, f"path: {name} ends in", *words)


def test_a_folder(bars: pd.DataFrame, tmp_path: Path) -> None:
    refused(ConfigError, tmp_path, "is a folder", "Give the path of a file")
    bars.to_csv(tmp_path / "candles.csv")
    refused(ConfigError, tmp_path, "is a folder", "It holds `candles.csv`")


@pytest.mark.parametrize("name", ["a.feather", "a.parquet", "a.csv", "a.csv.gz"])
def test_empty_and_foreign_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    refused(DataError, path, name, "empty")
    path.write_bytes(b"\x00\xff not a table \xfe" * 50)
    refused(DataError, path, name)


def test_a_gzip_cut_off(bars: pd.DataFrame, tmp_path: Path) -> None:
    whole = gzip.compress(bars.to_csv().encode())
    (tmp_path / "a.csv.gz").write_bytes(whole[: len(whole) // 2])
    refused(DataError, tmp_path / "a.csv.gz", "cut off")


@pytest.mark.parametrize("suffix", [".feather", ".parquet", ".csv", ".csv.gz"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_never_crash(bars: pd.DataFrame, tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    whole = tmp_path / f"whole{suffix}"
    if not whole.exists():
        writers = {".feather": bars.to_feather, ".parquet": bars.to_parquet}
        writers.get(suffix, bars.to_csv)(whole)
    content = bytearray(whole.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    # Some damage makes other numbers that are possible; everything else is refused with a word.
    with contextlib.suppress(DataError):
        assert list(read_bars(damaged).columns) == COLUMNS


# -- recorded candles


def test_recorded_files(recorded: Path | None, tmp_path: Path) -> None:
    if recorded is None:
        practice_bars(2000, holes=5).reset_index(names="date").to_feather(tmp_path / "a-1m.feather")
        practice_bars(2000, timeframe="1h").reset_index(names="date").to_feather(tmp_path / "b-1h.feather")
    files = sorted((recorded or tmp_path).glob("*-*[mh]*.feather"))
    assert files
    for path in files:
        bars = read_bars(path)
        stored = pd.read_feather(path)
        assert bars["close"].tolist() == stored["close"].tolist()
        assert (bars.index == stored["date"]).all()
        assert f"-{bars.attrs['timeframe']}" in path.name


def test_the_recorded_halt(recorded: Path | None) -> None:
    bars = practice_bars(500, holes=3) if recorded is None else read_bars(recorded / "BTC_USDT-1m-2023-halt.feather")
    for hole in bars.attrs["holes"]:
        after, before = pd.Timestamp(hole["after"]), pd.Timestamp(hole["before"])
        assert (before - after) // pd.Timedelta("1min") == hole["missing"] + 1
        assert bars.index.get_loc(before) == bars.index.get_loc(after) + 1
    if recorded is not None:
        halt = {"after": "2023-03-24T12:39:00+00:00", "before": "2023-03-24T14:00:00+00:00", "missing": 80}
        assert bars.attrs["holes"] == [halt]


def test_recorded_trades_are_no_bars(recorded: Path | None, tmp_path: Path) -> None:
    path = tmp_path / "trades.feather"
    if recorded is None:
        pd.DataFrame({"timestamp": [1_570_752_011_620], "price": [1.0], "amount": [2.0]}).to_feather(path)
    else:
        path = recorded / "XRP_ETH-trades-2019.feather"
    refused(DataError, path, "`open`", "`price`", "`amount`")
