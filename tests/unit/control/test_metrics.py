"""A bot's figures for Prometheus: they are the bot's, they can be read, and the dashboard asks for nothing else."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest
import yaml

import cryptobot as cb
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.errors import AlertError
from cryptobot.control import metrics as module
from cryptobot.control.metrics import FIGURES, metrics
from cryptobot.trading.lifecycle import OrderState
from cryptobot.trading.meter import Histogram
from tests.contracts.served import Served

PATIENCE = 30
BARS = cb.practice_bars(400, seed=5)
MONITORING = Path(module.__file__).parent / "monitoring"
# The text format's own grammar.
_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"')


class Deaf(AlertChannel):
    name = "deaf"

    def send(self, message):
        raise AlertError("it does not hear")


def read(text):
    """Read the format: samples by name and labels, without those that all have."""
    found, kinds = {}, {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            match = _SAMPLE.fullmatch(line)
            assert match is not None, line
            name, labels, value = match[1], dict(_LABEL.findall(match[2])), float(match[3])
            base = re.sub("_(bucket|sum|count)$", "", name)
            assert {name, base} & kinds.keys()
            assert {"bot", "mode", "market"} <= labels.keys()
            key = (
                name.removeprefix("cryptobot_"),
                *(v for k, v in labels.items() if k not in ("bot", "mode", "market")),
            )
            assert key not in found
            found[key] = value
    return found


@pytest.fixture
def ended():
    exchange = cb.ReplayExchange(BARS, market=cb.Market("BTC/USDT"))
    bot = cb.Bot(
        cb.MovingAverageCrossover(3, 9),
        exchange=exchange,
        name='odd"name\\',
        limits=cb.Limits(max_drawdown=0.5, max_position_value=100_000, max_daily_loss=1_000_000),
    )
    bot.run()
    return bot


def test_the_figures_are_the_bots(ended):
    found, status = read(metrics(ended)), ended.status()
    assert found["bars_total",] == status.bars == 400
    assert found["equity",] == float(status.equity)
    assert found["trades_total",] == status.trades > 5
    assert found["fills_total",] == len(ended.tape(None).fills)
    assert found["orders_total", "filled"] == len(ended.tape(None).fills)
    assert found["orders_total", "unknown"] == found["orders_unknown",] == 0
    assert found["fees_total",] == float(status.fees)
    assert found["running",] == 0
    assert [state for state in ("finished", "running", "halted") if found["state", state]] == ["finished"]
    assert found["trading_state", "active"] == 1
    assert found["bar_to_order_seconds_count",] == len(ended.tape(None).fills)
    assert found["bar_to_order_seconds_bucket", "+Inf"] == found["bar_to_order_seconds_count",]
    equity = ended.tape(None).equity
    fallen = 1 - equity[-1] / equity.max()
    assert found["drawdown_ratio",] == pytest.approx(fallen, abs=1e-9)
    assert found["limit_use_ratio", "max_drawdown"] == pytest.approx(fallen / 0.5, abs=1e-9)
    assert found["limit_use_ratio", "max_position_value"] == pytest.approx(
        float(status.quantity) * status.price / 100_000
    )
    assert ("feed_age_seconds",) not in found  # practice has no age
    assert ("clock_skew_seconds",) not in found  # and a clock of its own
    assert found["journal_records_total",] == ended.journal.count


def test_a_new_bot_has_figures_too():
    bot = cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(), alerts=[Deaf()])
    found = read(metrics(bot))
    assert (found["bars_total",], found["state", "new"]) == (0, 1)
    assert found["alerts_waiting", "deaf"] == 0
    assert found.get(("memory_bytes",), 1e7) > 1e6


def test_every_figure_is_told_or_known_to_be_missing(ended):
    told = {name for name, *_ in read(metrics(ended))}
    told |= {re.sub("_(bucket|sum|count)$", "", name) for name in told}
    assert FIGURES.keys() - told <= {
        "feed_age_seconds",
        "clock_skew_seconds",
        "protected",
        "alerts_waiting",
        "alerts_failing",
        "memory_bytes",
    }


def test_a_histogram_counts_each_duration_once():
    times = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.100001, 1.0, 5.0, 0.0):
        times.add(seconds)
    assert times.counts == [3, 2, 1]
    assert (times.count, times.total) == (6, pytest.approx(6.250001))


def ask(served, path, token, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", served.state.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}", **headers})
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def test_the_read_token_opens_the_figures_and_nothing_else(ended, tmp_path):
    ended.name = "mine"
    served = Served(ended, tmp_path)
    try:
        for token in (served.server.read_token, served.state.token):
            status, text, headers = ask(served, "/metrics", token)
            assert status == 200
            assert read(text)["bars_total",] == 400
            assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        for path in ("/status", "/about", "/figures", "/news", "/metrics/", "/nothing"):
            assert ask(served, path, served.server.read_token)[0] in (401, 403), path
        assert ask(served, "/metrics", "w" * 43)[0] == 401
        assert ask(served, "/metrics", served.server.read_token, Host="evil.example")[0] == 421
        assert ask(served, "/metrics", served.server.read_token, Origin="http://evil.example")[0] == 403
        assert served.state.token not in text
        assert read(served.handle.metrics()).keys() == read(text).keys()
    finally:
        served.close()


def names_in(text):
    return {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"cryptobot_(\w+?)(?=\W)", text)}


def test_the_dashboard_asks_for_figures_that_there_are():
    dashboard = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
    asked = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert names_in(f"{asked} ") <= FIGURES.keys()
    shown = names_in(f"{asked} ")
    assert FIGURES.keys() - shown <= {
        "info",
        "state",
        "connected",
        "bars_total",
        "interval_seconds",
        "orders_open",
        "alerts_failing",
        "journal_records_total",
    }
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in dashboard["panels"])


_SELECTOR = re.compile(r"cryptobot_(\w+)\{([^}]*)\}")
_WORDS = {"sum", "by", "rate", "increase", "deriv", "histogram_quantile", "or", "on"}
_SHAPE = re.compile(
    r"\s+|\d+(?:\.\d+)?(?:e\d+)?|\[\d+[smhd]\]|[a-z_]\w*(?:\{(?:\w+(?:=~|!=|=)\"[^\"]*\",?)*\})?|[-+*/(),]|[<>]=?|=="
)


def expressions():
    """Every expression of the dashboard and of the rules, with what its legend names."""
    dashboard = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    shown = [(t["expr"], t.get("legendFormat", "")) for panel in dashboard["panels"] for t in panel["targets"]]
    return [*shown, *((rule["expr"], " ".join(rule["annotations"].values())) for rule in rules)]


@pytest.mark.parametrize(("expression", "legend"), expressions())
def test_an_expression_is_well_formed_and_its_labels_are_there(expression, legend):
    """There is no Prometheus here to load them: words, brackets and labels are looked at one by one."""
    at = 0
    while at < len(expression):
        part = _SHAPE.match(expression, at)
        assert part is not None, expression[at:]
        word = re.match(r"[a-z_]\w*", part[0])
        assert word is None or word[0].startswith("cryptobot_") or word[0] in {*_WORDS, *KNOWN, "up"}, word
        at = part.end()
    assert expression.count("(") == expression.count(")")
    for name, chosen in _SELECTOR.findall(expression):
        base = re.sub("_(bucket|sum|count)$", "", name)
        for label, how, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', chosen):
            assert label in {"bot", "mode", "market", *LABELS.get(base, {})}, expression
            if value != "$bot":
                assert set(value.split("|")) <= LABELS[base][label], (how, value)
    for label in re.findall(r"\{\{ ?\$?(?:labels\.)?(\w+)", legend):
        figures = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"cryptobot_(\w+)", expression)}
        known = {"bot", "mode", "market", "instance", "value"}.union(*(LABELS.get(name, {}) for name in figures))
        assert label in known, legend


KNOWN = {"bot", "outcome", "le"}
_TRADING = {"active", "reducing", "halted"}
LABELS = {
    "trading_state": {"state": _TRADING},
    "state": {"state": {"new", "starting", "running", "stopping", "stopped", "finished", "halted"}},
    "orders_total": {"outcome": {str(state) for state in OrderState}},
    "limit_use_ratio": {"limit": set(cb.Limits.__dataclass_fields__)},
    "alerts_waiting": {"channel": set()},
    "alerts_failing": {"channel": set()},
    "bar_to_order_seconds": {"le": set()},
}


def test_the_labels_are_those_that_are_told(ended):
    told = {}
    for name, labels in re.findall(r"^cryptobot_(\w+)\{(.*)\} ", metrics(ended), re.MULTILINE):
        told.setdefault(re.sub("_(bucket|sum|count)$", "", name), {})
        for label, value in _LABEL.findall(labels):
            told[re.sub("_(bucket|sum|count)$", "", name)].setdefault(label, set()).add(value)
    for name, labels in LABELS.items():
        for label, values in labels.items():
            assert name.startswith("alerts_") or label in told[name]
            assert not values or told[name][label] <= values


def test_the_rules_ask_for_figures_that_there_are():
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
    assert len(rules) >= 10
    for rule in rules:
        assert names_in(f"{rule['expr']} ") <= FIGURES.keys()
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
