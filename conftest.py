"""The suite's plugin; everything it offers stands in ``fixtures/``."""

pytest_plugins = ["fixtures.model", "pytester"]
