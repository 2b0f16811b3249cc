"""The store: the only room that speaks SQL; one interface, one implementation for each database."""
