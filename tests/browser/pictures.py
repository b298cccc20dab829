"""Make the pictures of the README and of the notebooks' index: `make pictures`.

Every notebook is run in a JupyterLab of its own; what is photographed is what a reader of it sees.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS, Lab, Notebook, find_chromium
from tests.browser.dashboard import Dashboard
from tests.browser.looks import CELLS, REFERENCES, THEMES, photograph, shrunk
from tests.browser.server import ROOT

NOTEBOOKS = ROOT / "notebooks"
PICTURES = NOTEBOOKS / "pictures"
SIZE = {"width": 1400, "height": 1300}
WAIT = 300_000  # ms for a notebook to come to its end

ROWS = (
    "[...document.querySelectorAll('.cb-table-view')].find(view => view.textContent.includes('Exit price'))"
    "?.querySelectorAll('tbody tr').length"
)  # of the table of trades
TIMES = (
    "[...document.querySelectorAll('.cb-pane')].pop().querySelectorAll('.axis .tick text').values()"
    ".filter(label => /[a-z:]/i.test(label.textContent)).toArray().length"
)  # written under the chart
FAILED = '[data-mime-type="application/vnd.jupyter.error"]'  # an output

# A bot that trades for a while, for the pictures of the panel itself.
PANEL = """
import cryptobot as cb
limits = cb.Limits(max_daily_loss=800, stop_loss=0.02)
exchange = cb.PracticeExchange(seed=21, timeframe="15m", speed=4_500)
bot = cb.Bot(cb.MovingAverageCrossover(fast=8, slow=30), exchange=exchange, limits=limits, name="btc-trend")
panel = cb.ControlPanel(bot)
panel
"""


def main() -> int:
    """Make all pictures; return 1 where there is no browser."""
    chromium = find_chromium()
    if chromium is None:
        print(
            "No Chromium found: run tests/browser/install-chromium, or name one in CRYPTOBOT_CHROMIUM.", file=sys.stderr
        )
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        with Lab(Path(folder)) as lab:
            reference_pictures(lab, browser, Path(folder))
            panel_pictures(lab, browser)
            dashboard_pictures(browser, Path(folder))
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                shutil.copy(path, lab.work)
                notebook_picture(lab, browser, path.stem)
        browser.close()
    return 0


def new_notebook(lab: Lab, browser: Browser, *cells: str) -> Notebook:
    """Open a notebook of some cells."""
    content = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    content.cells = [nbformat.v4.new_code_cell(cell, id=f"cell-{at}") for at, cell in enumerate(cells)]
    nbformat.write(content, lab.work / "panel.ipynb")
    return Notebook(lab, browser.new_context(viewport=SIZE, device_scale_factor=1), "panel.ipynb")


def reference_pictures(lab: Lab, browser: Browser, folder: Path) -> None:
    """Make the small pictures that `test_looks.py` compares with."""
    REFERENCES.mkdir(exist_ok=True)
    opened = new_notebook(lab, browser, *CELLS)
    opened.run_all()
    for name in THEMES:
        photograph(opened, name, folder / f"{name}.png")
        with Image.open(folder / f"{name}.png") as picture:
            shrunk(picture).save(REFERENCES / f"{name}.png", optimize=True)
    opened.theme(THEMES["light"])
    finish(opened)


def panel_pictures(lab: Lab, browser: Browser) -> None:
    """Photograph the panel in both themes."""
    opened = new_notebook(lab, browser, PANEL)
    page = opened.page
    opened.run_all()
    page.locator(".cb-start").click()
    page.wait_for_function(f"() => {ROWS} > 5", timeout=WAIT)
    for theme, name in (("JupyterLab Light", "panel-light"), ("JupyterLab Dark", "panel-dark")):
        opened.theme(theme)
        page.wait_for_timeout(1500)
        page.locator(".cb-panel").screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    opened.execute("bot.stop()")
    finish(opened)


def dashboard_pictures(browser: Browser, folder: Path) -> None:
    """Photograph the web page, as wide as a screen and as a phone."""
    import cryptobot as cb

    os.environ["CRYPTOBOT_DATA_DIRECTORY"] = str(folder / "data")
    market = {"seed": 21, "speed": 4_500}
    strategy = cb.MovingAverageCrossover(fast=8, slow=30)
    bot = cb.launch(
        timeframe="15m",
        strategy=strategy,
        name="btc-trend",
        mode="practice",
        exchange=market,
        limits={"max_daily_loss": 800},
    )
    try:
        bot.wait_until(lambda: bot.status().trades > 6, WAIT / 1000)
        with Dashboard(folder, bot.name) as served:
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{served.url}?token={served.token}", timeout=WAIT)
            page.wait_for_selector(".cb-pane .stick", state="attached", timeout=WAIT)
            for name, size in (("dashboard", SIZE), ("dashboard-phone", {"width": 390, "height": 1500})):
                page.set_viewport_size(size)
                page.wait_for_function(f"() => {TIMES} <= {size['width'] // 95}")  # it has heard of its width
                page.wait_for_timeout(2000)
                page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
            page.close()
    finally:
        bot.shut_down()


def notebook_picture(lab: Lab, browser: Browser, name: str) -> None:
    """Run a notebook and photograph its panel, or else its largest output.

    A cell with the tag ``picture`` is the last that is run before; what follows it is run afterwards.
    """
    content = nbformat.read(lab.work / f"{name}.ipynb", as_version=4)
    tagged = [at for at, cell in enumerate(content.cells) if "picture" in cell.metadata.get("tags", ())]
    last = tagged[0] + 1 if tagged else len(content.cells)
    after = [cell.source for cell in content.cells[last:] if cell.cell_type == "code"]
    content.cells = content.cells[:last]
    nbformat.write(content, lab.work / f"{name}.ipynb")
    opened = Notebook(lab, browser.new_context(viewport=SIZE), f"{name}.ipynb")
    page = opened.page
    opened.command("notebook:run-all-cells")
    page.wait_for_function(
        """() => {
            const cells = window.jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code');
            return document.querySelector(FAILED) || cells.every(cell => cell.model.executionCount);
        }""".replace("FAILED", repr(FAILED)),
        timeout=WAIT,
    )
    if page.locator(FAILED).count():
        raise SystemExit(f"{name}: {page.locator(FAILED).first.inner_text()}")
    opened.wait_for_kernel()
    page.wait_for_timeout(1500)  # the panel hears of a bot that has just been started
    if page.locator('.cb-header [data-key="state"][data-tone="running"]').count():  # a picture of a bot that has traded
        page.wait_for_function(f"() => {ROWS} > 2", timeout=WAIT)
        page.wait_for_timeout(1500)
    place = page.evaluate_handle(
        """() => document.querySelector('.cb-bots, .cb-panel') ?? [...document.querySelectorAll('.jp-OutputArea-output')]
            .map(node => [node.getBoundingClientRect().height * (node.querySelector('img, svg, canvas') ? 3 : 1), node])
            .sort((a, b) => b[0] - a[0])[0][1]"""
    ).as_element()
    assert place is not None
    place.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    place.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    for code in after:
        opened.execute(code)
    finish(opened)


def finish(opened: Notebook) -> None:
    """End a notebook's kernel and close its page."""
    opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    opened.context.close()


if __name__ == "__main__":
    sys.exit(main())
