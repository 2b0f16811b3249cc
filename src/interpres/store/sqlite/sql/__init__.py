"""SQL: every query of the SQLite store by its name, one module for each table."""
