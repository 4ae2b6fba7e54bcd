"""What the engines serve: the full-scale shape, maybe cut, or a model of one's own; its exported form; and real prompts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.peers import Engine, Model, peer
from benchmarks.peers.process import PREPARING, Worker
from pipeline import specs
from pipeline.compress import technique_names
from pipeline.data.records import read_records
from pipeline.digest import directory_digest, file_digest
from pipeline.errors import EdgeError
from pipeline.profile import Profile, load_profile
from pipeline.runtime.prompt import Prompt, template
from pipeline.store import Artifact, Spec, Store, Workspace

PROFILE = "qwen3-0.6b-shape"
LENGTHS = {"short": 1, "long": 3}
"""Prompts of just above that quarter of all lengths."""


def own_model(directory: Path) -> Spec:
    """A Hugging Face directory of one's own, copied."""
    if not (directory / "config.json").is_file():
        raise EdgeError(f"--model: expected a Hugging Face directory, found no config.json in {directory}; check the path")

    def build(work: Workspace) -> None:
        shutil.copytree(directory, work.out, dirs_exist_ok=True)

    return Spec("peers-model", build, {"digest": directory_digest(directory)})


def shape(layers: int, vocabulary: int) -> Spec:
    """Qwen3-0.6B's shape with random bfloat16 weights, cut to so many layers and rows of the vocabulary."""
    settings = {"seed": load_profile(PROFILE).base.seed, "layers": layers, "vocabulary": vocabulary}

    def build(work: Workspace) -> None:
        _build_shape(work.out, **settings)

    return Spec("peers-model", build, settings, code=("pipeline.base.shape",), libraries=("torch", "transformers", "tokenizers"))


def _build_shape(out: Path, seed: int, layers: int, vocabulary: int) -> None:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from pipeline.base.reference import Reference, save_model, write_tokenizer
    from pipeline.base.shape import shape_config

    tokenizer = write_tokenizer(out, Reference())
    if vocabulary < len(tokenizer):
        raise EdgeError(f"--vocabulary: expected at least the tokenizer's {len(tokenizer)} rows, found {vocabulary}; raise it")
    whole = shape_config(tokenizer).to_dict()
    config = Qwen3Config(**{**whole, "num_hidden_layers": layers, "vocab_size": vocabulary, "layer_types": whole["layer_types"][:layers]})
    torch.manual_seed(seed)
    save_model(Qwen3ForCausalLM._from_config(config, dtype=torch.bfloat16), out)


def exported(store: Store, source: Artifact) -> Model:
    """The model with its exported form; built where the store has none."""
    profile = load_profile(PROFILE)
    onnx = store.get(specs.onnx_fp32(profile, source))
    spec = json.loads(onnx.file("runtime.json").read_bytes())
    return Model(source.path, onnx.path, spec["label_ids"], spec["max_length"])


def challenge(store: Store, profile: Profile) -> list[str]:
    """Queries that no training data has."""
    return [record.query for record in read_records(store.get(specs.data(profile)).file("challenge.jsonl"))]


def prompts(model: Model, queries: Iterable[str], system: str, count: int) -> dict[str, list[list[int]]]:
    """``count`` whole prompts of each of LENGTHS, as token ids, by the model's own tokenizer."""
    encode = Prompt(model.directory, *template(system), model.max_length).encode
    ordered = sorted((encode(query).ids for query in dict.fromkeys(queries)), key=len)
    if len(ordered) < 4 * count:
        raise EdgeError(f"--prompts: expected at most a quarter of the {len(ordered)} queries, found {count}; lower it")
    firsts = {name: len(ordered) * quarter // 4 for name, quarter in LENGTHS.items()}
    return {name: ordered[first:first + count] for name, first in firsts.items()}


def prepared(store: Store, engine: Engine, model: Model, source: Artifact, python: Path, threads: int) -> Path:
    """The files that the engine opens, made by its own interpreter; EdgeError with the reason where that cannot be."""
    module = peer(engine.peer)
    with Worker(engine.name, python, threads, PREPARING) as worker:
        found = worker.ask("probe", libraries=list(module.LIBRARIES))
        if found["missing"]:
            raise EdgeError(f"{engine.name}: {', '.join(found['missing'])} not installed for {python}")
        if not hasattr(module, "prepare"):
            return model.directory

        def build(work: Workspace) -> None:
            worker.ask("prepare", **request(engine, model), out=str(work.out), scratch=str(work.scratch))

        config = {"peer": engine.peer, "variant": engine.variant, "labels": model.label_ids, "versions": found["versions"],
                  "file": file_digest(Path(str(module.__file__)))}  # the store follows the code of the package pipeline alone
        return store.get(Spec("peer", build, config, {"model": source}, _code(engine))).path


def request(engine: Engine, model: Model) -> dict[str, Any]:
    """What the worker is told of both."""
    fields = {**vars(model), "directory": str(model.directory), "onnx": str(model.onnx)}
    return {"peer_": engine.peer, "variant": engine.variant, "model": fields}


def _code(engine: Engine) -> tuple[str, ...]:
    """The code that a peer's files are made by, where it is this project's."""
    name = engine.variant.partition("-")[0]
    known = engine.peer == "onnx_cpu" and name in technique_names()
    return (f"pipeline.compress.techniques.{name}", "pipeline.export.onnx") if known else getattr(peer(engine.peer), "CODE", ())
