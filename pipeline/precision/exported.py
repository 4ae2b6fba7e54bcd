"""Time and memory of quantised models as they serve: exported with the very codes that they hold, where a runtime keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline import specs
from pipeline.data.records import read_records
from pipeline.measure.comparison import Measured, measure_all
from pipeline.measure.in_turns import ROUNDS
from pipeline.measure.measurement import NotMeasured
from pipeline.measure.subject import Subject
from pipeline.precision.compare import ORIGINAL
from pipeline.precision.stored import packed
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec

NO_KERNEL = "ONNX Runtime on a CPU has no kernel for its weights, so it would be another model or a dense one that is timed"


def served(build: Callable[[Spec], Artifact], profile: Profile, original: Artifact, quantised: Mapping[str, Artifact],
           rounds: int = ROUNDS) -> dict[str, Measured]:
    """``size``, ``memory`` and ``latency`` of a decision among the profile's intents, by name, the original's (in float32) as
    "original"; all in turns, on the profile's validation queries.

    Integer codes in groups go into the exported graph bit for bit (technique `pack`); any other model's ``latency`` is `NotMeasured`.
    """
    data = build(specs.data(profile))
    decision = build(specs.decision(profile, original, data))
    queries = [record.query for record in read_records(data.file("validation.jsonl"))]
    models = {ORIGINAL: build(specs.onnx_fp32(profile, original, "fused"))}
    for name, model in quantised.items():
        if packed(model.path):
            graph = build(specs.onnx_fp32(profile, model, "fused"))
            models[name] = build(specs.compression("pack", {}, {"model": graph, "origin": model}))
    subjects = [Subject(name, model.path, decision.path, profile.serve.threads, {name: model.key}) for name, model in models.items()]
    found = dict(zip(models, measure_all(subjects, queries, None, rounds), strict=True))
    missing: Measured = {"latency": NotMeasured("latency", "ms", reason=NO_KERNEL)}
    return {name: found.get(name, missing) for name in (ORIGINAL, *quantised)}
