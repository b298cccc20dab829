"""How much of a best result is luck: the numbers, a verdict, and one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np

from cryptobot.backtest.figures import Figures
from cryptobot.backtest.statistics.baselines import random_entries
from cryptobot.backtest.statistics.bootstrap import intervals
from cryptobot.backtest.statistics.montecarlo import trade_order
from cryptobot.backtest.statistics.overfitting import overfitting_probability
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.statistics.sharpe import best_by_luck, minimum_track_record, probabilistic_sharpe
from cryptobot.core.bars import BarColumns

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.sweep.report import SweepReport

CONFIDENCE: Final = 0.95
# Sweeps of pure noise have a PBO of 0.48 ± 0.14 (see the tests): two deviations below, it no longer looks like one.
OVERFITTING: Final = 0.2
Verdict = Literal["no trades", "loses", "likely luck", "unlikely luck"]


@dataclass(frozen=True, slots=True)
class Luck(Figures):
    """What protects from believing in luck, as attributes and as a mapping: ``luck.probability``.

    Sharpe ratios are those of a year. A figure that has no value is NaN.

    Attributes
    ----------
    trials
        Parameter sets with a Sharpe ratio that the result was picked from; 1 for a result out of sample, for which
        nothing was picked.
    out_of_sample
        Whether it was chosen without having seen these bars.
    trades
        Round trips, an open one included.
    bars
        Bars traded on.
    total_return, sharpe
        Of the result.
    luck_sharpe
        What the best of so many trials shows on average if none has any skill (`best_by_luck`).
    probability
        That the result has skill: deflated Sharpe ratio, or out of sample the probabilistic one.
    track_record
        Bars it takes to be 95 % sure that the Sharpe ratio is above that of luck; infinite when it is not above.
    overfitting
        Share of the ways to halve the history in which one half's best was not above the median in the other (PBO).
    sharpe_low, sharpe_high, return_low, return_high
        95 % of the block resamples lie between.
    buy_and_hold
        Total return of buying at the first chance and never selling.
    beats_hold
        Share of the block resamples in which the result earned more than that.
    random_return
        Median total return of traders who buy at random moments, as often and for as long.
    random_chance
        Probability of doing as well as the result by buying at random moments.
    max_drawdown
        Deepest fall of the equity.
    drawdown_luck
        The fall that one in twenty orders of the same trades exceeds.
    """

    trials: int
    out_of_sample: bool
    trades: int
    bars: int
    total_return: float
    sharpe: float
    luck_sharpe: float
    probability: float
    track_record: float
    overfitting: float
    sharpe_low: float
    sharpe_high: float
    return_low: float
    return_high: float
    buy_and_hold: float
    beats_hold: float
    random_return: float
    random_chance: float
    max_drawdown: float
    drawdown_luck: float

    @classmethod
    def of(
        cls,
        report: SweepReport,
        bars: pd.DataFrame | BarColumns | None = None,
        *,
        row: int | None = None,
        samples: int = 1_000,
        seed: int = 0,
    ) -> Luck:
        """Judge the best of a sweep.

        Parameters
        ----------
        report
            The sweep; its trials and block moments are what the best has to be measured against.
        bars
            What was swept on; the default is what the report holds.
        row
            Judge this row of the report's table instead of the best by its rank.
        samples
            Resamples, random traders and random orders.
        seed
            The same seed gives the same numbers.
        """
        columns = report.bars if bars is None else BarColumns.of(bars)
        terms = Terms(report.setting.cash, report.setting.costs, report.setting.market)
        best = int(report.best(1).index[0]) if row is None else row
        record = Record.of(report.strategy_of(best), columns, terms)
        trials, variance = trial_spread(report)
        return cls.of_record(
            record,
            trials=trials,
            variance=variance,
            out_of_sample=False,
            overfitting=overfitting_probability(report.moments, seed=seed),
            samples=samples,
            seed=seed,
        )

    @classmethod
    def of_record(
        cls,
        record: Record,
        hold: Record | None = None,
        *,
        trials: int = 1,
        variance: float = 0.0,
        out_of_sample: bool = True,
        overfitting: float = math.nan,
        samples: int = 1_000,
        seed: int = 0,
    ) -> Luck:
        """Judge trading that is known bar by bar.

        Parameters
        ----------
        record
            What was traded.
        hold
            Buying and holding on the same bars; made when not given.
        trials, variance
            How many parameter sets it was picked from, and the variance of their Sharpe ratios per bar.
        out_of_sample
            Whether it was chosen without having seen these bars.
        overfitting
            Probability of backtest overfitting, when it is known.
        samples, seed
            As for `of`.
        """
        hold = Record.buy_and_hold(record.bars, record.terms) if hold is None else hold
        shape = record.shape
        root = math.sqrt(record.bars.timeframe.bars_per_year)
        benchmark = best_by_luck(trials, variance)
        traded = len(record.trips) > 0 and math.isfinite(shape.sharpe)
        nothing = (math.nan, math.nan)
        spread = (
            intervals(record.returns, hold.returns, level=CONFIDENCE, samples=samples, seed=seed) if traded else None
        )
        chance = random_entries(record.trips, samples=samples, seed=seed) if traded else None
        known = {"skewness": shape.skewness, "kurtosis": shape.kurtosis, "benchmark": benchmark}
        low, high = spread.sharpe if spread else nothing
        return cls(
            trials=trials,
            out_of_sample=out_of_sample,
            trades=len(record.trips),
            bars=len(record.bars),
            total_return=record.total_return,
            sharpe=shape.sharpe * root,
            luck_sharpe=benchmark * root,
            probability=probabilistic_sharpe(shape.sharpe, shape.n, **known) if traded else math.nan,
            track_record=minimum_track_record(shape.sharpe, confidence=CONFIDENCE, **known) if traded else math.nan,
            overfitting=overfitting,
            sharpe_low=low * root,
            sharpe_high=high * root,
            return_low=spread.total_return[0] if spread else math.nan,
            return_high=spread.total_return[1] if spread else math.nan,
            buy_and_hold=hold.total_return,
            beats_hold=spread.better if spread else math.nan,
            random_return=chance.median if chance else math.nan,
            random_chance=chance.p_value if chance else math.nan,
            max_drawdown=record.max_drawdown,
            drawdown_luck=trade_order(record.trade_returns, samples=samples, seed=seed).worst if traded else math.nan,
        )

    @property
    def verdict(self) -> Verdict:
        """``"no trades"``, ``"loses"``, ``"likely luck"`` or ``"unlikely luck"``.

        Likely luck is what chance explains: skill is less than 95 % probable, or the best of one half of the history
        is below the median in the other in more than a fifth of the splits, as with noise, or more than one in twenty
        random traders did as well.
        """
        if self.trades == 0 or math.isnan(self.probability):
            return "no trades"
        if self.total_return <= 0:
            return "loses"
        lucky = self.probability < CONFIDENCE or self.overfitting > OVERFITTING or self.random_chance > 1 - CONFIDENCE
        return "likely luck" if lucky else "unlikely luck"

    @property
    def is_luck(self) -> bool:
        """Whether the result should not be believed: it is likely luck, a loss, or nothing at all."""
        return self.verdict != "unlikely luck"

    @property
    def sentence(self) -> str:
        """What the numbers mean, in one honest sentence."""
        from cryptobot.backtest.statistics.luck_words import sentence

        return sentence(self)

    _called: ClassVar[tuple[str, str]] = ("luck has", "It has")

    def as_dict(self) -> dict[str, float | str | None]:
        """Return numbers, verdict and sentence for JSON; NaN and infinity, which JSON does not have, become None."""
        numbers: dict[str, float | str | None] = {
            name: self[name] if math.isfinite(self[name]) else None for name in self
        }
        return {**numbers, "verdict": self.verdict, "sentence": self.sentence}

    def html(self) -> str:
        """Return the block as it stands within a report: inside an element of class ``cb-bt``."""
        from cryptobot.backtest.statistics.luck_words import block

        return block(self)

    def _repr_html_(self) -> str:
        from cryptobot.backtest.html_parts import STYLE

        return f"<div class='cb-bt'><style>{STYLE}</style>{self.html()}</div>"

    def __repr__(self) -> str:
        from cryptobot.backtest.statistics.luck_words import figures, spread

        rows = figures(self)
        width = max(len(name) for name, _, _ in rows)
        lines = [f"  {name:<{width}}  {text}" for name, text, _ in rows]
        return "\n".join([self.sentence, *lines, *([] if math.isnan(self.sharpe_low) else [f"  {spread(self)}"])])


def trial_spread(report: SweepReport) -> tuple[int, float]:
    """Return how many trials the best of a sweep was picked from, and the variance of their Sharpe ratios per bar.

    What never traded has no Sharpe ratio and could not have been the best: it was no trial. Without skill the trials
    scatter by the error of measurement, 1 / (n - 1), or less where they resemble each other; what they scatter beyond
    comes from their costs or their skill, which is not luck, so that the variance is at most that.
    """
    n = len(report.bars)
    ratios = report.table["sharpe"].to_numpy(dtype=np.float64) / math.sqrt(report.bars.timeframe.bars_per_year)
    known = np.sort(ratios[np.isfinite(ratios)])  # so that the order of the sets changes no digit
    variance = min(float(known.var(ddof=1)), 1 / max(1, n - 1)) if known.size > 1 else 0.0
    # A set that is given twice is one trial.
    return min(int(known.size) or len(ratios), report.trials), variance
