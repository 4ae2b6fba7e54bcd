"""The grammars of the assistant's four tasks: one YAML file a task, templates by split; and of each further writer one, of any tasks.

Where a task's questions differ in what they ask (the operation of learning_tracking, the aspect of simple_qa), a split's templates stand
under that; the language of a template is `pipeline.data.grammar`'s, its slots are `pipeline.data.assistant.slots`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
WRITERS = Path(__file__).with_name("writers")
_ABOUT: dict[str, tuple[str, ...]] = {LEARNING_TRACKING: tuple(OPERATIONS), SIMPLE_QA: ASPECTS}


@dataclass(frozen=True)
class Template:
    """``id``: its provenance, such as ``simple_qa/train/unit/2``, of a further writer ``simple_qa/train/w1/unit/2``.

    ``about``: operation or aspect, "" where the task has none.
    """

    id: str
    task: str
    split: str
    about: str
    text: str
    nodes: tuple[Node, ...]


@cache
def all_templates() -> tuple[Template, ...]:
    """Every template, by task and by what it is about, else in the order of the files."""
    templates = [template for task in TASKS for template in read_templates(FOLDER / f"{task.name}.yaml")]
    templates += [template for path in sorted(WRITERS.glob("*.yaml")) for template in read_writer(path)]
    tasks = [task.name for task in TASKS]
    return tuple(sorted(templates, key=lambda one: (tasks.index(one.task), _ABOUT.get(one.task, ("",)).index(one.about))))


def read_templates(path: Path) -> list[Template]:
    """The templates of one task's file, whose stem is the task; EdgeError names file and entry of a mistake."""
    content = read_yaml(path)
    _check_keys(path, content, SPLITS)
    return [template for split in SPLITS for template in _of_task(path, path.stem, split, (path.stem, split), content[split])]


def read_writer(path: Path) -> list[Template]:
    """The templates of one writer's file, all for its ``split``; EdgeError names file and entry of a mistake."""
    content = read_yaml(path)
    tasks = [task.name for task in TASKS if task.name in content] or [TASKS[0].name]
    _check_keys(path, content, ("split", *tasks))
    if (split := content["split"]) not in SPLITS:
        raise EdgeError(f"{path}: split: expected one of {', '.join(SPLITS)}, found {split!r:.40}; correct it")
    return [template for task in tasks for template in _of_task(path, task, split, (task, split, path.stem), content[task])]


def _check_keys(path: Path, content: dict[str, Any], keys: Sequence[str]) -> None:
    if set(content) != set(keys):
        raise EdgeError(f"{path}: expected the keys {', '.join(keys)}, found {', '.join(map(str, content))}")


def _of_task(path: Path, task: str, split: str, place: tuple[str, ...], content: Any) -> list[Template]:
    """place: where the templates stand, the beginning of their ids."""
    known = _ABOUT.get(task)
    if known is None:
        return _templates(path, Template("/".join(place), task, split, "", "", ()), content)
    if not isinstance(content, dict) or not set(content) <= set(known):
        raise EdgeError(f"{path}: {'/'.join(place)}: expected templates under {', '.join(known)}, found {str(content):.80}; "
                        "correct the key")
    return [template for about, entries in content.items()
            for template in _templates(path, Template("/".join((*place, about)), task, split, about, "", ()), entries)]


def _templates(path: Path, place: Template, entries: Any) -> list[Template]:
    if not isinstance(entries, list):
        raise EdgeError(f"{path}: {place.id}: expected a list of templates, found {entries!r:.80}; write one a line")
    return [_template(path, replace(place, id=f"{place.id}/{number}"), text) for number, text in enumerate(entries, start=1)]


def _template(path: Path, place: Template, text: Any) -> Template:
    where = f"{path}: {place.id}"
    if not isinstance(text, str) or not text.strip():
        raise EdgeError(f"{where}: expected a template, found {text!r:.80}; put the line in single quotes")
    nodes = parse(text, where)
    if unknown := sorted(slot_names(nodes) - slot_kinds()):
        raise EdgeError(f"{where}: expected a slot of {', '.join(sorted(slot_kinds()))}, found {{{unknown[0]}}}; correct it")
    return replace(place, text=text, nodes=nodes)
