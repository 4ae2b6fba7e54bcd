"""What a student learns from: queries, and what the teacher answers to each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.base.corpus import Speaker
from pipeline.base.reference import ATTENTION
from pipeline.compress import Source, calibration
from pipeline.compress.calibration import answers
from pipeline.compress.model import open_model
from pipeline.compress.tasks import task_of
from pipeline.compress.tasks.query import UNLABELLED, Query
from pipeline.data.retrieval.dataset import DOCUMENTS
from pipeline.errors import EdgeError
from pipeline.progress import track
from pipeline.runtime.files import read_object

AT_ONCE = 2**24  # tokens x layers x hidden of one pass: 585 tokens of Qwen3-0.6B, whose activations then take 1.5 GB


class Answered(NamedTuple):
    """At the last position of each prompt: label logits [prompts, labels], hidden states [prompts, layers, hidden] or none."""

    logits: Tensor
    states: Tensor | None


@dataclass(frozen=True)
class Lessons:
    """Prompts by the student's tokenizer, their labels [prompts], and the teacher's answers (`Answered`).

    label_ids: the labels' tokens by the student's tokenizer.  layers: the student's layers that ``states`` are compared with.
    """

    ids: list[list[int]]
    labels: Tensor
    logits: Tensor
    states: Tensor | None
    label_ids: list[int]
    layers: tuple[int, ...] = ()


def training_queries(source: Source, transfer: int, seed: int) -> list[Query]:
    """All training queries, and ``transfer`` unlabelled texts of the project's own corpus and training grammars.

    Also read, but only to keep away what equals or resembles them: all queries of the .jsonl files beside the training data, which
    are the held-out splits.  It is the rule by which the reference base was pre-trained (`pipeline.base.corpus`).
    """
    queries = read_queries(source, source.train)
    return queries + [Query(text, UNLABELLED) for text in transfer_texts(transfer, seed, _queries_beside(source))]


def transfer_texts(count: int, seed: int, exclude: Sequence[str]) -> list[str]:
    """``count`` different texts of the corpus, none near one of ``exclude``; EdgeError when it has not so many."""
    if not count:
        return []
    speaker, found = Speaker(random.Random(seed), exclude), dict[str, None]()
    for _ in range(20 * count):
        found[speaker.say().text] = None
        if len(found) == count:
            return list(found)
    raise EdgeError(f"transfer: expected at most {len(found):,} texts, found {count:,}; lower it")


def read_queries(source: Source, file: Path | None) -> list[Query]:
    """The texts of a split; EdgeError without one."""
    if file is None:
        raise EdgeError("expected training and validation data, found none; run the recipe on a profile with data")
    return calibration.read_queries(source, file)


def _queries_beside(source: Source) -> list[str]:
    """Of all splits, each a file that training or validation could be."""
    folders = sorted({file.parent for file in (source.train, source.validation) if file})
    splits = [file for folder in folders for file in sorted(folder.glob("*.jsonl")) if file.name != DOCUMENTS]
    return [query.text for file in splits for query in read_queries(source, file)]


def teach(source: Source, *sets: Sequence[Query], states: bool = False) -> list[Lessons]:
    """Lessons of sets of queries, for which the teacher is asked; states: with its hidden states (`teachers_layers`)."""
    layers = teachers_layers(source.model, teacher_of(source)) if states else ()
    return [lessons(source, queries, found) for queries, found in zip(sets, ask(source, sets, layers), strict=True)]


def lessons(source: Source, queries: Sequence[Query], found: Answered) -> Lessons:
    """What the student reads of each query, beside what the teacher answered; its states, if any, are one a layer of the student."""
    layers = () if found.states is None else tuple(range(1, found.states.shape[1] + 1))
    return Lessons(encode(source.model, source, queries), torch.tensor([query.label for query in queries]), *found, answers(source), layers)


def ask(source: Source, sets: Sequence[Sequence[Query]], layers: Sequence[int] = ()) -> list[Answered]:
    """The teacher's answers to sets of queries, each prompt asked once; the teacher is let go afterwards.  layers: as of `answer`."""
    directory = teacher_of(source)
    teacher, labels = open_model(directory, torch.float32), answers(replace(source, model=directory, origin=None))
    return [answer_all(teacher, encode(directory, source, queries), labels, layers) for queries in sets]


def teacher_of(source: Source) -> Path:
    """EdgeError without one."""
    if source.teacher is None:
        raise EdgeError("expected a teacher, found none; run the recipe on a model that was merged")
    return source.teacher


def encode(directory: Path, source: Source, queries: Sequence[Query]) -> list[list[int]]:
    """The whole prompt of each query by the tokenizer of ``directory``."""
    prompt = task_of(source.prompt).prompt(directory, source.prompt)
    return [prompt.encode(query.text).ids for query in queries]


def answer(model: Any, ids: Sequence[list[int]], label_ids: Sequence[int], layers: Sequence[int] = ()) -> Answered:
    """One pass over prompts padded on the right, which a causal model does not see; the head runs for the labels alone.

    layers: of which hidden states are wanted; layer 1 is the first one's output, the last one's is normed.
    """
    last = torch.tensor([len(one) - 1 for one in ids])
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(one) for one in ids], batch_first=True)
    found = model.model(input_ids=padded, use_cache=False, output_hidden_states=bool(layers))
    rows = torch.arange(len(ids))
    logits = functional.linear(found.last_hidden_state[rows, last], model.lm_head.weight[list(label_ids)])
    return Answered(logits, torch.stack([found.hidden_states[layer][rows, last] for layer in layers], 1) if layers else None)


@torch.no_grad()
def answer_all(model: Any, ids: Sequence[list[int]], label_ids: Sequence[int], layers: Sequence[int] = ()) -> Answered:
    """``answer`` for any number of prompts, those of like length together."""
    model.set_attn_implementation(ATTENTION)
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    found: list[Any] = [None] * len(ids)
    with track("asking", len(ids)) as bar:
        for some in portions(order, ids, model.config):
            for at, *one in zip(some, *(part for part in answer(model, [ids[at] for at in some], label_ids, layers) if part is not None),
                                strict=True):
                found[at] = one
            bar.advance(len(some))
    logits, *states = (torch.stack(part) for part in zip(*found, strict=True))
    return Answered(logits, states[0] if states else None)


def portions(chosen: Sequence[int], ids: Sequence[list[int]], config: Any) -> Iterator[list[int]]:
    """``chosen`` in parts whose padded tokens fit AT_ONCE."""
    room = AT_ONCE // (config.num_hidden_layers * config.hidden_size)
    part: list[int] = []
    for at in chosen:
        if part and (len(part) + 1) * max(len(ids[one]) for one in (*part, at)) > room:
            yield part
            part = []
        part.append(at)
    yield part


def teachers_layers(student: Path, teacher: Path) -> tuple[int, ...]:
    """For each layer of the student, from the first, the teacher's at the same share of the depth, counted from 1.

    EdgeError where the hidden states of the two are not of one width.
    """
    small, large = (read_object(directory / "config.json", "a model's configuration") for directory in (student, teacher))
    if small["hidden_size"] != large["hidden_size"]:
        raise EdgeError(f"features: expected hidden states as wide as the teacher's {large['hidden_size']}, found "
                        f"{small['hidden_size']}; set features: 0")
    ours, theirs = small["num_hidden_layers"], large["num_hidden_layers"]
    return tuple(max(1, round(layer * theirs / ours)) for layer in range(1, ours + 1))
