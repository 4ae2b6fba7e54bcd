"""Profile -> specs of the learning assistant, each of a kind of its own.

data and base -> adapter -> merged (or whole) -> decision, and ONNX, MLX ...: a second classifier of the same base; what it is asked and how
it is trained takes the place of the profile's.  Likewise -> phrasing adapter -> merged (or whole) -> ONNX -> INT8: a generator that words
the answers of the cards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pipeline import specs
from pipeline.data.assistant.tasks import SYSTEM, TASKS
from pipeline.profile import Assistant, Profile, Prompt
from pipeline.store import Artifact, Spec, Workspace

WEIGHING = ("pipeline.data.assistant.library", "pipeline.edge.assistant.known_courses", "pipeline.edge.assistant.weighing")
LABELS = tuple(task.label for task in TASKS)
PHRASING = "pipeline.train.phrasing_rows"


def asking(profile: Profile, assistant: Assistant) -> Profile:
    """The profile with the assistant's prompt, training and decision in the place of its own."""
    return profile.model_copy(update={"prompt": Prompt(system=SYSTEM, max_length=assistant.max_length), "train": assistant.lora,
                                      "decision": assistant.decision})


def data(assistant: Assistant) -> Spec:
    """train, validation, test and challenge as .jsonl, in the documented Alpaca form."""
    sizes = assistant.model_dump(include={"seed", *specs.SPLITS})

    def build(work: Workspace) -> None:
        from pipeline.data.assistant.generate import generate
        generate(work.out, **sizes)

    return Spec("assistant-data", build, sizes, code=("pipeline.data.assistant.generate",))


def adapter(profile: Profile, base: Artifact, data: Artifact) -> Spec:
    """The task classifier's LoRA adapter of the same base.  profile: as `asking` makes it."""
    return specs.lora("assistant-adapter", profile.prompt.model_dump(), profile.train, base, data, "pipeline.train.assistant_rows")


def merged(base: Artifact, adapter: Artifact) -> Spec:
    return specs.merged(base, adapter, "assistant-merged")


def whole(profile: Profile, assistant: Assistant, base: Artifact, data: Artifact) -> Spec:
    """A small base with all its weights trained further on the tasks.  profile: as `asking` makes it."""
    return _whole("assistant-whole", profile.prompt.model_dump(), assistant, base, data, "pipeline.train.assistant_rows")


def _whole(kind: str, prompt: Mapping[str, Any], assistant: Assistant, base: Artifact, data: Artifact, rows: str) -> Spec:
    """rows: the module whose `read_rows` reads the data by ``prompt``."""
    assert assistant.whole is not None
    config = {"seed": assistant.seed, **prompt, **assistant.whole.model_dump()}

    def build(work: Workspace) -> None:
        from pipeline.train.whole import train_whole
        train_whole(work.out, work.scratch, base=base.path, train=data.file("train.jsonl"), validation=data.file("validation.jsonl"),
                    config=config, read=import_module(rows).read_rows, copying=False)

    return Spec(kind, build, config, {"base": base, "data": data}, ("pipeline.train.whole", rows), ("torch", "transformers"))


def decision(profile: Profile, merged: Artifact, data: Artifact) -> Spec:
    """As `specs.decision`, of the four tasks.  profile: as `asking` makes it."""
    config = {"prompt": profile.prompt.model_dump(), "decision": profile.decision.model_dump()}

    def build(work: Workspace) -> None:
        from pipeline.data.assistant.sample import read_samples
        from pipeline.edge.calibrate import make_decision
        validation = [(sample.query, sample.task_type) for sample in read_samples(data.file("validation.jsonl"))]
        make_decision(work.out, merged=merged.path, intents=TASKS, validation=validation, config=config)
        _weigh(work, merged, validation, config["decision"])

    return Spec("assistant-decision", build, config, {"merged": merged, "data": data}, (*specs.DECIDING, *WEIGHING), specs.CALIBRATION)


def _weigh(work: Workspace, merged: Artifact, validation: Sequence[tuple[str, str]], decision: dict[str, Any]) -> None:
    """Beside the model's own decision, what the evidence weighs for a student of every course."""
    from pipeline.data.assistant.courses import all_courses
    from pipeline.data.assistant.library import resources
    from pipeline.edge.assistant.cards import Cards, of_courses
    from pipeline.edge.assistant.evidence import Evidence
    from pipeline.edge.assistant.known_courses import KnownCourses
    from pipeline.edge.assistant.library.index import Index
    from pipeline.edge.assistant.weighing import make_weights
    from pipeline.edge.classifier import Classifier
    work.scratch.mkdir(parents=True, exist_ok=True)
    cards = Cards(of_courses(all_courses()))
    with Index.open(work.scratch / "index.sqlite") as index:
        index.add(resources())
        make_weights(work.out, Classifier.open(merged.path, work.out, 1), Evidence(KnownCourses(index, cards.cards), cards), validation,
                     decision)


def onnx_fp32(profile: Profile, merged: Artifact) -> Spec:
    return specs.onnx_fp32(profile, merged, labels=LABELS, kind="assistant-onnx")


def onnx_int8(source: Artifact) -> Spec:
    return specs.onnx_int8(source, "assistant-int8")


def device_format(build: Callable[[Spec], Artifact], profile: Profile, merged: Artifact, name: str) -> Artifact:
    """The classifier in a format of `pipeline.export.formats`, mlx-4bit being the documented one.  profile: as `asking` makes it."""
    from pipeline.export.formats import built
    return built(build, profile, merged, name, LABELS, "assistant-")


def phrasing_adapter(assistant: Assistant, base: Artifact, data: Artifact) -> Spec:
    """A LoRA adapter of the same base, trained as the task classifier's, that plans how a card's facts are said."""
    return specs.lora("assistant-phrasing-adapter", {"max_length": assistant.max_length}, assistant.lora, base, data, PHRASING)


def phrasing_merged(base: Artifact, adapter: Artifact) -> Spec:
    return specs.merged(base, adapter, "assistant-phrasing-merged")


def phrasing_whole(assistant: Assistant, base: Artifact, data: Artifact) -> Spec:
    """A small base with all its weights trained further on plans."""
    return _whole("assistant-phrasing-whole", {"max_length": assistant.max_length}, assistant, base, data, PHRASING)


def phrasing_onnx(profile: Profile, assistant: Assistant, merged: Artifact) -> Spec:
    return specs.generator_onnx(profile, assistant.max_length, merged, "assistant-phrasing-onnx")


def phrasing_int8(source: Artifact) -> Spec:
    """What `edge assistant deploy --generator` takes."""
    return specs.onnx_int8(source, "assistant-phrasing-int8")
