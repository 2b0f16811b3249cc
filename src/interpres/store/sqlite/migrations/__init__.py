"""Migrations: one SQL file for each step of the tables, in order of their numbers."""
