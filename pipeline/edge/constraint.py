"""What an answer may be, as a grammar that llguidance holds each token against: it cannot come out malformed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from tokenizers import Tokenizer

from pipeline.errors import EdgeError

_SEPARATORS = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False, "lenient": False}  # as json.dumps
_LIMITS = LLParserLimits(verbose_errors=False)  # an error does not repeat the query
# The library's own limits come after seconds, and far beyond them it overflows the stack.  Half a second at these.
_LONGEST_QUERY, _LONGEST_SCHEMA = 20_000, 65_536  # characters
_MOST_TOOLS, _MOST_ARGUMENTS = 128, 32  # OpenAI's number of tools; arguments of each
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # OpenAI's rule for a function's name
LINE = "x-line"  # in the schema of an argument: of which line of the query it is a part, counted from 1; without it, of all
_TEXT = {"type", "description", "title", LINE}
# What no value cuts: a number in digits, a word of letters, and a numeral with 十 百 千 万.  千 of 千米, 百 of 百分之 and 一 of 一共 are
# no part of one.
_NUMERAL = (r"(?:[一二三四五六七八九两]?(?:十|百(?!分之)|千(?![米克瓦])|[万亿]))+"
            r"(?:零?(?:一(?![共下起样定直般些])|[二三四五六七八九]))?")
_WHOLE = re.compile(rf"[0-9]+(?:,[0-9]{{3}})*(?:\.[0-9]+)?|[A-Za-z]+|{_NUMERAL}|.", re.DOTALL)


class Constraint:
    """The state of one answer under a grammar; of one thread, and used up by one answer."""

    def __init__(self, tokenizer: LLTokenizer, grammar: str, source: str) -> None:
        self._source, self._matcher = source, LLMatcher(tokenizer, grammar, log_level=0, limits=_LIMITS)
        self._check()

    @property
    def finished(self) -> bool:
        """Whether the answer is complete and nothing can follow."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """The ids that must come next, which are thereby accepted; often none."""
        ids = self._matcher.compute_ff_tokens()
        self._matcher.consume_tokens(ids)
        self._check()
        return list(ids)

    def allowed(self, vocabulary: int) -> np.ndarray:
        """bool [vocabulary]: which ids may come next."""
        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), count=None, bitorder="little")
        self._check()
        allowed = np.zeros(vocabulary, bool)
        allowed[: len(bits)] = bits[:vocabulary]
        return allowed

    def accept(self, token_id: int) -> None:
        """The id that comes next; EdgeError when it may not."""
        self._matcher.consume_token(token_id)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise EdgeError(f"{self._source}: expected what can be turned into a grammar, found {self._matcher.get_error()[:200]}; "
                            "make it simpler")


def grammar_tokenizer(tokenizer: Tokenizer, stop_id: int) -> LLTokenizer:
    """The tokenizer as constraints need it, ended by ``stop_id``; made once for a model, since it takes up to a second."""
    state = json.loads(tokenizer.to_str())
    state["normalizer"] = None  # what is forced is written as it is; composed, it would no longer be of the grammar
    return LLTokenizer(json.dumps(state), eos_token=stop_id)


def for_schema(tokenizer: LLTokenizer, schema: Mapping[str, Any]) -> Constraint:
    """JSON of a JSON schema, spaced as by json.dumps; EdgeError for a schema that is none or that llguidance does not know."""
    try:
        text = json.dumps(schema, allow_nan=False)
        if len(text) > _LONGEST_SCHEMA:
            raise ValueError(f"{len(text)} characters where at most {_LONGEST_SCHEMA} are taken")
        grammar = LLMatcher.grammar_from_json_schema(text, overrides=_SEPARATORS)
    except (TypeError, ValueError, RecursionError) as error:
        raise EdgeError(f"schema: expected a JSON schema, found {str(error)[:200]}; correct it") from error
    return Constraint(tokenizer, grammar, "schema")


def for_tools(tokenizer: LLTokenizer, tools: Sequence[Mapping[str, Any]], query: str) -> Constraint:
    """``{"name": ..., "arguments": {...}}`` of one of OpenAI's function declarations, as json.dumps(ensure_ascii=False) writes it.

    Each argument is a part of ``query``, or of its line that the argument's schema names as ``x-line``, so none can be invented;
    none cuts a number.  What is not required may be left out; the order is that of the declaration.  EdgeError for a query
    without text or without such a line, no tools, two of a name, or an argument that is not text.
    """
    return Constraint(tokenizer, "\n".join(_grammar(tools, query)), "tools")


def _grammar(tools: Sequence[Mapping[str, Any]], query: str) -> Iterator[str]:
    """llguidance's Lark; a value is written as JSON character by character, so no part of it ends within an escape."""
    declared = [_declaration(tool) for tool in tools]
    names = [name for name, _ in declared]
    if not 0 < len(set(names)) == len(names) <= _MOST_TOOLS:
        raise EdgeError(f"tools: expected 1 to {_MOST_TOOLS}, each with a name of its own, found {len(names)}: {str(names)[:200]}; "
                        "correct the declarations")
    if not 0 < len(query) <= _LONGEST_QUERY or any(0xD800 <= ord(character) < 0xE000 for character in query):
        raise EdgeError(f"expected a query of 1 to {_LONGEST_QUERY} characters in valid Unicode, found {len(query)}: {ascii(query)[:60]}")
    yield "start: " + " | ".join(f"tool_{index}" for index in range(len(declared)))
    for index, (name, arguments) in enumerate(declared):
        before = f'{{"name": {_json(name)}, "arguments": {{'
        yield f"tool_{index}: {_literal(before)} first_{index}_0 {_literal('}}')}"
        yield from _arguments(index, arguments)
    for line in sorted({argument.line for _, arguments in declared for argument in arguments.values()}):
        yield from _value(line, query)


def _value(line: int, query: str) -> Iterator[str]:
    """A part of the line, 0 the whole query, as JSON: what must stay whole is written so, and no part ends within an escape."""
    lines = [query, *query.split("\n")]
    if line >= len(lines) or not lines[line]:
        raise EdgeError(f"tools: expected a query with some text in its line {line}, found {len(lines) - 1} lines; "
                        f"correct {LINE} or ask more")
    chunks = [_json(chunk)[1:-1] for chunk in _WHOLE.findall(lines[line])]
    yield f'VALUE_{line}: "\\"" PART_{line} "\\""'
    yield f"PART_{line}: ANY_{line} & /(?s:.+)/"
    yield f"ANY_{line}: %regex {json.dumps({'substring_chunks': chunks})}"


class _Argument(NamedTuple):
    required: bool
    line: int


def _arguments(tool: int, arguments: Mapping[str, _Argument]) -> Iterator[str]:
    """Rules for what may follow before (first) and after (more) an argument was written."""
    for index, (name, argument) in enumerate(arguments.items()):
        for state, separator in (("first", ""), ("more", ", ")):
            left_out = "" if argument.required else f" | {state}_{tool}_{index + 1}"
            start = _literal(f"{separator}{_json(name)}: ")
            yield f"{state}_{tool}_{index}: {start} VALUE_{argument.line} more_{tool}_{index + 1}{left_out}"
    yield f'first_{tool}_{len(arguments)}: ""'
    yield f'more_{tool}_{len(arguments)}: ""'


def _declaration(tool: Mapping[str, Any]) -> tuple[str, dict[str, _Argument]]:
    """A function's name and its arguments."""
    try:
        function = tool["function"]
        name, parameters = function["name"], function.get("parameters") or {}
        properties, required = parameters.get("properties") or {}, parameters.get("required") or []
        texts = all(value["type"] == "string" and _TEXT >= value.keys() for value in properties.values())
        if not (_NAME.fullmatch(name) and texts and properties.keys() >= set(required) and len(properties) <= _MOST_ARGUMENTS):
            raise ValueError(name)
        return name, {argument: _Argument(argument in required, _line(schema)) for argument, schema in properties.items()}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise EdgeError("tools: expected OpenAI's declarations of functions with up to "
                        f"{_MOST_ARGUMENTS} arguments that are plain strings, found "
                        f"{ascii(tool)[:200]}; correct it") from None


def _line(schema: Mapping[str, Any]) -> int:
    line = schema.get(LINE, 0)
    if type(line) is not int or not (line > 0 or LINE not in schema):
        raise ValueError(line)
    return line


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _literal(text: str) -> str:
    return json.dumps(text)

