"""promises: from a schema's name to its file, its rules and who checks it."""
