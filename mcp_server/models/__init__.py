"""The shapes of the server's answers: what a backend fills in and what goes over the wire."""
