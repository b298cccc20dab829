"""The control panel as a web page: ``cryptobot dashboard``, started as a person starts it."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cryptobot as cb
from tests.browser.conftest import ARTEFACTS, NOISE
from tests.browser.dashboard import Dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WITHIN = 60_000  # ms: generous, as a slow machine is no defect of the page


@pytest.fixture(scope="module")
def home(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dashboard")


@pytest.fixture(scope="module")
def bot(home: Path) -> Iterator[Any]:
    """A launched bot that trades the practice market."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(home / "data"))
        launched = cb.launch(
            strategy=cb.MovingAverageCrossover(fast=5, slow=15),
            name=f"page-{secrets.token_hex(3)}",
            mode="practice",
            exchange={"seed": 7, "speed": 1200},
            limits={"max_daily_loss": 500},
        )
        yield launched
        launched.shut_down()


@pytest.fixture(scope="module")
def served(home: Path, bot: Any) -> Iterator[Dashboard]:
    with Dashboard(home, bot.name) as page:
        assert f"{page.url}?token={page.token}" in page.said
        yield page


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 1250})
    yield context
    context.close()


def opened(context: BrowserContext, served: Dashboard) -> tuple[Page, list[str]]:
    """Open the page with its token, and collect what goes wrong in it."""
    page, errors = context.new_page(), []
    page.on("request", lambda request: errors.append(request.url) if outside(request.url, served.url) else None)
    page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{served.url}?token={served.token}", timeout=WITHIN)
    page.wait_for_selector('.cb-panel[data-link="live"]', timeout=WITHIN)
    page.wait_for_selector('.cb-header [data-key="state"][data-tone="running"]', timeout=WITHIN)
    return page, errors


def outside(url: str, own: str) -> bool:
    """Whether the page asks another host."""
    return not url.startswith((own, own.replace("http", "ws"), "data:", "blob:"))


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "voila/render/dashboard.ipynb", "api/kernels"])
def test_nothing_is_served_without_the_token(served: Dashboard, query: str) -> None:
    try:
        with urllib.request.urlopen(served.url + query, timeout=30) as answer:
            content = answer.read()
            assert "/login" in answer.url, answer.url  # asked for the token, and told nothing
    except urllib.error.HTTPError as error:
        assert error.code in (401, 403, 404)  # noqa: PT017 - not every refusal is a page
        content = error.read()
    assert b"cryptobot" not in content
    assert b"kernel" not in content.lower() or b"login" in content.lower()


def test_a_bot_is_watched_and_stopped_from_the_page(served: Dashboard, bot: Any, visitor: BrowserContext) -> None:
    page, errors = opened(visitor, served)
    assert page.locator('.cb-header [data-key="mode"]').inner_text().startswith("PRACTICE")
    page.wait_for_selector(".cb-pane .stick", state="attached", timeout=WITHIN)
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / "dashboard-dark.png", animations="disabled")
    page.locator(".cb-stop").click()
    page.wait_for_selector('.cb-header [data-key="state"][data-tone="stopped"]', timeout=WITHIN)
    assert bot.status().state == "stopped"
    page.locator(".cb-start").click()
    page.wait_for_selector('.cb-header [data-key="state"][data-tone="running"]', timeout=WITHIN)
    page.close()
    assert bot.status().state == "running"  # closing the page does nothing to it
    assert [error for error in errors if not any(noise in error for noise in NOISE)] == []


def test_the_page_fits_a_phone(served: Dashboard, visitor: BrowserContext) -> None:
    page, errors = opened(visitor, served)
    page.set_viewport_size({"width": 390, "height": 1600})
    page.wait_for_function("() => document.querySelector('.cb-panel').getBoundingClientRect().width < 391")
    page.wait_for_timeout(800)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390  # nothing is scrolled sideways
    heights = [page.locator(name).bounding_box() for name in (".cb-start", ".cb-stop", ".cb-kill")]
    assert min(box["height"] for box in heights if box) >= 40  # a finger hits them
    page.screenshot(path=ARTEFACTS / "dashboard-phone.png", animations="disabled", full_page=True)
    assert [error for error in errors if not any(noise in error for noise in NOISE)] == []
