"""The live path: engine, portfolio, journal, reconciliation and the Bot."""
