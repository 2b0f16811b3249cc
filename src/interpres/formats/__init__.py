"""formats: bytes to document and back, one file or folder a format."""
