"""What the device does beside deciding: are questions rewritten as they should be, and the right tools called."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.functions.examples import REWRITING, TOOL_SELECTION, Example
from pipeline.edge.endpoint import Endpoint
from pipeline.edge.functions import choose_tool, rewrite
from pipeline.edge.leaning import whole_by_words
from pipeline.edge.tools.by_words import by_words
from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact, Proportion
from pipeline.progress import track

WRONG = 20


@dataclass(frozen=True)
class Answers:
    """The endpoint's answer to every example, in order: a question, a call as {"name", "arguments"}, or {"error"}."""

    examples: list[Example]
    answers: list[Any]
    artifacts: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)

    def of(self, function: str) -> list[tuple[Example, Any]]:
        """The examples of one function with their answers; EdgeError when there are none."""
        found = [(example, answer) for example, answer in zip(self.examples, self.answers, strict=True) if example.function == function]
        if not found:
            raise EdgeError(f"expected examples of {function}, found none; generate function data with some")
        return found

    def save(self, file: Path) -> None:
        write_atomically(file, json.dumps({**vars(self), "examples": [vars(example) for example in self.examples]}, ensure_ascii=False))

    @classmethod
    def load(cls, file: Path) -> Answers:
        content = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{**content, "examples": [Example(**example) for example in content["examples"]]})


def answer_all(endpoint: Endpoint, examples: Sequence[Example], artifacts: Mapping[str, str], conditions: Mapping[str, Any]) -> Answers:
    """Ask the endpoint every example, one at a time."""
    answers = []
    with track("functions", len(examples)) as bar:
        for example in examples:
            answers.append(_answer(endpoint, example))
            bar.advance()
    return Answers(list(examples), answers, dict(artifacts), dict(conditions))


def _answer(endpoint: Endpoint, example: Example) -> Any:
    try:
        if example.function == REWRITING:
            return rewrite(endpoint, example.user.split("\n"))
        call = choose_tool(endpoint, example.user)
    except EdgeError as error:
        return {"error": str(error)}
    return call.as_object()


def rewriting(answers: Answers) -> Proportion:
    """1 a question that stands alone in exactly the reference's words.

    details: ``chrf`` in [0, 1] (Popovic 2015, sacrebleu's settings), ``by_kind``, ``by_words``: the share that is right without any
    model, by the words alone, ``wrong`` with a few that differ.
    """
    pairs = [(example, answer if isinstance(answer, str) else "") for example, answer in answers.of(REWRITING)]
    outcomes = [int(answer == example.answer) for example, answer in pairs]
    return Proportion("rewriting", "proportion", answers.artifacts, answers.conditions, {
        "chrf": chrf([answer for _, answer in pairs], [example.answer for example, _ in pairs]),
        "by_kind": _by_kind([example for example, _ in pairs], outcomes),
        "by_words": mean(whole_by_words(example.user.split("\n")) == example.answer for example, _ in pairs),
        "wrong": _wrong(pairs, outcomes),
    }, outcomes=outcomes, items=[example.user for example, _ in pairs])


def chrf(found: Sequence[str], references: Sequence[str]) -> float:
    """Character n-gram F-score of the corpus, in [0, 1]."""
    from sacrebleu.metrics import CHRF

    return float(CHRF().corpus_score(list(found), [list(references)]).score) / 100


def invalid_calls(answers: Answers) -> Exact:
    """Questions that got no call, or one that is no JSON of a declared tool.  details: ``n``, ``errors``."""
    errors = [answer["error"] for _, answer in answers.of(TOOL_SELECTION) if "error" in answer]
    return Exact("invalid_calls", "count", answers.artifacts, answers.conditions,
                 {"n": len(answers.of(TOOL_SELECTION)), "errors": errors[:WRONG]}, value=len(errors))


def tool_accuracy(answers: Answers) -> Proportion:
    """1 a question for which the right tool was chosen, whatever its arguments; details as of ``rewriting``, without chrf."""
    return _tools("tool_accuracy", answers, lambda right, found: found.get("name") == right["name"])


def argument_accuracy(answers: Answers) -> Proportion:
    """1 a question whose call is right in its tool and in all its arguments; details as of ``rewriting``, without chrf."""
    return _tools("argument_accuracy", answers, lambda right, found: found == right)


def _tools(metric: str, answers: Answers, is_right: Any) -> Proportion:
    pairs = answers.of(TOOL_SELECTION)
    outcomes = [int(is_right(json.loads(example.answer), found)) for example, found in pairs]
    return Proportion(metric, "proportion", answers.artifacts, answers.conditions, {
        "by_kind": _by_kind([example for example, _ in pairs], outcomes),
        "by_words": mean(bool(is_right(json.loads(example.answer), by_words(example.user).as_object())) for example, _ in pairs),
        "wrong": _wrong([(example, json.dumps(found, ensure_ascii=False)) for example, found in pairs], outcomes),
    }, outcomes=outcomes, items=[example.user for example, _ in pairs])


def _by_kind(examples: Sequence[Example], outcomes: Sequence[int]) -> dict[str, list[int]]:
    """[right, asked] by what the grammar is about."""
    kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for example, right in zip(examples, outcomes, strict=True):
        counts = kinds[example.grammar.partition("/")[0]]
        counts[0] += right
        counts[1] += 1
    return dict(sorted(kinds.items()))


def _wrong(pairs: Sequence[tuple[Example, str]], outcomes: Sequence[int]) -> list[dict[str, str]]:
    found = [{"asked": example.user, "expected": example.answer, "found": answer}
             for (example, answer), right in zip(pairs, outcomes, strict=True) if not right]
    return found[:WRONG]
