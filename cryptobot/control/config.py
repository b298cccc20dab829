"""What a bot's process is told: one table of plain values, from a TOML file or from a notebook."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cryptobot.control.folders import checked_name
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FixedQuote, FractionOfEquity, Sizing
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe

if TYPE_CHECKING:
    from cryptobot.trading.live_gate import LiveGate

_WORDS: Final = {
    "missing": "it is missing",
    "string_type": "give a text",
    "float_type": "give a number",
    "int_type": "give a whole number",
    "dict_type": "give a table",
    "model_type": "give a table",
    "bool_type": "give true or false",
}


class Part(BaseModel):
    """Base of every table: unknown keys are refused, and nothing is turned into another type."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class StrategyConfig(Part):
    """The table ``[strategy]``.

    Attributes
    ----------
    name
        Of a registered strategy, or ``"file.py:Class"``.
    params
        Its parameters.
    by_value
        Set by ``cb.launch(strategy=…)`` instead of ``name``: the file that a strategy typed into a cell travels in.
    """

    name: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    by_value: str | None = None


class ServerConfig(Part):
    """The table ``[server]``: a price server beside the bot, in its process.

    Attributes
    ----------
    port
        None: 8808, or any that is free.
    allow_control
        Whether assistants with the control token may stop, start and change the bot.
    """

    port: int | None = Field(default=None, ge=0, le=65_535)
    allow_control: bool = False


class MetricsConfig(Part):
    """The table ``[metrics]``: figures for Prometheus at a port that stays the same.

    Attributes
    ----------
    port
        Of 127.0.0.1; the path is /metrics, and the token lies in ``bots/NAME.metrics-token`` of the data directory.
    """

    port: int = Field(ge=1, le=65_535)


class WatchConfig(Part):
    """The table ``[watch]``: signs of life for a watcher outside, and what follows from what is suspicious.

    Attributes
    ----------
    heartbeat
        Name of the environment variable (or line in ``.env``) that holds the address to post to; it is a secret.
    every
        Seconds from one sign of life to the next.
    suspicion
        What follows from orders, executions and calls that are not the bot's or its user's: ``"tell"`` people,
        ``"reduce"``: also buy nothing more, ``"halt"``: also cancel everything and trade no more.
    """

    heartbeat: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    every: float = Field(default=60.0, ge=1.0, le=86_400.0)
    suspicion: Literal["tell", "reduce", "halt"] = "tell"


class GateConfig(Part):
    """The table ``[gate]``: what real money asks for; see `LiveGate`.

    Attributes
    ----------
    paper_time
        How long the paper session must have watched the market, for example ``"3d"``.
    journals
        Files, or folders of them, in which to look for paper sessions beside the data directory's own.
    override
        What is gone without, each with a reason. Given in code only: ``cb.launch(..., gate={...})``.
    """

    paper_time: str
    journals: list[str] = Field(default_factory=list)
    override: dict[str, str] = Field(default_factory=dict)


class BotConfig(Part):
    """All that a bot's process needs to know.

    Attributes
    ----------
    name
        Of the bot; it finds its journal again by it.
    mode
        Where its orders go.
    exchange
        Settings of the exchange, with its ``id``; see `cryptobot.control.exchange_config`.
    symbol, timeframe
        Market and interval; None takes the exchange's own.
    journal
        Path of the journal; None is ``journals/NAME.sqlite`` in the data directory.
    keep_bars
        How many of the newest bars the journal keeps at least, or ``"all"``; None is those of two weeks, and 200,000 at
        least. Real money asks for days on paper, which are counted by the bars that are kept.
    sizing
        What an entry may spend: a fraction of the equity, or ``{"quote": 100}`` for an amount.
    strategy
        What decides.
    limits
        See `cb.Limits`.
    alerts
        Settings of each alert channel, by its name.
    server
        A price server beside the bot, or None.
    metrics
        Figures for Prometheus at a port that stays the same, or None.
    watch
        Signs of life, and what follows from what is suspicious.
    gate
        What real money asks for; needed for ``mode = "live"`` only.
    """

    name: str
    mode: Literal["practice", "paper", "testnet", "live"]
    exchange: dict[str, Any] = Field(default_factory=dict)
    symbol: str | None = None
    timeframe: str | None = None
    journal: str | None = None
    keep_bars: Any = None
    sizing: float | dict[str, float] | None = None
    strategy: StrategyConfig
    limits: dict[str, Any] | None = None
    alerts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    server: ServerConfig | None = None
    metrics: MetricsConfig | None = None
    watch: WatchConfig = Field(default_factory=WatchConfig)
    gate: GateConfig | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], source: str = "config") -> Self:
        """Check plain values.

        Parameters
        ----------
        values
            As a TOML file has them.
        source
            What to call them in errors.

        Raises
        ------
        ConfigError
            If a key is unknown or a value is not allowed; the message names it.
        """
        try:
            made = cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(f"{source}: {' '.join(_told(problem) for problem in error.errors())}") from None
        checked_name(made.name)
        made.limits_made()
        made.keep_made()
        made.sizing_made()
        made.gate_made()
        if made.timeframe is not None:
            Timeframe.parse(made.timeframe)
        if bool(made.strategy.name) == (made.strategy.by_value is not None):
            raise ConfigError(
                f"{source}: `strategy.name` is missing. Give a registered strategy's name, or a file and a class: "
                "name = 'my_strategy.py:MyStrategy'."
            )
        if made.mode == "live" and made.strategy.by_value is not None:
            raise ConfigError(
                f"{source}: a strategy typed into a cell does not trade real money. Save it in a file, and name that: "
                "strategy = {'name': 'my_strategy.py:MyStrategy', 'params': {...}}."
            )
        return made

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a TOML file (or what `cb.launch` left as JSON); paths in it are taken from its folder.

        Raises
        ------
        ConfigError
            If it cannot be read, or says what is not allowed.
        """
        path = Path(path).expanduser().absolute()
        try:
            text = path.read_text("utf-8")
            values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}. Give the path of a TOML file.") from error
        except ValueError as error:  # also what tomllib, json and the decoder raise
            raise ConfigError(f"{path}: it is not valid {path.suffix[1:].upper() or 'TOML'}: {error}.") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: it holds no table of settings.")
        made = cls.of(values, path.name).placed(path.parent)
        if made.gate is not None and made.gate.override and path.suffix != ".json":
            raise ConfigError(
                f"{path}: `gate.override` is not allowed in a file: what is gone without is said in code, with the reason: "
                "cb.launch('bot.toml', gate={'paper_time': '3d', 'override': {'paper_session': 'why'}})."
            )
        return made

    def placed(self, folder: Path) -> Self:
        """Return a copy whose relative paths are taken from a folder."""
        strategy, exchange = self.strategy, dict(self.exchange)
        file, colon, chosen = strategy.name.rpartition(":")
        if colon:
            strategy = strategy.model_copy(update={"name": f"{_from(folder, file)}:{chosen}"})
        if isinstance(exchange.get("bars"), str):
            exchange["bars"] = _from(folder, exchange["bars"])
        journal = self.journal and _from(folder, self.journal)
        return self.model_copy(update={"strategy": strategy, "exchange": exchange, "journal": journal})

    def limits_made(self) -> Limits | None:
        """Return the limits, or None where none are given; raises `ConfigError` as `cb.Limits` does."""
        return None if self.limits is None else Limits.of(self.limits)

    def keep_made(self) -> int | Literal["all"] | None:
        """Return how many bars the journal keeps, or None where that is not said.

        Raises
        ------
        ConfigError
            If it is neither a whole number of at least 1 nor ``"all"``.
        """
        keep = self.keep_bars
        if keep is None or keep == "all" or (type(keep) is int and keep >= 1):
            return cast('int | Literal["all"] | None', keep)
        raise ConfigError(
            f"keep_bars: {keep!r} is not allowed. Give a whole number of at least 1, or keep_bars = 'all' to keep every bar."
        )

    def gate_made(self) -> LiveGate | None:
        """Return what real money asks for, or None; raises `ConfigError` as `cb.LiveGate` does."""
        if self.gate is None:
            return None
        from cryptobot.trading.live_gate import LiveGate

        return LiveGate(paper_time=self.gate.paper_time, override=self.gate.override, journals=self.gate.journals)

    def sizing_made(self) -> Sizing | None:
        """Return how entries are sized, or None for everything.

        Raises
        ------
        ConfigError
            If it is neither a fraction nor an amount.
        """
        if self.sizing is None:
            return None
        if isinstance(self.sizing, dict):
            if list(self.sizing) != ["quote"]:
                raise ConfigError(
                    f"sizing: {self.sizing} is not allowed. Give a fraction of the equity, sizing = 0.5, or an amount in the "
                    "quote currency, sizing = {quote = 100}."
                )
            return FixedQuote(self.sizing["quote"])
        return FractionOfEquity(self.sizing)

    def plain(self) -> dict[str, Any]:
        """Return the plain values again, without those that say nothing."""
        return self.model_dump(exclude_none=True, exclude_defaults=True)


def _from(folder: Path, path: str) -> str:
    return str(folder / Path(path).expanduser())


def _told(problem: Any) -> str:
    """Say what is wrong with one value."""
    place = [str(part) for part in problem["loc"] if not str(part).startswith(("dict[", "float"))]
    path = ".".join(place)
    if problem["type"] == "extra_forbidden":
        tables: dict[str, type[Part]] = {
            "strategy": StrategyConfig,
            "server": ServerConfig,
            "metrics": MetricsConfig,
            "watch": WatchConfig,
            "gate": GateConfig,
        }
        table: type[Part] = tables[place[0]] if len(place) > 1 else BotConfig
        known = list(table.model_fields)
        return f"`{path}` is unknown.{closest(place[-1], known)} Known: {listed(known)}."
    context = problem.get("ctx", {})
    if problem["type"] == "literal_error":
        allowed = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        return f"`{path}` is {problem['input']!r}.{closest(str(problem['input']), allowed)} Allowed: {listed(allowed)}."
    if context and isinstance(problem["input"], int | float):  # a text may be a secret in the wrong place
        return f"`{path}` is {problem['input']!r}: {_WORDS.get(problem['type'], problem['msg'])}."
    return f"`{path}`: {_WORDS.get(problem['type'], problem['msg'])}."
