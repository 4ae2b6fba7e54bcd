"""The two functions of the device beside the decision: how they are asked, and what they answer.

Both answer with a call of a declared function, its arguments parts of what was asked.  Rewriting answers with an edit, from
which the program makes the question, so that no word in it is the model's (LaserTagger, Malmi et al. 2019, and RUN, Liu et
al. 2020, edit for the same reason).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.edge.declared import EDITS, TOOLS, Call
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from pipeline.edge.endpoint import Endpoint

REWRITING, TOOL_SELECTION = "rewriting", "tools"
END_OF_TURN = "<|im_end|>"  # an answer's last token
SYSTEMS = {REWRITING: "改写问题", TOOL_SELECTION: "选择工具"}
DECLARED = {REWRITING: EDITS, TOOL_SELECTION: TOOLS}
TURNS = 3
"""The last questions that rewriting reads, the present one among them."""


def choose_tool(endpoint: Endpoint, question: str) -> Call:
    """The call that answers a standalone question; EdgeError when the endpoint gives none that can be read."""
    return _call(endpoint, TOOL_SELECTION, question)


def rewrite(endpoint: Endpoint, questions: Sequence[str]) -> str:
    """The user's last question in words that need no context; EdgeError when the endpoint gives no edit that can be made."""
    whole, *later = (" ".join(question.split()) for question in questions[-TURNS:])
    for question in later:
        whole = edited(whole, question, _call(endpoint, REWRITING, leaning(whole, question)))
    return whole


def leaning(before: str, question: str) -> str:
    """How a question and the standalone one before it are asked."""
    return f"{before}\n{question}"


def edited(before: str, question: str, edit: Call) -> str:
    """The question made whole; where a part stands twice, the later one is replaced.  EdgeError for a part that stands nowhere."""
    parts = edit.arguments
    if edit.name == "again":
        return _replaced(before, parts["old"], parts["new"], source=question)
    if edit.name == "refer":
        return _replaced(question, parts["pronoun"], parts["subject"], source=before)
    return question


def _replaced(text: str, old: str, new: str, source: str) -> str:
    head, found, tail = text.rpartition(old) if old else ("", "", "")
    if not found or not new or new not in source:
        raise EdgeError(f"expected {old[:40]!r} in {text[:40]!r} and {new[:40]!r} in {source[:40]!r}, found an edit of other words; "
                        "look at the training of the functions")
    return head + new + tail


def _call(endpoint: Endpoint, function: str, user: str) -> Call:
    declared = DECLARED[function]
    messages = [{"role": "system", "content": SYSTEMS[function]}, {"role": "user", "content": user}]
    answer = endpoint.complete(messages, tools=declared.declarations, tool_choice="required", temperature=0)
    try:
        found = answer["choices"][0]["message"]["tool_calls"][0]["function"]
        return declared.read(found["name"], found["arguments"])
    except (KeyError, TypeError, IndexError):
        raise EdgeError(f"expected a call of {endpoint.model!r}, found {str(answer)[:80]!r}; serve the functions model") from None
