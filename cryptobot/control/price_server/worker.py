"""A process that runs one backtest: started by `jobs`, told what to do on stdin, answering in lines of JSON on stdout.

A process of its own, because a backtest keeps an interpreter busy for seconds, which no bot should feel, and because it
can be ended at any moment.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import traceback
from typing import IO, Any

from cryptobot.core.errors import CryptobotError


def main() -> None:
    """Run what stdin says."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # whatever a strategy prints is no answer
    if hasattr(os, "nice"):
        os.nice(10)  # bots come first
    try:
        run(pickle.loads(sys.stdin.buffer.read()), answers)  # noqa: S301 - from the process that started this one
    except CryptobotError as error:
        _say(answers, error=str(error))
    except Exception:  # noqa: BLE001 - the other process logs it
        _say(answers, failure=traceback.format_exc())


def run(job: dict[str, Any], answers: IO[str]) -> None:
    """Run a backtest.

    Parameters
    ----------
    job
        ``strategy`` (pickled once more, so that progress is told before its modules are imported), ``bars`` and the
        options of `backtest`.
    answers
        Where lines go.
    """
    _say(answers, done=0.2, text="loading")
    from cryptobot.backtest.run import backtest

    strategy, bars = pickle.loads(job["strategy"]), job["bars"]  # noqa: S301 - as above
    _say(answers, done=0.5, text=f"trading {len(bars):,} candles")
    report = backtest(strategy, bars, **job["options"])
    _say(answers, id=report.run_id)


def _say(answers: IO[str], **content: Any) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
