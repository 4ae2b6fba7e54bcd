"""Profile -> specs of embeddings: data and base -> embedding -> ONNX, and its rule (tokenizer, prefix of queries, dimensions); and of
rerankers: a base -> ONNX, and its decision, a classifier's of two labels.

A base that is an embedding or a reranker already is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.profile import DecisionRule, Profile, Prompt, Retrieval
from pipeline.runtime.pair_prompt import NO, SYSTEM, YES, pair_text
from pipeline.store import Artifact, Spec, Workspace

EMBEDDING, RERANKER = "embedding", "reranker"


def data(retrieval: Retrieval) -> Spec:
    """documents.jsonl, and the questions of train, validation and challenge."""
    sizes = retrieval.model_dump(include={"seed", "train", "validation", "challenge"})

    def build(work: Workspace) -> None:
        from pipeline.data.retrieval.generate import generate
        generate(work.out, **sizes)

    return Spec("retrieval-data", build, sizes, code=("pipeline.data.retrieval.generate",))


def embedding(retrieval: Retrieval, base: Artifact, data: Artifact) -> Spec:
    """A small base trained to embed questions near the documents that answer them."""
    config = {**retrieval.embedding.model_dump(), **prompt(retrieval)}

    def build(work: Workspace) -> None:
        from pipeline.train.contrastive import train_embedding
        train_embedding(work.out, work.scratch, base=base.path, data=data.path, config=config)

    return Spec(EMBEDDING, build, config, {"base": base, "data": data}, ("pipeline.train.contrastive",), ("torch", "transformers"))


def prompt(retrieval: Retrieval) -> dict[str, Any]:
    """What techniques are told of how an embedding is asked."""
    return {"task": EMBEDDING, "query_prefix": retrieval.query_prefix, "max_length": retrieval.max_length}


def onnx(profile: Profile, weights: Artifact, graph: str = "portable", mapped: bool = False) -> Spec:
    """The embedding's graph, of vectors of length 1."""
    config = {**profile.export.model_dump(), "max_length": profile.retrieval.max_length, "graph": graph}
    if mapped:
        config["mapped"] = True

    def build(work: Workspace) -> None:
        from pipeline.export.embedding import export_embedding
        export_embedding(work.out, merged=weights.path, config=config)

    return Spec("embedding-onnx", build, config, {"merged": weights}, ("pipeline.export.embedding",), specs.EXPORT)


def rule(profile: Profile, weights: Artifact) -> Spec:
    """The tokenizer of the weights, and embedding.json."""
    config = {"query_prefix": profile.retrieval.query_prefix, "max_length": profile.retrieval.max_length}

    def build(work: Workspace) -> None:
        from pipeline.export.embedding import write_rule
        write_rule(work.out, merged=weights.path, **config)

    return Spec("embedding-rule", build, config, {"merged": weights}, ("pipeline.export.embedding",))


def reranker_prompt(retrieval: Retrieval) -> dict[str, Any]:
    """What techniques are told of how a reranker is asked."""
    return {"task": "rerank", **retrieval.model_dump(include={"instruction", "labels", "max_length"})}


def reranker_onnx(profile: Profile, weights: Artifact, graph: str, mapped: bool) -> Spec:
    """A classifier's graph, of the two labels."""
    asked = profile.model_copy(update={"prompt": Prompt(system=SYSTEM, max_length=profile.retrieval.max_length)})
    return specs.onnx_fp32(asked, weights, graph, mapped=mapped, labels=profile.retrieval.labels, kind="reranker-onnx")


def reranker_decision(profile: Profile, weights: Artifact, data: Artifact) -> Spec:
    """As `specs.decision`, of yes and no, with the instruction in rerank.json."""
    retrieval = profile.retrieval
    config = {"prompt": {"system": SYSTEM, "max_length": retrieval.max_length}, "labels": list(retrieval.labels),
              "decision": DecisionRule(confidence_threshold=0.0).model_dump(), "instruction": retrieval.instruction}

    def build(work: Workspace) -> None:
        from pipeline.data.retrieval.pairs import read_pairs
        from pipeline.edge.calibrate import make_decision
        from pipeline.edge.reranker import FILE, answers_of
        from pipeline.runtime.files import write_object
        pairs = read_pairs(data.file("validation.jsonl"))
        validation = [(pair_text(retrieval.instruction, pair.query, pair.document), YES if pair.relevant else NO) for pair in pairs]
        make_decision(work.out, merged=weights.path, intents=answers_of(retrieval.labels), validation=validation, config=config)
        write_object(work.out / FILE, {"instruction": retrieval.instruction})

    return Spec("reranker-decision", build, config, {"merged": weights, "data": data},
                (*specs.DECIDING, "pipeline.edge.reranker", "pipeline.data.retrieval.pairs"), specs.CALIBRATION)


def given_reranker(build: Callable[[Spec], Artifact], profile: Profile) -> tuple[Artifact, Artifact]:
    """The profile's base, which is a reranker, and the data; EdgeError where it is none: here none is trained."""
    if profile.retrieval.given != RERANKER:
        raise EdgeError(f"profile {profile.name}: expected a base that is a reranker, found none; add `retrieval: {{given: reranker}}` to "
                        "one of your own, and give --model DIRECTORY")
    return build(specs.base(profile, build(specs.data(profile)))), build(data(profile.retrieval))


def has_embedding(profile: Profile) -> bool:
    """Whether the profile's base is an embedding, or one is trained of it here."""
    return profile.retrieval.given == EMBEDDING or profile.base.kind == "reference"


def build_original(build: Callable[[Spec], Artifact], profile: Profile) -> tuple[Artifact, Artifact]:
    """The embedding that a profile has, uncompressed, and its data; EdgeError where it has none."""
    if not has_embedding(profile):
        raise EdgeError(f"profile {profile.name}: expected a base that is an embedding, found none; take --profile reference, "
                        "or qwen3-embedding-0.6b with --model DIRECTORY, or add `retrieval: {given: embedding}` to your own")
    made = build(data(profile.retrieval))
    base = build(specs.base(profile, build(specs.data(profile))))
    return (base if profile.retrieval.given else build(embedding(profile.retrieval, base, made))), made
