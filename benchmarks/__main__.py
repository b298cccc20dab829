"""Measure everything, show it, and write benchmarks/RESULTS.md: `python -m benchmarks [--only NAME] [--rounds N]`."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from benchmarks import machine, report
from benchmarks.figure import Figure

PARTS = (
    "importing",
    "engine",
    "journal",
    "orders",
    "matching",
    "simulator",
    "through_ccxt",
    "store",
    "sweep",
    "price_server",
    "process",
    "simulation",
    "alerts",
    "watching",
    "throughput",
    "panel",
    "demo",
)


def main() -> int:
    """Run the parts; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone, and write no file")
    parser.add_argument("--rounds", type=int, default=7, help="runs of each figure (default: 7)")
    options = parser.parse_args()
    os.environ["CRYPTOBOT_RECORD_RUNS"] = "false"  # what is measured leaves nothing in the home directory
    figures: list[Figure] = []
    for part in options.only or PARTS:
        figures += import_module(f"benchmarks.{part}").measure(options.rounds)
    on = machine.describe()
    report.show(figures, on)
    if not options.only:
        (Path(__file__).parent / "RESULTS.md").write_text(report.markdown(figures, on), "utf-8")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
