"""What must hold before ms-swift starts: its own errors are slow and cryptic, or do not come at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train.weights import Shape, model_shapes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from pipeline.data.records import Record

CONTROL = ("<|im_start|>", "<|im_end|>", "<think>", "</think>")


@dataclass(frozen=True)
class BaseModel:
    """A base directory that can be trained: its tensors' shapes and the type of its weights ("float32" ...)."""

    directory: Path
    shapes: dict[str, Shape]
    dtype: str


def check_base(directory: Path) -> BaseModel:
    """EdgeError unless the directory holds a whole Qwen3 with its tokenizer and without code of its own."""
    if not directory.is_dir():
        raise EdgeError(f"expected a model directory at {directory}, found none; build the base or name another")
    config = read_object(directory / "config.json", "a model's configuration")
    if config.get("model_type") != "qwen3":
        raise EdgeError(f"{directory / 'config.json'}: expected model_type qwen3, found {config.get('model_type')}; "
                        "give a Qwen3 model")
    if "auto_map" in config or any(directory.glob("*.py")):  # ms-swift 4.6 loads with trust_remote_code on
        raise EdgeError(f"{directory}: expected weights alone, found Python code of the model's; "
                        "remove the .py files and auto_map")
    tensors = model_shapes(directory)
    embedding = tensors.get("model.embed_tokens.weight")
    if embedding is None:
        raise EdgeError(f"{directory}: expected model.embed_tokens.weight among the weights, found {len(tensors)} "
                        "other tensors; copy or build the base again")
    _check_control_tokens(directory, embedding[0])
    return BaseModel(directory, tensors, str(config.get("dtype") or config.get("torch_dtype") or "float32"))


def _check_control_tokens(directory: Path, vocabulary: int) -> None:
    from pipeline.runtime.prompt import read_tokenizer

    tokenizer = read_tokenizer(directory)
    missing = [token for token in CONTROL if tokenizer.token_to_id(token) is None]
    size = tokenizer.get_vocab_size()
    if missing or size > vocabulary:
        raise EdgeError(f"{directory / 'tokenizer.json'}: expected Qwen3's {', '.join(CONTROL)} in at most "
                        f"{vocabulary} tokens, found {size}, missing: {', '.join(missing) or 'none'}; "
                        "copy the tokenizer the base was trained with")


class Row(NamedTuple):
    """One conversation in ms-swift's form, and its token ids: the prompt, then the ``answered`` ones that are trained."""

    conversation: dict[str, Any]
    ids: tuple[int, ...]
    answered: int = 1


def read_rows(file: Path, base: Path, prompt: Mapping[str, Any]) -> list[Row]:
    """The file's records as conversations (`labelled_rows`); EdgeError, too, for an empty file and an unknown intent."""
    from pipeline.data.records import read_records

    records = list(read_records(file))
    return labelled_rows(file, base, prompt, list(zip((record.query for record in records), _labels(records, file), strict=True)))


def labelled_rows(file: Path, base: Path, prompt: Mapping[str, Any], asked: Sequence[tuple[str, str]]) -> list[Row]:
    """Queries and their labels as conversations, each known to fit and to be trained as the runtime will ask it.

    file: where they stand, one a line.  EdgeError where there are none, for a label of several tokens, a row longer than
    ``max_length``, or a query that trainer and runtime would read differently, such as one with a control token in it.
    """
    from pipeline.runtime.prompt import Prompt, label_ids, read_tokenizer, template

    if not asked:
        raise EdgeError(f"expected records in {file}, found none; generate or name other data")
    sides, tokenizer = template(prompt["system"]), read_tokenizer(base)
    label_ids(tokenizer, sorted({label for _, label in asked}), sides.suffix)
    runtime = Prompt(base, sides.prefix, sides.suffix, prompt["max_length"])
    rows = []
    for number, (said, label) in enumerate(asked, start=1):
        query = said.strip()
        ids = _encode(tokenizer, sides.prefix + query + sides.suffix + label)
        if len(ids) > prompt["max_length"]:
            raise EdgeError(f"{file}:{number}: expected at most {prompt['max_length']} tokens with the prompt, "
                            f"found {len(ids)} for {_shortened(query)!r}; shorten the query or raise max_length")
        if ids != tuple(runtime.encode(query).ids) + _encode(tokenizer, label):
            raise EdgeError(f"{file}:{number}: expected a query that the trainer and the runtime read alike, "
                            f"found {query!r}; remove control tokens from it")
        rows.append(Row(conversation(prompt["system"], query, label), ids))
    return rows


def _shortened(query: str, characters: int = 40) -> str:
    """Enough to find the query by: the file that training reads is not the one the user wrote."""
    return query if len(query) <= characters else f"{query[:characters]}…"


def _encode(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    return tuple(tokenizer.encode(text, add_special_tokens=False).ids)


def _labels(records: Sequence[Record], file: Path) -> list[str]:
    from pipeline.data.intents import INTENTS

    known = {intent.name: intent.label for intent in INTENTS}
    for number, record in enumerate(records, start=1):
        if record.intent not in known:
            raise EdgeError(f"{file}:{number}: expected an intent of {', '.join(known)}, found {record.intent!r}; "
                            "correct the record")
    return [known[record.intent] for record in records]


def conversation(system: str, query: str, answer: str) -> dict[str, Any]:
    """ms-swift's form of one exchange."""
    turns = (("system", system), ("user", query), ("assistant", answer))
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def write_rows(file: Path, rows: Sequence[Row]) -> Path:
    lines = (json.dumps(row.conversation, ensure_ascii=False) + "\n" for row in rows)
    file.write_text("".join(lines), encoding="utf-8")
    return file


def check_space(folder: Path, needed: int) -> None:
    """EdgeError unless ``needed`` bytes are free where ``folder`` is."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EdgeError(f"expected {needed / 1e6:.0f} MB free in {folder}, found {free / 1e6:.0f} MB; free some space "
                        "or prune the store")
