"""What cryptobot promises to cost, measured: `python -m benchmarks`."""
