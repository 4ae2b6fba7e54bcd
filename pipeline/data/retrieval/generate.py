"""Retrieval data made of the learning assistant's: questions for course files, and the catalogue's entry of each file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.data.assistant.generate import generate as assistant_data
from pipeline.data.assistant.library import resources
from pipeline.data.assistant.resource import Resource
from pipeline.data.assistant.sample import read_samples
from pipeline.data.assistant.tasks import COURSE_RESOURCE, TASKS
from pipeline.data.assistant.truth import matches
from pipeline.data.retrieval.dataset import Document, Question, write_documents, write_questions

SHARE = next(task.share for task in TASKS if task.name == COURSE_RESOURCE)
AT_LEAST = 10  # samples of a split, which the assistant's data has anyway


def generate(out: Path, *, seed: int, train: int, validation: int, challenge: int) -> None:
    """Write documents.jsonl and {split}.jsonl; the numbers are of questions.

    The challenge's forms are of other writers than training's and its courses in part; all courses' files can be found.
    """
    sizes = {"train": train, "validation": validation, "challenge": challenge}
    asked = {split: max(AT_LEAST, round(size / SHARE)) for split, size in sizes.items()}
    write_documents(out, (Document(one.path, entry(one)) for one in resources()))
    with tempfile.TemporaryDirectory() as folder:
        for split, file in assistant_data(Path(folder), seed=seed, test=AT_LEAST, **asked).items():
            if split in sizes:
                samples = [sample for sample in read_samples(file) if sample.task_type == COURSE_RESOURCE]
                write_questions(out / f"{split}.jsonl", (
                    Question(sample.query, tuple(one.path for one in resources() if matches(sample.expected, one))) for sample in samples))


def entry(file: Resource) -> str:
    """A file as a catalogue lists it: where it lies, and what it is about."""
    return f"{file.path.rpartition('.')[0]}：{'、'.join(file.topics)}"
