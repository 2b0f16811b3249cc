"""mapping: the language in which one document is described by another — grammar, check, compile, explain."""
