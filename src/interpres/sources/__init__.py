"""sources: where messages come from, one file a source."""
