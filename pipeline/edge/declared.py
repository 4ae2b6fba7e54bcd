"""Functions that a model may call, as a YAML file declares them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml


@dataclass(frozen=True)
class Call:
    """A declared function and its arguments, all text."""

    name: str
    arguments: Mapping[str, str]

    def as_object(self) -> dict[str, Any]:
        return {"name": self.name, "arguments": dict(self.arguments)}

    def to_json(self) -> str:
        """As the constraint lets the model write it, its arguments in the declared order."""
        return json.dumps(self.as_object(), ensure_ascii=False)


@dataclass(frozen=True)
class Declared:
    """The functions of a file beside this one; ``required`` when none of their arguments may be left out."""

    file: str
    required: bool

    @cached_property
    def _functions(self) -> dict[str, Any]:
        return read_yaml(Path(__file__).with_name(self.file))

    @property
    def names(self) -> list[str]:
        """In their order."""
        return list(self._functions)

    def arguments_of(self, name: str) -> list[str]:
        """In their order."""
        return list(self._functions[name]["arguments"])

    @cached_property
    def declarations(self) -> tuple[dict[str, Any], ...]:
        """As OpenAI's API wants them."""
        return tuple({"type": "function", "function": {"name": name, "description": function["description"], "parameters": {
            "type": "object", "additionalProperties": False, "required": self.arguments_of(name) if self.required else [],
            "properties": {argument: {"type": "string", **_schema(said)} for argument, said in function["arguments"].items()},
        }}} for name, function in self._functions.items())

    def read(self, name: str, arguments: str) -> Call:
        """A call from its name and its arguments as JSON; EdgeError unless it is as declared and every argument is text."""
        return self._checked(name, _parsed(arguments), f"{name} {arguments}")

    def parse(self, text: str) -> Call:
        """The call that ``Call.to_json`` wrote; EdgeError as ``read``."""
        call = _parsed(text)
        return self._checked(call.get("name"), call.get("arguments"), text) if isinstance(call, dict) else self._checked(None, None, text)

    def _checked(self, name: object, arguments: object, found: str) -> Call:
        if not isinstance(name, str) or name not in self.names or not isinstance(arguments, dict) or not self._fit(name, set(arguments)) \
                or not all(isinstance(value, str) for value in arguments.values()):
            raise EdgeError(f"expected a call of {', '.join(self.names)} with its arguments as text, found {found[:120]!r}; "
                            f"decode it under the grammar of {self.file}")
        return Call(name, arguments)

    def _fit(self, name: str, arguments: set[str]) -> bool:
        known = set(self.arguments_of(name))
        return arguments == known if self.required else arguments <= known


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _schema(said: str | dict[str, Any]) -> dict[str, Any]:
    return {"description": said} if isinstance(said, str) else said


TOOLS = Declared("tools.yaml", required=False)
EDITS = Declared("edits.yaml", required=True)
