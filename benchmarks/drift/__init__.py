"""How often the monitor cries wolf, and how soon it sees a planted change: ``python -m benchmarks.drift``."""
