"""The control panel in JupyterLab, as a person meets it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOT = """
import cryptobot as cb
bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed=7, speed=1200))
"""
PANEL = "panel = cb.ControlPanel(bot)\npanel"
WITHIN = 60_000  # ms: generous, as a slow machine is no defect of the panel


def wait_for_state(page: Page, state: str) -> None:
    page.wait_for_selector(f'.cb-header [data-key="state"][data-tone="{state}"]', timeout=WITHIN)


def bars_shown(page: Page) -> int:
    return int(page.locator('.cb-account [data-key="bars"] .cb-value').inner_text().replace(",", "").replace("–", "0"))


def wait_for_bars(page: Page, more_than: int) -> None:
    page.wait_for_function(
        """more => Number(document.querySelector('.cb-account [data-key="bars"] .cb-value')
            .textContent.replaceAll(',', '')) > more""",
        arg=more_than,
        timeout=WITHIN,
    )


def point_at_chart(page: Page) -> None:
    """Move the mouse over the candles until the crosshair is there: JupyterLab covers the page while a theme loads."""
    for step in range(WITHIN // 200):
        box = page.locator(".cb-chart").bounding_box()
        page.mouse.move(box["x"] + 400 + step % 7, box["y"] + 150)
        if page.locator(".cb-cross-v:not([hidden])").count():
            return
        page.wait_for_timeout(200)
    raise AssertionError("no crosshair under the mouse")


def surface(page: Page) -> str:
    return str(page.evaluate("() => getComputedStyle(document.querySelector('.cb-panel')).backgroundColor"))


def test_a_bot_is_started_watched_and_stopped_in_both_themes(notebook: Callable[..., Any]) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.theme("JupyterLab Light")
    opened.run_all()
    wait_for_state(page, "new")
    assert page.locator('.cb-header [data-key="mode"]').inner_text().startswith("PRACTICE")
    assert page.locator(".cb-stop").is_disabled()
    opened.picture("panel-light-ready")
    height = page.locator(".cb-panel").bounding_box()["height"]

    page.locator(".cb-start").click()
    wait_for_state(page, "running")
    wait_for_bars(page, 40)
    page.wait_for_selector(".cb-pane .dot", state="attached", timeout=WITHIN)  # the triangle of a fill
    page.wait_for_selector(".cb-table-view tbody tr", timeout=WITHIN)
    assert page.locator(".cb-pane").count() == 6
    assert page.locator(".cb-pane").first.locator(".stick").count() > 100
    assert page.locator('[data-key="price"] .cb-value').inner_text() != "–"
    # The newest bar ends at the right of the window, also where the browser's own zone is far from UTC.
    pane, newest = (page.locator(name).bounding_box() for name in (".cb-pane >> nth=0", ".cb-pane .stick >> nth=-1"))
    assert 0 < pane["x"] + pane["width"] - newest["x"] < 0.15 * pane["width"]
    assert page.locator(".cb-price-tag").first.is_visible()
    axis = page.locator(".cb-pane").last.locator(".tick text").all_text_contents()
    assert any(re.fullmatch(r"\d\d:(00|15|30|45)", text) for text in axis)
    assert page.locator(".cb-panel").bounding_box()["height"] == pytest.approx(height, abs=2)  # nothing has moved
    opened.picture("panel-light-running")
    before = surface(page)
    opened.theme("JupyterLab Dark")
    assert surface(page) != before
    point_at_chart(page)
    opened.picture("panel-dark-running")

    bars = bars_shown(page)
    wait_for_bars(page, bars)
    page.locator(".cb-stop").click()
    wait_for_state(page, "stopped")
    page.get_by_role("tab", name="Log").click()
    page.locator(".cb-line", has_text="Stopped").first.wait_for(timeout=WITHIN)
    opened.picture("panel-dark-stopped")
    opened.theme("JupyterLab Light")
    opened.healthy()


def test_panning_ends_following_and_the_button_takes_it_up_again(notebook: Callable[..., Any]) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.run_all()
    page.locator(".cb-start").click()
    wait_for_state(page, "running")
    page.wait_for_selector(".cb-pane .stick", state="attached", timeout=WITHIN)
    follow = page.locator(".cb-switch", has_text="Follow live")
    box = page.locator(".cb-chart").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 150, steps=5)
    page.mouse.up()
    page.locator(".cb-switch:not(.mod-active)", has_text="Follow live").wait_for(timeout=WITHIN)
    windows = "[(pane.x.min, pane.x.max) for pane in panel.layout.chart.panes]"
    opened.execute(f"panel.refresh(); windows = {windows}; assert len(set(windows)) == 1, windows")
    follow.click()
    page.locator(".cb-switch.mod-active", has_text="Follow live").wait_for(timeout=WITHIN)
    opened.comes_true("panel.layout.chart.follow")
    opened.execute("bot.stop()")
    opened.healthy()


def test_parameters_are_checked_beside_their_fields(notebook: Callable[..., Any]) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.run_all()
    page.locator(".cb-start").click()
    wait_for_state(page, "running")
    fast = page.get_by_label("fast")
    fast.fill("50")
    fast.press("Tab")
    page.locator(".cb-apply:enabled").click()
    page.locator(".cb-message", has_text="Allowed: `fast` below `slow`").wait_for(timeout=WITHIN)
    fast.fill("5")
    fast.press("Tab")
    page.locator(".cb-apply:enabled").click()
    page.locator(".cb-message", has_text="In use").wait_for(timeout=WITHIN)
    opened.execute("assert bot.strategy.fast == 5; bot.stop()")
    opened.healthy()


def test_no_text_is_read_as_html_and_page_errors_reach_python(notebook: Callable[..., Any]) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.run_all()
    evil = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"
    opened.execute(f"bot.log('error', {evil!r}); panel.layout.form.refuse({evil!r})")
    page.get_by_role("tab", name="Log").click()
    page.locator(".cb-line", has_text="<script>window.pwned=1</script>").wait_for(timeout=WITHIN)
    page.locator(".cb-message", has_text="<script>window.pwned=1</script>").wait_for(timeout=WITHIN)
    assert page.evaluate("() => window.pwned") is None
    opened.healthy()

    page.evaluate("() => { window.dispatchEvent(new ErrorEvent('error', {message: 'boom', filename: 'blob:panel'})) }")
    page.locator(".cb-line", has_text="JavaScript: boom").wait_for(timeout=WITHIN)
    opened.execute(
        "try:\n    panel.assert_healthy()\nexcept cb.CryptobotError as error:\n    assert 'boom' in str(error)"
    )
    opened.execute("assert len(panel.errors) == 1")


def test_reload_and_a_second_browser_show_the_same_panel(notebook: Callable[..., Any]) -> None:
    opened = notebook(BOT, PANEL)
    opened.run_all()
    opened.page.locator(".cb-start").click()
    wait_for_state(opened.page, "running")
    opened.command("docmanager:save")
    opened.page.reload()
    opened.page.wait_for_selector('.cb-panel[data-link="live"]', timeout=60_000)
    wait_for_state(opened.page, "running")
    second = notebook(name=opened.name)
    wait_for_state(second.page, "running")
    bars = bars_shown(second.page)
    wait_for_bars(second.page, bars)
    second.page.locator(".cb-stop").click()
    wait_for_state(second.page, "stopped")
    wait_for_state(opened.page, "stopped")
    second.healthy()
    assert opened.errors == []


STALE = """() => new Promise((done, fail) => {
    const began = performance.now();
    const panel = document.querySelector('.cb-panel');
    setTimeout(() => fail(new Error('never stale')), 15000);
    new MutationObserver(() => panel.dataset.link === 'stale' && done(performance.now() - began))
        .observe(panel, {attributes: true});
    ACTION
})"""


def test_the_page_itself_says_stale_when_the_kernel_is_gone(notebook: Callable[..., Any], tmp_path: Any) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.run_all()
    page.locator(".cb-start").click()
    wait_for_state(page, "running")
    opened.healthy()

    # A kernel that hangs: only the silence tells. It comes back, and so does the panel.
    pid = tmp_path / "pid"
    opened.execute(f"import os, pathlib; _ = pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))")
    kernel = int(pid.read_text())
    os.kill(kernel, signal.SIGSTOP)
    try:
        assert page.evaluate(STALE.replace("ACTION", "")) < 3000
        assert "STALE" in page.locator(".cb-link-pill").inner_text()
        opened.picture("panel-stale")
    finally:
        os.kill(kernel, signal.SIGCONT)
    page.wait_for_selector('.cb-panel[data-link="live"]', timeout=WITHIN)

    # A kernel that is restarted takes the bot with it.
    restart = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();"
    assert page.evaluate(STALE.replace("ACTION", restart)) < 3000
    assert opened.errors == []
    opened.wait_for_kernel()


BUSY = """
import pathlib, threading
over, pause = pathlib.Path(FLAG), threading.Event()
while not over.exists():
    pause.wait(0.05)
"""


def test_a_busy_cell_stops_nothing_and_the_panel_says_what_waits(notebook: Callable[..., Any], tmp_path: Any) -> None:
    opened = notebook(BOT, PANEL)
    page = opened.page
    opened.run_all()
    opened.execute("bot.start()")
    wait_for_state(page, "running")
    # Not waited for: it ends when this test lets it.
    page.evaluate(
        "code => void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code})",
        BUSY.replace("FLAG", repr(str(tmp_path / "over"))),
    )
    try:
        page.wait_for_selector('.cb-panel[data-link="busy"]', timeout=WITHIN)
        page.get_by_text("The bot goes on, Stop waits for the cell").wait_for(timeout=WITHIN)
        page.locator(".cb-stop").click(force=True)  # it waits, and is carried out when the cell has ended
    finally:
        (tmp_path / "over").touch()
    page.wait_for_selector('.cb-panel[data-link="live"]', timeout=WITHIN)
    opened.comes_true("bot.status().state == 'stopped'")
    opened.execute("assert bot.status().bars > 0; panel.refresh()")
    wait_for_state(page, "stopped")
    opened.healthy()
