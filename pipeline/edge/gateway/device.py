"""The device's own models, served by `edge serve` and asked over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx

from pipeline.edge.endpoint import Endpoint
from pipeline.edge.functions import Call, Message, declared_tools, read_call, rewriting_messages, tool_messages
from pipeline.edge.loopback import is_loopback
from pipeline.errors import EdgeError
from pipeline.runtime.decision import Decision, Rule

INTENT, FUNCTIONS = "intent", "functions"
LONGEST = 96  # tokens of a rewritten question or a tool call


class ServedDevice:
    """Classifies, rewrites and chooses tools on this machine; ``has_functions`` says whether the latter two are served.

    EdgeError when the server is elsewhere, for what must not leave the device would; or does not answer with its models.
    """

    def __init__(self, base_url: str, rule: Rule, api_key: str | None = None, timeout: float = 10.0) -> None:
        if not is_loopback(httpx.URL(base_url).host):
            raise EdgeError(f"--edge: expected a server on this machine, found {base_url!r:.80}; run `edge serve` here")
        self._rule = rule
        self._intent = Endpoint(base_url, INTENT, api_key, timeout)
        self._functions = Endpoint(base_url, FUNCTIONS, api_key, timeout)
        served = self._intent.models()
        if INTENT not in served:
            raise EdgeError(f"--edge: expected the model {INTENT!r} at {base_url}, found {', '.join(served) or 'none'}; start `edge serve`")
        self.has_functions = FUNCTIONS in served

    def decide(self, query: str) -> Decision:
        return self._intent.decide(self._rule, query)

    def rewrite(self, turns: list[str]) -> str:
        """The last turn in words that need no context."""
        content = self._ask(rewriting_messages(turns)).get("content")
        return content if isinstance(content, str) else ""

    def choose(self, query: str) -> Call:
        """The tool for a question that stands alone; EdgeError when the answer is no call."""
        message = self._ask(tool_messages(query), tools=list(declared_tools()))
        try:
            function = message["tool_calls"][0]["function"]
            return read_call(json.dumps({"name": function["name"], "arguments": json.loads(function["arguments"])}))
        except (KeyError, TypeError, IndexError, ValueError, RecursionError):
            raise EdgeError(f"{self._functions.base_url}: expected a tool call, found {str(message):.80}; "
                            "start `edge serve` anew") from None

    def close(self) -> None:
        self._intent.close()
        self._functions.close()

    def _ask(self, messages: list[Message], **fields: Any) -> dict[str, Any]:
        return self._functions.complete(messages, temperature=0, max_tokens=LONGEST, **fields)["choices"][0]["message"]
