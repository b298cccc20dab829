"""Choosing on the past and trading what came after: walk-forward and combinatorial cross-validation."""
