"""builtins: the transforms that ship, one file a subject."""
