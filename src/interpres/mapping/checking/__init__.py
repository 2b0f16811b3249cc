"""checking: what cannot be right in a mapping or a formula, found without a message."""
