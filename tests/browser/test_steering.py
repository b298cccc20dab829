"""The panel's dangerous buttons, its tables and its chart's tools, as a person meets them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOT = """
import cryptobot as cb
bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed=7, speed=2400), limits=cb.Limits(stop_loss=0.01))
"""
PANEL = "panel = cb.ControlPanel(bot)\npanel"
WITHIN = 60_000  # ms: generous, as a slow machine is no defect of the panel


@pytest.fixture
def running(notebook: Callable[..., Any]) -> Any:
    """A panel whose bot has traded."""
    opened = notebook(BOT, PANEL)
    opened.run_all()
    opened.page.locator(".cb-start").click()
    opened.page.wait_for_selector('.cb-header [data-key="state"][data-tone="running"]', timeout=WITHIN)
    opened.page.wait_for_selector(".cb-table-view tbody tr", timeout=WITHIN)
    return opened


def state(opened: Any, tone: str) -> None:
    opened.page.wait_for_selector(f'.cb-header [data-key="state"][data-tone="{tone}"]', timeout=WITHIN)


def test_kill_says_what_it_will_do_and_escape_takes_it_back(running: Any) -> None:
    page = running.page
    height = page.locator(".cb-panel").bounding_box()["height"]
    page.locator(".cb-kill").click()
    page.locator(".cb-confirm", has_text="until you clear it").wait_for(timeout=WITHIN)
    assert page.locator(".cb-panel").bounding_box()["height"] == pytest.approx(height, abs=2)  # nothing has moved
    page.wait_for_function(
        "() => document.activeElement.closest('.cb-confirm')", timeout=WITHIN
    )  # the keyboard is there
    page.keyboard.press("Escape")
    page.locator(".cb-confirm").wait_for(state="hidden", timeout=WITHIN)
    running.execute("assert bot.status().trading_state == 'active'")

    page.locator(".cb-kill").click()
    page.locator(".cb-confirm-yes").click()
    state(running, "halted")
    running.theme("JupyterLab Dark")
    running.picture("panel-dark-killed")
    running.execute("assert bot.status().trading_state == 'halted'")
    page.locator(".cb-clear").click()
    page.locator(".cb-confirm-yes").click()
    state(running, "running")
    running.theme("JupyterLab Light")
    running.execute("bot.stop()")
    running.healthy()


def test_live_actions_want_a_typed_word(notebook: Callable[..., Any]) -> None:
    """The words of a live bot, shown of a practice bot whose status says so: nothing here touches real money."""
    opened = notebook(
        BOT,
        "import dataclasses\nstatus = bot.status\n"
        "bot.status = lambda: dataclasses.replace(status(), mode=cb.Mode.LIVE)\n" + PANEL,
    )
    page = opened.page
    opened.run_all()
    page.wait_for_selector(".cb-panel.cb-mode-live", timeout=WITHIN)
    assert "REAL MONEY" in page.locator('.cb-header [data-key="mode"]').inner_text()
    page.locator(".cb-start").click()
    yes = page.locator(".cb-confirm-yes")
    yes.wait_for(timeout=WITHIN)
    assert yes.is_disabled()
    opened.picture("panel-live-asks")
    page.get_by_label("Type START to confirm").fill("start")
    page.locator(".cb-confirm-yes:enabled").click()
    state(opened, "running")
    opened.execute("bot.stop()")
    opened.healthy()


def test_tables_are_sorted_and_a_trade_is_shown_in_the_chart(running: Any) -> None:
    page = running.page
    table = page.locator(".cb-table-view", has=page.locator("th", has_text="Exit price"))
    table.locator("tbody tr").nth(3).wait_for(timeout=WITHIN)
    running.execute("bot.stop(); panel.refresh()")
    state(running, "stopped")
    head = table.locator("th", has_text="PnL")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    texts = table.locator("tbody tr td:nth-child(7)").all_inner_texts()
    numbers = [float(text.replace("−", "-").replace(",", "")) for text in texts]
    assert len(numbers) > 3
    assert numbers == sorted(numbers, reverse=True)
    name = table.locator("tbody tr").first.get_attribute("data-id")
    line = table.locator(f'tr[data-id="{name}"]')
    line.focus()
    page.keyboard.press("Enter")
    page.locator(".cb-band").wait_for(timeout=WITHIN)
    page.locator(".cb-switch:not(.mod-active)", has_text="Follow live").wait_for(timeout=WITHIN)
    assert line.get_attribute("aria-selected") == "true"
    running.picture("panel-light-trade")
    page.locator(".cb-switch", has_text="Follow live").click()
    page.locator(".cb-band").wait_for(state="hidden", timeout=WITHIN)
    running.healthy()


def test_dragging_measures_and_keys_move_the_chart(running: Any) -> None:
    page = running.page
    running.execute("bot.stop()")  # a chart that moves under the mouse measures something else
    page.wait_for_selector('.cb-header [data-key="state"][data-tone="stopped"]', timeout=WITHIN)
    running.execute("panel.refresh()")
    page.locator(".cb-switch", has_text="Measure").click()
    page.locator('.cb-chart[data-measuring="yes"]').wait_for(timeout=WITHIN)
    box = page.locator(".cb-chart").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 420, box["y"] + 150, steps=5)
    page.mouse.up()
    text = page.locator(".cb-ruler-text").inner_text()
    assert re.match(r"−[\d,.]+ USDT\s+−[\d.]+ %\n\d+ bars · ", text), text
    assert page.locator(".cb-switch.mod-active", has_text="Follow live").count()  # it measured and did not pan
    page.locator(".cb-switch", has_text="Measure").click()
    page.locator(".cb-ruler").wait_for(state="hidden", timeout=WITHIN)
    page.locator(".cb-chart").focus()
    page.keyboard.press("ArrowLeft")
    page.locator(".cb-switch:not(.mod-active)", has_text="Follow live").wait_for(timeout=WITHIN)
    page.locator(".cb-switch", has_text="Drawdown").click()
    page.wait_for_function("() => document.querySelectorAll('.cb-pane').length === 5", timeout=WITHIN)
    running.healthy()


def test_the_log_is_searched_and_nothing_in_a_table_is_read_as_html(running: Any) -> None:
    page = running.page
    evil = "<img src=x onerror='window.pwned=1'>"
    running.execute(
        f"bot.stop(); bot.log('warning', {evil!r}); t = panel.layout.notices\n"
        f"t.fill([({evil!r}, [({evil!r}, {evil!r})] * 4)]); panel.layout.limits.fill([('a', [({evil!r}, '')] * 4)])"
    )
    page.get_by_role("tab", name="Log").click()
    page.get_by_label("Search the log").fill("ONERROR")
    page.locator(".cb-log-count", has_text=re.compile(r"^1 of \d+ lines$")).wait_for(timeout=WITHIN)
    page.get_by_label("Search the log").fill("no such line")
    page.get_by_text("No line fits the search.").wait_for(timeout=WITHIN)
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Least level that is shown").select_option("warning")
    assert page.locator(".cb-line:visible", has_text="INFO").count() == 0
    running.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".cb-log-copy").click()
    page.locator(".cb-log-copy", has_text="Copied").wait_for(timeout=WITHIN)
    assert evil in page.evaluate("() => navigator.clipboard.readText()")
    for tab in ("Notices", "Limits"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(200)
    assert page.evaluate("() => window.pwned") is None
    running.healthy()


def test_every_control_has_a_name_and_texts_have_contrast(running: Any) -> None:
    page = running.page
    running.execute("bot.stop()")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.cb-panel :is(button, input, select, [tabindex="0"])')]
            .filter(node => node.checkVisibility() && !(node.textContent.trim() || node.title || node.getAttribute('aria-label')
                || node.labels?.[0]?.textContent.trim() || node.closest('[role=tablist]')))
            .map(node => node.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        running.theme(theme)
        page.wait_for_timeout(300)
        assert page.evaluate(CONTRAST) == []
    running.healthy()


# Every visible text against the nearest background that is painted: at least 4.5 : 1, the rule AA of WCAG. Texts of
# controls that cannot be used now are exempt there, too.
CONTRAST = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const found = rgba(getComputedStyle(node).backgroundColor);
            if (found[3] > 250) return found;
        }
        return [255, 255, 255];
    };
    const low = [];
    for (const node of document.querySelectorAll('.cb-panel *')) {
        const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
        if (!own || node.closest('svg, option') || node.closest(':disabled') || !node.checkVisibility()) continue;
        const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) low.push(`${node.className}: ${node.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
    }
    return [...new Set(low)];
}"""


def test_a_bot_whose_process_is_gone_is_stale(running: Any) -> None:
    page = running.page
    running.execute(
        "from cryptobot.control.gone import BotGoneError\n"
        "known = bot.status\n"
        "def gone():\n    raise BotGoneError('It has ended.')\n"
        "bot.status = gone"
    )
    page.wait_for_selector('.cb-panel[data-link="stale"]', timeout=3000)
    assert "NO BOT" in page.locator(".cb-link-pill").inner_text()
    running.execute("bot.status = known")
    page.wait_for_selector('.cb-panel[data-link="live"]', timeout=WITHIN)
    running.execute("bot.stop()")
    running.healthy()


def test_it_fits_a_phone(running: Any) -> None:
    page = running.page
    page.set_viewport_size({"width": 420, "height": 1800})
    page.wait_for_timeout(800)
    panel = page.locator(".cb-panel").bounding_box()
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.cb-panel :is(button, input, select, .cb-card, .cb-chart)')]
            .filter(node => node.checkVisibility() && !node.closest('.cb-scroll'))
            .filter(node => node.getBoundingClientRect().right > document.querySelector('.cb-panel')
                .getBoundingClientRect().right + 1).map(node => node.className)"""
    )
    assert wide == []
    assert panel["width"] < 420
    heights = [page.locator(name).bounding_box()["height"] for name in (".cb-start", ".cb-stop", ".cb-kill")]
    assert min(heights) >= 40  # a finger hits them
    running.picture("panel-phone")
    running.execute("bot.stop()")
    running.healthy()


LAUNCH = """
import cryptobot as cb
bot = cb.launch(strategy=cb.MovingAverageCrossover(), name="NAME", mode="practice", exchange={"seed": 7, "speed": 1200})
"""


def test_a_restarted_kernel_takes_hold_of_its_bot_again(notebook: Callable[..., Any]) -> None:
    opened = notebook(LAUNCH.replace("NAME", f"restart-{secrets.token_hex(3)}"), PANEL)
    page = opened.page
    opened.run_all()
    try:
        state(opened, "running")
        bars = "document.querySelector('.cb-account [data-key=bars] .cb-value').textContent.replaceAll(',', '')"
        page.wait_for_function(f"() => Number({bars}) > 20", timeout=WITHIN)
        before = page.evaluate(f"() => Number({bars})")
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        page.wait_for_selector('.cb-panel[data-link="stale"]', timeout=3000)
        opened.wait_for_kernel()
        opened.run_all()
        state(opened, "running")
        page.wait_for_selector(".cb-pane .stick", state="attached", timeout=WITHIN)
        assert page.evaluate(f"() => Number({bars})") > before  # it traded on while the kernel was gone
        opened.healthy()
    finally:
        opened.execute("bot.shut_down()")
