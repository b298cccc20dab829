"""Between the engine and the exchange: every order written down first, sent once, and followed to its end."""
