"""All routes of the exchange."""

from __future__ import annotations

from typing import Final

from cryptobot.exchange.simulator.routes import account, market, orders, pairs, wallet
from cryptobot.exchange.simulator.routes.route import Route

ROUTES: Final[tuple[Route, ...]] = (
    *market.ROUTES,
    *orders.ROUTES,
    *pairs.ROUTES,
    *account.ROUTES,
    *wallet.ROUTES,
)
BY_PATH: Final = {(route.method, route.path): route for route in ROUTES}
PATHS: Final = frozenset(route.path for route in ROUTES)
BY_SOCKET: Final = {route.socket: route for route in ROUTES if route.socket}
