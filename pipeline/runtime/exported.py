"""What every exported model's runtime.json tells: labels, its file, the longest prompt, and the prompt's fixed beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object


def read_exported(model: Path, label_ids: Sequence[int]) -> dict[str, Any]:
    """The runtime.json of an exported directory; EdgeError when it was made for other labels than ``label_ids``."""
    spec = read_object(model / "runtime.json", "the runtime of an exported model")
    found = spec.get("label_ids")
    if found != list(label_ids):
        raise EdgeError(f"{model}: expected a model for the label ids {list(label_ids)}, found {found}; "
                        "use the decision that was made from the same model")
    return spec


def file_and_length(model: Path, spec: Mapping[str, Any]) -> tuple[Path, int]:
    """The model file that the runtime.json ``spec`` of the directory ``model`` names, and its max_length in token ids."""
    name, length = spec.get("file"), spec.get("max_length")
    if not isinstance(name, str) or Path(name).name != name or type(length) is not int or length < 1:
        raise EdgeError(f"{model}/runtime.json: expected a file name and a positive max_length, "
                        f"found {name!r} and {length!r}; export it again")
    return model / name, length


def check_length(ids: Sequence[int], longest: int) -> None:
    """EdgeError for a prompt of no ids, or of more than ``longest``."""
    if not 0 < len(ids) <= longest:
        raise EdgeError(f"expected 1 to {longest} token ids, found {len(ids)}; shorten the prompt")


@dataclass(frozen=True)
class Prompts:
    """The prompts that an exported model takes: at most ``max_length`` ids, the first of which are ``prefix``."""

    max_length: int
    prefix: list[int]

    @classmethod
    def of(cls, model: Path, spec: Mapping[str, Any]) -> Prompts:
        """By the runtime.json ``spec`` of the directory ``model``; EdgeError when it tells them wrongly."""
        length, prefix = spec.get("max_length"), spec.get("prefix", [])
        if type(length) is not int or length < 1:
            raise EdgeError(f"{model}/runtime.json: expected a positive max_length, found {length!r}; export it again")
        if not isinstance(prefix, list) or not all(type(value) is int for value in prefix):
            raise EdgeError(f"{model}/runtime.json: expected the prefix as a list of token ids, found {prefix!r:.60}; export it again")
        return cls(length, prefix)

    def after_prefix(self, ids: Sequence[int]) -> list[int]:
        """The ids of a whole prompt without the prefix, at least one; EdgeError for a prompt of another length or beginning."""
        check_length(ids, self.max_length)
        known = len(self.prefix)
        if list(ids[:known]) != self.prefix or len(ids) == known:
            raise EdgeError(f"expected a prompt that goes on from the model's {known} prefix ids, found another beginning; "
                            "use the decision that was made from the same model")
        return list(ids[known:])
