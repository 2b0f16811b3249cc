"""compiling: a picture becomes one Python function, and the variant of it that explains."""
