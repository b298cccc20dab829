"""Venues behind one protocol: replayed bars, the practice market and the rules by which orders fill."""
