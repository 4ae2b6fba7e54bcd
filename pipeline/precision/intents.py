"""The intents of a profile as a task: what its classifier is quantised for, asked as it is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from pipeline import specs
from pipeline.data.records import read_records
from pipeline.measure.subject import Subject
from pipeline.precision.answers import Answers, of_intents
from pipeline.precision.compare import ORIGINAL
from pipeline.precision.decisions import decide_served
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec

TASK = "intents"


def ask_intents(build: Callable[[Spec], Artifact], profile: Profile, original: Artifact, quantised: Mapping[str, Artifact],
                file: Path | None = None) -> dict[str, Answers]:
    """Whether each model, the original as "original", finds the intents of the queries of ``file``, by default the profile's challenge
    queries.  All decide by the original's decision.  EdgeError for a file that holds no records."""
    data = build(specs.data(profile))
    decision = build(specs.decision(profile, original, data))
    records = [asdict(record) for record in read_records(file or data.file("challenge.jsonl"))]
    queries = [record["query"] for record in records]
    return {name: of_intents(decide_served(Subject(name, model.path, decision.path, profile.serve.threads, {name: model.key}), queries),
                             records) for name, model in {ORIGINAL: original, **quantised}.items()}
