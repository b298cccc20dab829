"""Settings, keys, alerts, and the exchange: is it reached, does its clock agree, what may the keys do."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptobot.control.checkup.finding import Finding
from cryptobot.core.clock import SystemClock
from cryptobot.core.errors import AuthError, ConfigError, CryptobotError
from cryptobot.core.secrecy import redact
from cryptobot.core.settings import Settings

if TYPE_CHECKING:
    from cryptobot.exchange.connector.exchange import CcxtExchange

_PATIENCE: Final = 20.0
# The exchange refuses what it takes for older than its window of five seconds.
_SKEW: Final = 1.0


def settings() -> list[Finding]:
    """Look at `.env`, the settings, which keys are set, and the alerts."""
    file = Path(".env")
    where = (
        Finding(".env", "ok", str(file.resolve()))
        if file.is_file()
        else Finding(
            ".env", "missing", "none in this folder", "Only needed for keys and alerts; the practice market needs none."
        )
    )
    try:
        known = Settings.load().secrets()
    except ConfigError as error:
        return [where, Finding("settings", "bad", str(error))]
    names = ["binance_api_key", "binance_api_secret", "slack_webhook_url"]
    keys = [Finding(name.upper(), *(("ok", "set") if name in known else ("missing", "not set"))) for name in names]
    return [where, *_readable(file), *keys, *_pairs(), *_alerts()]


def _readable(file: Path) -> list[Finding]:
    if os.name != "posix" or not file.is_file() or not file.stat().st_mode & 0o077:
        return []
    return [Finding(".env", "missing", "others on this computer may read it", f"chmod 600 {file.resolve()}")]


def _pairs() -> list[Finding]:
    """Look for keys of which only one half is set."""
    found = []
    try:
        ids = {name.split("_API_")[0] for name in os.environ if name.endswith(("_API_KEY", "_API_SECRET"))} | {
            "BINANCE"
        }
        for exchange in sorted(ids):
            key, secret = Settings.exchange_keys(exchange.lower())
            if (key is None) != (secret is None) and exchange.isidentifier():
                half, other = ("KEY", "SECRET") if secret is None else ("SECRET", "KEY")
                seen = f"{exchange}_API_{half} is set, {exchange}_API_{other} is not"
                found.append(Finding(f"keys of {exchange.lower()}", "bad", seen, "Set both, or neither."))
    except ConfigError as error:
        found.append(Finding("keys", "bad", str(error)))
    return found


def _alerts() -> list[Finding]:
    from cryptobot.alerts.catalogue import ALERTS
    from cryptobot.alerts.errors import NotSetUpError

    found = []
    for name in ALERTS.names():
        try:
            ALERTS.get(name).from_env()
        except NotSetUpError as error:
            found.append(Finding(f"alerts: {name}", "missing", "not set up", redact(str(error))))
        except CryptobotError as error:
            found.append(
                Finding(f"alerts: {name}", "bad", redact(str(error)), f"Then try: cryptobot alerts test {name}.")
            )
        else:
            found.append(Finding(f"alerts: {name}", "ok", f"set up; try it: cryptobot alerts test {name}"))
    return found


def exchange(exchange_id: str, endpoint: str | None = None) -> list[Finding]:
    """Ask an exchange for its time, and what the keys may do if there are any; nothing is sent to it otherwise.

    Parameters
    ----------
    exchange_id
        As ccxt calls it.
    endpoint
        Another address than its own.
    """
    from cryptobot.exchange.connector.exchange import CcxtExchange

    try:
        key, secret = Settings.exchange_keys(exchange_id)
        public = CcxtExchange(exchange_id, endpoint=endpoint)
        found = asyncio.run(asyncio.wait_for(_clock(public), _PATIENCE))
        if found[0].state == "bad" or key is None or secret is None:
            return found
        place = {"mode": "live"} if endpoint is None else {"mode": "testnet", "endpoint": endpoint}
        private = CcxtExchange(exchange_id, api_key=key, secret=secret, **place)  # type: ignore[arg-type]
        return [*found, *asyncio.run(asyncio.wait_for(_rights(private), _PATIENCE))]
    except TimeoutError:
        return [
            Finding(exchange_id, "bad", f"no answer within {_PATIENCE:g} s", "Check the network, and its status page.")
        ]
    except CryptobotError as error:
        return [Finding(exchange_id, "bad", redact(str(error)), "Check its name, the network and the settings.")]


async def _clock(venue: CcxtExchange) -> list[Finding]:
    clock = SystemClock()
    try:
        await venue.connect()
        before = clock.now()
        theirs = await venue.now()
        ours = (before + clock.now()) // 2
    finally:
        await venue.close()
    skew = (ours - theirs) / 1e9
    name = f"clock against {venue.name}"
    seen = f"{abs(skew):.2f} s {'ahead' if skew > 0 else 'behind'}"
    if abs(skew) <= _SKEW:
        return [Finding(venue.name, "ok", "reached"), Finding(name, "ok", seen)]
    advice = "Let the computer set its clock by itself (NTP): timedatectl set-ntp true, or the system's settings."
    return [Finding(venue.name, "ok", "reached"), Finding(name, "bad", seen, advice)]


async def _rights(venue: CcxtExchange) -> list[Finding]:
    name = f"keys of {venue.name}"
    try:
        await venue.connect()
        warnings = [redact(text) for text in venue.warnings]
    except AuthError as error:
        return [
            Finding(name, "bad", redact(str(error)), "Make a key that may trade and nothing else, from your address.")
        ]
    finally:
        await venue.close()
    if warnings:
        return [Finding(name, "missing", "accepted", " ".join(warnings))]
    return [Finding(name, "ok", "accepted; they may not withdraw")]
