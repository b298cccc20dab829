"""The panel looks as it should, in both themes: compared with small pictures that `make pictures` has made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import ARTEFACTS
from tests.browser.looks import CELLS, MANY, REFERENCES, SIZE, THEMES, photograph, share_that_differs

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_both_themes_look_as_kept_and_not_as_each_other(notebook: Callable[..., Any]) -> None:
    opened = notebook(*CELLS)
    opened.page.set_viewport_size(SIZE)
    opened.run_all()
    ARTEFACTS.mkdir(exist_ok=True)
    seen = {name: ARTEFACTS / f"looks-{name}.png" for name in THEMES}
    for name, path in seen.items():
        photograph(opened, name, path)
    opened.theme(THEMES["light"])
    for name, path in seen.items():
        share = share_that_differs(path, REFERENCES / f"{name}.png")
        assert share <= MANY, f"{share:.1f} % of {path} differ. Look at it; if it is right: make pictures"
    assert share_that_differs(seen["dark"], REFERENCES / "light.png") > 50
    opened.healthy()


@pytest.mark.parametrize("name", THEMES)
def test_the_comparison_sees_what_a_person_would(name: str, tmp_path: Path) -> None:
    """A pane that is gone, a panel that is shifted by two lines, a page that is empty: each is far off."""
    with Image.open(REFERENCES / f"{name}.png") as kept:
        whole = kept.convert("RGB").resize((kept.width * 10, kept.height * 10), Image.Resampling.NEAREST)
    whole.save(tmp_path / "same.png")
    assert share_that_differs(tmp_path / "same.png", REFERENCES / f"{name}.png") == 0
    empty = whole.getpixel((whole.width // 2, whole.height // 3))
    for broken, box in (("chart", (20, 180, 700, 480)), ("all", (0, 0, whole.width, whole.height))):
        changed = whole.copy()
        changed.paste(empty, box)
        changed.save(tmp_path / f"{broken}.png")
        assert share_that_differs(tmp_path / f"{broken}.png", REFERENCES / f"{name}.png") > MANY
    shifted = whole.copy()
    shifted.paste(whole, (0, 40))
    shifted.save(tmp_path / "shifted.png")
    assert share_that_differs(tmp_path / "shifted.png", REFERENCES / f"{name}.png") > MANY
