"""How much of a result may be luck: pure functions, each with its source."""
