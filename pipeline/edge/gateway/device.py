"""The device's own models, served by `edge serve` and asked over HTTP."""

from __future__ import annotations

import httpx

from pipeline.edge.declared import Call
from pipeline.edge.endpoint import Endpoint
from pipeline.edge.functions import choose_tool, rewrite
from pipeline.edge.loopback import is_loopback
from pipeline.edge.server import FUNCTIONS, INTENT
from pipeline.errors import EdgeError
from pipeline.runtime.decision import Decision, Rule


class ServedDevice:
    """Classifies, rewrites and chooses tools on this machine; ``has_functions`` says whether the latter two are served.

    timeout in seconds, of each.  EdgeError when the server does not answer with its models, or is elsewhere: what must not
    leave the device would.
    """

    def __init__(self, base_url: str, rule: Rule, api_key: str | None = None, timeout: float = 10.0) -> None:
        self._rule = rule
        self._intent = Endpoint(base_url, INTENT, api_key, timeout)
        self._functions = Endpoint(base_url, FUNCTIONS, api_key, timeout)
        if not is_loopback(httpx.URL(base_url).host):
            raise EdgeError(f"--edge: expected a server on this machine, found {base_url!r:.80}; run `edge serve` here")
        served = self._intent.models()
        if INTENT not in served:
            raise EdgeError(f"--edge: expected the model {INTENT!r} at {base_url}, found {', '.join(served) or 'none'}; start `edge serve`")
        self.has_functions = FUNCTIONS in served

    def decide(self, query: str) -> Decision:
        return self._intent.decide(self._rule, query)

    def rewrite(self, turns: list[str]) -> str:
        return rewrite(self._functions, turns)

    def choose(self, query: str) -> Call:
        return choose_tool(self._functions, query)

    def close(self) -> None:
        self._intent.close()
        self._functions.close()
