"""vectorbt's portfolio with a better memory. Importing this module imports vectorbt."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import vectorbt as vbt

# Of float64's rounding in a handful of operations, far above one and far below any real balance.
_ROUNDING: Final = 1e-14


class Portfolio(vbt.Portfolio):  # type: ignore[misc]  # vectorbt is untyped
    """A ``vectorbt.Portfolio`` that forgets no cash.

    vectorbt takes a balance under 1e-9 of the one before it for nothing. After a buy rounded to lots so little is left
    once in hundreds of trades, and what is forgotten adds up: to 4e-8 of the equity in a year of ETH/USDT, while
    ``total_return()``, which vectorbt adds up another way, still has it. Here only what float64 cannot tell from 0 is
    taken for 0.
    """

    def cash(
        self,
        group_by: Any = None,
        in_sim_order: bool = False,
        free: bool = False,
        wrap_kwargs: dict[str, Any] | None = None,
        engine: str | None = None,
    ) -> Any:
        """Return the cash at each close; the arguments are vectorbt's own."""
        if in_sim_order or self.wrapper.grouper.is_grouped(group_by=group_by) or self.wrapper.shape_2d[1] != 1:
            return super().cash(
                group_by=group_by, in_sim_order=in_sim_order, free=free, wrap_kwargs=wrap_kwargs, engine=engine
            )
        flow = np.asarray(self.cash_flow(group_by=group_by, free=free, engine=engine), dtype=np.float64)
        rows = np.flatnonzero(flow)
        balances = [float(np.asarray(self.get_init_cash(group_by=False)).item())]
        for change in flow[rows].tolist():
            after = balances[-1] + change
            balances.append(0.0 if abs(after) <= _ROUNDING * abs(change) else after)
        passed = np.zeros(flow.size, dtype=np.int64)
        passed[rows] = 1
        cash = np.array(balances)[np.cumsum(passed)]
        return self.wrapper.wrap(cash, group_by=group_by, **(wrap_kwargs or {}))
