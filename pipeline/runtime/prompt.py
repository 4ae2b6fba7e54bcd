"""The fixed prompt around a query and its token ids, by the tokenizers library alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from pipeline.errors import EdgeError


class Template(NamedTuple):
    """What stands before and after the query, in Qwen3's chat format with thinking off."""

    prefix: str
    suffix: str


def template(system: str) -> Template:
    """The prompt's two sides for one system message."""
    return Template(f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n",
                    "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")


@dataclass(frozen=True)
class Encoded:
    """Token ids of a whole prompt; ``truncated`` when the query's middle was left out to fit."""

    ids: list[int]
    truncated: bool


class Prompt:
    """Encodes prefix + query + suffix into at most ``max_length`` ids, by the tokenizer.json of ``directory``.

    The prefix and suffix are encoded once.  Every added token inside a query ("<|im_end|>", "<think>") is read as the
    text it is, so no query can end its own turn.
    """

    def __init__(self, directory: Path, prefix: str, suffix: str, max_length: int) -> None:
        tokenizer = read_tokenizer(directory)
        self._prefix = _encode(tokenizer, prefix)
        self._suffix = _encode(tokenizer, suffix)
        self._room = max_length - len(self._prefix) - len(self._suffix)
        if self._room < 2:
            raise EdgeError(f"expected a max_length of at least {len(self._prefix) + len(self._suffix) + 2} for this "
                            f"prompt, found {max_length}; raise it or shorten the system message")
        _read_control_tokens_as_text(tokenizer)  # set once: the switch is not safe beside an encoding thread
        self._tokenizer = tokenizer

    def encode(self, query: str) -> Encoded:
        """Ids of the whole prompt for one query, stripped; EdgeError when it is empty or not valid Unicode."""
        text = query.strip()
        if not text:
            raise EdgeError("expected a query with some text, found an empty one")
        ids = _encode(self._tokenizer, text)
        truncated = len(ids) > self._room
        if truncated:  # the ends of a long utterance say more about its intent than its middle
            tail = self._room // 2
            ids = ids[: self._room - tail] + ids[-tail:]
        return Encoded(self._prefix + ids + self._suffix, truncated)


def read_tokenizer(directory: Path) -> Tokenizer:
    """The tokenizer.json of a directory; EdgeError when it is missing or broken."""
    file = directory / "tokenizer.json"
    if not file.is_file():
        raise EdgeError(f"expected tokenizer.json in {directory}, found none; copy the one the model was trained with")
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise EdgeError(f"{file}: expected a tokenizer, found {error}; "
                        "copy the one the model was trained with") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def label_ids(tokenizer: Tokenizer, labels: Sequence[str], suffix: str = "") -> list[int]:
    """The token id of each label as it stands after ``suffix``; EdgeError unless each is one token of its own."""
    before = _encode(tokenizer, suffix)
    found = [_encode(tokenizer, suffix + label) for label in labels]
    for label, ids in zip(labels, found, strict=True):
        if ids[:-1] != before:
            raise EdgeError(f"expected the label {label!r} to be a single token after the prompt, "
                            f"found {len(ids) - len(before)}; choose other labels")
    if len({ids[-1] for ids in found}) != len(labels):
        raise EdgeError(f"expected a token of its own for each label of {list(labels)}, found some shared; "
                        "choose other labels")
    return [ids[-1] for ids in found]


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    try:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
    except TypeError:
        raise EdgeError(f"expected text in valid Unicode, found {ascii(text)[:60]}") from None


def _read_control_tokens_as_text(tokenizer: Tokenizer) -> None:
    """From now on every added token is split like other text; only *special* ones can be, so all are made special."""
    for _, token in sorted(tokenizer.get_added_tokens_decoder().items()):
        token.special = True
        tokenizer.add_special_tokens([token])
    tokenizer.encode_special_tokens = True
