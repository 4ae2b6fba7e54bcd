"""What the device can do by itself: one file a tool of `pipeline/edge/tools.yaml`, each with ``run(call) -> str``."""

from __future__ import annotations

from importlib import import_module

from pipeline.edge.declared import TOOLS
from pipeline.edge.tools.call import ToolCall
from pipeline.errors import EdgeError


def run(call: ToolCall) -> str:
    """The answer in one Chinese sentence or two; EdgeError for a tool that there is not."""
    if call.name not in TOOLS.names:
        raise EdgeError(f"expected one of the tools {', '.join(TOOLS.names)}, found {call.name!r:.40}; declare no other in tools.yaml")
    return str(import_module(f"{__name__}.{call.name}").run(call))
