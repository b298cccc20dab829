"""Make the pictures of the README and of the notebooks' index: `make pictures`.

Every notebook is run in a JupyterLab of its own; what is photographed is what a reader of it sees.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from conftest import CHROMIUM_FLAGS, ROOT, Lab, Notebook, find_chromium  # this folder is the script's own
from playwright.sync_api import Browser, sync_playwright

NOTEBOOKS = ROOT / "notebooks"
PICTURES = NOTEBOOKS / "pictures"
SIZE = {"width": 1400, "height": 1300}
WAIT = 300_000  # ms for a notebook to come to its end

FAILED = '[data-mime-type="application/vnd.jupyter.error"]'  # an output

# A bot that trades for a while, for the pictures of the panel itself.
PANEL = """
import cryptobot as cb
limits = cb.Limits(max_daily_loss=800, stop_loss=0.02)
exchange = cb.PracticeExchange(seed=21, timeframe="15m", speed=36_000)
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
            panel_pictures(lab, browser)
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                shutil.copy(path, lab.work)
                notebook_picture(lab, browser, path.stem)
        browser.close()
    return 0


def panel_pictures(lab: Lab, browser: Browser) -> None:
    """Photograph the panel in both themes."""
    import nbformat

    content = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    content.cells = [nbformat.v4.new_code_cell(PANEL, id="panel")]
    nbformat.write(content, lab.work / "panel.ipynb")
    opened = Notebook(lab, browser.new_context(viewport=SIZE, device_scale_factor=1), "panel.ipynb")
    page = opened.page
    opened.run_all()
    page.locator(".cb-start").click()
    page.wait_for_function("() => document.querySelectorAll('.cb-table-view tbody tr').length > 12", timeout=WAIT)
    for theme, name in (("JupyterLab Light", "panel-light"), ("JupyterLab Dark", "panel-dark")):
        opened.theme(theme)
        page.wait_for_timeout(1500)
        page.locator(".cb-panel").screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    opened.execute("bot.stop()")
    finish(opened)


def notebook_picture(lab: Lab, browser: Browser, name: str) -> None:
    """Run a notebook and photograph its panel, or else its largest output."""
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
    finish(opened)


def finish(opened: Notebook) -> None:
    """End a notebook's kernel and close its page."""
    opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    opened.context.close()


if __name__ == "__main__":
    sys.exit(main())
