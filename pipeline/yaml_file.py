"""Reading a YAML file into a validated model: every mistake is one line that names the file and the mend."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.errors import EdgeError
from pipeline.regular_file import check_regular_file

Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys and lets Python's own errors through; here each is an error with its line."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # `!!set [1]` says it is one and is not
            if not isinstance(key_node, yaml.ScalarNode):
                raise _mistake(f"a {key_node.id} as a key", key_node)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise _mistake(f"the key {key!r} stands twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, AttributeError, LookupError):  # 2026-13-45, !!int x
            raise _mistake(f"{node.value!r:.80}, which is no valid {node.tag.rpartition(':')[2]}", node) from None


def _mistake(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; EdgeError names file and line when it is missing, empty or malformed."""
    try:
        check_regular_file(path, "a YAML file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{path}: expected a readable UTF-8 YAML file, found {error}") from None
    try:
        content = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise EdgeError(f"{path}:{line}: expected valid YAML, found: {error.problem}; correct that line") from None
    except (yaml.YAMLError, RecursionError) as error:  # recursion: brackets nested a thousand deep
        raise EdgeError(f"{path}: expected valid YAML, found: {error}") from None
    if not isinstance(content, dict) or not content:
        raise EdgeError(f"{path}: expected a mapping of keys, found {type(content).__name__}; see the file in the README")
    return content


def read_model(path: Path, model: type[Model]) -> Model:
    """The file as a pydantic model; the first mistake becomes one EdgeError line, with the nearest valid key."""
    return validate(read_yaml(path), model, str(path))


def validate(content: dict[str, Any], model: type[Model], where: str) -> Model:
    """Like ``read_model`` for content already at hand; ``where`` names its origin in the error."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise EdgeError(f"{where}: {_explain(error, model)}") from None


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    # A misspelt key shows as one missing and one forbidden key: the forbidden one is what the user typed.
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        near = difflib.get_close_matches(name, sorted(_field_names(model)), n=1)
        return f"unknown key {place}" + (f"; did you mean {near[0]}?" if near else "; remove it")
    found = "" if first["type"] == "missing" else f", found {str(first['input'])[:80]!r}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{place}: {first['msg'].removeprefix('Value error, ')}{found}{more}"


def _field_names(model: type[BaseModel]) -> set[str]:
    names: set[str] = set()
    for name, info in model.model_fields.items():
        names.add(name)
        inner = [info.annotation, *getattr(info.annotation, "__args__", ())]
        for kind in inner:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                names |= _field_names(kind)
    return names
