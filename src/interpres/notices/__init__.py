"""Notices: the ways to tell somebody that something is not well, one file each."""
