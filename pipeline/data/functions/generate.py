"""The splits of the function data: questions to rewrite and questions to choose a tool for, the same bytes for a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.functions.examples import REWRITING, TOOLS, Example
from pipeline.data.functions.sentence import FOLDER, Sentence, draw, heard, kind_of, say
from pipeline.data.grammar import all_grammars, all_slots, expand
from pipeline.edge.functions import arguments_of
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

SPLITS = ("train", "validation", "test")
WRAPPED, FOR_A_TOOL = 0.5, 0.5  # shares of the questions
_DRAWS = 200


def generate(directory: Path, *, seed: int, train: int, validation: int, test: int) -> dict[str, Path]:
    """Write {split}.jsonl, each with that many examples of either function in turn, and return their paths.

    What validation and test ask stands once, and nowhere before; in train a tool that is asked for in few words is
    repeated to its equal share.  EdgeError when there are not so many.
    """
    seen: set[tuple[str, str]] = set()
    paths = {}
    for split, size in zip(SPLITS, (train, validation, test), strict=True):
        rng = random.Random(f"{seed}/functions/{split}")
        found = [_fresh(make, split, rng, seen) for _ in range(size) for make in (rewriting, tool_selection)]
        paths[split] = directory / f"{split}.jsonl"
        write_atomically(paths[split], "".join(json.dumps(vars(example), ensure_ascii=False) + "\n" for example in found))
    return paths


def _fresh(make: Callable[[str, random.Random], Example], split: str, rng: random.Random, seen: set[tuple[str, str]]) -> Example:
    for _ in range(_DRAWS):
        example = make(split, rng)
        if example.key not in seen or split == "train":
            seen.add(example.key)
            return example
    raise EdgeError(f"expected another {split} example by {make.__name__}, found none in {_DRAWS} draws; ask for fewer or add grammars")


@cache
def _grammar(name: str) -> dict[str, Any]:
    return read_yaml(FOLDER / f"{name}.yaml")


def tool_selection(split: str, rng: random.Random) -> Example:
    """A question and the call that answers it: the tools in equal shares."""
    name = rng.choice(list(_grammar("tools")["tools"]))
    sentence = _question(name, split, rng)
    said = {argument: sentence.values[argument] for argument in arguments_of(name) if argument in sentence.values}
    call = {"name": name, "arguments": said}  # in declared order, as the constraint writes them
    return Example(TOOLS, sentence.text, json.dumps(call, ensure_ascii=False), f"{name}/{split}")


def rewriting(split: str, rng: random.Random) -> Example:
    """The last questions of a conversation, one a line, and the last one standing alone."""
    shares = _grammar("rewriting")["shares"]
    kind = rng.choices(list(shares), weights=list(shares.values()))[0]
    turns, standalone = _KINDS[kind](split, rng)
    return Example(REWRITING, "\n".join(turns), standalone, f"{kind}/{split}")


def _question(tool: str, split: str, rng: random.Random) -> Sentence:
    grammar = _grammar("tools")
    template = rng.choice(grammar["tools"][tool][split])
    if rng.random() < WRAPPED:
        template = rng.choice(grammar["around"][split]).replace("{question}", template)
    return say(template, split, rng)


def _any_question(split: str, rng: random.Random, slots: int = 0) -> Sentence:
    """A question with at least so many slots: for a tool, or of the intents' grammars, where what to copy is more varied."""
    while True:
        if rng.random() < FOR_A_TOOL:
            sentence = _question(rng.choice(list(_grammar("tools")["tools"])), split, rng)
        else:
            grammar = rng.choice([grammar for grammar in all_grammars() if grammar.split == split])
            sentence = heard(expand(grammar.nodes, all_slots(), split, rng), split)
        if len(sentence.values) >= slots:
            return sentence


def _lean(sentence: Sentence, split: str, rng: random.Random) -> tuple[str, Sentence]:
    """A follow-up that changes a slot of the sentence, and what it means; of two alike, 13 加 88, the later one."""
    name = rng.choice(list({kind_of(name): name for name in sentence.values}.values()))
    new = draw([name], split, rng, sentence.values)
    said = say(rng.choice(_grammar("rewriting")["follow_up"][split]).replace("{new}", "<new>"), split, rng).text
    return said.replace("<new>", new[name]), sentence.saying(new)


def _follow_up(split: str, rng: random.Random) -> tuple[list[str], str]:
    first = _any_question(split, rng, slots=1)
    said, meant = _lean(first, split, rng)
    return [first.text, said], meant.text


def _second_follow_up(split: str, rng: random.Random) -> tuple[list[str], str]:
    first = _any_question(split, rng, slots=1)
    said, meant = _lean(first, split, rng)
    again, finally_meant = _lean(meant, split, rng)
    return [first.text, said, again], finally_meant.text


def _pronoun(split: str, rng: random.Random) -> tuple[list[str], str]:
    subject = rng.choice(_grammar("rewriting")["subjects"][split])
    value = draw([subject["slot"]], split, rng)
    first, later = (say(rng.choice(subject[key]).replace("{it}", "<it>"), split, rng).saying(value).text for key in ("first", "later"))
    return [first, later.replace("<it>", rng.choice(subject["pronouns"]))], later.replace("<it>", value[subject["slot"]])


def _standalone(split: str, rng: random.Random) -> tuple[list[str], str]:
    before, now = (_any_question(split, rng).text for _ in range(2))
    return [before, now], now


_KINDS: dict[str, Callable[[str, random.Random], tuple[list[str], str]]] = {
    "follow_up": _follow_up, "second_follow_up": _second_follow_up, "pronoun": _pronoun, "standalone": _standalone}
