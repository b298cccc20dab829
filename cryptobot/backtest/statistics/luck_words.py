"""The luck of a result in words."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from cryptobot.backtest.html_parts import cards, tone_of
from cryptobot.backtest.statistics.luck import CONFIDENCE, OVERFITTING
from cryptobot.backtest.words import number, percent
from cryptobot.core.text import count

if TYPE_CHECKING:
    from cryptobot.backtest.statistics.luck import Luck


def sentence(luck: Luck) -> str:
    """Say in one sentence what the numbers mean."""
    verdict = luck.verdict
    what = f"the best of {luck.trials:,} combinations" if luck.trials > 1 else "the only combination that traded"
    if luck.out_of_sample:
        what = "the result out of sample"
    if verdict == "no trades":
        return f"Nothing to judge: {what} never traded."
    if verdict == "loses":
        return f"Nothing to explain: {what} lost {percent(-luck.total_return)}, so that there is no gain to put down to luck."
    if verdict == "unlikely luck":
        others = (
            f"halves of the history agreed on what is good in {percent(1 - luck.overfitting)} of the splits, and "
            if math.isfinite(luck.overfitting)
            else ""
        )
        return (
            f"Unlikely to be luck alone: {what} has a Sharpe ratio of {number(luck.sharpe)}{_against(luck)}, which is "
            f"skill with a probability of {percent(luck.probability)}, {others}{_random(luck)}; it earned more than "
            f"buying and holding in {percent(luck.beats_hold)} of the resamples, and whether the market stays as it was "
            "remains to be seen."
        )
    return f"Likely luck: {'; and '.join(_doubts(luck, what))}."


def _against(luck: Luck) -> str:
    return f" where luck alone would show {number(luck.luck_sharpe)}" if luck.trials > 1 else ""


def _random(luck: Luck) -> str:
    return f"traders who buy at random moments do as well with a probability of {percent(luck.random_chance)}"


def _doubts(luck: Luck, what: str) -> list[str]:
    doubts = []
    if luck.probability < CONFIDENCE:
        doubts.append(
            f"{what} has a Sharpe ratio of {number(luck.sharpe)}{_against(luck)}, which is skill with a probability of "
            f"{percent(luck.probability)} where {_whole(CONFIDENCE)} is asked for"
        )
    if luck.overfitting > OVERFITTING:
        doubts.append(
            f"what was best in one half of the history was no better than the median in the other half in "
            f"{percent(luck.overfitting)} of the splits, where noise alone makes it about half"
        )
    if luck.random_chance > 1 - CONFIDENCE:
        doubts.append(f"{_random(luck)}, where {_whole(1 - CONFIDENCE)} is allowed")
    return doubts


def figures(luck: Luck) -> list[tuple[str, str, str]]:
    """Return name, text and tone of every figure of the block."""
    needed = "no record is long enough" if math.isinf(luck.track_record) else f"{luck.track_record:,.0f} bars"
    rows = [
        ("Record needed", "–" if math.isnan(luck.track_record) else needed, ""),
        ("Record there is", f"{luck.bars:,} bars", ""),
        ("Beats buy and hold", percent(luck.beats_hold), ""),
        ("Buy and hold", percent(luck.buy_and_hold, sign=True), tone_of(luck.buy_and_hold)),
        ("Random entries earn", percent(luck.random_return, sign=True), tone_of(luck.random_return)),
        ("As well at random", percent(luck.random_chance), "down" if luck.random_chance > 1 - CONFIDENCE else ""),
        ("Max drawdown", percent(luck.max_drawdown), ""),
        ("Drawdown, unlucky order", percent(luck.drawdown_luck), ""),
    ]
    skill = "Probability of skill"
    first = [(skill, percent(luck.probability), "down" if luck.probability < CONFIDENCE else "")]
    if luck.trials > 1:
        first.append((f"Sharpe by luck of {count(luck.trials, 'trial')}", number(luck.luck_sharpe), ""))
    if math.isfinite(luck.overfitting):
        first.append(("Overfitting (PBO)", percent(luck.overfitting), "down" if luck.overfitting > OVERFITTING else ""))
    return [*first, *rows]


def spread(luck: Luck) -> str:
    """Say between what 95 % of the resamples lie."""
    return (
        f"{_whole(CONFIDENCE)} of the block resamples lie between Sharpe ratios of {number(luck.sharpe_low)} and "
        f"{number(luck.sharpe_high)}, and returns of {_short(luck.return_low)} and {_short(luck.return_high)}."
    )


def _whole(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short(fraction: float) -> str:
    return percent(fraction, sign=True) if not fraction > 1e4 else "over 1,000,000 %"


def block(luck: Luck) -> str:
    """Return sentence and figures as HTML."""
    tone = "down" if luck.is_luck else "up"
    head, _, rest = luck.sentence.partition(":")
    said = f"<b class='{tone}'>{html.escape(head)}</b>:{html.escape(rest)}"
    resampled = "" if math.isnan(luck.sharpe_low) else f"<p>{html.escape(spread(luck))}</p>"
    return f"<p style='color:inherit;margin-top:12px'>{said}</p>{cards(figures(luck))}{resampled}"
