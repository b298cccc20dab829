"""`cryptobot demo` in an environment that exists already: check, backtest, paper-trade, compare."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.figure import Figure, seconds

LIMIT = 60.0


def measure(rounds: int) -> list[Figure]:
    """Measure the whole command from the shell, at most three times."""
    runs = [seconds(_demo) for _ in range(min(rounds, 3))]
    return [Figure.of("cryptobot demo", runs, "s", limit=LIMIT, note="first run compiles, if the numba cache is empty")]


def _demo() -> None:
    code = "from cryptobot.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", code, "demo", "--json"], check=True, capture_output=True, text=True)
    differences = json.loads(run.stdout)["differences"]
    if differences:
        raise RuntimeError(f"cryptobot demo reports {differences} differences: mend that before measuring speed.")
