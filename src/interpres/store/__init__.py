"""store: what was accepted and what is owed, durable; the only rooms that speak SQL."""
