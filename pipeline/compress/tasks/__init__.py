"""What a model is for, as the techniques that look at data see it; one file a task.

``Source.prompt`` names the task (`TASK`), without which it is ``intent``.  Each has

- ``read(file, settings) -> list[Query]``: the texts of a split, as they are asked, with their labels' numbers where they have any;
- ``prompt(directory, settings) -> Prompt``: what stands around a text, by the tokenizer of ``directory``;
- ``answers(directory, settings, texts) -> list[int]``: the rows of the head whose logits are the answer; ``NEEDS_TEXTS``, those of
  training, to tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from pipeline.compress.tasks import embedding, intent, rerank
from pipeline.errors import EdgeError

TASK = "task"
TASKS: dict[str, ModuleType] = {"intent": intent, "embedding": embedding, "rerank": rerank}


def task_of(settings: Mapping[str, Any]) -> ModuleType:
    """The task that a Source's ``prompt`` names; EdgeError for another."""
    if (name := settings.get(TASK, "intent")) not in TASKS:
        raise EdgeError(f"task: expected one of {', '.join(TASKS)}, found {name!r}; name one of these")
    return TASKS[name]
