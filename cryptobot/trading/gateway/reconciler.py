"""The journal against the exchange: what is shown is taken over, what is not there is proved absent, or nobody goes on.

The rule for an order of which nobody knows: it is found as soon as any question shows it, and absent only when the
exchange's own deadline has passed and neither the order itself, nor the open orders, nor an execution, nor a balance
shows a trace of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cryptobot.core.events import ExchangeEvent
from cryptobot.core.money import ZERO
from cryptobot.core.text import written
from cryptobot.core.types import Intent
from cryptobot.trading.actions import Notice
from cryptobot.trading.gateway.evidence import Evidence
from cryptobot.trading.gateway.gateway import Gateway
from cryptobot.trading.gateway.wording import unprovable
from cryptobot.trading.journal import BalanceChanged
from cryptobot.trading.lifecycle import OrderLife

# So many ids after the journal's last are asked for: a disk that fails for long lets more than one exit pass.
_BEYOND: Final = 20
# After so many deadlines a person is asked what became of an order.
_LONG: Final = 3


@dataclass(slots=True)
class Weighed:
    """What follows from evidence.

    Attributes
    ----------
    news
        For the engine, in order.
    adopted
        Open orders of the bot's own that its journal did not know, with what of each was executed before.
    halt, reduce
        Why nothing more may be traded, or bought, or None.
    agrees
        Whether journal and exchange say the same, balances included.
    again
        Whether to ask again in a moment, because something does not fit yet.
    """

    news: list[ExchangeEvent] = field(default_factory=list)
    adopted: list[tuple[Intent, Decimal]] = field(default_factory=list)
    halt: str | None = None
    reduce: str | None = None
    agrees: bool = False
    again: bool = False


class Reconciler:
    """Weighs evidence against what a gateway knows.

    Parameters
    ----------
    gateway
        What sent the orders.
    deadline
        Seconds after which an order that is not shown is certain never to appear.
    """

    def __init__(self, gateway: Gateway, deadline: float) -> None:
        self._gateway = gateway
        self._deadline = deadline
        self._suspected: tuple[Decimal, Decimal] = (ZERO, ZERO)
        self._accepts = False
        self._sought = False
        self._told: set[str] = set()

    def accept(self) -> None:
        """Take the balances as the next whole comparison shows them: a person has looked at the account."""
        self._accepts = True

    def weigh(self, evidence: Evidence, position: Decimal) -> Weighed:
        """Take over what the exchange shows.

        Parameters
        ----------
        evidence
            What it showed.
        position
            Of the bot's books before that, in the base currency.

        Raises
        ------
        ExchangeError
            If the evidence contradicts what was known: nothing may be traded until a person has looked.
        """
        gateway, weighed = self._gateway, Weighed()
        # If something happened while it was asked, it may not fit together.
        if gateway.activity != evidence.activity or self._seeks_owner(evidence):
            weighed.again = True
            return weighed
        shown = [*evidence.open_orders, *(order for order in evidence.orders.values() if order is not None)]
        for order in shown:
            if order.client_id not in gateway.lives and gateway.ids.owns(order.client_id):
                intent = gateway.adopt(order)
                if order.is_open:
                    weighed.adopted.append((intent, ZERO))
        hidden = any(order is None and self._may_hide(name, evidence) for name, order in evidence.orders.items())
        for fill in evidence.fills:
            # Of an execution without a name nobody can say whose it is while an order of the bot's own is not shown.
            if fill.intent_id or not hidden:
                weighed.news += gateway.book(fill)
        for order in shown:
            weighed.news += gateway.observe(order)
        if gateway.lacks_fills:
            weighed.again = True
            return weighed
        difference = gateway.account.difference(evidence.balances)
        if self._accepts and not hidden:
            self._accepts = False
            self._adopt_difference(*difference)
            difference = (ZERO, ZERO)
        # Whoever takes money or coins away changes one of the two; an execution would have changed both.
        self._look_for_absent(evidence, weighed, balanced=ZERO in difference)
        if not weighed.again:  # an order that is not shown just now may have been executed
            self._weigh_balances(evidence, weighed, difference, position)
        weighed.again = weighed.again or gateway.restless
        weighed.agrees = not weighed.again and weighed.halt is None and weighed.reduce is None
        if weighed.agrees:  # else an execution of before may be missing still
            gateway.seen_until(evidence.time)
        return weighed

    def _seeks_owner(self, evidence: Evidence) -> bool:
        """Have orders looked for that the journal does not know, before an execution is called somebody else's.

        A session whose disk failed sells what it holds all the same; if it is killed then, only its exchange knows of it.
        """
        gateway = self._gateway
        if self._sought or not any(gateway.nameless(fill) for fill in evidence.fills):
            return False
        self._sought = True
        beyond = gateway.ids.beyond(gateway.lives, _BEYOND)
        gateway.strangers.orphans |= dict.fromkeys(beyond)
        return bool(beyond)

    def _may_hide(self, client_id: str, evidence: Evidence) -> bool:
        life = self._gateway.lives.get(client_id)
        return life is not None and life.is_open and self._waited(life, evidence) < self._deadline

    def _waited(self, life: OrderLife, evidence: Evidence) -> float:
        # Since it was sent in this session, or since this session began: a clock that was set would make any order old.
        return self._gateway.elapsed(life.client_id, evidence.asked)

    def _look_for_absent(self, evidence: Evidence, weighed: Weighed, *, balanced: bool) -> None:
        gateway = self._gateway
        for client_id, order in evidence.orders.items():
            if order is not None:
                continue
            life = gateway.lives.get(client_id)
            if life is None:
                gateway.strangers.orphans.pop(client_id, None)
                continue
            if not life.is_open:
                continue
            waited = self._waited(life, evidence)
            if waited < self._deadline:
                weighed.again = True
            elif life.known:
                gateway.doubt(client_id, "the exchange, which had shown it, does not show it any more")
                weighed.again = True
            elif balanced and not life.fills:
                reason = f"the exchange shows no trace of it {waited:,.0f} s after it was sent"
                weighed.news += gateway.absent(client_id, reason)
            else:
                gateway.doubt(client_id, "the exchange does not show it, but the balances do not fit either")
                weighed.again = True
                if waited > _LONG * self._deadline and client_id not in self._told:
                    self._told.add(client_id)
                    gateway.tell(unprovable(client_id))

    def _weigh_balances(
        self, evidence: Evidence, weighed: Weighed, difference: tuple[Decimal, Decimal], position: Decimal
    ) -> None:
        gateway = self._gateway
        if gateway.unknown or weighed.news:
            weighed.again = True  # an order that may have been executed explains any difference
            return
        lacks = gateway.account.lacks(evidence.balances, position)
        if difference == (ZERO, ZERO) and not lacks:
            self._suspected = (ZERO, ZERO)
            return
        if difference != self._suspected:  # questions are asked one after the other: look once more before believing it
            self._suspected = difference
            weighed.again = True
            return
        self._suspected = (ZERO, ZERO)
        base, quote = difference
        market = gateway.market
        what = " and ".join(
            f"{written(abs(amount), 8)} {name} {'more' if amount > 0 else 'less'}"
            for amount, name in ((base, market.base), (quote, market.quote))
            if amount
        )
        self._adopt_difference(base, quote)
        if lacks:
            weighed.halt = (
                f"the account does not hold the position of {written(position, 8)} {market.base} that the bot bought. "
                "Nothing is traded until a person has looked: bring it back, or start anew with another journal"
            )
        elif quote < 0 or base < 0:
            weighed.reduce = f"the account holds {what} than the bot's orders explain: a withdrawal, or orders by hand"
        else:
            gateway.tell(
                Notice(
                    "warning",
                    f"The account holds {what} than the bot's orders explain: a deposit, or orders by hand. It is no part "
                    "of this bot's books.",
                    "external",
                )
            )

    def _adopt_difference(self, base: Decimal, quote: Decimal) -> None:
        if (base, quote) != (ZERO, ZERO):
            self._gateway.account.add(base, quote)
            self._gateway.recorder.write("session", BalanceChanged(base, quote))
