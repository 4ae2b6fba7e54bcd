"""The splits of the function data: questions to rewrite and questions to choose a tool for, the same bytes for a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.functions.examples import REWRITING, TOOL_SELECTION, Example
from pipeline.data.functions.sentence import FOLDER, Sentence, draw, heard, kind_of, piece, say
from pipeline.data.grammar import all_grammars, all_slots, expand
from pipeline.edge.declared import TOOLS, Call
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

SPLITS = ("train", "validation", "test")
WRAPPED, FOR_A_TOOL = 0.5, 0.5  # shares of the questions
MUMBLED, MUMBLED_FOLLOW_UPS = 0.15, 0.4  # shares of train's words around a question, and of its follow-ups, that mean nothing
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
    said = {argument: sentence.values[argument] for argument in TOOLS.arguments_of(name) if argument in sentence.values}
    return Example(TOOL_SELECTION, sentence.text, Call(name, said).to_json(), f"{name}/{split}")


def rewriting(split: str, rng: random.Random) -> Example:
    """The last questions of a conversation, and the last one standing alone."""
    shares = _grammar("rewriting")["shares"]
    kind = rng.choices(list(shares), weights=list(shares.values()))[0]
    talk = _KINDS[kind](split, rng)
    return Example(REWRITING, "\n".join(talk.turns), talk.whole, f"{kind}/{split}", "\n".join(edit.to_json() for edit in talk.edits))


def _question(tool: str, split: str, rng: random.Random) -> Sentence:
    return say(_wrapped(rng.choice(_grammar("tools")["tools"][tool][split]), split, rng), split, rng)


def _wrapped(template: str, split: str, rng: random.Random) -> str:
    """The template or, of two times once, with words around it; in train at times with pieces of other sentences, which mean nothing."""
    if rng.random() >= WRAPPED:
        return template
    known = _grammar("tools")["around"][split]
    before, after = (piece(rng) if split == "train" and rng.random() < MUMBLED else rng.choice(known[side]) for side in ("before", "after"))
    return rng.choice((before + template, template + after, before + template + after))


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


@dataclass(frozen=True)
class _Talk:
    """Questions, the last of them standing alone, and the edit of each after the first."""

    turns: tuple[str, ...]
    whole: str
    edits: tuple[Call, ...]


def _leaning_form(split: str, rng: random.Random) -> str:
    """How a follow-up names what is new; in train often between pieces of other sentences, for such forms are beyond listing."""
    if split == "train" and rng.random() < MUMBLED_FOLLOW_UPS:
        return f"{rng.choice((piece(rng), ''))}{{new}}{rng.choice((piece(rng), ''))}"
    return rng.choice(_grammar("rewriting")["follow_up"][split])


def _lean(sentence: Sentence, split: str, rng: random.Random) -> tuple[str, Sentence, Call]:
    """A follow-up that changes a slot of the sentence, what it means, and its edit; of two slots alike, 13 加 88, the later one."""
    name = rng.choice(list({kind_of(name): name for name in sentence.values}.values()))
    new = draw([name], split, rng, sentence.values)
    said = say(_wrapped(_leaning_form(split, rng), split, rng).replace("{new}", "<new>"), split, rng).text
    return said.replace("<new>", new[name]), sentence.saying(new), Call("again", {"new": new[name], "old": sentence.values[name]})


def _follow_up(split: str, rng: random.Random, count: int = 1) -> _Talk:
    meant = _any_question(split, rng, slots=1)
    turns, edits = [meant.text], []
    for _ in range(count):
        said, meant, edit = _lean(meant, split, rng)
        turns.append(said)
        edits.append(edit)
    return _Talk(tuple(turns), meant.text, tuple(edits))


def _second_follow_up(split: str, rng: random.Random) -> _Talk:
    return _follow_up(split, rng, count=2)


def _pronoun(split: str, rng: random.Random) -> _Talk:
    subject = rng.choice(_grammar("rewriting")["subjects"][split])
    value = draw([subject["slot"]], split, rng)
    first, later = (say(rng.choice(subject[key]).replace("{it}", "<it>"), split, rng).saying(value).text for key in ("first", "later"))
    pronoun, meant = rng.choice(subject["pronouns"]), value[subject["slot"]]
    edit = Call("refer", {"pronoun": pronoun, "subject": meant})
    return _Talk((first, later.replace("<it>", pronoun)), later.replace("<it>", meant), (edit,))


def _standalone(split: str, rng: random.Random) -> _Talk:
    before, now = (_any_question(split, rng).text for _ in range(2))
    return _Talk((before, now), now, (Call("whole", {}),))


_KINDS: dict[str, Callable[[str, random.Random], _Talk]] = {
    "follow_up": _follow_up, "second_follow_up": _second_follow_up, "pronoun": _pronoun, "standalone": _standalone}
