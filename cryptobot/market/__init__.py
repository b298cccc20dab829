"""Bars: reading, checking and the practice market."""
