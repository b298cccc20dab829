"""Decisions: kernels, indicators, volatility, the Strategy class, its checks and the strategies that ship."""
