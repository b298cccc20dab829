"""Research: vectorbt backtests, their statistics, tables and plots."""
