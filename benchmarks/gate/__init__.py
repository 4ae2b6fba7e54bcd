"""The gate under test: how often it cries wolf, and how often it misses.  ``make selftest`` runs it and writes docs/selftest.md."""
