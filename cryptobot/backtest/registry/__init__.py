"""What was tested, with which code, on which data: every backtest, sweep and walk-forward, kept on disk."""
