"""The strategy picker: other strategies with their own parameters, used from the next close on."""

from __future__ import annotations

from collections.abc import Callable

import cryptobot as cb
from cryptobot.notebook.panel import ControlPanel

Open = Callable[..., ControlPanel]


def test_another_strategy_is_picked_and_used(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    card = panel.layout.card
    assert set(cb.strategies()) <= set(card.picker.options)
    card.picker.value = "rsi"
    assert list(card.form.fields) == list(cb.RsiReversal.parameters())
    assert practice_bot.strategy.name == "ma_crossover"  # nothing is used before Use it
    card.form.fields["window"].value = 9
    card.form.apply.click()
    panel.settle()
    panel.refresh()
    assert practice_bot.strategy.name == "rsi"
    assert practice_bot.strategy.params["window"] == 9
    assert card.picker.value == "rsi"
    assert not card.form.fresh
    assert card.form.fields["window"].value == 9
    panel.assert_healthy()


def test_wrong_values_are_refused_beside_the_fields(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    card = panel.layout.card
    card.picker.value = "rsi"
    card.form.fields["window"].value = -1
    card.form.apply.click()
    panel.settle()
    assert "`window` is -1" in card.form.message.text("message")
    assert practice_bot.strategy.name == "ma_crossover"
    card.form.undo.click()
    assert card.picker.value == "ma_crossover"
    assert list(card.form.fields) == list(cb.MovingAverageCrossover.parameters())


def test_a_strategy_changed_elsewhere_appears(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    practice_bot.set_strategy(cb.RsiReversal(window=7))
    panel.refresh()
    card = panel.layout.card
    assert card.picker.value == "rsi"
    assert card.form.fields["window"].value == 7
    assert card.form.edited == {}
