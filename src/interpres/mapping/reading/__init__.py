"""reading: a mapping file becomes a picture, or all that is wrong with it."""
