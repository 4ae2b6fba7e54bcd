"""A served model as a client sees it: any server of OpenAI's chat completions, asked over HTTP."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.decision import Decision, Rule
from pipeline.runtime.prompt import template

MOST_LOGPROBS = 20  # that OpenAI's API gives for a token
LABEL_TOKENS = 8  # an empty <think> block, where a server writes it itself, and the label
LONGEST_ANSWER = 4_000_000  # bytes

Message = Mapping[str, Any]


class Endpoint:
    """One model of one server.  Safe for many threads; ``close`` it, or use it as a context.

    base_url ends in /v1; timeout in seconds, of the whole answer.  The key goes to this server alone: no proxy or .netrc is read
    from the environment and no redirect is followed.  Whatever goes wrong is an EdgeError of one line.
    """

    def __init__(self, base_url: str, model: str, api_key: str | None = None, timeout: float = 30.0) -> None:
        self.base_url, self.model, self._timeout = base_url.rstrip("/"), model, timeout
        self._client = _client(self.base_url, api_key, timeout)

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()

    def models(self) -> list[str]:
        """The names of the models that the server has."""
        listed = self._ask("GET", "/models")
        try:
            return [str(entry["id"]) for entry in listed["data"]]
        except (KeyError, TypeError):
            raise self._unexpected("a list of models", listed) from None

    def complete(self, messages: Sequence[Message], **fields: Any) -> dict[str, Any]:
        """The whole answer to a chat, its first choice's message checked to be there; ``fields`` are further ones of the request."""
        answer = self._ask("POST", "/chat/completions", {"model": self.model, "messages": list(messages), **fields})
        try:
            whole = isinstance(answer["choices"][0]["message"], dict)
        except (KeyError, TypeError, IndexError):
            whole = False
        if not whole:
            raise self._unexpected("a chat completion", answer)
        return answer

    def decide(self, rule: Rule, query: str) -> Decision:
        """What ``rule`` makes of the labels' log-probabilities, as of the model's own logits: it does not change with their sum.

        A label beyond the server's 20 likeliest tokens counts as likely as the last of these, so the confidence is never too high.
        """
        if not query.strip():
            raise EdgeError("expected a query with some text, found an empty one")
        labels = [intent.label for intent in rule.intents]
        answer = self.complete([*_system_message(rule), {"role": "user", "content": query}], temperature=0, logprobs=True,
                               top_logprobs=MOST_LOGPROBS, max_tokens=LABEL_TOKENS, chat_template_kwargs={"enable_thinking": False})
        try:
            logprobs = _label_logprobs(answer["choices"][0]["logprobs"]["content"], labels)
            truncated = answer.get("edge", {}).get("truncated") is True
        except (KeyError, TypeError, IndexError, AttributeError, ValueError):
            raise self._unexpected(f"log-probabilities of the labels {', '.join(labels)}", answer["choices"][0]) from None
        return rule.decide(query, logprobs, truncated)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        deadline = time.monotonic() + self._timeout
        try:
            with self._client.stream(method, self.base_url + path, content=content) as response:
                data = self._read(response, deadline)
        except httpx.TimeoutException:
            raise self._late() from None
        except (httpx.HTTPError, OSError) as error:
            raise EdgeError(f"expected an answer of {self.base_url}, found {error or type(error).__name__}; "
                            "start the server or check its address") from None
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if response.status_code != httpx.codes.OK:
            raise EdgeError(f"{self.base_url}{path}: expected status 200, found {response.status_code}: {_reason(answer, data)}; "
                            "look into the server's log")
        if not isinstance(answer, dict):
            raise self._unexpected("a JSON object", data.decode(errors="replace"))
        return answer

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        data = b""
        for chunk in response.iter_bytes():
            data += chunk
            if len(data) > LONGEST_ANSWER:
                raise self._unexpected(f"at most {LONGEST_ANSWER} bytes", "more")
            if time.monotonic() > deadline:
                raise self._late()
        return data

    def _late(self) -> EdgeError:
        return EdgeError(f"expected an answer of {self.base_url} within {self._timeout:g} s, found none; "
                         "allow more time, or look whether the server still lives")

    def _unexpected(self, expected: str, found: object) -> EdgeError:
        return EdgeError(f"{self.base_url}: expected {expected}, found {str(found):.120}; check the address and the model {self.model!r}")


def _client(base_url: str, api_key: str | None, timeout: float) -> httpx.Client:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise EdgeError(f"expected a base URL such as http://127.0.0.1:8000/v1, found {base_url!r}; correct it")
    if not 0 < timeout < math.inf:
        raise EdgeError(f"expected a timeout above 0 s, found {timeout}; correct it")
    if api_key and not (api_key.isascii() and api_key.isprintable()):
        raise EdgeError("expected an API key of printable ASCII, found another; set it anew")  # httpx would quote it
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
    return httpx.Client(headers=headers, timeout=timeout, trust_env=False, limits=httpx.Limits(max_connections=None))


def _reason(answer: object, data: bytes) -> str:
    """The message of OpenAI's error object, else how the answer begins."""
    error = answer.get("error") if isinstance(answer, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return f"{message or data.decode(errors='replace')}"[:200]


def _system_message(rule: Rule) -> list[Message]:
    """The system message within the rule's prompt, none where it is not written in ``template``'s form."""
    head, tail = template("\0").prefix.split("\0")
    if not (rule.prefix.startswith(head) and rule.prefix.endswith(tail)):
        return []
    return [{"role": "system", "content": rule.prefix.removeprefix(head).removesuffix(tail)}]


def _label_logprobs(tokens: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> np.ndarray:
    """Log-probabilities [labels] of the first token after an empty <think> block; at least one label must be listed."""
    first = next(_answer(tokens), {})
    listed = {str(entry["token"]): float(entry["logprob"]) for entry in first["top_logprobs"]}
    if not listed.keys() & set(labels) or not all(map(math.isfinite, listed.values())):
        raise ValueError
    floor = min(listed.values())
    return np.array([listed.get(label, floor) for label in labels])


def _answer(tokens: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The tokens with some text that are not thought."""
    thinking = False
    for token in tokens:
        text = str(token["token"]).strip()
        if text in ("<think>", "</think>"):
            thinking = text == "<think>"
        elif text and not thinking:
            yield token
