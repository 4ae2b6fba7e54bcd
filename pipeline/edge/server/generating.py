"""The engine of a language model: chats, JSON of a schema, and calls of tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.edge.constraint import Constraint, for_schema, for_tools, grammar_tokenizer
from pipeline.edge.decoding import Decoding, Sampling, Token, decode
from pipeline.edge.detokeniser import Detokeniser
from pipeline.edge.functions import END_OF_TURN
from pipeline.edge.server.conversation import Conversation
from pipeline.edge.server.engines import LoggedToken, Piece, Usage
from pipeline.edge.server.protocol import SEEDS, ChatRequest, ChosenTool
from pipeline.edge.server.refusal import Refusal
from pipeline.edge.server.stops import Stops
from pipeline.errors import EdgeError
from pipeline.runtime.generator import Generator, open_generator
from pipeline.runtime.prompt import read_tokenizer


class GeneratorEngine:
    """A generator and its tokenizer.  The likeliest token is taken unless the request has a temperature.

    Tools do not stand in the prompt, for the model was trained on the device's own: they constrain what it may call, and each
    argument is a part of the last user message.  ``tool_choice`` "auto" calls one, too.
    """

    takes = ChatRequest

    def __init__(self, directory: Path, generator: Generator) -> None:
        self._generator, self._tokenizer = generator, read_tokenizer(directory)
        self._conversation = Conversation(directory, generator.max_length)
        stop = self._tokenizer.token_to_id(END_OF_TURN)
        if stop is None:
            raise EdgeError(f"{directory}: expected a tokenizer with the token {END_OF_TURN}, found none; copy the model's own")
        self._stop, self._grammars = stop, grammar_tokenizer(self._tokenizer, stop)
        self._detokeniser = Detokeniser(self._tokenizer)

    @classmethod
    def open(cls, directory: Path, threads: int) -> GeneratorEngine:
        """Open an exported generator; EdgeError when it is missing, broken or none."""
        return cls(directory, open_generator(directory, threads))

    def answer(self, request: ChatRequest) -> Iterator[Piece]:
        """A piece a token."""
        ids = self._conversation.encode(request.messages)
        seed = None if request.seed is None else request.seed % SEEDS
        decoding = decode(self._generator, ids, tokenizer=self._tokenizer, stop_ids=[self._stop], constraint=self._constraint(request),
                          max_tokens=request.most_tokens or self._generator.max_length,
                          sampling=Sampling(request.temperature or 0.0, request.top_p or 1.0, seed), top_logprobs=request.top_logprobs or 0)
        yield from _call(decoding, len(ids)) if request.calls_a_tool else self._text(request, decoding, len(ids))

    def _text(self, request: ChatRequest, decoding: Decoding, prompt: int) -> Iterator[Piece]:
        stops, count = Stops(request.stops), 0
        for token in decoding:
            count += 1
            yield Piece(stops.pass_on(token.text), [self._logged(token)])
            if stops.reached:
                break
        yield Piece(stops.rest(), finish=decoding.finish or "stop", usage=Usage(prompt, count))

    def _logged(self, token: Token) -> LoggedToken:
        top = [(self._detokeniser.bytes_of(token_id), logprob) for token_id, logprob in token.top]
        return LoggedToken(self._detokeniser.bytes_of(token.id), token.logprob, top)

    def _constraint(self, request: ChatRequest) -> Constraint | None:
        """What the answer may be; Refusal where the request's schema or tools cannot be turned into a grammar."""
        try:
            if request.calls_a_tool:
                return for_tools(self._grammars, _offered(request), request.last_user_message.strip())
            wanted = request.response_format
            if wanted is None or wanted.type == "text":
                return None
            return for_schema(self._grammars, wanted.json_schema.schema_ if wanted.json_schema else {"type": "object"})
        except EdgeError as error:
            raise Refusal(422, str(error), param="tools" if request.calls_a_tool else "response_format") from None


def _call(decoding: Decoding, prompt: int) -> Iterator[Piece]:
    """Nothing to say while the call is written, then the call; none where there was no room to end it."""
    text, count = "", 0
    for token in decoding:
        text, count = text + token.text, count + 1
        yield Piece()
    if decoding.finish == "stop":
        call = json.loads(text)
        yield Piece(call=(call["name"], json.dumps(call["arguments"], ensure_ascii=False)))
    yield Piece(finish="tool_calls" if decoding.finish == "stop" else decoding.finish, usage=Usage(prompt, count))


def _offered(request: ChatRequest) -> list[dict[str, Any]]:
    """The declarations that may be called: all, or the one that the request chose."""
    tools = request.tools or []
    if isinstance(request.tool_choice, ChosenTool):
        tools = [tool for tool in tools if tool.function.name == request.tool_choice.function.name]
    return [tool.model_dump(exclude_none=True) for tool in tools]
