"""Many parameter sets on the same bars: what is alike in them is computed once."""
