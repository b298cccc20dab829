"""`import cryptobot` against an interpreter that does nothing."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.figure import Figure, alternating, ratio

HEAVY = ("pandas", "vectorbt", "ccxt", "aiohttp", "bqplot")
LIMIT = 0.15


def measure(rounds: int) -> list[Figure]:
    """Measure what the import adds to starting Python, and look at what it loads."""
    runs = alternating({"nothing": lambda: _python("pass"), "import": lambda: _python("import cryptobot")}, rounds)
    added = [a - b for a, b in zip(runs["import"], runs["nothing"], strict=True)]
    modules = json.loads(_python("import sys, json, cryptobot; print(json.dumps(sorted(sys.modules)))"))
    before = json.loads(_python("import sys, json; print(json.dumps(sorted(sys.modules)))"))
    heavy = [name for name in HEAVY if name in modules]
    against = f"{ratio(runs['import'], runs['nothing']):.2f} × python -c pass"
    note = f"{len(set(modules) - set(before))} modules"
    return [
        Figure.of("import cryptobot", added, "s", limit=LIMIT, ratio=against, note=note),
        Figure.of(
            "heavy packages it loads", [len(heavy)], "", limit=0, note=", ".join(heavy) or f"of {', '.join(HEAVY)}"
        ),
    ]


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
