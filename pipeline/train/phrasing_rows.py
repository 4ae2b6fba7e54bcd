"""The assistant's simple questions as conversations: what is asked of which card, and the plan that tells it.

Which facts a plan tells comes from the question's truth and not from its words, so a model can learn to understand what the word lists
of ``aspects.yaml`` do not; the choice of an opening, which no truth tells, is the lists' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.data.assistant.wishes import PLAIN, TRAIN, Wish, wishes
from pipeline.edge.assistant.aspects import aspect_of
from pipeline.edge.assistant.plans import SYSTEM, asked_as, plan_of
from pipeline.edge.functions import END_OF_TURN
from pipeline.errors import EdgeError
from pipeline.train.inputs import Row, conversation


def read_rows(file: Path, base: Path, prompt: Mapping[str, Any]) -> list[Row]:
    """Every wish that the file's simple questions make, as rows of at most ``max_length`` tokens; EdgeError names the first longer,
    and a file without such questions."""
    from pipeline.data.assistant.sample import read_samples
    from pipeline.runtime.prompt import read_tokenizer, template

    tokenizer, sides, rows = read_tokenizer(base), template(SYSTEM), []
    for wish in wishes(read_samples(file), TRAIN, f"phrasing/{file.stem}"):
        user, said = asked_as(wish.question, wish.card), plan_of(right_plan(wish)) + END_OF_TURN
        asked, answered = (tokenizer.encode(text, add_special_tokens=False).ids for text in (f"{sides.prefix}{user}{sides.suffix}", said))
        ids = (*asked, *answered)
        if len(ids) > prompt["max_length"]:
            raise EdgeError(f"{file}: expected at most {prompt['max_length']} tokens with the prompt, found {len(ids)} for {user[:40]!r}; "
                            "raise assistant.max_length")
        rows.append(Row(conversation(SYSTEM, user, said), ids, len(answered)))
    if not rows:
        raise EdgeError(f"expected simple questions in {file}, found none; generate assistant data with some")
    return rows


def right_plan(wish: Wish) -> list[tuple[str, str]]:
    """(aspect, opening) sentences: what is asked, and where one thing is and nobody wants it brief, what goes with that."""
    facts, first = wish.card.facts, aspect_of(wish.aspects[0])
    then = [first.then] if first.then in facts and len(wish.aspects) == 1 and not wish.brief else []
    return [*((name, _opening(name, wish)) for name in wish.aspects), *((name, aspect_of(name).opening("")) for name in then)]


def _opening(name: str, wish: Wish) -> str:
    return aspect_of(name).plain if wish.kind == PLAIN else aspect_of(name).opening(wish.question)
