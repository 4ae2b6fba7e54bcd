"""A plugin of pytest that has the host pass for an M4, so that claims are judged here."""

import fixtures.options
from pipeline.measure.host import describe_host

fixtures.options.describe_host = lambda: {**describe_host(), "is_m4": True, "chip": "Apple M4"}
