"""Profile -> specs: which artifact is built from which, and what determines it.

The whole flow stands here: data and base -> adapter -> merged -> onnx_fp32 -> onnx_int8, and merged -> decision; likewise
function_data and base -> functions_adapter -> functions_merged (or functions_whole) -> functions_onnx -> functions_int8;
and merged -> device_format, one for each of `pipeline.export.formats`.  The learning assistant's stand in `pipeline.assistant_specs`.
Each builder is imported only when it has to build.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.digest import directory_digest, file_digest
from pipeline.errors import EdgeError
from pipeline.profile import Functions, Profile, Train
from pipeline.store import Artifact, Spec, Workspace

if TYPE_CHECKING:
    from pipeline.compress.training import Training

TRAINING = ("torch", "transformers", "ms-swift", "peft")
MLX = ("mlx", "mlx-lm", "transformers")
# The module that trains, what else determines the result, and the libraries; a program that is run by name is not seen in its code.
TRAINERS = {"ms-swift": ("pipeline.train.sft", (), TRAINING), "mlx": ("pipeline.train.mlx_lora", ("pipeline.train.mlx_trainer",), MLX)}
# The runtime room imports its backends by name, which the reach of the code does not see.
DECIDING = ("pipeline.edge.calibrate", "pipeline.runtime.torch_runtime")
CALIBRATION = ("torch", "transformers", "tokenizers", "scipy", "numpy")
EXPORT = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
BASES = {"reference": ("pipeline.base.reference", ("seed",)), "qwen3-shape": ("pipeline.base.shape", ("seed",)),
         "pretrained": ("pipeline.base.hub", ("model", "revision", "parameters"))}
SPLITS = ("train", "validation", "test", "challenge")


def data(profile: Profile) -> Spec:
    """train, validation, test and challenge as .jsonl: generated, or the user's own two files split likewise."""
    sizes = profile.data.model_dump(include={"seed", *SPLITS})
    own = {"train": profile.data.train_file, "evaluation": profile.data.eval_file}

    def build(work: Workspace) -> None:
        if own["train"]:
            from pipeline.data.own import split_own_data
            split_own_data(work.out, Path(own["train"]), Path(own["evaluation"]), profile.data.columns, sizes["seed"])
        else:
            from pipeline.data.generate import generate
            generate(work.out, **sizes)

    if not own["train"]:
        return Spec("data", build, sizes, code=("pipeline.data.generate",))
    config = {"seed": sizes["seed"], "columns": profile.data.columns, **{role: file_digest(Path(path)) for role, path in own.items()}}
    return Spec("data", build, config, code=("pipeline.data.own",))


def base(profile: Profile, data: Artifact) -> Spec:
    """The base model as a Hugging Face directory.  The reference is pre-trained on no query of ``data``."""
    room, settings = BASES[profile.base.kind]
    config = profile.base.model_dump(include={"kind", *settings})
    determines = dict(config)
    local = Path(profile.base.model)
    if profile.base.kind == "pretrained" and local.is_dir():
        from pipeline.base.hub import check_model_directory
        check_model_directory(local)
        determines["model"] = directory_digest(local)
    made_here = profile.base.kind == "reference"

    def build(work: Workspace) -> None:
        from pipeline.base import build_base
        build_base(work.out, work.scratch, {**config, "exclude": _queries(data)} if made_here else config)

    return Spec("base", build, determines, {"data": data} if made_here else {}, (room,), ("torch", "transformers", "tokenizers"))


def _queries(data: Artifact) -> list[str]:
    from pipeline.data.records import read_records
    return [record.query for file in sorted(data.path.glob("*.jsonl")) for record in read_records(file)]


def adapter(profile: Profile, base: Artifact, data: Artifact) -> Spec:
    """The LoRA adapter of the best checkpoint, with its curves."""
    return lora("adapter", profile.prompt.model_dump(), profile.train, base, data)


def lora(kind: str, prompt: Mapping[str, Any], train: Train, base: Artifact, data: Artifact, rows: str = "") -> Spec:
    """An adapter by the trainer that ``train`` names.  rows: the module whose `read_rows` reads the data, where it is not intents."""
    config = {"prompt": prompt, "train": train.model_dump(exclude={"trainer"} if train.launch else {"trainer", "launch"})}
    trainer, programs, libraries = TRAINERS[train.trainer]

    def build(work: Workspace) -> None:
        read = {"read": import_module(rows).read_rows} if rows else {}
        import_module(trainer).train_adapter(work.out, work.scratch, base=base.path, train=data.file("train.jsonl"),
                                             validation=data.file("validation.jsonl"), config=config, **read)

    return Spec(kind, build, config, {"base": base, "data": data}, (trainer, *programs, *filter(None, [rows])), libraries)


def merged(base: Artifact, adapter: Artifact, kind: str = "merged") -> Spec:
    """Base plus adapter as one Hugging Face directory, by the library that trained the adapter."""
    by_mlx = (adapter.path / "mlx").is_dir()

    def build(work: Workspace) -> None:
        if by_mlx:
            from pipeline.train.mlx_fuse import fuse_adapter
            fuse_adapter(work.out, work.scratch, base=base.path, adapter=adapter.path)
        else:
            from pipeline.train.merge import merge_adapter
            merge_adapter(work.out, base=base.path, adapter=adapter.path)

    code, libraries = ("pipeline.train.mlx_fuse", MLX) if by_mlx else ("pipeline.train.merge", TRAINING)
    return Spec(kind, build, {}, {"base": base, "adapter": adapter}, (code,), libraries)


def decision(profile: Profile, merged: Artifact, data: Artifact) -> Spec:
    """Prompt, labels, calibrated temperature and threshold, with the tokenizer: what any backend needs to decide."""
    config = {"prompt": profile.prompt.model_dump(), "decision": profile.decision.model_dump()}

    def build(work: Workspace) -> None:
        from pipeline.data.intents import INTENTS
        from pipeline.data.records import read_records
        from pipeline.edge.calibrate import make_decision
        validation = [(record.query, record.intent) for record in read_records(data.file("validation.jsonl"))]
        make_decision(work.out, merged=merged.path, intents=INTENTS, validation=validation, config=config)

    return Spec("decision", build, config, {"merged": merged, "data": data}, (*DECIDING, "pipeline.data.records"), CALIBRATION)


def onnx_fp32(profile: Profile, merged: Artifact, graph: str = "portable", prefix: bool = False,
              mapped: bool = False, labels: Sequence[str] = (), kind: str = "onnx-fp32") -> Spec:
    """The classifier's graph, head sliced to the label rows (``labels``: other than the intents'): portable or fused; with ``prefix``,
    the prompt's fixed beginning is read in advance; ``mapped``, the weights are served from the mapped file."""
    config = {**profile.export.model_dump(), "max_length": profile.prompt.max_length, "graph": graph}
    if prefix:
        from pipeline.runtime.prompt import template
        config["prefix"] = template(profile.prompt.system).prefix
    if mapped:
        config["mapped"] = True
    if labels:
        config["labels"] = list(labels)

    def build(work: Workspace) -> None:
        from pipeline.export.onnx import export_onnx
        export_onnx(work.out, merged=merged.path, config=config)

    return Spec(kind, build, config, {"merged": merged}, ("pipeline.export.onnx",), EXPORT)


def onnx_int8(source: Artifact, kind: str = "onnx-int8") -> Spec:
    """The same graph with INT8 weights, quantised by ONNX Runtime."""
    return compression("int8", {}, {"model": source}, kind=kind)


def compression(name: str, settings: Mapping[str, Any], inputs: Mapping[str, Artifact], prompt: Mapping[str, Any] | None = None,
                kind: str = "") -> Spec:
    """One technique of `pipeline.compress` applied.  inputs: by the fields of its Source; ``data`` stands for train and validation."""
    from pipeline.compress import DATA, GRAPH, Source, technique

    module = technique(name)
    chosen = module.Settings(**settings)
    asks = {"prompt": dict(prompt or {})} if DATA in module.NEEDS else {}

    def build(work: Workspace) -> None:
        from pipeline.compress.step import run_step
        paths = {role: artifact.path for role, artifact in inputs.items() if role != "data"}
        splits = {split: inputs["data"].file(f"{split}.jsonl") for split in ("train", "validation")} if "data" in inputs else {}
        run_step(name, work.out, work.scratch, Source(**paths, **splits, **asks), chosen)

    kind = kind or (f"onnx-{name}" if module.STAGE == GRAPH else name)
    return Spec(kind, build, {"settings": chosen.model_dump(), **asks}, inputs, (module.__name__, "pipeline.compress.step"),
                module.LIBRARIES)


def teacher_answers(settings: Training, student: Artifact, teacher: Artifact, data: Artifact, prompt: Mapping[str, Any]) -> Spec:
    """All that healing by ``settings`` asks the teacher, answered.  Of the student its depth alone counts, and with ``features`` alone."""
    from pipeline.compress import Source
    from pipeline.compress.lessons import teachers_layers

    asked = {"transfer": settings.transfer, "seed": settings.seed,
             "layers": teachers_layers(student.path, teacher.path) if settings.features else ()}

    def build(work: Workspace) -> None:
        from pipeline.compress.teacher import keep_answers
        splits = {split: data.file(f"{split}.jsonl") for split in ("train", "validation")}
        keep_answers(work.out, Source(student.path, teacher=teacher.path, prompt=dict(prompt), **splits), **asked)

    return Spec("teacher-answers", build, {"prompt": dict(prompt), **asked}, {"teacher": teacher, "data": data},
                ("pipeline.compress.teacher",), ("torch", "transformers", "tokenizers"))


def device_format(profile: Profile, merged: Artifact, name: str, source: Artifact | None = None, labels: Sequence[str] = (),
                  kind: str = "") -> Spec:
    """The classifier in a format of `pipeline.export.formats`, such as coreml-int8.

    source: the variant that it is made of, where its config names one; else the format makes that itself, and again.  labels: other
    than the intents'.
    """
    from pipeline.export.formats import device_format as find

    module, config = find(name)
    config = {**config, "max_length": profile.prompt.max_length}
    if getattr(module, "READS_PREFIX", False):
        from pipeline.runtime.prompt import template
        config["prefix"] = template(profile.prompt.system).prefix
    if labels:
        config["labels"] = list(labels)
    inputs = {"merged": merged, **({"source": source} if source else {})}

    def build(work: Workspace) -> None:
        try:
            module.export(work.out, work.scratch, config=config, **{role: artifact.path for role, artifact in inputs.items()})
        except (EdgeError, OSError):
            raise
        except Exception as error:  # each converter raises its own kinds
            reason = " ".join(str(error).split()) or "nothing said"
            raise EdgeError(f"{name}: expected its library to convert the model, found {type(error).__name__}: {reason:.300}; take another "
                            "format, or a model that it knows") from error

    return Spec(kind or name, build, config, inputs, (module.__name__,), module.LIBRARIES)


def function_data(functions: Functions) -> Spec:
    """train, validation and test as .jsonl: questions to rewrite, and questions to choose a tool for."""
    sizes = functions.model_dump(include={"seed", "train", "validation", "test"})

    def build(work: Workspace) -> None:
        from pipeline.data.functions.generate import generate
        generate(work.out, **sizes)

    return Spec("function-data", build, sizes, code=("pipeline.data.functions.generate",))


def functions_adapter(functions: Functions, base: Artifact, data: Artifact) -> Spec:
    """A second LoRA adapter of the same base: rewriting and tool selection."""
    return lora("functions-adapter", {"max_length": functions.max_length}, functions.lora, base, data, "pipeline.train.function_rows")


def functions_whole(functions: Functions, base: Artifact, data: Artifact) -> Spec:
    """A small base with all its weights trained further: rewriting and tool selection."""
    assert functions.whole is not None
    config = {"max_length": functions.max_length, "seed": functions.seed, **functions.whole.model_dump()}

    def build(work: Workspace) -> None:
        from pipeline.train.whole import train_whole
        train_whole(work.out, work.scratch, base=base.path, train=data.file("train.jsonl"), validation=data.file("validation.jsonl"),
                    config=config)

    return Spec("functions-whole", build, config, {"base": base, "data": data}, ("pipeline.train.whole",), ("torch", "transformers"))


def functions_onnx(profile: Profile, functions: Functions, merged: Artifact) -> Spec:
    return generator_onnx(profile, functions.max_length, merged, "functions-onnx")


def generator_onnx(profile: Profile, max_length: int, merged: Artifact, kind: str) -> Spec:
    """The generator's graph with a KV cache."""
    config = {**profile.export.model_dump(), "max_length": max_length}

    def build(work: Workspace) -> None:
        from pipeline.export.generator import export_generator
        export_generator(work.out, merged=merged.path, config=config)

    return Spec(kind, build, config, {"merged": merged}, ("pipeline.export.generator",), EXPORT)
