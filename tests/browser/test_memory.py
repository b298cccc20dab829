"""Ten minutes of a busy panel: kernel and page stay as large as they are, and so does the server once the tab is closed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.browser.conftest import ARTEFACTS

if TYPE_CHECKING:
    from tests.browser.conftest import Lab

pytestmark = [pytest.mark.browser, pytest.mark.campaign]

MINUTES = float(os.environ.get("CRYPTOBOT_MEMORY_MINUTES", "10"))
SAMPLES = 40
MEGA = 1024 * 1024
# What a bot has seen and done it keeps: four bars a second and their trades are some 0.1 MB a minute of the kernel's.
KERNEL_MB = 3.0
PAGE_MB = 3.0
SERVER_MB = 3.0

BUSY = """
import cryptobot as cb
limits = cb.Limits(stop_loss=0.02)
bot = cb.Bot(cb.MovingAverageCrossover(fast=3, slow=9), exchange=cb.PracticeExchange(seed=7, speed=240), limits=limits)
panel = cb.ControlPanel(bot, refresh=4)
panel.add_indicator(cb.RSI(14))
bot.start()
panel
"""


def growth(samples: list[float]) -> float:
    """Return how much more the last third is than the one in the middle: the first third is warming up."""
    third = len(samples) // 3
    return median(samples[-third:]) - median(samples[third : 2 * third])


def test_nothing_grows(notebook: Callable[..., Any], lab: Lab, tmp_path: Any) -> None:
    opened = notebook(BUSY)
    page = opened.page
    opened.run_all()
    page.wait_for_selector('.cb-header [data-key="state"][data-tone="running"]', timeout=60_000)
    pid = tmp_path / "pid"
    opened.execute(f"import os, pathlib; _ = pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))")
    kernel, server = psutil.Process(int(pid.read_text())), psutil.Process(lab.pid)
    tools = opened.context.new_cdp_session(page)
    sizes: dict[str, list[float]] = {"kernel": [], "page": [], "nodes": [], "server": []}
    for _ in range(SAMPLES):
        page.wait_for_timeout(MINUTES * 60_000 / SAMPLES)
        tools.send("HeapProfiler.collectGarbage")
        sizes["kernel"].append(kernel.memory_info().rss / MEGA)
        sizes["page"].append(tools.send("Runtime.getHeapUsage")["usedSize"] / MEGA)
        sizes["nodes"].append(tools.send("Memory.getDOMCounters")["nodes"])
    opened.healthy()
    opened.command("docmanager:save")
    page.close()
    pause = opened.context.new_page()
    for _ in range(SAMPLES):
        pause.wait_for_timeout(MINUTES * 60_000 / SAMPLES / 3)
        sizes["server"].append(server.memory_info().rss / MEGA)
    kernel.terminate()
    ARTEFACTS.mkdir(exist_ok=True)
    (ARTEFACTS / "memory.json").write_text(json.dumps(sizes))
    grown = {name: round(growth(each), 2) for name, each in sizes.items()}
    assert grown["kernel"] <= KERNEL_MB, grown
    assert grown["page"] <= PAGE_MB, grown
    assert grown["nodes"] <= 0.05 * median(sizes["nodes"]), grown
    assert grown["server"] <= SERVER_MB, grown
