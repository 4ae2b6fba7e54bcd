"""All that healing asks its teacher, and the answers, kept in a directory: the same for every student, so that the teacher is asked once.

Such a directory stands in the place of the model, as ``Source.teacher``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file

from pipeline.compress import Source
from pipeline.compress.lessons import Answered, Lessons, ask, lessons, read_queries, teach, teacher_of, training_queries
from pipeline.compress.tasks.query import Query
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object, write_object

ANSWERS, QUERIES = "answers.safetensors", "queries.json"
SETS = ("train", "validation")


def keep_answers(out: Path, source: Source, transfer: int, seed: int, layers: Sequence[int] = ()) -> None:
    """Ask the teacher and write queries.json and answers.safetensors into ``out``.

    The tensors are SET.logits, float32 [prompts, labels], and where ``layers`` names some of the teacher's, SET.states,
    float32 [prompts, layers, hidden], at the last position of each prompt.  Both sets' answers are in memory at once, and the model.
    """
    sets = _asked(source, transfer, seed)
    found = zip(SETS, ask(source, sets, layers), strict=True)
    save_file({f"{name}.{part}": tensor for name, one in found for part, tensor in one._asdict().items() if tensor is not None},
              out / ANSWERS)
    write_object(out / QUERIES, {"transfer": transfer, "seed": seed, **dict(zip(SETS, sets, strict=True))})


def healing_lessons(source: Source, transfer: int, seed: int, states: bool) -> list[Lessons]:
    """Those of the training queries and texts, and those of the validation queries; the teacher is asked where it is no kept answers."""
    if (teacher_of(source) / ANSWERS).is_file():
        return _kept(source, teacher_of(source), transfer, seed, states)
    return teach(source, *_asked(source, transfer, seed), states=states)


def _asked(source: Source, transfer: int, seed: int) -> list[list[Query]]:
    return [training_queries(source, transfer, seed), read_queries(source, source.validation)]


def _kept(source: Source, directory: Path, transfer: int, seed: int, states: bool) -> list[Lessons]:
    """EdgeError for answers to other queries, or without the states that are wanted."""
    told, tensors = read_object(directory / QUERIES, "the queries of kept answers"), load_file(directory / ANSWERS)
    found, wanted = (told["transfer"], told["seed"], "train.states" in tensors), (transfer, seed, states)
    if found != wanted:
        raise EdgeError(f"{directory}: expected answers with (transfer, seed, states) {wanted}, found {found}; ask the teacher again")
    return [lessons(source, [Query(*one) for one in told[name]], Answered(tensors[f"{name}.logits"], tensors.get(f"{name}.states")))
            for name in SETS]
