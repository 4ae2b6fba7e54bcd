"""The grammars of the assistant's four tasks: one YAML file a task, templates by split.

Where a task's questions differ in what they ask (the operation of learning_tracking, the aspect of simple_qa), a split's templates stand
under that; the language of a template is `pipeline.data.grammar`'s, its slots are `pipeline.data.assistant.slots`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.data.assistant.asking import ASPECTS, OPERATIONS
from pipeline.data.assistant.slots import slot_kinds
from pipeline.data.assistant.tasks import LEARNING_TRACKING, SIMPLE_QA, TASKS
from pipeline.data.grammar import SPLITS, Node, parse, slot_names
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml

FOLDER = Path(__file__).with_name("grammars")
_ABOUT: dict[str, tuple[str, ...]] = {LEARNING_TRACKING: tuple(OPERATIONS), SIMPLE_QA: ASPECTS}


@dataclass(frozen=True)
class Template:
    """``id``: its provenance, such as ``simple_qa/train/unit/2``.  ``about``: operation or aspect, "" where the task has none."""

    id: str
    task: str
    split: str
    about: str
    text: str
    nodes: tuple[Node, ...]


@cache
def all_templates() -> tuple[Template, ...]:
    """Every template, by task and split in the order of the files."""
    return tuple(template for task in TASKS for template in read_templates(FOLDER / f"{task.name}.yaml"))


def read_templates(path: Path) -> list[Template]:
    """The templates of one task's file, whose stem is the task; EdgeError names file and entry of a mistake."""
    content = read_yaml(path)
    if set(content) != set(SPLITS):
        raise EdgeError(f"{path}: expected the keys {', '.join(SPLITS)}, found {', '.join(map(str, content))}")
    return [template for split in SPLITS for about, entries in _by_about(path, split, content[split])
            for template in _templates(path, split, about, entries)]


def _by_about(path: Path, split: str, content: Any) -> list[tuple[str, Any]]:
    known = _ABOUT.get(path.stem)
    if known is None:
        return [("", content)]
    if not isinstance(content, dict) or not set(content) <= set(known):
        raise EdgeError(f"{path}: {split}: expected templates under {', '.join(known)}, found {str(content):.80}; correct the key")
    return list(content.items())


def _templates(path: Path, split: str, about: str, entries: Any) -> list[Template]:
    place = "/".join(filter(None, (path.stem, split, about)))
    if not isinstance(entries, list):
        raise EdgeError(f"{path}: {place}: expected a list of templates, found {entries!r:.80}; write one a line")
    return [_template(path, f"{place}/{number}", split, about, text) for number, text in enumerate(entries, start=1)]


def _template(path: Path, name: str, split: str, about: str, text: Any) -> Template:
    where = f"{path}: {name}"
    if not isinstance(text, str) or not text.strip():
        raise EdgeError(f"{where}: expected a template, found {text!r:.80}; put the line in single quotes")
    nodes = parse(text, where)
    if unknown := sorted(slot_names(nodes) - slot_kinds()):
        raise EdgeError(f"{where}: expected a slot of {', '.join(sorted(slot_kinds()))}, found {{{unknown[0]}}}; correct it")
    return Template(name, path.stem, split, about, text, nodes)
